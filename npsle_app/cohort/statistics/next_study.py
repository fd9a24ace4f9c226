"""How many people the next study needs, from the effects of this one."""

import math

import pandas as pd

from npsle_app.cohort.statistics.regressions import PRIMARY
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import ESTIMATED

_SMALLEST = 0.1  # standardised difference that no one would look for
COLUMNS = [
    *("contrast", "contrast_label", "measure", "label", "d", "d_low", "d_high"),
    *("n_per_group", "n_cautious", "note"),
]


def plan_next_study(regressions: pd.DataFrame, *, study: Study) -> pd.DataFrame:
    """Say how many people per group would show each difference with 80 % power.

    `d` is the difference at equal covariates over the standard deviation of the residuals.
    `n_cautious` takes the limit of d that lies nearer to 0: an effect that is seen because it is
    large in this sample is smaller in the next. Nothing is planned on a limit beyond 0.
    """
    from statsmodels.stats.power import TTestIndPower

    done = regressions[
        (regressions["status"] == ESTIMATED) & (regressions["model"] == PRIMARY)
    ].dropna(subset=["beta", "b"])
    power = TTestIndPower()

    def needed(d: float) -> float:
        if abs(d) < _SMALLEST:
            return math.nan
        return float(math.ceil(power.solve_power(abs(d), power=0.8, alpha=study.alpha, ratio=1.0)))

    rows = []
    for row in done.to_dict("records"):
        spread = row["b"] / row["beta"] if row["beta"] else math.nan
        low, high = (row[f"{side}_hc3"] / spread for side in ("low", "high"))
        crosses = not low * high > 0
        rows.append(
            {
                **{name: row[name] for name in COLUMNS[:4]},
                "d": row["beta"],
                "d_low": low,
                "d_high": high,
                "n_per_group": needed(row["beta"]),
                "n_cautious": math.nan if crosses else needed(min(low, high, key=abs)),
                "note": "its limits hold 0: no cautious number" if crosses else "",
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)

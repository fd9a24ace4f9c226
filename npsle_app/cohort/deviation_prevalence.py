"""How often each region deviates in two groups."""

import numpy as np
import pandas as pd

from npsle_app.cohort.families import control_false_discoveries


def compare_prevalence(
    scores: pd.DataFrame, *, group: frozenset[str], against: frozenset[str]
) -> pd.DataFrame:
    """Compare the share of people who deviate in each region, with a false discovery rate.

    Parameters
    ----------
    group, against
        Participants.

    Returns
    -------
    DataFrame
        One row per region in its order: `n_group`, `share_group`, `n_against`,
        `share_against` (of those with a label), `odds_ratio` (0.5 added to each cell), Fisher's
        exact `p` and Benjamini-Hochberg `q`; p is missing where no one has a label.
    """
    labelled = scores[scores["critical"].notna()]
    rows = []
    for region in dict.fromkeys(scores["region"]):
        own = labelled[labelled["region"] == region]
        cells = [_cells(own, people) for people in (group, against)]
        rows.append({"region": region} | _compare_shares(*cells))
    table = pd.DataFrame(rows)
    return table.assign(q=control_false_discoveries(table["p"].to_numpy(dtype=float)))


def _cells(own: pd.DataFrame, people: frozenset[str]) -> tuple[int, int]:
    critical = own.loc[own["participant_id"].isin(people), "critical"].astype(bool)
    return int(critical.sum()), len(critical)


def _compare_shares(group: tuple[int, int], against: tuple[int, int]) -> dict[str, float]:
    from scipy import stats

    (a, n), (b, m) = group, against
    enough = min(n, m) > 0
    return {
        "n_group": n,
        "share_group": a / n if n else np.nan,
        "n_against": m,
        "share_against": b / m if m else np.nan,
        "odds_ratio": (a + 0.5) * (m - b + 0.5) / ((n - a + 0.5) * (b + 0.5)) if enough else np.nan,
        "p": float(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue) if enough else np.nan,
    }

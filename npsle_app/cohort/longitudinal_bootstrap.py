"""Limits of a mixed model by bootstrap of people."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsle_app.cohort.longitudinal import BETWEEN, TIME, WITHIN, fit_over_time

_LEAST_SAMPLES = 20


def bootstrap_over_time(
    visits: pd.DataFrame,
    *,
    score: str,
    predictor: str,
    covariates: Sequence[str] = (),
    samples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % limits of the effects between and within people and of time.

    People are drawn with all their visits (a cluster bootstrap), so that the limits hold
    where residuals are not normal or their variances differ.

    Parameters
    ----------
    visits
        As for `fit_over_time`.

    Returns
    -------
    dict
        By effect, percentiles 2.5 and 97.5; empty with fewer than 20 samples that could be
        fitted.
    """
    rng = np.random.default_rng(seed)
    rows = [own.index.to_numpy() for _, own in visits.groupby("participant_id", sort=True)]
    found: list[list[float]] = []
    for _ in range(samples):
        drawn = rng.integers(0, len(rows), len(rows))
        table = visits.loc[np.concatenate([rows[one] for one in drawn])]
        names = np.repeat(np.arange(len(drawn)), [len(rows[one]) for one in drawn])
        try:
            fit = fit_over_time(
                table.assign(participant_id=names).reset_index(drop=True),
                score=score,
                predictor=predictor,
                covariates=covariates,
            )
        except (ValueError, np.linalg.LinAlgError):
            continue
        found.append(fit.effects.set_index("variable")["b"][[BETWEEN, WITHIN, TIME]].tolist())
    if len(found) < _LEAST_SAMPLES:
        return {}
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    pairs = zip((BETWEEN, WITHIN, TIME), low, high, strict=True)
    return {name: (float(least), float(most)) for name, least, most in pairs}

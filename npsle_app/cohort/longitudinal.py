"""How a score and a predictor go together, across people and over time."""

from collections.abc import Sequence

import pandas as pd

from npsle_app.cohort.linear_model import LinearFit, fit_linear
from npsle_app.cohort.mixed_model import TIME, MixedFit, fit_mixed

BETWEEN, WITHIN = "between", "within"
_LEAST_PEOPLE, _LEAST_REPEATED = 10, 5


def associate(
    frame: pd.DataFrame, *, score: str, predictor: str, covariates: Sequence[str]
) -> LinearFit:
    """Regress a score on a predictor and covariates, across people who have them all.

    The estimate is in units of the score per unit of the predictor; `fit_linear` says more.

    Raises
    ------
    ValueError
        If a column is missing, or the complete people are too few or alike.
    """
    complete = _complete(frame, [score, predictor, *covariates])
    design = complete[[predictor, *covariates]].to_numpy(dtype=float)
    return fit_linear(complete[score].to_numpy(dtype=float), design=design)


def split_within_between(visits: pd.DataFrame, *, predictor: str) -> pd.DataFrame:
    """Add each person's mean, `between`, and each visit's difference from it, `within`.

    The two may act differently (Mundlak 1978, doi:10.2307/1913646).

    Parameters
    ----------
    visits
        One row per visit, with `participant_id`.

    Examples
    --------
    >>> table = pd.DataFrame({"participant_id": ["a", "a"], "n": [1.0, 3.0]})
    >>> split_within_between(table, predictor="n")[["between", "within"]].to_numpy().tolist()
    [[2.0, -1.0], [2.0, 1.0]]
    """
    mean = visits.groupby("participant_id")[predictor].transform("mean")
    return visits.assign(**{BETWEEN: mean, WITHIN: visits[predictor] - mean})


def fit_over_time(
    visits: pd.DataFrame,
    *,
    score: str,
    predictor: str,
    covariates: Sequence[str] = (),
    random_slope: bool = False,
) -> MixedFit:
    """Model a score over visits by what differs between people and what changes within them.

    score = β₀ + β between + β within + β time + covariates + person; random effects are
    independent of each other where the slope of time is random too.

    Parameters
    ----------
    visits
        One row per visit: `participant_id`, `time` (years since the first visit), the score, the
        predictor and covariates. Visits with missing values are passed over.

    Raises
    ------
    ValueError
        If fewer than 10 people have complete visits or fewer than 5 have two, or if no
        predictor varies.
    """
    complete = _complete(visits, ["participant_id", TIME, score, predictor, *covariates])
    counts = complete["participant_id"].value_counts()
    repeated = int((counts > 1).sum())
    if len(counts) < _LEAST_PEOPLE or repeated < _LEAST_REPEATED:
        msg = (
            f"{len(counts)} people have complete visits and {repeated} have two or more; "
            f"needed are {_LEAST_PEOPLE} and {_LEAST_REPEATED}"
        )
        raise ValueError(msg)
    split = split_within_between(complete, predictor=predictor)
    fixed = [BETWEEN, WITHIN, TIME, *covariates]
    return fit_mixed(split, score=score, fixed=fixed, random_slope=random_slope)


def _complete(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    if missing := [name for name in names if name not in frame]:
        msg = f"no column {', '.join(missing)}"
        raise ValueError(msg)
    return frame.loc[:, list(dict.fromkeys(names))].dropna()

"""How a score and a predictor go together, across people and over time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsle_app.cohort.estimators.linear_model import LinearFit, fit_linear
from npsle_app.cohort.estimators.mixed_model import TIME, MixedFit, fit_mixed

BETWEEN, WITHIN = "between", "within"
_LEAST_PEOPLE, _LEAST_REPEATED = 10, 5
_EFFECTS = (BETWEEN, WITHIN, TIME)
_LEAST_SAMPLES = 20
_SINGULAR = 1e12


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


def bootstrap_over_time(
    visits: pd.DataFrame,
    *,
    fit: MixedFit,
    score: str,
    predictor: str,
    covariates: Sequence[str] = (),
    samples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % limits of the effects between and within people and of time.

    People are drawn with all their visits, so that the limits hold where residuals are not
    normal or their variances differ. The ratio of the variances between and within people is
    held at that of the fit: each sample is then least squares on visits less a part of their
    person's mean, 1 − 1 / √(1 + visits · ratio) (Fuller 1973, doi:10.2307/2285386).

    Parameters
    ----------
    visits
        As for `fit_over_time`, complete.
    fit
        Its result, with a random intercept alone.

    Returns
    -------
    dict
        By effect, percentiles 2.5 and 97.5; empty with fewer than 20 samples that could be
        fitted.
    """
    split = split_within_between(visits, predictor=predictor)
    variables = split[[*_EFFECTS, *covariates]].to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(split)), variables])
    outcome = split[score].to_numpy(dtype=float)
    _, person = np.unique(split["participant_id"].to_numpy(dtype=str), return_inverse=True)
    ratio = (fit.person_sd / fit.residual_sd) ** 2
    squares, products = _sum_by_person(design, outcome, person, ratio)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        times = np.bincount(rng.integers(0, len(squares), len(squares)), minlength=len(squares))
        left, right = np.tensordot(times, squares, axes=1), times @ products
        if np.linalg.cond(left) < _SINGULAR:
            found.append(np.linalg.solve(left, right)[1 : 1 + len(_EFFECTS)])
    if len(found) < _LEAST_SAMPLES:
        return {}
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    pairs = zip(_EFFECTS, low, high, strict=True)
    return {name: (float(least), float(most)) for name, least, most in pairs}


def _sum_by_person(
    design: np.ndarray, outcome: np.ndarray, person: np.ndarray, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return each person's X'X, (people, k, k), and X'y, (people, k), of the model's weights."""
    counts = np.bincount(person)
    share = 1 - 1 / np.sqrt(1 + counts * ratio)
    both = np.column_stack([design, outcome])
    sums = np.zeros((len(counts), both.shape[1]))
    np.add.at(sums, person, both)
    moved = both - (share / counts)[person, None] * sums[person]
    x, y = moved[:, :-1], moved[:, -1]
    squares = np.zeros((len(counts), x.shape[1], x.shape[1]))
    np.add.at(squares, person, x[:, :, None] * x[:, None, :])
    products = np.zeros((len(counts), x.shape[1]))
    np.add.at(products, person, x * y[:, None])
    return squares, products

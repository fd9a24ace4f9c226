"""How a score and a predictor go together, across people and over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.linear_model import LinearFit, fit_linear

BETWEEN, WITHIN, TIME = "between", "within", "time"
_LEAST_PEOPLE, _LEAST_REPEATED = 10, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedFit:
    """A linear mixed model, one random intercept per person, by REML.

    Attributes
    ----------
    effects
        One row per fixed effect: `variable`, `b`, `se`, `low`, `high` (95 %), `p` (Wald z). The
        rows `between` and `within` are those of a person's mean and of the difference from it,
        `time` that of years since the first visit.
    person_sd, residual_sd, slope_sd
        Standard deviations of random intercepts, residuals and slopes of time in units of the
        score; slope_sd is missing where slopes are not random.
    random
        "intercept" or "intercept and slope".
    """

    people: int
    visits: int
    effects: pd.DataFrame
    person_sd: float
    residual_sd: float
    slope_sd: float
    random: str
    note: str


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


def fit_mixed(
    visits: pd.DataFrame, *, score: str, fixed: Sequence[str], random_slope: bool = False
) -> MixedFit:
    """Fit a linear mixed model of complete visits by REML.

    Parameters
    ----------
    fixed
        Columns of fixed effects; an intercept is added.
    random_slope
        Whether the slope of `time` differs between people too.

    Raises
    ------
    ValueError
        If a fixed effect does not vary.
    """
    if constant := [name for name in fixed if np.ptp(visits[name].to_numpy(dtype=float)) == 0]:
        msg = f"{', '.join(constant)}: the same at all visits, its effect cannot be estimated"
        raise ValueError(msg)
    fit, note = _fit_mixed(visits, score, list(fixed), random_slope=random_slope)
    return _describe(fit, list(fixed), visits, random_slope=random_slope, note=note)


def _complete(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    if missing := [name for name in names if name not in frame]:
        msg = f"no column {', '.join(missing)}"
        raise ValueError(msg)
    return frame.loc[:, list(dict.fromkeys(names))].dropna()


def _fit_mixed(
    split: pd.DataFrame, score: str, fixed: list[str], *, random_slope: bool
) -> tuple[Any, str]:
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM

    design = np.column_stack([np.ones(len(split)), split[fixed].to_numpy(dtype=float)])
    slope = {"time": split[[TIME]].to_numpy(dtype=float)} if random_slope else {}
    ones = np.ones((len(split), 1))
    columns = np.column_stack([ones, *slope.values()])
    model = MixedLM(
        split[score].to_numpy(dtype=float),
        design,
        groups=split["participant_id"].to_numpy(),
        exog_re=columns,
    )
    free = None
    if random_slope:
        from statsmodels.regression.mixed_linear_model import MixedLMParams

        free = MixedLMParams.from_components(fe_params=np.ones(design.shape[1]), cov_re=np.eye(2))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = model.fit(reml=True, free=free, method=["lbfgs", "bfgs"])
    told = [] if fit.converged else ["the fit did not converge"]
    if any("boundary" in str(one.message) or "singular" in str(one.message) for one in caught):
        told.append("a variance between people is zero or nearly so")
    return fit, "; ".join(told)


def _describe(
    fit: Any, fixed: list[str], split: pd.DataFrame, *, random_slope: bool, note: str
) -> MixedFit:
    count = len(fixed) + 1
    b, se, p = (np.asarray(one)[:count] for one in (fit.fe_params, fit.bse_fe, fit.pvalues))
    limits = np.asarray(fit.conf_int())[:count]
    effects = pd.DataFrame(
        {
            "variable": ["intercept", *fixed],
            "b": b,
            "se": se,
            "low": limits[:, 0],
            "high": limits[:, 1],
            "p": p,
        }
    )
    spread = np.sqrt(np.maximum(np.diag(np.asarray(fit.cov_re)), 0))
    return MixedFit(
        people=int(split["participant_id"].nunique()),
        visits=len(split),
        effects=effects,
        person_sd=float(spread[0]),
        residual_sd=float(np.sqrt(fit.scale)),
        slope_sd=float(spread[1]) if random_slope else np.nan,
        random="intercept and slope" if random_slope else "intercept",
        note=note,
    )

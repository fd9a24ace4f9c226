"""Linear mixed models of visits, by REML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats

TIME = "time"
_NO_VARIANCE = "a variance between people is zero or nearly so"


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
        try:
            fit = model.fit(reml=True, free=free, method=["lbfgs", "bfgs"])
        except np.linalg.LinAlgError:
            return _without_people(split[score].to_numpy(dtype=float), design), _NO_VARIANCE
    told = [] if fit.converged else ["the fit did not converge"]
    if any("boundary" in str(one.message) or "singular" in str(one.message) for one in caught):
        told.append(_NO_VARIANCE)
    return fit, "; ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unmixed:
    """Least squares, which a mixed model is where people do not differ."""

    fe_params: Any
    bse_fe: Any
    pvalues: Any
    limits: Any
    cov_re: Any
    scale: float

    def conf_int(self) -> Any:
        return self.limits


def _without_people(score: Floats, design: Floats) -> _Unmixed:
    """Fit with a variance between people of zero, where no other fits."""
    from statsmodels.regression.linear_model import OLS

    fit = OLS(score, design).fit(use_t=False)
    return _Unmixed(
        fe_params=fit.params,
        bse_fe=fit.bse,
        pvalues=fit.pvalues,
        limits=fit.conf_int(),
        cov_re=np.zeros((1, 1)),
        scale=float(fit.scale),
    )


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
        slope_sd=float(spread[1]) if len(spread) > 1 else np.nan,
        random="intercept and slope" if random_slope else "intercept",
        note=note,
    )

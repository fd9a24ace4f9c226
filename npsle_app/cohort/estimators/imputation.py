"""Multiple imputation of missing numbers, and pooling of what is estimated from each set.

Written out here although statsmodels has `MICEData`, which takes a seeded generator too: it is a
hundred times slower, draws coefficients but not the residual variance, takes all data sets from
one chain, and pools without the degrees of freedom that few people need.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats

_DONORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """An estimate pooled over imputed data sets; `missing_information` is its share lost."""

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    missing_information: float


def impute(
    values: Floats, *, datasets: int, iterations: int, rng: np.random.Generator
) -> list[Floats]:
    """Fill missing numbers several times by chained equations.

    Each column with missing values is regressed on all others in turn (van Buuren 2011,
    doi:10.18637/jss.v045.i03): coefficients are drawn from their posterior, and the value is
    that of one of the five observed participants with the nearest prediction (predictive mean
    matching, Little 1988), so that yes/no stays yes/no.

    Parameters
    ----------
    values : (n, k) array
        NaN where missing; at least one column without.

    Raises
    ------
    ValueError
        If a column has fewer observed values than coefficients.
    """
    missing = np.isnan(values)
    n, k = values.shape
    for column in np.flatnonzero(missing.any(axis=0)):
        if n - missing[:, column].sum() < k + 1:
            msg = f"column {column} has too few values ({n - missing[:, column].sum()}) to impute"
            raise ValueError(msg)
    return [_fill(values, missing, iterations, rng) for _ in range(datasets)]


def pool(estimates: Sequence[float], *, errors: Sequence[float], df_complete: float) -> Pooled:
    """Pool estimates by Rubin's rules (Rubin 1987).

    T = W̄ + (1 + 1/m) B; degrees of freedom for small samples of Barnard 1999
    (doi:10.1093/biomet/86.4.948).

    Parameters
    ----------
    estimates, errors
        One per data set: the estimate and its standard error.
    df_complete
        Degrees of freedom if nothing were missing.
    """
    from scipy import stats

    m = len(estimates)
    centre = float(np.mean(estimates))
    within = float(np.mean(np.square(errors)))
    between = float(np.var(estimates, ddof=1))
    total = within + (1 + 1 / m) * between
    lost = (1 + 1 / m) * between / total
    observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - lost)
    df = observed if lost == 0 else 1 / (lost**2 / (m - 1) + 1 / observed)
    se = float(np.sqrt(total))
    reach = float(stats.t.ppf(0.975, df)) * se
    return Pooled(
        estimate=centre,
        se=se,
        df=float(df),
        low=centre - reach,
        high=centre + reach,
        p=float(2 * stats.t.sf(abs(centre) / se, df)),
        missing_information=lost,
    )


def _fill(
    values: Floats,
    missing: Bools,
    iterations: int,
    rng: np.random.Generator,
) -> Floats:
    filled = values.copy()
    gaps = np.flatnonzero(missing.any(axis=0))
    for column in gaps:
        known = values[~missing[:, column], column]
        filled[missing[:, column], column] = rng.choice(known, missing[:, column].sum())
    for _ in range(iterations):
        for column in gaps:
            others = np.delete(filled, column, axis=1)
            gap = missing[:, column]
            filled[gap, column] = _draw(filled[:, column], others, gap, rng)
    return filled


def _draw(
    own: Floats,
    others: Floats,
    gap: Bools,
    rng: np.random.Generator,
) -> Floats:
    """Draw the missing values of one column given all others."""
    scale = others.std(axis=0)
    design = np.column_stack(
        [np.ones(len(own)), (others - others.mean(0)) / np.where(scale, scale, 1)]
    )
    seen = design[~gap]
    precision = seen.T @ seen + 1e-6 * len(seen) * np.eye(design.shape[1])
    centre = np.linalg.solve(precision, seen.T @ own[~gap])
    df = max(len(seen) - design.shape[1], 1)
    variance = ((own[~gap] - seen @ centre) ** 2).sum() / rng.chisquare(df)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    drawn = centre + np.sqrt(variance) * root @ rng.normal(size=len(centre))
    distance = np.abs((design[gap] @ drawn)[:, None] - (seen @ centre)[None, :])
    donors = min(_DONORS, distance.shape[1])
    nearest = np.argpartition(distance, donors - 1, axis=1)[:, :donors]
    chosen = nearest[np.arange(len(nearest)), rng.integers(0, donors, len(nearest))]
    drawn_values: Floats = own[~gap][chosen]
    return drawn_values

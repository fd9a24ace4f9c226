"""Fit all regions of one sex, and score its people by models that have not seen them."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.normative.mean import MeanFit, People, fit_means
from npsle_app.cohort.normative.model import Method, RegionModel, t_to_normal
from npsle_app.cohort.normative.spread import SpreadFit, constant_spread, fit_spreads
from npsle_app.cohort.normative.tails import NORMAL, Tails, fit_tails

_FOLDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFits:
    """Models of R regions, and of their (n, R) people scored by the others.

    Attributes
    ----------
    expected, deviation, z
        Of each person by models of the other folds: the mean, the spread and the tails have
        not seen them.
    """

    models: list[RegionModel]
    expected: Floats
    deviation: Floats
    z: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOut:
    """(n, R) each: predicted mean, its relative variance, degrees of freedom, RMSE."""

    expected: Floats
    uncertainty: Floats
    df: Floats
    rmse: Floats


def fit_regions(
    volumes: Floats,
    *,
    people: People,
    tiv_centre_ml: float,
    method: Method,
    rng: np.random.Generator,
) -> RegionFits:
    """Fit R regions of one sex.

    Parameters
    ----------
    volumes : (n, R) array
        Complete.
    rng
        Deals people out to folds, each site as evenly as it goes.

    Raises
    ------
    ValueError
        If people are too few, or age or TIV do not vary.
    """
    folds = deal_folds(people.sites, rng=rng)
    means = _fit_means(volumes, people, tiv_centre_ml, method)
    held = _hold_out(volumes, people, tiv_centre_ml, method, folds)
    if not method.predictive:
        z = (volumes - held.expected) / held.rmse
        spreads, shapes = [constant_spread(fit.rmse) for fit in means], [NORMAL] * len(means)
        models = _gather(means, spreads, shapes, n=len(volumes), predictive=False)
        return RegionFits(models=models, expected=held.expected, deviation=held.rmse, z=z)
    scaled = (volumes - held.expected) / np.sqrt(1 + held.uncertainty)
    spreads, deviation = _cross_fit_spreads(scaled, people, tiv_centre_ml, method, folds)
    scores = t_to_normal(scaled / deviation, df=held.df)  # type: ignore[arg-type]
    shapes, z = _cross_fit_tails(scores, method, folds)
    return RegionFits(
        models=_gather(means, spreads, shapes, n=len(volumes), predictive=True),
        expected=held.expected,
        deviation=deviation * np.sqrt(1 + held.uncertainty),
        z=z,
    )


def deal_folds(sites: Ints, *, rng: np.random.Generator) -> Ints:
    """Return each person's fold, 0 to 9, or as many as there are people.

    Examples
    --------
    >>> deal_folds(np.array([0, 0, 1]), rng=np.random.default_rng(1)).tolist()
    [0, 1, 2]
    """
    shuffled = rng.permutation(len(sites))
    order = shuffled[np.argsort(sites[shuffled], kind="stable")]
    folds = np.empty(len(sites), dtype=np.intp)
    folds[order] = np.arange(len(sites)) % min(_FOLDS, len(sites))
    return folds


def _fit_means(volumes: Floats, people: People, centre: float, method: Method) -> list[MeanFit]:
    return fit_means(
        volumes,
        people=people,
        tiv_centre_ml=centre,
        site_term=method.site_term,
        alpha=method.alpha,
    )


def _hold_out(
    volumes: Floats, people: People, centre: float, method: Method, folds: Ints
) -> _HeldOut:
    expected, uncertainty, df, rmse = (np.empty(volumes.shape) for _ in range(4))
    for fold in range(int(folds.max()) + 1):
        rest, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fits = _fit_means(volumes[rest], people.take(rest), centre, method)
        for region, fit in enumerate(fits):
            found = fit.predict(people.take(out), tiv_centre_ml=centre)
            expected[out, region], uncertainty[out, region] = found
            df[out, region], rmse[out, region] = fit.df, fit.rmse
    return _HeldOut(expected=expected, uncertainty=uncertainty, df=df, rmse=rmse)


def _cross_fit_spreads(
    scaled: Floats, people: People, centre: float, method: Method, folds: Ints
) -> tuple[list[SpreadFit], Floats]:
    deviation = np.empty(scaled.shape)

    def fit(rows: Ints) -> list[SpreadFit]:
        return fit_spreads(
            scaled[rows] ** 2,
            people=people.take(rows),
            tiv_centre_ml=centre,
            changes=method.changing_spread,
        )

    for fold in range(int(folds.max()) + 1):
        out = np.flatnonzero(folds == fold)
        for region, spread in enumerate(fit(np.flatnonzero(folds != fold))):
            deviation[out, region] = spread.predict(people.take(out), tiv_centre_ml=centre)
    return fit(np.arange(len(scaled))), deviation


def _cross_fit_tails(scores: Floats, method: Method, folds: Ints) -> tuple[list[Tails], Floats]:
    if not method.shaped_tails:
        return [NORMAL] * scores.shape[1], scores
    z = np.empty(scores.shape)
    whole = fit_tails(scores)
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        for region, tails in enumerate(fit_tails(scores[~out], start=whole)):
            z[out, region] = tails.to_z(scores[out, region])
    return whole, z


def _gather(
    means: list[MeanFit],
    spreads: list[SpreadFit],
    shapes: list[Tails],
    *,
    n: int,
    predictive: bool,
) -> list[RegionModel]:
    return [
        RegionModel(n=n, mean=mean, spread=spread, tails=tails, predictive=predictive)
        for mean, spread, tails in zip(means, spreads, shapes, strict=True)
    ]

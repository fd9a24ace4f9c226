"""How far noise and place move the DTI-ALPS index: a wild bootstrap with regions that are jittered.

What spoils a volume (motion, eddy currents, gradients that are not those of the table) spoils all
its voxels alike, so the sign of its residuals is drawn once for all voxels and regions. Residuals
are those before denoising: denoising shrinks them more than the error of the tensor.

In a weighted tract of many voxels much of what is left is no noise: where fibres cross no tensor
fits, in each scan alike, and directions that are spread evenly keep that out of the tensor. How
much, one series does not tell: with all of the mean residual the deviation of a weighted tract is
0.078, without any 0.014 (3 mm, 12 directions), and prescriptions of one head lie between. So half
of the tract's mean residual is taken out there, by choice, and that of grey-like tissue, in which
nothing crosses, is added: it tells what spoils a volume as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import t as t_distribution

from npsle_app.arrays import Bools, Floats, Reals
from npsle_app.imaging.alps.index import image_axes
from npsle_app.imaging.alps.rois import Place
from npsle_app.imaging.alps.tracts import weigh_fibres
from npsle_app.imaging.alps.variants import (
    VARIANTS,
    Indices,
    Placement,
    measure_variants,
    place_regions,
)
from npsle_app.imaging.diffusion.gradient_offset import GREY_MD, MAX_FA
from npsle_app.imaging.diffusion.tensor import (
    design_matrix,
    fractional_anisotropy,
    from_six_components,
    mean_diffusivity,
    six_components,
)

SHIFT_MM, TURN_DEG = 0.5, 0.4  # seen between prescriptions of one head, each along one axis
_LARGEST_LEVERAGE = 0.95  # a single b0 fixes S0 alone: its residual says nothing
_FLOOR = 1e-3  # of the prediction: where noise reached 0 there is no logarithm
_PARAMETERS, _GREY_VOXELS = 7, 5000
_MISFIT = 0.5  # of a tract's mean residual: a choice between limits that no series tells apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What the tensors were fitted to, on their grid.

    Attributes
    ----------
    signal : (I, J, K, N) array
    removed : (I, J, K, N) array or None
        What denoising took away; None where nothing did.
    b_values, directions : (N,) and (N, 3) arrays
        s/mm², unit vectors in world RAS.
    n_fitted : int
        Numbers that were fitted to the volumes: 7 of the tensor, 3 more where an offset of the
        gradients was taken out.
    """

    signal: Reals
    removed: Reals | None
    b_values: Reals
    directions: Reals
    n_fitted: int = _PARAMETERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Standard deviation of the index by variant, and what an interval is that many times wide.

    `interval` is the 97.5th percentile of Student's t for as many degrees of freedom as the
    tensor leaves to the volumes: few volumes know their own noise badly.
    """

    sd: dict[str, Indices]
    interval: float

    def bounds(self, variant: str, *, side: str, value: float | None) -> tuple[float, float] | None:
        """Return the 95 % interval about a value; None where value or deviation is not known."""
        sd = self.sd[variant][side]
        if value is None or sd is None:
            return None
        return value - self.interval * sd, value + self.interval * sd


def draw_placements(
    centres: dict[Place, Reals],
    *,
    template_points: dict[Place, Reals],
    rotation: Reals,
    radius_mm: float,
    grid: nib.Nifti1Image,
    samples: int,
    rng: np.random.Generator,
) -> list[Placement]:
    """Place the regions anew, each moved on its own and the frame turned.

    Shifts have a deviation of 0.5 mm along each axis, turns of 0.4° about each: what separates
    prescriptions of one head.
    """
    made = []
    for _ in range(samples):
        shifts = {place: rng.normal(0, SHIFT_MM, 3) for place in centres}
        turn = Rotation.from_rotvec(np.deg2rad(rng.normal(0, TURN_DEG, 3))).as_matrix()
        made.append(
            place_regions(
                {place: centre + shifts[place] for place, centre in centres.items()},
                template_points={
                    place: points + shifts[place] for place, points in template_points.items()
                },
                rotation=turn @ rotation,
                radius_mm=radius_mm,
                grid=grid,
            )
        )
    return made


def bootstrap_spread(
    series: Series,
    *,
    placement: Placement,
    placements: Sequence[Placement],
    tensors: Reals,
    usable: Bools,
    grid: nib.Nifti1Image,
    rng: np.random.Generator,
) -> Spread:
    """Return the standard deviation of each variant over bootstrap samples.

    In each sample the residuals of the logarithm of the signal, before denoising and freed of
    leverage, keep or change their sign, one draw per volume for all voxels; tensors follow by
    the weighted fit, whose weights stay, and are measured in regions that are placed anew.

    Parameters
    ----------
    placement : Placement
        Where the regions were found.
    placements : sequence of Placement
        One for each sample.
    tensors : (I, J, K, 3, 3) array
        About which the samples scatter, mm²/s, world axes.
    usable : (I, J, K) array of bool
        As for the index itself.

    Returns
    -------
    Spread
        Deviations are None where the index cannot be known.

    References
    ----------
    Liu (1988) Ann Stat 16:1696-708. doi:10.1214/aos/1176351062;
    Whitcher et al. (2008) Hum Brain Mapp 29:346-62. doi:10.1002/hbm.20395
    """
    every = np.unique(np.concatenate([one.voxels for one in (placement, *placements)]), axis=0)
    at = tuple(every.T)
    rows = np.zeros(grid.shape[:3], dtype=np.intp)
    rows[at] = np.arange(len(every))
    kept, axes = usable[at], image_axes(grid)
    own = tensors[at]
    maps, left = _residuals(series, at=at, usable=kept)
    common = _grey_residual(series, tensors=tensors, usable=usable)
    noise = _without_misfit(
        left, tensors=own[:, None, None], placement=placement.listed(rows),
        common=np.outer(mean_diffusivity(own), common),
    )  # fmt: skip
    found = []
    for one in placements:
        signs = rng.choice((-1.0, 1.0), left.shape[1])
        drawn, quiet = (
            from_six_components(six_components(own) + (maps @ (part * signs)[..., None])[..., 0])
            for part in (left, noise)
        )
        measured = measure_variants(
            drawn[:, None, None], in_tracts=quiet[:, None, None], placement=one.listed(rows),
            usable=kept[:, None, None], axes=axes,
        )  # fmt: skip
        found.append(measured.indices)
    free = len(series.b_values) - _PARAMETERS
    return Spread(
        sd={
            variant: {
                side: _sd([one[variant][side] for one in found]) for side in found[0][variant]
            }
            for variant in VARIANTS
        },
        interval=float(t_distribution.ppf(0.975, max(free, 1))),
    )


def _residuals(series: Series, *, at: tuple[Reals, ...], usable: Bools) -> tuple[Floats, Floats]:
    """Return what takes residuals to the six components, (n, 6, N), and the residuals, (n, N).

    Both are 0 where nothing may be used.
    """
    design = design_matrix(series.b_values, directions=series.directions)
    denoised = np.asarray(series.signal[at][usable], dtype=float)
    noisy = denoised if series.removed is None else denoised + series.removed[at][usable]
    maps, leverage = _weighted_maps(denoised, design=design)
    made, left = np.zeros((len(usable), 6, len(design))), np.zeros((len(usable), len(design)))
    made[usable] = maps[:, _RAS_ORDER]
    left[usable] = _freed(noisy, floor=denoised, design=design, maps=maps, leverage=leverage)
    return made, left


def _freed(
    signal: Floats, *, floor: Floats, design: Floats, maps: Floats, leverage: Floats
) -> Floats:
    """Return the residuals of the logarithm, (n, N), divided by the root of 1 − leverage."""
    logarithms = np.log(np.maximum(signal, _FLOOR * floor.max(axis=1, keepdims=True)))
    left = logarithms - (maps @ logarithms[..., None])[..., 0] @ design.T
    known = leverage < _LARGEST_LEVERAGE
    free: Floats = np.where(known, left / np.sqrt(np.where(known, 1 - leverage, 1)), 0)
    return free


def _grey_residual(series: Series, *, tensors: Reals, usable: Bools) -> Floats:
    """Return the mean residual of grey-like tissue over its mean diffusivity, (N,).

    The offset of the gradients was fitted to this tissue: the residual is raised by the degrees
    of freedom that it took. Without such tissue it is 0.
    """
    md = mean_diffusivity(tensors)
    grey = (
        usable & (fractional_anisotropy(tensors) < MAX_FA) & (md > GREY_MD[0]) & (md < GREY_MD[1])
    )
    places = np.argwhere(grey)
    places = places[:: max(1, len(places) // _GREY_VOXELS)]
    if not len(places):
        return np.zeros(len(series.b_values))
    at = tuple(places.T)
    values = np.asarray(series.signal[at], dtype=float)
    design = design_matrix(series.b_values, directions=series.directions)
    maps, leverage = _weighted_maps(values, design=design)
    left = _freed(values, floor=values, design=design, maps=maps, leverage=leverage)
    free = len(series.b_values) - np.array([_PARAMETERS, series.n_fitted])
    raised: Floats = (left / md[at][:, None]).mean(axis=0) * np.sqrt(free[0] / max(free[1], 1))
    return raised


def _without_misfit(left: Floats, *, tensors: Reals, placement: Placement, common: Reals) -> Floats:
    """Put a common residual, (n, N), in the place of a half of each tract's mean one."""
    weights = np.zeros((len(placement.clouds), len(left)))
    for row, (place, cloud) in zip(weights, placement.clouds.items(), strict=True):
        row[cloud.voxels[:, 0]] = weigh_fibres(
            tensors, cloud=cloud, place=place, rotation=placement.rotation
        )
    means = weights @ left / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    kept: Floats = left - _MISFIT * means[weights.argmax(axis=0)] + common
    return kept


_RAS_ORDER = [0, 1, 3, 2, 4, 5]  # dipy counts xx, xy, yy, xz, yz, zz


def _weighted_maps(signal: Floats, *, design: Floats) -> tuple[Floats, Floats]:
    """Return what takes logarithms to the parameters, (n, 7, N), and each volume's leverage.

    Weights are the squares of the signal, as in the fit itself.
    """
    scale = abs(design).max(axis=0)
    scaled = design / scale
    weights = np.maximum(signal / signal.max(axis=1, keepdims=True), _FLOOR) ** 2
    weighted = scaled.T * weights[:, None]
    maps = np.linalg.solve(weighted @ scaled, weighted)
    leverage: Floats = np.einsum("vk,nkv->nv", scaled, maps)
    return maps / scale[:, None], leverage


def _sd(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None

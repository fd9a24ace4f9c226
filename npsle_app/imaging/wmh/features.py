"""What of FLAIR and T1w tells a white-matter lesion from the rest of the brain."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.tissue.intensity import TissueModel, TissuePriors, fit_tissue
from npsle_app.imaging.wmh.normal import amplitude, other_side

FEATURES = (
    "brightness",
    "brightness_1mm",
    "brightness_2mm",
    "contrast_6mm",
    "contrast_12mm",
    "over_white",
    "over_white_2mm",
    "over_white_sd",
    "brightest_neighbour",
    "darkest_neighbour",
    "curvature_low",
    "curvature_middle",
    "curvature_high",
    "t1w",
    "t1w_1mm",
    "t1w_2mm",
    "t1w_fluid",
    "t1w_grey",
    "grey_matter",
    "white_matter",
    "ventricles",
    "log_odds",
    "from_ventricles",
    "from_outer_fluid",
    "over_white_contrast",
    "normal",
    "over_normal",
    "over_normal_sd",
    "other_side",
    "over_other_side",
    "over_white_outward",
)
_OF_T1W = ("t1w", "t1w_1mm", "t1w_2mm", "t1w_fluid", "t1w_grey")
FLAIR_FEATURES = tuple(name for name in FEATURES if name not in _OF_T1W)

_FINE_SIGMA_MM = 0.64  # full width at half maximum 1.5 mm
_CURVATURE_SIGMA_MM = 1.5
_LOCAL_SIGMA_MM = 10.0
_FLOOR_PERCENT = 0.1  # of the brain's voxels are darker than what counts as no signal
_NORMAL_SD = (0.04, 0.1)  # bounds of white matter's deviation, in units of grey matter
_LEAST = 1e-4
_LEAST_CONTRAST = 0.03  # of white below grey matter
_MOST_OUT = np.float32(10)  # deviations, or contrasts of grey and white: more is no surer
_LEAST_WM = 0.02  # prior of white matter below which no voxel is looked at
_BRIGHT_SD = 0.5  # above the white matter around, from which a voxel is looked at
_VENTRICLE = 0.25  # prior from which fluid is of a ventricle
_SURELY_VENTRICLE = 0.7
_FARTHEST_MM = 30.0
_OUTWARD_MM, _OUTWARD_SIGMA_MM = 5.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionPriors:
    """Where the template expects lesions, and what they may be mistaken for.

    `normal` and `spread` are the mean and deviation over people without lesions of FLAIR less
    the white matter around, in units of grey matter; `template_mm` is (3, I, J, K), the place
    of each voxel in the template.
    """

    tissue: TissuePriors
    lesion: Volume
    ventricles: Volume
    normal: Volume
    spread: Volume
    template_mm: Volume

    def each(self, change: Callable[[Volume], Volume]) -> "LesionPriors":
        """Apply a change to each map."""
        return LesionPriors(
            tissue=TissuePriors(gm=change(self.tissue.gm), wm=change(self.tissue.wm)),
            lesion=change(self.lesion),
            ventricles=change(self.ventricles),
            normal=change(self.normal),
            spread=change(self.spread),
            template_mm=np.stack([change(axis) for axis in self.template_mm]),
        )

    def at(self, where: "Mask | tuple[slice, ...]") -> "LesionPriors":
        """Return the same priors of fewer voxels."""
        return self.each(lambda image: image[where])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Voxels that might be lesion, and what speaks for each.

    `where` is an (I, J, K) mask with n voxels; `values` is (n, features) in the order of
    `names`; `fluid` marks the cerebrospinal fluid, of T1w where there is one.
    """

    where: Mask
    values: Volume
    tissue: TissueModel
    fluid: Mask
    names: tuple[str, ...] = FEATURES

    @property
    def by_name(self) -> dict[str, Volume]:
        """Each feature of all n voxels."""
        return dict(zip(self.names, self.values.T, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _White:
    """FLAIR less the white matter around, and the deviation of normal white matter."""

    over: Volume
    deviation: np.float32


def find_candidates(
    flair: Volume, t1w: Volume | None, *, brain: Mask, priors: LesionPriors
) -> Candidates:
    """Describe the voxels that are brighter than the white matter around them.

    Parameters
    ----------
    flair, t1w : (I, J, K) array
        On one grid of 1 mm cubes, in any unit. The darkest of the brain is taken for no
        signal and the median of grey matter for one, so that neither a factor nor a constant
        changes anything. Other scalings (white-matter mode, interquartile range) shift with
        the lesion load and cost a like model nearly all its accuracy.
    brain : (I, J, K) array of bool
        Voxels that belong to the brain and that the scan covers.
    priors : LesionPriors
        On the same grid.

    Returns
    -------
    Candidates
        brightness: intensity − 1, in units of grey matter, smoothed by σ = 0.64, 1 and 2 mm;
        contrast: less the mean of the brain around (σ 6, 12 mm); over_white: less the normal
        white matter around (σ 10 mm), also in its standard deviations; neighbours: of 26;
        curvature: the eigenvalues of the Hessian (σ 1.5 mm), a bright spot has three below 0;
        t1w: 0 at grey matter, in units of white less fluid; t1w_fluid, t1w_grey:
        probabilities; grey_matter, white_matter, ventricles: priors; log_odds: of the
        lesion prior; from_ventricles, from_outer_fluid: distances in mm. No feature knows
        left from right or up from down.

    Raises
    ------
    ValueError
        If a tissue cannot be found.
    """
    scaled, tissue = _scale(flair, brain=brain, priors=priors.tissue)
    white = _find_white(scaled, brain=brain, prior=priors.tissue.wm, tissue=tissue)
    if t1w is None:
        fluid = _find_fluid(scaled, brain=brain, priors=priors.tissue, tissue=tissue)
    else:
        t1w_scaled, posteriors = _read_t1w(t1w, brain=brain, priors=priors.tissue)
        fluid = posteriors[0] > 0.5
    where = brain & (white.over > _BRIGHT_SD * white.deviation)
    where &= priors.tissue.wm > _LEAST_WM
    found = priors.at(where)
    odds = np.clip(found.lesion, _LEAST, 1 - _LEAST)
    from_ventricles, from_outer_fluid = _distances(fluid, brain=brain, ventricles=priors.ventricles)
    columns = (
        *_describe_brightness(scaled, brain=brain, white=white, where=where),
        *_curvatures(np.where(brain, white.over, np.float32(0)), where=where),
        *(
            ()
            if t1w is None
            else (
                *_at_scales(t1w_scaled, brain=brain, where=where),
                posteriors[0][where],
                posteriors[1][where],
            )
        ),
        found.tissue.gm,
        found.tissue.wm,
        found.ventricles,
        np.log(odds / (1 - odds)),
        np.minimum(from_ventricles[where], _FARTHEST_MM),
        np.minimum(from_outer_fluid[where], _FARTHEST_MM),
        *_beyond_normal(white, brain=brain, where=where, priors=priors, tissue=tissue),
        _outward(white.over, brain=brain, distance=from_ventricles, where=where),
    )
    values = np.stack(columns, axis=1).astype(np.float32)
    names = FLAIR_FEATURES if t1w is None else FEATURES
    return Candidates(where=where, values=values, tissue=tissue, fluid=fluid, names=names)


def _scale(flair: Volume, *, brain: Mask, priors: TissuePriors) -> tuple[Volume, TissueModel]:
    smooth = smooth_inside(flair, mask=brain, sigma_mm=_FINE_SIGMA_MM)
    smooth -= np.where(brain, np.percentile(smooth[brain], _FLOOR_PERCENT), 0).astype(np.float32)
    if not np.median(smooth[brain]) > 0:
        msg = "most of the brain is no brighter than its darkest voxels: is it a FLAIR image?"
        raise ValueError(msg)
    tissue = fit_tissue(smooth[brain], priors=priors.at(brain))
    smooth /= np.float32(tissue.scale)
    return smooth, tissue


def _find_white(scaled: Volume, *, brain: Mask, prior: Volume, tissue: TissueModel) -> _White:
    """Follow the level of normal white matter: what is left of the bias field goes with it."""
    level = np.float32(tissue.means[2])
    width = 2 * np.clip(tissue.deviations[2], *_NORMAL_SD)
    normal = brain & (prior > 0.5) & (np.abs(scaled - level) < width)
    weight = ndimage.gaussian_filter(normal.astype(np.float32), _LOCAL_SIGMA_MM, truncate=3)
    total = ndimage.gaussian_filter(np.where(normal, scaled, 0), _LOCAL_SIGMA_MM, truncate=3)
    around = np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), level)
    over = np.where(brain, scaled - around, 0).astype(np.float32)
    return _White(over=over, deviation=np.float32(max(over[normal].std(), 1e-3)))


def measure_over_white(flair: Volume, *, brain: Mask, priors: TissuePriors) -> Volume:
    """Return FLAIR less the normal white matter around, in units of grey matter."""
    scaled, tissue = _scale(flair, brain=brain, priors=priors)
    return _find_white(scaled, brain=brain, prior=priors.wm, tissue=tissue).over


def find_fluid(flair: Volume, *, brain: Mask, priors: TissuePriors) -> Mask:
    """Mark what a FLAIR image shows as fluid."""
    scaled, tissue = _scale(flair, brain=brain, priors=priors)
    return _find_fluid(scaled, brain=brain, priors=priors, tissue=tissue)


def _find_fluid(scaled: Volume, *, brain: Mask, priors: TissuePriors, tissue: TissueModel) -> Mask:
    """Mark what FLAIR shows as fluid."""
    inside = priors.at(brain)
    fluid = np.zeros(brain.shape, dtype=bool)
    fluid[brain] = tissue.posteriors(scaled[brain], priors=inside)[0] > 0.5
    fluid &= scaled < tissue.means[1]
    return fluid


def _beyond_normal(
    white: _White, *, brain: Mask, where: Mask, priors: LesionPriors, tissue: TissueModel
) -> tuple[Volume, ...]:
    """Compare with what is bright in everybody, and with the other side of the head."""
    inside = priors.at(brain)
    strength = np.float32(
        amplitude(
            white.over[brain],
            normal=inside.normal,
            white=inside.tissue.wm,
            deviation=float(white.deviation),
        )
    )
    over = white.over[where]
    normal, spread = strength * priors.normal[where], strength * priors.spread[where]
    mirrored = other_side(white.over, template_mm=priors.template_mm, brain=brain, where=where)
    return (
        np.minimum(over / np.float32(max(1 - tissue.means[2], _LEAST_CONTRAST)), _MOST_OUT),
        normal,
        over - normal,
        np.minimum((over - normal) / np.hypot(spread, white.deviation), _MOST_OUT),
        mirrored,
        over - mirrored,
    )


def _read_t1w(t1w: Volume, *, brain: Mask, priors: TissuePriors) -> tuple[Volume, Volume]:
    """Scale T1w by its tissues; and the probability of each tissue, (3, I, J, K)."""
    inside = priors.at(brain)
    model = fit_tissue(t1w[brain], priors=inside, csf_is_dark=False)
    scaled = np.where(brain, t1w, 0).astype(np.float32) / np.float32(model.scale)
    posteriors = np.zeros((3, *brain.shape), dtype=np.float32)
    posteriors[:, brain] = model.posteriors(scaled[brain], priors=inside)
    csf, gm, wm = model.means
    relative = (scaled - np.float32(gm)) / np.float32(max(wm - csf, 1e-3))
    return np.where(brain, relative, 0).astype(np.float32), posteriors


def _describe_brightness(
    scaled: Volume, *, brain: Mask, white: _White, where: Mask
) -> tuple[Volume, ...]:
    smooth = {s: smooth_inside(scaled, mask=brain, sigma_mm=s)[where] for s in (1, 2, 6, 12)}
    around = (scaled - white.over)[where]
    fine = scaled[where]
    lowest = ndimage.minimum_filter(np.where(brain, scaled, np.float32(9)), 3)[where]
    return (
        fine - 1,
        smooth[1] - 1,
        smooth[2] - 1,
        fine - smooth[6],
        fine - smooth[12],
        white.over[where],
        smooth[2] - around,
        np.minimum(white.over[where] / white.deviation, _MOST_OUT),
        ndimage.maximum_filter(scaled, 3)[where] - 1,
        lowest - 1,
    )


def _curvatures(image: Volume, *, where: Mask) -> Volume:
    """Eigenvalues of the Hessian times σ², a (3, n) array, the lowest first."""
    hessian = np.empty((int(where.sum()), 3, 3), dtype=np.float32)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        order = np.bincount([row, column], minlength=3).tolist()
        second = ndimage.gaussian_filter(image, _CURVATURE_SIGMA_MM, order=order, truncate=3)
        hessian[:, row, column] = hessian[:, column, row] = second[where]
    found: Volume = np.linalg.eigvalsh(hessian).T * _CURVATURE_SIGMA_MM**2
    return found


def _at_scales(image: Volume, *, brain: Mask, where: Mask) -> tuple[Volume, ...]:
    smooth = (smooth_inside(image, mask=brain, sigma_mm=s)[where] for s in (1, 2))
    return (image[where], *smooth)


def _distances(fluid: Mask, *, brain: Mask, ventricles: Volume) -> tuple[Volume, Volume]:
    """Measure how far each voxel is from the ventricles and from outer fluid, in mm."""
    solid = ndimage.binary_opening(fluid)
    inner = (solid & (ventricles > _VENTRICLE)) | (ventricles > _SURELY_VENTRICLE)
    outer = ~brain | (solid & (ventricles <= _VENTRICLE))
    from_inner, from_outer = (
        ndimage.distance_transform_edt(~place).astype(np.float32)
        if place.any()
        else np.full(brain.shape, _FARTHEST_MM, dtype=np.float32)
        for place in (inner, outer)
    )
    return from_inner, from_outer


def _outward(over: Volume, *, brain: Mask, distance: Volume, where: Mask) -> Volume:
    """Tell how bright it is 5 mm farther from the ventricles: beyond a normal cap it is not."""
    places = np.argwhere(where).T.astype(np.float32)
    smooth = smooth_inside(over, mask=brain, sigma_mm=_OUTWARD_SIGMA_MM)
    away = np.stack([slope[where] for slope in np.gradient(ndimage.gaussian_filter(distance, 1))])
    length = np.maximum(np.sqrt((away**2).sum(axis=0)), _LEAST)
    beyond: Volume = ndimage.map_coordinates(
        smooth, places + _OUTWARD_MM * away / length, order=1, mode="nearest"
    )
    return beyond


def smooth_inside(image: Volume, *, mask: Mask, sigma_mm: float) -> Volume:
    """Smooth with a Gaussian that sees only the voxels (1 mm cubes) inside; 0 outside."""
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma_mm, truncate=3)
    blurred = ndimage.gaussian_filter(np.where(mask, image, 0), sigma_mm, truncate=3)
    smoothed: Volume = np.where(mask, blurred / np.maximum(weight, 1e-6), 0).astype(np.float32)
    return smoothed

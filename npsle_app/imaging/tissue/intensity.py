"""A Gaussian per tissue: which intensities are fluid, grey matter and white matter."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats, Ints, Mask, Volume

_MAX_ROUNDS = 30
_SETTLED = 1e-4  # share of voxels that may still change class
_SURE = 0.5  # prior above which a voxel may stand for its class
_LEAST = 1e-4  # probability that no prior falls below
_LEAST_VOXELS = 20
_VESSEL_SD = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TissuePriors:
    """Where the template expects grey and white matter: arrays of one shape, from 0 to 1."""

    gm: Volume
    wm: Volume

    @property
    def csf(self) -> Volume:
        """What grey and white matter leave."""
        return np.clip(1 - self.gm - self.wm, 0, 1)

    def at(self, where: "Mask | tuple[slice, ...]") -> "TissuePriors":
        """Return the same priors of fewer voxels."""
        return TissuePriors(gm=self.gm[where], wm=self.wm[where])


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueModel:
    """One Gaussian per tissue; `scale` is the median of grey matter.

    Means and deviations, in the order CSF, GM, WM, are in units of `scale`.
    """

    scale: float
    means: Floats
    deviations: Floats

    @property
    def wm_to_gm(self) -> float:
        """White over grey matter: below 1 in a FLAIR image, above 1 in a T1w image."""
        return float(self.means[2] / self.means[1])

    def posteriors(self, scaled: Volume, *, priors: TissuePriors) -> Volume:
        """Probability of CSF, GM and WM in each of n voxels, a (3, n) array.

        Parameters
        ----------
        scaled : (n,) array
            Intensities over `scale`.
        priors : TissuePriors
            Of the same voxels.
        """
        return _posteriors(
            scaled, stacked=_stack(priors), means=self.means, deviations=self.deviations
        )


def fit_tissue(intensity: Volume, *, priors: TissuePriors, csf_is_dark: bool = True) -> TissueModel:
    """Fit one Gaussian to each tissue, the spatial priors held fixed (hard EM).

    Parameters
    ----------
    intensity : (n,) array
        Brain voxels of one image, in any unit.
    priors : TissuePriors
        Of the same voxels.
    csf_is_dark : bool
        A voxel brighter than the mean of grey matter is then never fluid: in FLAIR it is
        the rim of a lesion or flowing fluid.

    Returns
    -------
    TissueModel
        The scale is the *median* over voxels that both the image and the prior call grey
        matter. Lesions look like grey matter in both images, but they lie where the prior
        expects white matter, so their load does not move it.

    Raises
    ------
    ValueError
        Where a tissue has fewer than 20 voxels: no brain, or priors of another head.

    References
    ----------
    The steps of Schmidt 2017 (PhD thesis, LMU Munich), from their description.
    """
    stacked = _stack(priors)
    labels = stacked.argmax(axis=0)
    for _ in range(_MAX_ROUNDS):
        means, deviations = _moments(intensity, labels=labels)
        found = _posteriors(intensity, stacked=stacked, means=means, deviations=deviations)
        found = found.argmax(axis=0)
        if csf_is_dark:
            found[(found == 0) & (intensity > means[1])] = 1
        changed = float(np.mean(found != labels))
        labels = found
        if changed < _SETTLED:
            break
    return _summarize(intensity, labels=labels, stacked=stacked)


def _summarize(intensity: Volume, *, labels: Ints, stacked: Volume) -> TissueModel:
    sure = np.where(stacked[labels, np.arange(labels.size)] >= _SURE, labels, -1)
    means, deviations = _moments(intensity, labels=labels)
    for tissue in (1, 2):
        chosen = intensity[sure == tissue]
        if chosen.size >= _LEAST_VOXELS:
            means[tissue] = np.median(chosen)
    scale = float(means[1])
    return TissueModel(scale=scale, means=means / scale, deviations=deviations / scale)


def _stack(priors: TissuePriors) -> Volume:
    stacked = np.stack([priors.csf, priors.gm, priors.wm]).astype(np.float32)
    return np.maximum(stacked, _LEAST)


def _moments(intensity: Volume, *, labels: Ints) -> tuple[Floats, Floats]:
    groups = [intensity[labels == tissue] for tissue in range(3)]
    if min(group.size for group in groups) < _LEAST_VOXELS:
        found = ", ".join(str(group.size) for group in groups)
        msg = (
            f"CSF, grey and white matter have {found} voxels; at least {_LEAST_VOXELS} of each "
            "are needed: look at the brain mask and at the registration to the template"
        )
        raise ValueError(msg)
    means = np.array([group.mean(dtype=np.float64) for group in groups])
    deviations = np.array([group.std(dtype=np.float64) for group in groups])
    return means, np.maximum(deviations, 1e-3 * abs(means).max())


def _posteriors(
    intensity: Volume,
    *,
    stacked: Volume,
    means: Floats,
    deviations: Floats,
) -> Volume:
    logs = np.empty_like(stacked)
    for tissue in range(3):
        z = (intensity - np.float32(means[tissue])) / np.float32(deviations[tissue])
        logs[tissue] = np.log(stacked[tissue]) - 0.5 * z**2 - np.log(deviations[tissue])
    logs -= logs.max(axis=0)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=0)
    return logs


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueBounds:
    """What in a T1w image is brain tissue by its intensity.

    `fluid` is an (I, J, K) mask; tissue is brighter than `darkest` and at most `brightest`,
    in the image's unit.
    """

    fluid: Mask
    darkest: float
    brightest: float


def find_bounds(
    t1w: Volume, *, brain: Mask, priors: TissuePriors, csf_sd: float = 2.0
) -> TissueBounds:
    """Find the fluid and the intensities between which a voxel is tissue.

    Parameters
    ----------
    t1w, brain : (I, J, K) array
        Bias-corrected image in any unit, and the brain mask.
    priors : TissuePriors
        On the same grid.
    csf_sd : float
        The darkest tissue lies so many standard deviations above the mean of fluid, but
        never above the middle between fluid and white matter, where a poor fit of fluid
        would put it. The brightest lies four above the mean of white matter: beyond are
        vessels and an enhancing choroid plexus.
    """
    inside = priors.at(brain)
    model = fit_tissue(t1w[brain], priors=inside, csf_is_dark=False)
    fluid = np.zeros(brain.shape, dtype=bool)
    fluid[brain] = model.posteriors(t1w[brain] / np.float32(model.scale), priors=inside)[0] > 0.5
    csf, _, wm = model.means
    darkest = min(csf + csf_sd * model.deviations[0], (csf + wm) / 2)
    brightest = wm + _VESSEL_SD * model.deviations[2]
    return TissueBounds(
        fluid=fluid,
        darkest=float(darkest * model.scale),
        brightest=float(brightest * model.scale),
    )

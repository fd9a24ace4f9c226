"""Grey matter, white matter and fluid on a T1w image."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Volume
from npsle_app.imaging.space.volumes import cut, on_grid_of, put_back, voxel_mm3
from npsle_app.imaging.tissue.mixture import fit_mixture

_DEEP_TRUST = 0.9  # how far the template's deep grey matter is believed
_AT_RIM = 0.5
# Least prior of fluid, cortex, white matter and deep nuclei, which have one place.
_ANYWHERE = (0.005, 0.005, 0.005, 0.0001)
LABELS = {1: "GM", 2: "WM", 3: "CSF"}


@dataclass(frozen=True, slots=True)
class TissueMaps:
    """Probabilities from 0 to 1 on one grid; they add to 1 inside the skull, 0 outside."""

    gm: nib.Nifti1Image
    wm: nib.Nifti1Image
    csf: nib.Nifti1Image

    @property
    def labels(self) -> nib.Nifti1Image:
        """The likeliest class of each voxel: 1 GM, 2 WM, 3 CSF, 0 outside."""
        stack = np.stack([m.get_fdata(dtype=np.float32) for m in (self.gm, self.wm, self.csf)])
        inside = stack.sum(axis=0) > 0.5
        return on_grid_of(self.gm, np.where(inside, stack.argmax(axis=0) + 1, 0).astype(np.uint8))


@dataclass(frozen=True, slots=True)
class TissuePriors:
    """The template's maps warped to the image's grid, fractions from 0 to 1."""

    gm: nib.Nifti1Image
    wm: nib.Nifti1Image
    deep_gm: nib.Nifti1Image


def segment(
    t1w: nib.Nifti1Image,
    *,
    mask: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    priors: TissuePriors,
    prior_weight: float,
    mrf_weight: float,
    iterations: int,
) -> TissueMaps:
    """Segment by a Gaussian mixture with spatial priors, partial volume and a Markov field.

    Parameters
    ----------
    t1w : Nifti1Image
        Bias-corrected, lesions filled.
    mask : Nifti1Image
        The intracranial space, or the brain where the skull was taken off before.
    brain : Nifti1Image
        The brain alone. Outside it dura and sinuses are as bright as cortex: there is tissue
        only in the outermost voxels, as far as fluid holds half of them.
    priors : TissuePriors
        Deep grey matter is a class of its own: its T1w signal lies between cortex and white
        matter, and a single class for all grey matter loses half of it.
    """
    csf, cortex, wm, deep = fit_mixture(
        cut(t1w, mask),
        mask=cut(mask, mask) > 0.5,
        priors=_class_priors(priors, mask),
        zooms_mm=np.linalg.norm(mask.affine[:3, :3], axis=0),
        prior_weight=prior_weight,
        mrf_weight=mrf_weight,
        iterations=iterations,
    )
    gm = cortex + deep
    is_brain = cut(brain, mask) > 0.5
    rim = ndimage.binary_dilation(is_brain) & (gm + wm <= _AT_RIM)
    tissue = is_brain | rim
    csf += np.where(tissue, 0, gm + wm)
    return TissueMaps(*(put_back(part, mask) for part in (gm * tissue, wm * tissue, csf)))


def count_lesions_as_white_matter(maps: TissueMaps, lesions: nib.Nifti1Image) -> TissueMaps:
    """Set lesion voxels to white matter, whatever the T1w image said of them."""
    inside = lesions.get_fdata(dtype=np.float32) > 0.5
    gm, wm, csf = (m.get_fdata(dtype=np.float32) for m in (maps.gm, maps.wm, maps.csf))
    return TissueMaps(
        gm=on_grid_of(maps.gm, np.where(inside, 0, gm)),
        wm=on_grid_of(maps.gm, np.where(inside, 1, wm)),
        csf=on_grid_of(maps.gm, np.where(inside, 0, csf)),
    )


def volume_ml(fraction: nib.Nifti1Image, *, within: nib.Nifti1Image | None = None) -> float:
    """Sum fractions to a volume, in mL; `within` is a mask on the same grid."""
    data = fraction.get_fdata(dtype=np.float32)
    if within is not None:
        data = data[within.get_fdata(dtype=np.float32) > 0.5]
    return float(data.sum(dtype=np.float64) * voxel_mm3(fraction) / 1000)


@dataclass(frozen=True, slots=True)
class Contrast:
    """How well the scan tells tissue apart: (μ_WM - μ_GM)/√(σ²_WM + σ²_GM), and μ_WM/σ_WM."""

    cnr: float
    snr_wm: float


def contrast(t1w: nib.Nifti1Image, maps: TissueMaps) -> Contrast:
    """Measure contrast and noise where a class is fairly certain (p > 0.9).

    Spread inside white matter includes its own texture: the ratio to noise is a lower bound.
    """
    data = t1w.get_fdata(dtype=np.float32)
    gm, wm = (data[m.get_fdata(dtype=np.float32) > 0.9] for m in (maps.gm, maps.wm))
    if not (gm.size and wm.size):
        return Contrast(cnr=0.0, snr_wm=0.0)
    spread = np.hypot(_sd(gm), _sd(wm))
    return Contrast(
        cnr=float((np.median(wm) - np.median(gm)) / max(spread, 1e-6)),
        snr_wm=float(np.median(wm) / max(_sd(wm), 1e-6)),
    )


def only(labels: nib.Nifti1Image, index: int) -> nib.Nifti1Image:
    """Return the mask of one label."""
    return on_grid_of(labels, np.asarray(labels.dataobj) == index)


@dataclass(frozen=True, slots=True)
class TissueVolumes:
    """Volumes in mL; `tiv_ml` and `csf_ml` are None where the scan has no skull."""

    gm_ml: float
    wm_ml: float
    wm_without_wmh_ml: float
    csf_ml: float | None
    tiv_ml: float | None

    def as_measures(self) -> dict[str, float | None]:
        """Name them as the tables do; total brain volume is grey plus white matter."""
        return {
            "tiv_ml": self.tiv_ml,
            "tbv_ml": self.gm_ml + self.wm_ml,
            "gm_ml": self.gm_ml,
            "wm_ml": self.wm_ml,
            "wm_without_wmh_ml": self.wm_without_wmh_ml,
            "csf_ml": self.csf_ml,
        }


def measure(
    maps: TissueMaps, *, intracranial: nib.Nifti1Image | None, lesions: nib.Nifti1Image | None
) -> TissueVolumes:
    """Sum the maps; lesions, already white matter in them, are taken out once more."""
    wm = volume_ml(maps.wm)
    return TissueVolumes(
        gm_ml=volume_ml(maps.gm),
        wm_ml=wm,
        wm_without_wmh_ml=wm - (volume_ml(maps.wm, within=lesions) if lesions else 0.0),
        csf_ml=volume_ml(maps.csf) if intracranial else None,
        tiv_ml=volume_ml(intracranial) if intracranial else None,
    )


def _sd(values: Volume) -> float:
    """Spread by the interquartile range: vessels and rims do not count."""
    low, high = np.percentile(values, (25, 75))
    return float((high - low) / 1.349)


def _class_priors(priors: TissuePriors, mask: nib.Nifti1Image) -> Volume:
    """Return priors of CSF, cortex, WM and deep GM over the box of the mask; they add to 1."""
    deep, gm, wm = (
        np.clip(cut(prior, mask), 0, 1) for prior in (priors.deep_gm, priors.gm, priors.wm)
    )
    csf = np.clip(1 - gm - wm, 0, 1)
    parts = np.stack([csf, gm * (1 - deep), wm * (1 - _DEEP_TRUST * deep), _DEEP_TRUST * deep])
    parts += np.reshape(_ANYWHERE, (-1, 1, 1, 1))
    return np.asarray(parts / parts.sum(axis=0), dtype=np.float32)

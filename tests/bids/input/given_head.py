"""A head of folded white matter in grey matter, with its T1w image and the maps of its tissues."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.bids.input.brain_maps import find_brain_maps
from npsle_app.bids.input.scans import Choice, Scan, Session

SHAPE, STEP_MM = (56, 64, 52), 3.0
AFFINE = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
VOXEL_ML = STEP_MM**3 / 1000


@dataclass(frozen=True)
class GivenHead:
    """Shares of each tissue, and the image."""

    gm: np.ndarray
    wm: np.ndarray
    csf: np.ndarray
    t1w: np.ndarray

    @property
    def brain(self):
        return (self.gm + self.wm > 0.5).astype(np.uint8)

    @property
    def labels(self):
        """Numbers of BIDS."""
        stack = np.stack([np.full(SHAPE, 0.5), self.gm, self.wm, self.csf])
        return stack.argmax(axis=0).astype(np.int16)


def make_head(seed=1):
    rng = np.random.default_rng(seed)
    middle = (np.array(SHAPE) - 1) / 2
    reach = np.array([20, 24, 18])[:, None, None, None]
    where = np.indices(SHAPE) - middle[:, None, None, None]
    radius = np.sqrt(((where / reach) ** 2).sum(axis=0))
    folds = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.5)
    white = radius + 2.0 * folds < 0.8
    ventricle = np.sqrt(((where[:, :, :, :] / (reach / 5)) ** 2).sum(axis=0)) < 1
    wm = ndimage.gaussian_filter((white & (radius < 1) & ~ventricle).astype(float), 0.5)
    csf = ((radius < 1.1) & (radius >= 1)) | ventricle
    wm = np.where(csf | (radius >= 1.1), 0, wm)
    gm = np.where((radius < 1) & ~ventricle, 1 - wm, 0)
    shading = 1 + 0.3 * where[0] / SHAPE[0]
    t1w = (100 * wm + 65 * gm + 20 * csf + 5) * shading + rng.normal(0, 4, SHAPE)
    return GivenHead(
        *(part.astype(np.float32) for part in (gm, wm, csf)), np.maximum(t1w, 0).astype(np.float32)
    )


def save(data, path, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def save_fmriprep(head, folder, *, stem="sub-01"):
    """Leave what fMRIPrep does of a head."""
    for name in ("gm", "wm", "csf"):
        path = folder / f"sub-01/anat/{stem}_label-{name.upper()}_probseg.nii.gz"
        save(getattr(head, name), path)
    save(head.brain, folder / f"sub-01/anat/{stem}_desc-brain_mask.nii.gz")
    return folder


def session_of(head, raw: Path, *roots: Path, filters=None, with_t1w=True):
    """Return the session of a raw T1w image and what is given beside it."""
    t1w = save(head.t1w, raw / "sub-01/anat/sub-01_T1w.nii.gz")
    found = find_brain_maps(
        {root.name: root for root in roots}, participant="01", session=None, filters=filters
    )
    own = [Choice("t1w", Scan(t1w), "")] if with_t1w else []
    return Session("01", None, (*own, *found))


def given(session, kind):
    return session.scans[kind].maps

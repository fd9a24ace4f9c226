"""A ball of white matter with cortex, a ventricle and three lesions, as a session on disk."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.records import Record
from npsle_app.stages.participant.anat import AnatOutputs
from tests.imaging.wmh.unpatterned import unpatterned

SHAPE = (44, 44, 44)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
FLAIR = {"csf": 30.0, "gm": 100.0, "wm": 85.0, "lesion": 150.0}
SPOTS = ((22, 22, 33), (31, 22, 22), (22, 12, 22))
T1W = {"csf": 30.0, "gm": 100.0, "wm": 130.0, "lesion": 95.0}


@dataclass
class SmallSession:
    """What a stage is handed, and the truth."""

    flair: Scan
    anat: AnatOutputs
    out: Writer
    priors: LesionPriors
    lesions: np.ndarray

    @property
    def lesion_ml(self):
        return self.lesions.sum() * 8 / 1000


def distance(centre, *, shape=SHAPE):
    axes = zip(np.indices(shape), centre, strict=True)
    return np.sqrt(sum((axis - c) ** 2 for axis, c in axes))


def make_session(folder: Path, rng: np.random.Generator, *, shape=SHAPE, radius=19):
    """Make a head of `radius` voxels; its lesions are as large in a smaller one."""
    size, centre = radius / 19, np.array(shape) / 2
    middle = distance(centre, shape=shape)
    brain, core, ventricle = middle <= radius, middle <= 15 * size, middle <= 5 * size
    spots = centre + size * (np.array(SPOTS) - 22)
    lesions = np.any([distance(spot, shape=shape) <= 2.5 for spot in spots], axis=0)
    parts = [("gm", brain), ("wm", core), ("csf", ventricle), ("lesion", lesions)]
    raw, root = folder / "raw", folder / "out"
    out = Writer(root=root, participant="01", datasets={"raw": raw})
    flair = save(paint(FLAIR, parts, rng), raw / "sub-01/anat/sub-01_FLAIR.nii.gz")
    anat = root / "sub-01/anat"
    gm, wm, ventricles = (
        ndimage.gaussian_filter(where.astype(np.float32), 0.8)
        for where in (brain & ~core, core & ~ventricle, ventricle)
    )
    return SmallSession(
        flair=Scan(flair),
        anat=AnatOutputs(
            t1w=save(paint(T1W, parts, rng), anat / "sub-01_desc-preproc_T1w.nii.gz"),
            brain_mask=save(brain.astype(np.uint8), anat / "sub-01_desc-brain_mask.nii.gz"),
            intracranial_mask=None,
            t1w_in_template=anat / "none.nii.gz",
            t1w_to_template=save(brain.astype(np.uint8), anat / "sub-01_to_xfm.nii.gz"),
            template_to_t1w=save(brain.astype(np.uint8), anat / "sub-01_from_xfm.nii.gz"),
            record=out.record(Record(stage="anat", methods="", citations=())),
            figures=(),
        ),
        out=out,
        priors=LesionPriors(
            tissue=TissuePriors(gm=gm, wm=wm),
            lesion=np.where(core, 0.1, 0.004).astype(np.float32),
            ventricles=ventricles,
            **unpatterned(SHAPE, voxel_mm=2),
        ),
        lesions=lesions,
    )


def paint(values, parts, rng):
    image = np.zeros(parts[0][1].shape, np.float32)
    for name, where in parts:
        image[where] = values[name]
    return np.where(image > 0, image + rng.normal(0, 4, image.shape), 0).astype(np.float32)


def save(data, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, AFFINE), path)
    return path

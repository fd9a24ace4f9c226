"""What is true of a synthetic head."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Volume
from npsle_app.measures.names_of_regions import REGIONS, RIGHT_LABELS, SIDES, measure_name
from npsle_app.phantom.arteries.head_arteries import HeadArteries
from npsle_app.phantom.head.anatomy import Anatomy
from npsle_app.phantom.head.fibres import Fibres


@dataclass(frozen=True, slots=True)
class Truth:
    """Volumes (mL) of one head, in the words of the app's measures.

    Tissue volumes are sums of fractions; lesions count as white matter. `wmh_ml` counts
    voxels with a lesion fraction ≥ 0.5, `wmh_soft_ml` sums the fractions. `wmh_new_ml` is the
    part of `wmh_ml` in lesions (26-connected) that touch none of the session before, and
    `wmh_enlarged_ml` what the others have gained; both are None at the first session.
    `alps_left` and `alps_right` are the DTI-ALPS index of the tensors along the head's own axes.
    """

    tiv_ml: float
    tbv_ml: float
    gm_ml: float
    wm_ml: float
    csf_ml: float
    wmh_ml: float
    wmh_soft_ml: float
    wm_without_wmh_ml: float
    alps_left: float
    alps_right: float
    alps_mean: float
    flair_type: Literal["2D", "3D"]
    wmh_new_ml: float | None = None
    wmh_enlarged_ml: float | None = None


def find_truth(
    anatomy: Anatomy,
    *,
    lesions: Volume,
    before: Volume | None,
    fibres: Fibres,
    flair_type: Literal["2D", "3D"],
) -> Truth:
    """Measure the head that was drawn; `before` are the lesions of the session before."""
    ml = anatomy.grid.voxel_ml
    gm, wm, csf = (
        float(tissue.sum(dtype=np.float64)) * ml for tissue in (anatomy.gm, anatomy.wm, anatomy.csf)
    )
    inside = lesions >= 0.5
    new, enlarged = _grown(inside, before=before >= 0.5) if before is not None else (None, None)
    return Truth(
        tiv_ml=gm + wm + csf,
        tbv_ml=gm + wm,
        gm_ml=gm,
        wm_ml=wm,
        csf_ml=csf,
        wmh_ml=float(np.count_nonzero(inside)) * ml,
        wmh_soft_ml=float(lesions.sum(dtype=np.float64)) * ml,
        wm_without_wmh_ml=wm - float(anatomy.wm[inside].sum(dtype=np.float64)) * ml,
        alps_left=fibres.alps_left,
        alps_right=fibres.alps_right,
        alps_mean=(fibres.alps_left + fibres.alps_right) / 2,
        flair_type=flair_type,
        wmh_new_ml=None if new is None else new * ml,
        wmh_enlarged_ml=None if enlarged is None else enlarged * ml,
    )


def region_truth(anatomy: Anatomy) -> dict[str, float]:
    """Return the volume of each region by the names of the app's measures, mL.

    A voxel belongs to the region at its centre and counts by its grey matter; where the region
    has both tissues (thalamus, pallidum, cerebellum) by its grey and white matter.
    """
    numbers = anatomy.region.ravel().astype(np.intp)
    gm = np.bincount(numbers, weights=anatomy.gm.ravel(), minlength=2 * RIGHT_LABELS)
    wm = np.bincount(numbers, weights=anatomy.wm.ravel(), minlength=2 * RIGHT_LABELS)
    found: dict[str, float] = {}
    for region in REGIONS:
        counted = gm + wm if region.tissue == "grey and white matter" else gm
        for first, side in zip((0, RIGHT_LABELS), SIDES, strict=True):
            own = counted[[label + first for label in region.labels]].sum()
            found[measure_name(region.name, side=side)] = float(own) * anatomy.grid.voxel_ml
    return found


def vessel_truth(arteries: HeadArteries) -> dict[str, float]:
    """Return lumen and wall of each artery by the names of the app's measures, from its tube.

    Areas in mm², thickness in mm; the enhancement ratio is that of every wall.
    """
    found: dict[str, float] = {}
    for name, artery in arteries.main.items():
        found |= {
            f"vw_{name}_nwi": artery.nwi,
            f"vw_{name}_lumen_area_mm2": artery.lumen_mm2,
            f"vw_{name}_outer_wall_area_mm2": artery.lumen_mm2 + artery.wall_mm2,
            f"vw_{name}_wall_thickness_mean_mm": artery.thickness_mm,
        }
    nwi = float(np.mean([artery.nwi for artery in arteries.main.values()]))
    return {"vw_nwi": nwi, **found, "vw_enhancement_ratio": arteries.enhancement}


def _grown(inside: Bools, *, before: Bools) -> tuple[int, int]:
    """Count the voxels of lesions that were not there before, and what the others gained."""
    labels, _ = ndimage.label(inside, np.ones((3, 3, 3)))
    old = np.isin(labels, np.unique(labels[before]))
    return int((inside & ~old).sum()), int((inside & old & ~before).sum())

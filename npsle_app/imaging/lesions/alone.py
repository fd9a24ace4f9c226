"""What is measured of a lesion map where there is no T1w image, and so no map of tissue."""

from typing import Any

import nibabel as nib
import numpy as np
from pandas import DataFrame

from npsle_app.arrays import Mask
from npsle_app.imaging.lesions.components import label_lesions
from npsle_app.imaging.lesions.lesions import summarise_raw
from npsle_app.imaging.lesions.location import locate_lesions
from npsle_app.imaging.lesions.table import (
    COLUMNS,
    describe_lesions,
    summarise_places,
    summarise_sizes,
)
from npsle_app.imaging.space.volumes import check_same_grid, voxel_mm3

_BY_TISSUE = (
    "zone",
    "region",
    "within_5mm_mm3",
    "within_10mm_mm3",
    "ventricle_min_mm",
    "ventricle_max_mm",
)
COLUMNS_ALONE: dict[str, dict[str, Any]] = {
    name: meaning | {"Description": meaning["Description"].replace("the T1w image", "FLAIR")}
    for name, meaning in COLUMNS.items()
    if name not in _BY_TISSUE
}


def study_lesions_alone(
    flair: nib.Nifti1Image,
    *,
    mask: nib.Nifti1Image,
    probability: nib.Nifti1Image,
    white_matter: Mask,
    lobes: nib.Nifti1Image,
    field: nib.Nifti1Image,
    threshold: float,
    status_min_ml: float,
) -> tuple[DataFrame, dict[str, float | None]]:
    """Measure size, shape, side and lobe of lesions on FLAIR alone.

    Ventricles and cortex are not known without T1w: no lesion is told periventricular or
    juxtacortical, none is graded, and no cavity is sought.

    Parameters
    ----------
    flair, mask, probability : Nifti1Image
        One grid; a mask without lesions is a normal case.
    white_matter : (I, J, K) array of bool
        Where the template is sure of white matter, lesions left out, for their contrast.
    lobes : Nifti1Image
        In template space; `field` leads there from FLAIR.
    threshold : float
        The probability that made the mask, for the numbers before the clean-up.
    status_min_ml : float
        Volume from which lesions count as present.

    Returns
    -------
    DataFrame
        One row for each lesion, in the columns of `COLUMNS_ALONE`.
    dict
        Numbers of the person, named as the app's measures.
    """
    check_same_grid(flair, mask, probability)
    labels = label_lesions(np.asarray(mask.dataobj) > 0)
    nowhere = np.zeros(labels.shape, dtype=bool)
    voxels = locate_lesions(
        labels,
        ventricles=nowhere,
        cortex=nowhere,
        lobes=lobes,
        field=field,
        affine=flair.affine,
    )
    table = describe_lesions(
        voxels,
        flair=flair.get_fdata(dtype=np.float32),
        white_matter=white_matter & (labels == 0),
        affine=flair.affine,
    )
    numbers = {
        **summarise_sizes(table),
        **summarise_raw(probability, threshold=threshold),
        **summarise_places(voxels, voxel_mm3=voxel_mm3(flair)),
        "wmh_status": float(table["volume_mm3"].sum() / 1000 >= status_min_ml),
    }
    return table[list(COLUMNS_ALONE)], numbers

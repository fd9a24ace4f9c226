"""All that is measured of a lesion map beyond its volume."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from pandas import DataFrame
from scipy import ndimage

from npsle_app.arrays import Ints, Volume
from npsle_app.imaging.lesions import signs
from npsle_app.imaging.lesions.components import label_lesions
from npsle_app.imaging.lesions.location import LesionVoxels, Region, find_cortex, locate_lesions
from npsle_app.imaging.lesions.table import (
    describe_lesions,
    region_labels,
    summarise_places,
    summarise_regions,
    summarise_sizes,
)
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, check_same_grid, voxel_mm3

_SURE = 0.9
REGION_NAMES = {region.value: region.name.lower() for region in Region}


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionImages:
    """Images of one person on one grid; maps of tissue and lesion from 0 to 1.

    `ventricles` marks the lateral ones; empty where none were found. Lesions that were given, not
    found, may lack `flair` and `probability`.
    """

    t1w: nib.Nifti1Image
    flair: nib.Nifti1Image | None
    brain: nib.Nifti1Image
    mask: nib.Nifti1Image
    probability: nib.Nifti1Image | None
    gm: nib.Nifti1Image
    wm: nib.Nifti1Image
    csf: nib.Nifti1Image
    ventricles: nib.Nifti1Image

    def __post_init__(self) -> None:
        check_same_grid(
            self.t1w,
            *(image for image in (self.flair, self.probability) if image is not None),
            self.brain,
            self.mask,
            self.gm,
            self.wm,
            self.csf,
            self.ventricles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMaps:
    """What the template expects, (I, J, K) on the person's grid, but for `lobes`.

    `deep_gm` and `wm` are fractions; `lobes` is an image in template space and `field` leads
    there from the T1w image.
    """

    deep_gm: Volume
    wm: Volume
    lobes: nib.Nifti1Image
    field: nib.Nifti1Image


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionFindings:
    """The lesions of one person.

    `regions` holds `Region` values on the grid; `numbers` are named as the app's measures, None
    where a number is not defined; `hanging` names those that hang on the ventricles.
    """

    regions: NDArray[np.uint8]
    voxels: LesionVoxels
    table: DataFrame
    suspects: tuple[signs.Suspect, ...]
    numbers: dict[str, float | None]
    hanging: frozenset[str]


def study_lesions(
    images: LesionImages, *, maps: TemplateMaps, threshold: float, status_min_ml: float
) -> LesionFindings:
    """Measure where lesions lie, how large they are and of what shape.

    Parameters
    ----------
    images, maps
        One grid; a mask without lesions is a normal case.
    threshold : float
        The probability that made the mask, for the numbers before the clean-up.
    status_min_ml : float
        Volume from which lesions count as present.

    Returns
    -------
    LesionFindings
        Without lateral ventricles all numbers that hang on them are None. What FLAIR does not
        show (0 there) is neither normal white matter nor a cavity. Without FLAIR contrasts are
        missing and cavities are not told.
    """
    lesions = np.asarray(images.mask.dataobj) > 0
    gm, wm, csf = (
        image.get_fdata(dtype=np.float32) for image in (images.gm, images.wm, images.csf)
    )
    labels, affine = label_lesions(lesions), images.t1w.affine
    ventricles = np.asarray(images.ventricles.dataobj) > 0
    voxels = locate_lesions(
        labels,
        ventricles=ventricles,
        cortex=find_cortex(gm, deep_gm=maps.deep_gm, voxel_sizes_mm=voxel_sizes(affine)),
        lobes=maps.lobes,
        field=maps.field,
        affine=affine,
    )
    flair = None if images.flair is None else images.flair.get_fdata(dtype=np.float32)
    brain = np.asarray(images.brain.dataobj) > 0
    normal = (wm > _SURE) & ~ndimage.binary_dilation(lesions, NEIGHBOURS_26)
    if flair is not None:
        normal &= flair > 0
    table = describe_lesions(voxels, flair=flair, white_matter=normal, affine=affine)
    cavities = (
        ()
        if flair is None
        else signs.find_cavities(
            images.t1w.get_fdata(dtype=np.float32),
            flair,
            brain=brain & ndimage.binary_fill_holes(flair > 0),
            lesions=lesions,
            ventricles=ventricles,
            csf=csf,
            white_matter=normal,
            expected=maps.wm + maps.deep_gm,
            affine=affine,
        )
    )
    suspects = (*cavities, *signs.find_large(table))
    hanging = _by_ventricles(table, found=bool(ventricles.any()))
    return LesionFindings(
        regions=_paint(labels, table=table),
        voxels=voxels,
        table=table,
        suspects=suspects,
        numbers={
            **hanging,
            **summarise_sizes(table),
            **summarise_raw(images.probability, threshold=threshold),
            **summarise_places(voxels, voxel_mm3=voxel_mm3(images.t1w)),
            "wmh_status": float(table["volume_mm3"].sum() / 1000 >= status_min_ml),
            "wmh_cavity_count": None if flair is None else float(len(cavities)),
            "wmh_infarct_suspects": None if flair is None else float(len(suspects)),
            "lateral_ventricles_ml": float(ventricles.sum() * voxel_mm3(images.t1w) / 1000),
        },
        hanging=frozenset({*hanging, "lateral_ventricles_ml"}),
    )


def _by_ventricles(table: DataFrame, *, found: bool) -> dict[str, float | None]:
    numbers = summarise_regions(table) | {
        "wmh_fazekas_periventricular": float(signs.fazekas_periventricular(table)),
        "wmh_fazekas_deep": float(signs.fazekas_deep(table)),
    }
    return numbers if found else dict.fromkeys(numbers)


def summarise_raw(
    probability: nib.Nifti1Image | None, *, threshold: float
) -> dict[str, float | None]:
    """Measure and count what lies above the threshold before any component is removed."""
    if probability is None:
        return {"wmh_raw_ml": None, "wmh_raw_count": None}
    above = probability.get_fdata(dtype=np.float32) >= threshold
    return {
        "wmh_raw_ml": float(above.sum() * voxel_mm3(probability) / 1000),
        "wmh_raw_count": float(label_lesions(above).max(initial=0)),
    }


def _paint(labels: Ints, *, table: DataFrame) -> NDArray[np.uint8]:
    """Give each voxel the region of its lesion."""
    by_number = np.zeros(len(table) + 1, dtype=np.uint8)
    for number, region in region_labels(table).items():
        by_number[number] = region
    painted: NDArray[np.uint8] = by_number[labels]
    return painted

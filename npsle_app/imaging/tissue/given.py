"""Tissues that another program has told apart: maps of shares, or labels of tissue and region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Ints, Mask, Volume
from npsle_app.imaging.space.volumes import on_grid_of, voxel_mm3
from npsle_app.imaging.tissue.segmentation import TissueMaps, volume_ml
from npsle_app.measures.names_of_regions import (
    LATERAL_VENTRICLE,
    REGIONS,
    RIGHT_LABELS,
    SIDES,
    measure_name,
)
from npsle_app.records import Check, Qc, graded

_OUTSIDE = (0.05, 0.15)  # of tissue; of maps of the head itself 1 to 2 % (three people)
_ELSEWHERE = 0.3
_MOST_GREY_ML = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLabels:
    """Labels of regions: an (I, J, K) array, and the numbers of each region by name and side."""

    data: Ints
    numbers: Mapping[tuple[str, str], Sequence[int]]

    def mask(self, region: str, *, side: str) -> Mask:
        """Return the voxels of a region on one side."""
        found: Mask = np.isin(self.data, list(self.numbers.get((region, side), ())))
        return found

    def regions(self) -> tuple[str, ...]:
        """Name the regions that have voxels on both sides."""
        there = {key for key, numbers in self.numbers.items() if np.isin(self.data, numbers).any()}
        names = dict.fromkeys(name for name, _ in self.numbers)
        return tuple(name for name in names if all((name, side) in there for side in SIDES))


def complete_fluid(
    gm: Volume, wm: Volume, *, csf: Volume | None, space: nib.Nifti1Image
) -> TissueMaps:
    """Put given maps together; without fluid of the whole head it is what they leave of `space`.

    Grey and white matter stay as they were given, to the voxel.
    """
    if csf is None:
        inside = np.asarray(space.dataobj) > 0
        csf = np.where(inside, np.clip(1 - gm - wm, 0, 1), 0).astype(np.float32)
    return TissueMaps(*(on_grid_of(space, part) for part in (gm, wm, csf)))


def measure_labelled(labels: RegionLabels, *, voxel_ml: float) -> dict[str, float]:
    """Measure the regions that labels have on both sides, in mL by measure name."""
    there = labels.regions()
    return {
        measure_name(region, side=side): float(labels.mask(region, side=side).sum()) * voxel_ml
        for region in (*(one.name for one in REGIONS), LATERAL_VENTRICLE)
        if region in there
        for side in SIDES
    }


def find_labelled_ventricles(labels: RegionLabels) -> Mask | None:
    """Return the lateral ventricles of both sides; None where the labels have none."""
    if LATERAL_VENTRICLE not in labels.regions():
        return None
    left, right = (labels.mask(LATERAL_VENTRICLE, side=side) for side in SIDES)
    both: Mask = left | right
    return both


def show_labelled(shown: nib.Nifti1Image, labels: RegionLabels) -> nib.Nifti1Image:
    """Put given regions into a label image of the app, in the place of its own.

    Only regions that are one number there; lobes are many.
    """
    data: NDArray[np.uint8] = np.asarray(shown.dataobj).astype(np.uint8)
    single = {one.name: one.labels[0] for one in REGIONS if len(one.labels) == 1}
    for name in (name for name in labels.regions() if name in single):
        for number, side in zip((single[name], single[name] + RIGHT_LABELS), SIDES, strict=True):
            data[data == number] = 0
            data[labels.mask(name, side=side)] = number
    return on_grid_of(shown, data)


def check_inside(maps: TissueMaps, *, brain: nib.Nifti1Image) -> Check:
    """Judge how much of given grey and white matter lies outside the brain mask.

    Raises
    ------
    ValueError
        If it is almost a third or more: of another head.
    """
    tissue_ml = volume_ml(maps.gm) + volume_ml(maps.wm)
    inside_ml = volume_ml(maps.gm, within=brain) + volume_ml(maps.wm, within=brain)
    outside = 1 - inside_ml / max(tissue_ml, 1e-6)
    if outside > _ELSEWHERE:
        msg = f"{outside:.0%} of the tissue that was given lies outside the brain: look whether "
        msg += "it is of this person and session"
        raise ValueError(msg)
    return Check.judged(
        "Given tissue inside the brain",
        seen=f"{100 * outside:.1f} % outside",
        expected=f"at most {100 * _OUTSIDE[0]:.0f} %; fails over {100 * _OUTSIDE[1]:.0f} %",
        state=graded(outside, warn=_OUTSIDE[0], fail=_OUTSIDE[1]),
        advice="look at the tissue classes and the brain mask: one of both is wrong",
    )


def check_lesions_in_grey(maps: TissueMaps, *, lesions: nib.Nifti1Image | None) -> Check:
    """Judge how much of the lesions counts as grey matter in given maps, which stay as they are."""
    if lesions is None:
        return Check.judged(
            "Lesions in given tissue",
            seen="not known",
            expected="lesions are known",
            state=Qc.WARN,
            advice="the program may have counted lesions as grey matter",
        )
    grey_ml = volume_ml(maps.gm, within=lesions)
    whole_ml = float((np.asarray(lesions.dataobj) > 0).sum()) * voxel_mm3(lesions) / 1000
    return Check.judged(
        "Lesions in given tissue",
        seen=f"{grey_ml:.2f} of {whole_ml:.2f} mL count as grey matter",
        expected=f"at most {_MOST_GREY_ML:g} mL",
        state=Qc.PASS if grey_ml <= _MOST_GREY_ML else Qc.WARN,
        advice="the volumes are those of the program: have it segment the T1w image with lesions "
        "filled (desc-lesionfilled_T1w)",
    )

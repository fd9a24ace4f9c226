"""What a reader would grade or look for: Fazekas grades and what may be an infarct.

All of it is estimated from the lesion map, not rated, and no diagnosis.
"""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from pandas import DataFrame
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.imaging.lesions.components import extent_mm
from npsle_app.imaging.space.volumes import NEIGHBOURS_26
from npsle_app.records import Check, Qc

LARGE_MM = 15.0
_LEAST_CAVITY_MM3 = 15.0  # a lacune of 3 mm
_LEAST_RIM = 0.3  # share of a cavity's shell that is lesion
_LEAST_EXPECTED = 0.5
_NEAR_VENTRICLE_MM = 3.0
_SURE = 0.9
_LISTED = 6
_BALL_10MM_MM3, _BALL_20MM_MM3 = (np.pi / 6 * diameter**3 for diameter in (10.0, 20.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """What may be an infarct: where, in the world of the T1w image (RAS, mm), and how long."""

    kind: str
    place: str
    extent_mm: float
    centre_mm: tuple[float, float, float]

    def __str__(self) -> str:
        x, y, z = (round(value) for value in self.centre_mm)
        place = f", {self.place}" if self.place else ""
        return f"{self.kind} of {self.extent_mm:.0f} mm{place} at ({x}, {y}, {z}) mm"


def fazekas_periventricular(table: DataFrame) -> int:
    """Estimate the periventricular grade from the lesion that reaches furthest in bulk.

    0 where none comes within 3 mm of a lateral ventricle; else 1 (caps, pencil-thin lining);
    2 (halo) where a lesion that touches has at least the volume of a ball of 10 mm, 0.52 mL,
    beyond 5 mm from the ventricles; 3 (extends into deep white matter) where it has as much
    beyond 10 mm. `table` is that of `describe_lesions`. A lesion that grows never lowers the
    grade, and no single voxel raises it from 1 to 3: the furthest voxel of a small lesion,
    which a threshold moves by millimetres, is not what a reader looks at.

    References
    ----------
    The classes are those of Fazekas et al. (1987) AJR 149:351, doi:10.2214/ajr.149.2.351, who
    give no lengths; distances and volumes are ours.
    """
    touching = table[table["zone"] != "deep"]
    if touching.empty:
        return 0
    beyond_5mm, beyond_10mm = (
        float((touching["volume_mm3"] - touching[within]).max())
        for within in ("within_5mm_mm3", "within_10mm_mm3")
    )
    return 1 + (beyond_5mm >= _BALL_10MM_MM3) + (beyond_10mm >= _BALL_10MM_MM3)


def fazekas_deep(table: DataFrame) -> int:
    """Estimate the deep grade from the largest deep lesion above the tentorium.

    0 none; 1 (punctate) smaller than a ball of 10 mm, 0.52 mL; 2 (beginning confluence) smaller
    than a ball of 20 mm, 4.19 mL; 3 (large confluent areas) from there. Of a lesion that touches
    the ventricles, what lies beyond 10 mm counts from 0.52 mL. See `fazekas_periventricular`.
    """
    deep = table[(table["zone"] == "deep") & (table["region"] != "infratentorial")]
    touching = table[table["zone"] != "deep"]
    reaching = touching["volume_mm3"] - touching["within_10mm_mm3"]
    sizes = [*deep["volume_mm3"], *reaching[reaching >= _BALL_10MM_MM3]]
    return 1 + int(np.digitize(max(sizes), (_BALL_10MM_MM3, _BALL_20MM_MM3))) if sizes else 0


def find_cavities(
    t1w: Volume,
    flair: Volume,
    *,
    brain: Mask,
    lesions: Mask,
    ventricles: Mask,
    csf: Volume,
    white_matter: Mask,
    expected: Volume,
    affine: Floats,
) -> tuple[Suspect, ...]:
    """Find pockets as dark as fluid in both images with a bright rim.

    A pocket (6-connected) counts from 15 mm³ if it reaches neither the border of the brain
    nor within 3 mm of a lateral ventricle, if at least 30 % of its shell is lesion, and if
    the template expects white matter or deep grey matter there. Old infarcts that open into
    a sulcus or a ventricle are missed, and so are those without a rim.

    Parameters
    ----------
    t1w, flair : (I, J, K) array
        Bias-corrected, lesions not filled.
    brain, lesions, ventricles : (I, J, K) array of bool
        On the same grid.
    csf : (I, J, K) array
        Share of fluid.
    white_matter : (I, J, K) array of bool
        White matter outside lesions.
    expected : (I, J, K) array
        The template's white matter and deep grey matter, from 0 to 1.
    affine : (4, 4) array
        Voxels to world.

    Returns
    -------
    tuple of Suspect
        Empty also where there is no fluid or no white matter to compare with.
    """
    fluid = brain & (csf > _SURE)
    if not (lesions.any() and fluid.any() and white_matter.any()):
        return ()
    dark = brain.copy()
    for image in (t1w, flair):
        dark &= image < (np.median(image[fluid]) + np.median(image[white_matter])) / 2
    labels, _ = ndimage.label(dark)
    voxel_mm3 = float(abs(np.linalg.det(affine[:3, :3])))
    barred = np.unique(labels[_open(brain, ventricles=ventricles, affine=affine)])
    touched = np.unique(labels[ndimage.binary_dilation(lesions, NEIGHBOURS_26)])
    sizes = np.bincount(labels.ravel()) * voxel_mm3
    boxes = ndimage.find_objects(labels)
    return tuple(
        _cavity(labels, number=int(number), affine=affine)
        for number in np.setdiff1d(touched, [0, *barred])
        if sizes[number] >= _LEAST_CAVITY_MM3
        and _is_rimmed(
            labels, number=int(number), box=boxes[number - 1], lesions=lesions, expected=expected
        )
    )


def _open(brain: Mask, *, ventricles: Mask, affine: Floats) -> Mask:
    """Mark the border of the brain and what lies within 3 mm of the ventricles."""
    sampling = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    border: Mask = brain & ~ndimage.binary_erosion(brain, NEIGHBOURS_26)
    if not ventricles.any():
        return border
    distance = ndimage.distance_transform_edt(~ventricles, sampling=sampling)
    marked: Mask = border | (distance <= _NEAR_VENTRICLE_MM)
    return marked


def _is_rimmed(
    labels: NDArray[np.integer],
    *,
    number: int,
    box: tuple[slice, ...],
    lesions: Mask,
    expected: Volume,
) -> bool:
    around = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
    core = labels[around] == number
    shell = ndimage.binary_dilation(core, NEIGHBOURS_26) & ~core
    rim = lesions[around][shell].mean()
    return bool(rim >= _LEAST_RIM and expected[around][core].mean() >= _LEAST_EXPECTED)


def _cavity(labels: NDArray[np.integer], *, number: int, affine: Floats) -> Suspect:
    points = apply_affine(affine, np.argwhere(labels == number))
    x, y, z = points.mean(axis=0)
    return Suspect(
        kind="dark cavity with a bright rim",
        place="",
        extent_mm=extent_mm(points, voxel_mm3=float(abs(np.linalg.det(affine[:3, :3])))),
        centre_mm=(float(x), float(y), float(z)),
    )


def find_large(table: DataFrame) -> tuple[Suspect, ...]:
    """List lesions longer than 15 mm, the longest first; `table` of `describe_lesions`."""
    large = table[table["extent_mm"] > LARGE_MM].sort_values("extent_mm", ascending=False)
    return tuple(
        Suspect(
            kind=f"{row['region']} lesion",
            place=f"{row['side']} {row['lobe']}".replace("_", " or "),
            extent_mm=float(row["extent_mm"]),
            centre_mm=(float(row["x_mm"]), float(row["y_mm"]), float(row["z_mm"])),
        )
        for row in large.to_dict("records")
    )


def check_infarcts(suspects: tuple[Suspect, ...]) -> Check:
    """Tell what may be an infarct; paper 2 excluded people with infarcts over 1.5 cm."""
    more = len(suspects) - _LISTED
    listed = "; ".join(str(suspect) for suspect in suspects[:_LISTED])
    return Check.judged(
        "Infarct suspects",
        seen=f"{listed}; and {more} more" if more > 0 else listed or "none",
        expected="no fluid-like cavity with a bright rim and no lesion over 1.5 cm",
        state=Qc.WARN if suspects else Qc.PASS,
        advice="flagged for exclusion, research use only; look: bands along the ventricles and "
        "confluent lesions are as long without any infarct",
    )

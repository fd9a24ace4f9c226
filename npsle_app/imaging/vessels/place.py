"""Where vessels lie in the head: search boxes of the template, sides, and a check of both."""

from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.imaging.space.alignment import Alignment, mark_shown, measure_alignment
from npsle_app.imaging.space.displacement import apply_displacement
from npsle_app.imaging.space.registration import register_rigid, resample
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.planes import box_of_points
from npsle_app.measures.names_of_vessels import VesselName

Range = tuple[float, float]

_MARGIN_MM = 9.0
_LATTICE_MM = 4.0
_LEAST_PLANES = 8
_MAX_AWAY_MM = 20.0
_MIDLINE_MM = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a vessel is sought, in mm of the template; `x` counts from the midline outwards.

    A vessel in the middle has `x` from the left to the right.
    """

    x: Range
    y: Range
    z: Range

    def ranges(self, side: str) -> tuple[Range, Range, Range]:
        """Return the ranges of x, y and z, RAS, of the vessel on this side."""
        x = (-self.x[1], -self.x[0]) if side == "left" else self.x
        return x, self.y, self.z


# Held against the fluid around the brainstem and in the Sylvian fissure of the template; not
# fitted to vessels of people. M1 begins where the carotid's box ends, that it holds M1 alone.
BOXES = {
    "M1": Box(x=(13, 38), y=(-6, 12), z=(-27, -10)),
    "ICA": Box(x=(6, 15.5), y=(0, 14), z=(-32, -17)),
    "BA": Box(x=(-6, 6), y=(-24, -6), z=(-49, -18)),
    "V4": Box(x=(1, 18), y=(-46, -20), z=(-72, -48)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlace:
    """How the vessel-wall image lies in head and template.

    `to_image` maps T1w world to that of the image (4, 4), mm; the fields are those of the T1w
    image: `to_t1w` from points of the template, `to_template` back (ITK convention).
    """

    to_image: Floats
    to_t1w: nib.Nifti1Image
    to_template: nib.Nifti1Image

    def template_points(self, points: Floats) -> Floats:
        """Move (n, 3) points of the image, mm, RAS, to the template."""
        in_t1w = nib.affines.apply_affine(np.linalg.inv(self.to_image), points)
        return apply_displacement(in_t1w, field=self.to_template)

    def image_points(self, points: Floats) -> Floats:
        """Move (n, 3) points of the template, mm, RAS, to the image."""
        in_t1w = apply_displacement(points, field=self.to_t1w)
        moved: Floats = nib.affines.apply_affine(self.to_image, in_t1w)
        return moved


def align_head(
    image: nib.Nifti1Image, *, t1w: nib.Nifti1Image, brain: nib.Nifti1Image, seed: int
) -> tuple[Floats, Alignment]:
    """Find the rigid motion from the T1w image to the vessel-wall image, and measure it.

    Returns
    -------
    (4, 4) array, Alignment
        T1w world to image world, mm; how far that moved it and whether likeness grew.
    """
    matrix = register_rigid(image, fixed=t1w, seed=seed, fixed_mask=brain)
    before, after = (
        resample(image, reference=t1w, matrix=motion, order=1).get_fdata(dtype=np.float32)
        for motion in (np.eye(4), matrix)
    )
    shown = mark_shown(image, reference=t1w, matrix=matrix)
    inside = brain.get_fdata(dtype=np.float32) > 0
    alignment = measure_alignment(
        matrix,
        t1w=t1w.get_fdata(dtype=np.float32),
        before=before,
        after=after,
        brain=inside & shown if (inside & shown).any() else inside,
        shown=shown,
        affine=t1w.affine,
    )
    return matrix, alignment


def search_box(
    image: nib.Nifti1Image, *, name: VesselName, place: HeadPlace
) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Cut the image around a vessel's search box; return it and the box as a mask.

    Raises
    ------
    ValueError
        If the vessel has no search box, or this lies outside the image.
    """
    if name.label not in BOXES:
        msg = "it has no search box; give landmarks or masks"
        raise ValueError(msg)
    ranges = BOXES[name.label].ranges(name.side)
    lattice = np.array(list(product(*(np.arange(a, b + 0.1, _LATTICE_MM) for a, b in ranges))))
    part = _cut(image, points=place.image_points(lattice))
    if part is None:
        msg = "not assessable: its search box lies outside the field of view"
        raise ValueError(msg)
    grid = np.argwhere(np.ones(part.shape[:3], dtype=bool))
    points = place.template_points(nib.affines.apply_affine(part.affine, grid))
    inside = np.all(
        [(points[:, k] >= a) & (points[:, k] <= b) for k, (a, b) in enumerate(ranges)], axis=0
    )
    return part, on_grid_of(part, inside.reshape(part.shape[:3]))


def check_place(line: Centreline, *, name: VesselName, place: HeadPlace) -> None:
    """Raise ValueError if a vessel lies on the other side, or far from where it should be."""
    points = place.template_points(line.points)
    check_side(points, name=name)
    if name.label not in BOXES:
        return
    ranges = np.array(BOXES[name.label].ranges(name.side))
    beyond = np.maximum(ranges[:, 0] - points, points - ranges[:, 1]).clip(min=0)
    away = float(np.median(np.linalg.norm(beyond, axis=1)))
    if away > _MAX_AWAY_MM:
        msg = f"it lies {away:.0f} mm from where that vessel is expected"
        raise ValueError(msg)


def check_side(points: Floats, *, name: VesselName) -> None:
    """Raise ValueError if points of a vessel, (n, 3) in template mm, lie on the other side."""
    x = float(np.median(points[:, 0]))
    right = {"left": x < 0, "right": x > 0, "middle": abs(x) < _MIDLINE_MM}
    if not right[name.side]:
        where = "right" if x > 0 else "left"
        msg = (f"expected on the {name.side}, "
               f"found {abs(x):.0f} mm to the {where} of the midline")  # fmt: skip
        raise ValueError(msg)


def _cut(image: nib.Nifti1Image, *, points: Floats) -> nib.Nifti1Image | None:
    """Cut to the box around points and a margin; None where fewer than 8 planes are left."""
    box = box_of_points(points, image=image, margin_mm=_MARGIN_MM)
    if any(part.stop - part.start < _LEAST_PLANES for part in box):
        return None
    return image.slicer[box]

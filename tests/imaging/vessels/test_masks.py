"""Mode A: areas of drawn masks; and contours drawn as masks."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.masks import draw_masks, follow_mask, measure_masks
from npsle_app.imaging.vessels.measures import summarise

RADIUS_MM, OUTER_MM, VOXEL_MM = 1.5, 2.4, 0.25


def tubes(*, tilt=0.0, turn=0.0):
    """Return masks of a tube along z, tilted in y, with both ends inside the image."""
    affine = np.diag([VOXEL_MM] * 3 + [1.0])
    shape = (28, 48, 60)
    affine[:3, 3] = -VOXEL_MM * (np.array(shape) - 1) / 2 + turn
    points = nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    axis = np.array([0, np.sin(tilt), np.cos(tilt)])
    along = points @ axis
    away = np.linalg.norm(points - along[..., None] * axis, axis=-1)
    masks = [(away < radius) & (np.abs(along) < 7) for radius in (RADIUS_MM, OUTER_MM)]
    return [nib.Nifti1Image(mask.astype(np.uint8), affine) for mask in masks]


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_masks_give_the_areas_of_the_circles(tilt):
    lumen, outer = tubes(tilt=tilt, turn=0.07)
    _, sections, _ = measure_masks(lumen, outer=outer)
    found = summarise(sections, voxel_mm=VOXEL_MM)
    assert found.lumen_mm2.value == pytest.approx(np.pi * RADIUS_MM**2, rel=0.03)
    assert found.outer_mm2 == pytest.approx(np.pi * OUTER_MM**2, rel=0.03)
    assert found.nwi.value == pytest.approx(1 - (RADIUS_MM / OUTER_MM) ** 2, abs=0.012)
    assert found.thickness_mean_mm.value == pytest.approx(OUTER_MM - RADIUS_MM, abs=0.05)


def test_the_centreline_of_a_mask_runs_in_its_middle_from_end_to_end():
    lumen, _ = tubes()
    line = follow_mask(lumen)
    inner = np.abs(line.points[:, 2]) < 5
    assert np.hypot(*line.points[inner, :2].T).max() < 0.3
    assert line.length_mm == pytest.approx(14, abs=1.5)


def test_planes_near_the_ends_are_left_out():
    lumen, outer = tubes()
    line, sections, _ = measure_masks(lumen, outer=outer)
    assert np.abs(line.points[sections.accepted, 2]).max() < 6


def test_contours_drawn_as_masks_measure_the_same_again():
    lumen, outer = tubes()
    line = make_centreline(np.linspace([0, 0, -6], [0, 0, 6], 40))
    _, first, contours = measure_masks(lumen, outer=outer, line=line)
    angles = np.arange(72) * np.pi / 36
    towards = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outlines = [radii[..., None] * towards for radii in (contours.inner_mm, contours.outer_mm)]
    drawn = draw_masks(lumen, line=line, inner_mm=outlines[0], outer_mm=outlines[1])
    _, second, _ = measure_masks(drawn[0], outer=drawn[1], line=line)
    middle = np.abs(line.points[:, 2]) < 4
    assert second.nwi[middle] == pytest.approx(first.nwi[middle], abs=0.02)


def test_a_lumen_outside_its_wall_is_refused():
    lumen, outer = tubes()
    with pytest.raises(ValueError, match="voxels of the lumen mask lie outside"):
        measure_masks(outer, outer=lumen)


def test_an_empty_lumen_is_refused():
    lumen, outer = tubes()
    empty = nib.Nifti1Image(np.zeros(lumen.shape, np.uint8), lumen.affine)
    with pytest.raises(ValueError, match="the lumen mask is empty"):
        measure_masks(empty, outer=outer)


def test_masks_on_two_grids_are_refused():
    lumen, outer = tubes()
    with pytest.raises(ValueError, match="grids differ"):
        measure_masks(lumen, outer=outer.slicer[1:])

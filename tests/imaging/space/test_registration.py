"""Bringing images to one another."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.space.displacement import apply_displacement
from npsle_app.imaging.space.itk import ants, from_ants, matrix_of, to_ants, write_affine
from npsle_app.imaging.space.registration import (
    _starts,
    at_spacing,
    register_later_scan,
    register_rigid,
    resample,
    warp,
)
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.phantom.participant import Request, make_participant

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.2, -0.1, 0.3) @ np.diag([-1.5, 2.0, 2.5]), [10, -20, 30]
)
COARSELY = {"spacing_mm": 3.0}  # quicker; the starts are the same


def rigid(*, shift=(0, 0, 0), degrees=(0, 0, 0)):
    x, y, z = np.deg2rad(degrees)
    return nib.affines.from_matvec(nib.eulerangles.euler2mat(z, y, x), shift)


@pytest.fixture
def blob(rng):
    """A smooth image that is 0 at its edge."""
    data = np.zeros((24, 26, 28), np.float32)
    data[6:-6, 6:-6, 6:-6] = rng.normal(100, 30, (12, 14, 16))
    return nib.Nifti1Image(ndimage.gaussian_filter(data, 1.5), OBLIQUE)


@pytest.fixture(scope="module")
def head():
    scan = make_participant(Request(1, seed=0, voxel_mm=4, lesion_ml=0)).t1w
    return on_grid_of(scan, scan.get_fdata(dtype=np.float32))


def test_oblique_images_come_back_from_itk_as_they_went(blob):
    back = from_ants(to_ants(blob), blob)
    assert np.array_equal(back.get_fdata(), blob.get_fdata())
    assert np.allclose(back.affine, blob.affine)


def test_itk_sees_the_same_world_mirrored_in_x_and_y(blob):
    handed = to_ants(blob)
    assert handed.origin == pytest.approx(OBLIQUE[:3, 3] * [-1, -1, 1], abs=1e-4)
    assert handed.spacing == pytest.approx([1.5, 2.0, 2.5], abs=1e-4)


def test_matrices_survive_the_way_to_itk_and_back(tmp_path):
    matrix = rigid(shift=(5, -7, 9), degrees=(10, -5, 3)) @ np.diag([1.1, 0.9, 1.05, 1])
    path = write_affine(matrix, str(tmp_path / "a.mat"))
    read = matrix_of(ants.read_transform(path))
    assert np.allclose(read, matrix, atol=1e-5)


def test_a_shift_of_one_voxel_is_a_shift_of_one_voxel(blob):
    step = np.eye(4)
    step[:3, 3] = OBLIQUE[:3, 0]
    moved = resample(blob, reference=blob, matrix=step, order=1).get_fdata()
    inside = (slice(1, -1),) * 3  # on its outermost planes a rounding error is outside
    assert np.allclose(moved[:-1][inside], blob.get_fdata()[1:][inside], atol=1e-2)


def test_resampling_there_and_back_changes_little(blob):
    there = rigid(shift=(2, 1, -3), degrees=(4, 0, 2))
    moved = resample(blob, reference=blob, matrix=there)
    back = resample(moved, reference=blob, matrix=np.linalg.inv(there)).get_fdata()
    assert np.corrcoef(back.ravel(), blob.get_fdata().ravel())[0, 1] > 0.99


def test_splines_never_leave_the_range_of_the_image(blob):
    moved = resample(blob, reference=blob, matrix=rigid(shift=(0.7, 0.4, 0.2))).get_fdata()
    assert moved.min() >= blob.get_fdata().min()
    assert moved.max() <= blob.get_fdata().max()


def test_a_field_of_nothing_moves_nothing_and_keeps_labels(blob):
    labels = on_grid_of(blob, np.round(blob.get_fdata() / 50).astype(np.float32))
    empty = nib.Nifti1Image(np.zeros((*blob.shape, 1, 3), np.float32), blob.affine)
    empty.header.set_intent("vector")
    assert np.array_equal(
        warp(labels, reference=labels, field=empty, order=0).get_fdata(), labels.get_fdata()
    )


def test_coarse_images_keep_their_mean_and_place(blob):
    coarse = at_spacing(blob, spacing_mm=4.0)
    assert np.allclose(np.abs(coarse.affine[:3, :3]), 4 * np.eye(3))
    sums = [i.get_fdata().sum() * abs(np.linalg.det(i.affine)) for i in (coarse, blob)]
    assert sums[0] == pytest.approx(sums[1], rel=0.02)
    centres = [
        nib.affines.apply_affine(i.affine, ndimage.center_of_mass(i.get_fdata()))
        for i in (coarse, blob)
    ]
    assert np.allclose(*centres, atol=0.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "how"),
    [
        (rigid(shift=(4, -6, 5), degrees=(6, -3, 4)), {}),
        (rigid(shift=(80, 0, -60)), COARSELY),
    ],
    ids=["moved", "far-off"],
)
def test_a_known_motion_is_found_within_1_mm_and_1_degree(head, truth, how):
    """The second scan lies elsewhere in the scanner: same voxels, other affine."""
    moving = nib.Nifti1Image(head.get_fdata(dtype=np.float32), truth @ head.affine)
    found = register_rigid(moving, fixed=head, seed=1, **how)
    gap = np.linalg.inv(truth) @ found
    centre = np.array([0, -14, -12, 1])
    assert np.linalg.norm((gap @ centre - centre)[:3]) < 1
    angle = np.degrees(np.arccos(np.clip((np.trace(gap[:3, :3]) - 1) / 2, -1, 1)))
    assert angle < 1


def lose_origins(head, cut=(2, 7, 4)):
    """Return a head and a smaller field of view of it, both with their corner at 0, and the truth.

    By their headers they overlap, and the heads lie apart by what was cut away.
    """
    data, linear = head.get_fdata(dtype=np.float32), head.affine[:3, :3]
    corner = nib.affines.from_matvec(linear, np.zeros(3))
    part = data[tuple(slice(n, None) for n in cut)]
    truth = nib.affines.from_matvec(np.eye(3), -linear @ np.array(cut))
    return nib.Nifti1Image(data, corner), nib.Nifti1Image(part, corner), truth


@pytest.mark.parametrize("cut", [(2, 7, 4), (0, 9, 0), (5, 4, 6)])
def test_heads_whose_headers_lost_their_origin_start_from_their_centres_of_mass(head, cut):
    fixed, moving, truth = lose_origins(head, cut)
    gaps = [np.linalg.norm((truth - start)[:3, 3]) for start in _starts(moving, fixed)]
    assert gaps[0] > 24
    assert min(gaps) < 12


def test_headers_are_believed_where_the_heads_lie_together(head):
    moved = nib.Nifti1Image(head.get_fdata(), rigid(shift=(6, -8, 4)) @ head.affine)
    assert len(_starts(moved, head)) == 1


@pytest.mark.slow
@pytest.mark.fault(
    "Images",
    "origin lost in both headers, fields of view of other sizes",
    "brought together from the centres of the heads; told",
)
def test_heads_whose_headers_lost_their_origin_are_brought_together(head):
    fixed, moving, truth = lose_origins(head)
    found = register_rigid(moving, fixed=fixed, seed=1, **COARSELY)
    assert np.linalg.norm((found - truth)[:3, 3]) < 3


@pytest.mark.slow
def test_a_later_scan_of_an_unchanged_head_follows_its_motion_alone(head):
    motion = rigid(shift=(4, -3, 5), degrees=(3, -4, 2))
    later = resample(head, reference=head, matrix=motion)
    bright = later.get_fdata() > 0.5 * np.percentile(later.get_fdata(), 98)
    brain = on_grid_of(
        head, ndimage.binary_erosion(ndimage.binary_fill_holes(bright), iterations=2)
    )
    field = register_later_scan(later, earlier=head, brain=brain, seed=1)
    points = nib.affines.apply_affine(brain.affine, np.argwhere(np.asarray(brain.dataobj))[::29])
    gap = apply_displacement(points, field=field) - nib.affines.apply_affine(motion, points)
    assert np.median(np.linalg.norm(gap, axis=1)) < 0.3  # a thirteenth of a voxel

"""The space half-way between two scans of one head."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.space import halfway
from npsle_app.imaging.space.halfway import find_halfway, lay_grid, split_motion
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.phantom.participant import Request, make_participant


def rigid(*, shift=(0, 0, 0), degrees=(0, 0, 0)):
    x, y, z = np.deg2rad(degrees)
    return nib.affines.from_matvec(nib.eulerangles.euler2mat(z, y, x), shift)


THERE = rigid(shift=(5, -7, 9), degrees=(8, -5, 3))
BACK = np.linalg.inv(rigid(shift=(5.3, -7.2, 8.8), degrees=(8.2, -5, 2.9)))


def box(voxel_mm, *, shift=(0, 0, 0), size=20):
    data = np.zeros((size, size, size), np.uint8)
    data[4:-4, 5:-5, 6:-6] = 1
    return nib.Nifti1Image(data, nib.affines.from_matvec(np.eye(3) * voxel_mm, shift))


def test_both_halves_make_the_whole_motion():
    to_earlier, to_later = split_motion(THERE, np.linalg.inv(THERE))
    assert np.allclose(to_later @ np.linalg.inv(to_earlier), THERE, atol=1e-10)
    assert np.allclose(to_later, np.linalg.inv(to_earlier), atol=1e-10)


def test_registrations_that_disagree_are_averaged():
    to_earlier, to_later = split_motion(THERE, BACK)
    motion = to_later @ np.linalg.inv(to_earlier)
    assert np.abs(motion - THERE).max() < np.abs(np.linalg.inv(BACK) - THERE).max()
    assert np.allclose(motion[:3, :3] @ motion[:3, :3].T, np.eye(3), atol=1e-10)


def test_exchanged_sessions_exchange_the_halves_to_the_last_bit():
    to_earlier, to_later = split_motion(THERE, BACK)
    exchanged = split_motion(BACK, THERE)
    assert np.array_equal(exchanged[0], to_later)
    assert np.array_equal(exchanged[1], to_earlier)


def test_no_motion_is_no_motion():
    assert all(np.array_equal(way, np.eye(4)) for way in split_motion(np.eye(4), np.eye(4)))


def test_the_grid_is_the_same_whichever_session_comes_first():
    pair = (box(2.0), THERE), (box(1.0, shift=(3, 0, 1)), BACK)
    one, other = lay_grid(*pair), lay_grid(*pair[::-1])
    assert one.shape == other.shape
    assert np.array_equal(one.affine, other.affine)


def test_its_voxels_are_the_geometric_mean_of_both():
    grid = lay_grid((box(2.0), np.eye(4)), (box(1.0), np.eye(4)))
    assert np.allclose(grid.header.get_zooms(), np.sqrt(2))


def test_it_holds_both_brains():
    mask, away = box(1.0), rigid(shift=(30, 0, 0))
    grid = lay_grid((mask, np.eye(4)), (mask, away))
    for way in (np.eye(4), away):
        inside = nib.affines.apply_affine(
            np.linalg.inv(way @ grid.affine) @ mask.affine, np.argwhere(mask.get_fdata())
        )
        assert (inside >= 0).all()
        assert (inside <= np.array(grid.shape) - 1).all()


def test_an_empty_brain_is_refused():
    empty = on_grid_of(box(1.0), np.zeros((20, 20, 20), np.uint8))
    with pytest.raises(ValueError, match="mask is empty"):
        lay_grid((empty, np.eye(4)), (box(1.0), np.eye(4)))


def test_registrations_that_disagree_are_told(monkeypatch):
    ways = iter([THERE, rigid(shift=(3, 0, 0)) @ np.linalg.inv(THERE)])
    monkeypatch.setattr(halfway, "register_rigid", lambda *_, **__: next(ways))
    mask = box(1.0)
    found = find_halfway(mask, mask, earlier_brain=mask, later_brain=mask, seed=1)
    assert found.disagree_mm == pytest.approx(3)
    assert found.rotation_deg == pytest.approx(9.9, abs=0.2)


@pytest.fixture(scope="module")
def heads():
    """One head in two poses, and its brain masks."""
    made = [
        make_participant(Request(1, seed=0, voxel_mm=4, lesion_ml=2, session=k)) for k in (1, 2)
    ]
    scans = [on_grid_of(p.t1w, p.t1w.get_fdata(dtype=np.float32)) for p in made]
    brains = [
        on_grid_of(p.t1w, p.maps["gm"].get_fdata() + p.maps["wm"].get_fdata() > 0.5) for p in made
    ]
    return scans, brains


@pytest.mark.slow
def test_a_head_in_another_pose_is_found_and_the_ways_are_exchangeable(heads):
    (first, second), (brain, other) = heads
    found = find_halfway(first, second, earlier_brain=brain, later_brain=other, seed=1)
    swapped = find_halfway(second, first, earlier_brain=other, later_brain=brain, seed=1)
    assert found.disagree_mm < 0.5
    assert 1 < found.shift_mm + found.rotation_deg < 20
    assert np.array_equal(found.to_earlier, swapped.to_later)
    assert np.array_equal(found.to_later, swapped.to_earlier)
    assert np.array_equal(found.grid.affine, swapped.grid.affine)
    assert found.edge_mm == pytest.approx(4)

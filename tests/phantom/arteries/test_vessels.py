"""Arteries of known lumen and wall: the image and the masks show them."""

import numpy as np
import pytest

from npsle_app.phantom.arteries.tubes import Artery, arc, branch
from npsle_app.phantom.arteries.vessels import Surroundings, scan_arteries


def scan(artery, *others, **options):
    settings = {"voxel_mm": 0.5, "snr": 1e4, "field_mm": (10, 10, 10), **options}
    return scan_arteries([artery, *others], rng=np.random.default_rng(2), **settings)


def tube(**options):
    return Artery(points=arc(length_mm=14), **{"radius_mm": 1.5, "wall_mm": 1.0, **options})


def test_nwi_is_one_minus_lumen_over_the_vessels_area():
    assert tube(radius_mm=1.0).nwi == pytest.approx(0.75)


@pytest.mark.parametrize("offset_mm", [0.0, 0.6])
def test_masks_hold_the_areas_of_lumen_and_wall_concentric_or_not(offset_mm):
    artery = tube(offset_mm=offset_mm)
    made = scan(artery, voxel_mm=0.25)
    per_mm = 0.25**3 / 10
    assert made.lumen.get_fdata().sum() * per_mm == pytest.approx(artery.lumen_mm2, rel=0.02)
    whole = artery.lumen_mm2 + artery.wall_mm2
    assert made.outer.get_fdata().sum() * per_mm == pytest.approx(whole, rel=0.02)


def test_blood_is_black_and_the_wall_is_bright():
    made = scan(tube())
    data, lumen = made.image.get_fdata(), made.lumen.get_fdata() > 0
    wall = (made.outer.get_fdata() > 0) & ~lumen
    assert data[lumen].mean() < 0.5 * data[wall].mean()


def test_all_signal_of_the_wall_is_there_in_spite_of_the_blur():
    thick, thin = tube(wall_mm=0.8), tube(wall_mm=0.3)
    more, less = (
        scan(each, surroundings=Surroundings(brain_gap_mm=None)).image.get_fdata()
        for each in (thick, thin)
    )
    seen = (more - less).sum() * 0.5**3 / 10 / 400
    added = 0.75 * (thick.wall_mm2 - thin.wall_mm2)  # above CSF
    assert seen == pytest.approx(added, rel=0.02)


def test_noise_has_the_stated_level_and_follows_rice():
    noisy = scan(tube(), snr=20, field_mm=(10, 10, 20)).image.get_fdata()[:3, :3]
    assert noisy.std() == pytest.approx(400 / 20, rel=0.15)


def test_slow_blood_beside_the_wall_is_not_black():
    artery = tube(slow_mm=(6.0, 8.0))
    made = scan(artery)
    data, lumen = made.image.get_fdata(), made.lumen.get_fdata() > 0
    level = np.array([data[..., k][lumen[..., k]].mean() for k in range(data.shape[2])])
    assert level.max() > 1.8 * np.median(level)


def test_a_side_branch_leaves_the_vessel():
    artery = tube()
    side = branch(artery, at=0.5, length_mm=4, radius_mm=0.5)
    assert scan(artery, side).lumen.get_fdata().sum() > scan(artery).lumen.get_fdata().sum()


def test_an_offset_larger_than_the_wall_is_refused():
    with pytest.raises(ValueError, match="offset must be below the wall"):
        tube(offset_mm=1.0)

"""Enhancement ratio: the ratio that was drawn comes out, and nothing where it cannot be known."""

from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.enhancement import enhancement_ratio
from npsle_app.imaging.vessels.wall_signal import Outlines
from npsle_app.phantom.arteries.tube_drawing import Signals, draw_tubes
from npsle_app.phantom.arteries.tubes import Artery, arc
from npsle_app.phantom.head.acquisition import nifti
from npsle_app.phantom.head.grids import Grid

SIZE, EDGE_MM = (44, 44, 44), 0.5
SIGNALS = Signals(blood=0.05, wall=1.0, csf=0.25, gm=0.7, wm=0.9, head=0.7)
ARTERY = Artery(points=arc(length_mm=20, bend_radius_mm=25), radius_mm=1.4, wall_mm=0.7)


def scanned(*, wall=1.0, gain=1.0, snr=25.0, moved_mm=(0.0, 0.0, 0.0), seed=1, artery=ARTERY):
    """A tube in white matter of signal 0.9; `moved_mm` is where it has moved to."""
    affine = np.diag([EDGE_MM] * 3 + [1.0])
    affine[:3, 3] = -EDGE_MM * (np.array(SIZE) - 1) / 2
    grid = Grid(shape=SIZE, affine=affine)
    here = replace(artery, points=artery.points + np.array(moved_mm))
    around = np.full(SIZE, 0.9, np.float32)
    signal = draw_tubes(around, grid=grid, tubes=[here], signals=replace(SIGNALS, wall=wall))
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(0, 1 / snr, (2, *SIZE))
    data = 400 * gain * np.hypot(signal + real, imaginary)
    return nifti(data.astype(np.float32), grid=grid)


def circles(radius_mm, *, n):
    angles = np.arange(72) * 2 * np.pi / 72
    return np.tile(radius_mm * np.stack([np.cos(angles), np.sin(angles)], axis=1), (n, 1, 1))


@dataclass(frozen=True)
class Case:
    pre: nib.Nifti1Image
    rest: dict


@pytest.fixture(scope="module")
def case():
    pre = scanned()
    line = make_centreline(ARTERY.points[100:-100:10])
    n = len(line.points)
    far = np.abs(np.indices(SIZE)[0] - SIZE[0] / 2) > 14
    return Case(pre, {
        "to_post": np.eye(4),
        "outlines": Outlines(
            line=line,
            inner_mm=circles(ARTERY.radius_mm, n=n),
            outer_mm=circles(ARTERY.radius_mm + ARTERY.wall_mm, n=n),
            accepted=np.ones(n, dtype=bool),
        ),
        "white_matter": nib.Nifti1Image(far.astype(np.uint8), pre.affine),
    })  # fmt: skip


def ratio(case, post, **changes):
    return enhancement_ratio(case.pre, post=post, **(case.rest | changes))


@pytest.mark.parametrize("wall", [1.0, 1.3, 1.7])
def test_the_ratio_is_that_of_the_walls(case, wall):
    assert ratio(case, scanned(wall=wall, seed=2)) == pytest.approx(wall, rel=0.04)


def test_another_gain_of_the_scanner_does_not_count(case):
    assert ratio(case, scanned(wall=1.4, gain=2.5, seed=2)) == pytest.approx(1.4, rel=0.04)


def test_a_head_that_moved_gives_the_same_ratio(case):
    shift = (1.2, -0.7, 0.4)
    to_post = np.eye(4)
    to_post[:3, 3] = shift
    found = ratio(case, scanned(wall=1.4, moved_mm=shift, seed=2), to_post=to_post)
    assert found == pytest.approx(1.4, rel=0.05)


def test_a_registration_0_4_mm_off_is_put_right(case):
    off = (0.3, 0.25, 0.0)
    assert ratio(case, scanned(wall=1.4, moved_mm=off, seed=2)) == pytest.approx(1.4, rel=0.05)


def test_images_that_do_not_lie_on_one_another_have_no_ratio(case):
    with pytest.raises(ValueError, match="not assessable: after contrast agent"):
        ratio(case, scanned(wall=1.4, moved_mm=(3.0, 0, 0), seed=2))


def test_without_white_matter_there_is_no_ratio(case):
    none = nib.Nifti1Image(np.zeros(SIZE, np.uint8), case.pre.affine)
    with pytest.raises(ValueError, match="not assessable: 0 voxels of white matter"):
        ratio(case, scanned(seed=2), white_matter=none)


def test_without_accepted_sections_there_is_no_ratio(case):
    outlines = case.rest["outlines"]
    nothing = replace(outlines, accepted=np.zeros_like(outlines.accepted))
    with pytest.raises(ValueError, match="not assessable: fewer than 4 sections"):
        ratio(case, scanned(seed=2), outlines=nothing)


def test_a_scan_after_contrast_agent_without_the_vessel_has_no_ratio(case):
    post = scanned(seed=2).slicer[:, :, :6]
    with pytest.raises(ValueError, match="not assessable"):
        ratio(case, post)


def test_bright_blood_has_no_ratio(case):
    flat = scanned(wall=0.3, seed=2)
    bright = nib.Nifti1Image(500 - flat.get_fdata(dtype=np.float32), flat.affine)
    with pytest.raises(ValueError, match="not assessable: after contrast agent"):
        ratio(case, bright)


def test_white_matter_on_another_grid_is_refused(case):
    other = nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4))
    with pytest.raises(ValueError, match="grids differ"):
        ratio(case, scanned(seed=2), white_matter=other)

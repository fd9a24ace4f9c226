"""What is measured of an image called FLAIR, against what was put in."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.space.alignment import Alignment
from npsle_app.imaging.wmh.checks import check_alignment, check_content, check_slices
from npsle_app.imaging.wmh.flair import PreparedFlair
from npsle_app.imaging.wmh.flair_content import FlairContent, measure_content
from npsle_app.records import Qc
from tests.imaging.wmh.test_wmh import FLAIR, make_head

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
GOOD = {
    "csf_to_gm": 0.5,
    "wm_to_gm": 0.87,
    "fluid_darker": 0.9,
    "likeness": -0.1,
    "noise": 0.05,
    "unevenness": 1.1,
    "shading": 1.3,
    "saturated": 0.0,
    "air": 0.03,
    "ghosts": 0.01,
}
STILL = {"shift_mm": 1.0, "rotation_deg": 1.0, "information_before": 0.2, "coverage": 1.0}


def measured(head, *, flair=None, shown=None):
    flair = head.flair if flair is None else flair
    image = nib.Nifti1Image(flair.astype(np.float32), AFFINE)
    prepared = PreparedFlair(
        flair=image,
        shown=head.brain if shown is None else shown,
        matrix=np.eye(4),
        alignment=Alignment(**STILL, information_after=0.3),
        shading=1.2,
    )
    return measure_content(
        image,
        prepared=prepared,
        t1w=nib.Nifti1Image(head.t1w, AFFINE),
        brain=head.brain,
        priors=head.priors.tissue,
    )


@pytest.fixture
def head(rng):
    return make_head(rng, shape=(44, 44, 44))  # with air around, 25 mm from the brain


def test_contrast_and_noise_are_those_of_the_image(head):
    found = measured(head)
    assert found.csf_to_gm == pytest.approx(FLAIR["csf"] / FLAIR["gm"], abs=0.02)
    assert found.wm_to_gm == pytest.approx(FLAIR["wm"] / FLAIR["gm"], abs=0.02)
    assert found.noise == pytest.approx(4 / FLAIR["wm"], rel=0.15)  # edges add a little
    assert found.fluid_darker > 0.99
    assert abs(found.likeness) < 0.1
    assert (found.saturated, found.air, found.ghosts) == pytest.approx((0, 0, 0), abs=1e-3)


@pytest.mark.parametrize("factor", [1e-3, 4096])
def test_the_unit_does_not_matter(head, factor):
    scaled = measured(head, flair=head.flair * np.float32(factor))
    assert scaled.noise == pytest.approx(measured(head).noise, rel=1e-3)
    assert scaled.wm_to_gm == pytest.approx(measured(head).wm_to_gm, rel=1e-3)


def test_an_image_is_most_like_itself(head):
    assert measured(head, flair=head.t1w).likeness == pytest.approx(1)


def test_a_slope_shows_as_unevenness(head):
    slope = 2 ** (np.indices(head.flair.shape)[0] / 22 - 1)
    assert measured(head, flair=head.flair * slope).unevenness > 1.4


def test_saturation_is_the_share_of_the_brain_at_the_top(head):
    top = np.percentile(head.flair[head.brain], 90)
    found = measured(head, flair=np.minimum(head.flair, top))
    assert found.saturated == pytest.approx(0.1, abs=0.01)


def test_a_constant_shows_in_the_air(head):
    assert measured(head, flair=head.flair + 20).air == pytest.approx(20 / (85 + 20), rel=0.03)


def test_what_cannot_be_measured_is_no_number(head):
    found = measured(head, flair=np.zeros_like(head.flair))
    assert np.isnan([found.csf_to_gm, found.noise, found.unevenness, found.likeness]).all()


def states(**changes):
    return {check.name: check.state for check in check_content(FlairContent(**GOOD | changes))}


@pytest.mark.parametrize(
    ("name", "changes", "state"),
    [
        ("FLAIR contrast", {"csf_to_gm": 0.76}, Qc.WARN),
        ("FLAIR contrast", {"csf_to_gm": 0.96}, Qc.FAIL),
        ("FLAIR contrast", {"wm_to_gm": 0.98}, Qc.WARN),
        ("FLAIR contrast", {"wm_to_gm": 0.74}, Qc.WARN),
        ("FLAIR contrast", {"wm_to_gm": 1.01}, Qc.FAIL),
        ("FLAIR contrast", {"wm_to_gm": np.nan}, Qc.FAIL),
        ("FLAIR shows the fluid of T1w", {"fluid_darker": 0.81}, Qc.WARN),
        ("FLAIR shows the fluid of T1w", {"fluid_darker": 0.69}, Qc.FAIL),
        ("FLAIR is not the T1w image", {"likeness": 0.4}, Qc.WARN),
        ("FLAIR is not the T1w image", {"likeness": 0.8}, Qc.FAIL),
        ("FLAIR noise", {"noise": 0.1}, Qc.WARN),
        ("FLAIR noise", {"noise": 0.16}, Qc.FAIL),
        ("FLAIR noise", {"noise": np.nan}, Qc.FAIL),
        ("FLAIR evenness", {"unevenness": 1.3}, Qc.WARN),
        ("FLAIR evenness", {"unevenness": 1.5}, Qc.FAIL),
        ("FLAIR shading", {"shading": 3.0}, Qc.WARN),
        ("FLAIR saturation", {"saturated": 0.001}, Qc.WARN),
        ("FLAIR saturation", {"saturated": 0.03}, Qc.FAIL),
        ("FLAIR signal in air", {"air": 0.2}, Qc.WARN),
        ("FLAIR signal in air", {"air": np.nan}, Qc.NOT_ASSESSABLE),
        ("FLAIR ghosts", {"ghosts": 0.08}, Qc.WARN),
    ],
)
def test_each_measure_has_its_limit(name, changes, state):
    found = states(**changes)
    assert found.pop(name) is state
    assert set(found.values()) == {Qc.PASS}


@pytest.mark.parametrize(("after", "state"), [(0.195, Qc.PASS), (0.18, Qc.FAIL), (np.nan, Qc.FAIL)])
def test_similarity_may_fall_by_what_interpolation_costs(after, state):
    checks = check_alignment(Alignment(**STILL, information_after=after))
    assert {check.name: check.state for check in checks}["FLAIR similarity"] is state


def test_thick_slices_are_warned_of():
    assert [check_slices(mm).state for mm in (1.0, 3.0, 5.0)] == [Qc.PASS, Qc.PASS, Qc.WARN]

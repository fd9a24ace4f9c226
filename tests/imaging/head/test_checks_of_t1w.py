"""Where automatic checks pass, warn and fail."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.head.checks import check_edge, check_t1w_contrast
from npsle_app.imaging.tissue.checks import check_contrast, check_lesions, check_volumes
from npsle_app.imaging.tissue.segmentation import Contrast
from npsle_app.records import Qc


def states(checks):
    return {check.name: check.state for check in checks}


def volumes(**changes):
    usual = {"gm_ml": 650.0, "wm_ml": 520.0, "csf_ml": 280.0, "tiv_ml": 1450.0}
    return states(check_volumes(**usual | changes))


def test_a_usual_head_passes_all():
    assert set(volumes().values()) == {Qc.PASS}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Grey to white matter", {"gm_ml": 500.0}),
        ("Grey to white matter", {"gm_ml": 800.0}),
        ("Intracranial volume", {"tiv_ml": 2001.0}),
        ("Intracranial volume", {"tiv_ml": 999.0}),
        ("Brain share of the skull", {"tiv_ml": 1300.0}),
        ("Fluid", {"csf_ml": 119.0}),
        ("Fluid", {"csf_ml": 601.0}),
    ],
)
def test_what_an_adult_head_cannot_hold_is_warned_of(name, changes):
    assert volumes(**changes)[name] is Qc.WARN


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Brain share of the skull", {"gm_ml": 12.0, "wm_ml": 8.0}),
        ("Brain share of the skull", {"tiv_ml": 1175.0, "gm_ml": 650.0}),
        ("Grey to white matter", {"gm_ml": 1500.0}),
        ("Intracranial volume", {"tiv_ml": 400.0}),
        ("Fluid", {"csf_ml": 5.0}),
    ],
)
@pytest.mark.fault(
    "Images", "a brain of 20 mL, or 1 % of the skull", "the check fails, and no volume enters"
)
def test_what_no_head_holds_fails(name, changes):
    assert volumes(**changes)[name] is Qc.FAIL


@pytest.mark.parametrize("tiv_ml", [1000.0, 2000.0])
def test_the_limits_themselves_pass(tiv_ml):
    assert volumes(tiv_ml=tiv_ml)["Intracranial volume"] is Qc.PASS


def test_without_skull_only_the_ratio_is_judged():
    assert volumes(tiv_ml=None, csf_ml=None) == {"Grey to white matter": Qc.PASS}


@pytest.mark.parametrize(
    ("found", "state"),
    [(Contrast(cnr=2.0, snr_wm=15.0), Qc.PASS), (Contrast(cnr=1.5, snr_wm=10.0), Qc.WARN)],
)
def test_noise_and_contrast_must_exceed_their_limits(found, state):
    assert set(states(check_contrast(found)).values()) == {state}


def test_only_filled_lesions_pass():
    assert check_lesions(mapped=True, filled=True).state is Qc.PASS
    unfilled = check_lesions(mapped=True, filled=False)
    assert (unfilled.state, unfilled.seen) == (Qc.WARN, "known but not filled")
    assert check_lesions(mapped=False, filled=False).seen == "not known"


@pytest.mark.parametrize(
    ("voxels", "state"),
    [(0, Qc.PASS), (50, Qc.PASS), (51, Qc.WARN), (500, Qc.WARN), (501, Qc.FAIL)],
)
def test_a_brain_cut_by_the_field_of_view_warns_and_fails(voxels, state):
    mask = np.zeros((30, 30, 5), np.float32)
    rows, columns = np.divmod(np.arange(voxels), 28)
    mask[1 + rows, 1 + columns, 0] = 1
    check = check_edge(nib.Nifti1Image(mask, np.eye(4)))
    assert check.state is state
    assert check.seen == f"brain cut over {voxels} mm²"


@pytest.mark.parametrize(("white", "state"), [(140.0, Qc.PASS), (103.0, Qc.WARN), (85.0, Qc.FAIL)])
@pytest.mark.fault(
    "Images",
    "FLAIR, T2w or PDw image called T1w",
    "the check of its contrast fails, and every volume with it",
)
def test_an_image_whose_white_matter_is_darker_than_grey_is_no_t1w_image(white, state):
    wm = np.zeros((10, 10, 10), np.float32)
    wm[:5] = 1
    grid = np.diag([2.0, 2, 2, 1])
    shares = {"gm": nib.Nifti1Image(1 - wm, grid), "wm": nib.Nifti1Image(wm, grid)}
    image = nib.Nifti1Image(np.where(wm > 0, white, 100).astype(np.float32), grid)
    check = check_t1w_contrast(image, **shares)
    assert check.state is state
    assert f"{white / 100:.2f} times" in check.seen


def test_contrast_that_cannot_be_seen_does_not_pass():
    empty = nib.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4))
    assert check_t1w_contrast(empty, gm=empty, wm=empty).state is not Qc.PASS

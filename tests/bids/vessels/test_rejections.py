"""Vessels that readers rejected: what their list must hold, and that nothing is tried for them."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.input.scans import Choice, Scan, Session
from npsle_app.bids.vessels.guides import find_guides, read_rejections, rejection_fault
from npsle_app.imaging.vessels.results import LostVessel, Mode
from npsle_app.imaging.vessels.study import study_vessels
from npsle_app.records import Qc
from npsle_app.stages.participant.vessel_guides import read_guides

GOOD = {"Rejected": [{"Vessel": "M1", "Side": "left", "ReadBy": ["AB"], "ReadOn": "2026-11-28"}]}


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "reading/sub-01/anat/sub-01_desc-rejected_vessels.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(GOOD))
    return path


def test_a_list_belongs_to_each_vessel_wall_scan_of_its_session(listed, tmp_path):
    own, foreign = find_guides(
        {"reading": tmp_path / "reading"},
        scan=tmp_path / "sub-01_acq-vwi_T1w.nii.gz",
        participant="01",
        session=None,
    )
    assert own == (listed,)
    assert foreign == ()


def test_a_rejected_vessel_is_not_assessable_whatever_else_was_given(listed, tmp_path):
    landmarks = tmp_path / "sub-01_desc-landmarks.json"
    points = {"start": [-14, 3, -18], "end": [-32, 8, -19]}
    landmarks.write_text(json.dumps({"space": "RAS", "vessels": {"M1_L": points}}))
    guides = read_guides([landmarks, listed], sought=())
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.diag([0.5, 0.5, 0.5, 1]))
    (vessel,) = study_vessels(image, guides=guides, place=None, psf_fwhm_voxels=0.6)
    assert isinstance(vessel, LostVessel)
    assert (vessel.mode, vessel.reason) == (Mode.REJECTED, "rejected by AB, 2026-11-28")
    (check,) = vessel.checks
    assert check.state is Qc.NOT_ASSESSABLE


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"Rejected": 3}',
        '{"Rejected": [{"Vessel": "M1"}]}',
        '{"Rejected": ["M1"]}',
    ],
)
def test_a_list_that_is_none_is_refused_before_anything_is_computed(listed, text):
    listed.write_text(text)
    with pytest.raises(ValueError, match=f"{listed.name} is no list of rejected vessels"):
        read_rejections(listed)
    assert rejection_fault(listed).startswith("is no list")
    scan = Scan(listed.with_name("none.nii.gz"), guides=(listed,))
    session = Session("01", None, (Choice("vwi", scan, "the only one"),))
    problems = [one for one in check_session(session) if one.path == listed]
    assert [one.refused for one in problems] == [True]

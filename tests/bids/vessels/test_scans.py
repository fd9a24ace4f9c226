"""Which scan shows vessel walls, what belongs to it, and what was drawn in it."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.vessels.guides import find_guides, group_drawn
from npsle_app.measures.names_of_vessels import VesselName, vessel_name
from tests.bids.datasets import make_files, make_image, place


def choice(root, *, wanted=None, **options):
    (session,) = find_sessions(root, "01", filters={"vwi": wanted} if wanted else None, **options)
    return next(one for one in session.choices if one.kind == "vwi")


@pytest.mark.parametrize(
    "name", ["acq-vwi_T1w", "acq-T1SPACE_T1w", "acq-cube_PDw", "acq-VISTA_PDw", "acq-BB_T1w"]
)
def test_a_black_blood_scan_is_known_by_its_acquisition(tmp_path, name):
    root = make_files(tmp_path / "raw", f"anat/sub-01_{name}.nii.gz", "anat/sub-01_T1w.nii.gz")
    found = choice(root)
    assert found.scan.path == place(root, f"anat/sub-01_{name}.nii.gz")
    assert found.others == ()


def test_a_head_scan_is_no_vessel_wall_scan_and_the_other_way_round(tmp_path):
    root = make_files(
        tmp_path / "raw", "anat/sub-01_acq-mprage_T1w.nii.gz", "anat/sub-01_acq-space_FLAIR.nii.gz"
    )
    assert choice(root).scan is None
    assert choice(root).reason.startswith("no black-blood T1w or PDw image")
    root = make_files(tmp_path / "other", "anat/sub-01_acq-vwi_T1w.nii.gz")
    (session,) = find_sessions(root, "01")
    assert set(session.scans) == {"vwi"}


def test_the_scan_after_contrast_agent_and_an_angiogram_belong_to_it(tmp_path):
    names = [
        "acq-vwi_T1w",
        "acq-vwi_ce-gad_T1w",
        "acq-vwi_ce-gad_PDw",
        "acq-bb_ce-gad_T1w",
        "angio",
    ]
    root = make_files(tmp_path / "raw")
    for name in names:
        make_image(root, f"anat/sub-01_{name}.nii.gz", zooms=(0.5, 0.5, 0.5))
    found = choice(root)
    assert [one.path.name for one in found.scan.after_contrast] == [
        "sub-01_acq-vwi_ce-gad_T1w.nii.gz"
    ]
    assert [one.path.name for one in found.scan.angiogram] == ["sub-01_angio.nii.gz"]
    assert "after contrast agent: sub-01_acq-vwi_ce-gad_T1w.nii.gz" in found.reason


def test_a_scan_after_contrast_agent_alone_is_not_measured(tmp_path):
    root = make_files(tmp_path / "raw", "anat/sub-01_acq-vwi_ce-gad_T1w.nii.gz")
    found = choice(root)
    assert found.scan is None
    assert "it was taken with a contrast agent" in found.reason


def test_a_filter_overrules_the_acquisition(tmp_path):
    names = ["acq-vwi_T1w", "acq-tse_PDw", "acq-tse_T1w"]
    root = make_files(tmp_path / "raw", *(f"anat/sub-01_{name}.nii.gz" for name in names))
    found = choice(root, wanted={"acquisition": "tse", "suffix": "PDw"})
    assert found.scan.path.name == "sub-01_acq-tse_PDw.nii.gz"
    assert "filter file" in found.reason


def test_of_several_scans_the_finest_is_measured_and_the_reason_told(tmp_path):
    root = make_files(tmp_path / "raw")
    for name, edge in (("acq-bb_T1w", 0.6), ("acq-vwi_T1w", 0.5)):
        make_image(root, f"anat/sub-01_{name}.nii.gz", zooms=(edge,) * 3)
    assert choice(root).scan.path.name == "sub-01_acq-vwi_T1w.nii.gz"
    assert "thinnest slices" in choice(root).reason


DRAWN = [
    "sub-01_acq-vwi_hemi-L_label-M1_desc-lumen_mask.nii.gz",
    "sub-01_acq-vwi_hemi-L_label-M1_desc-outerwall_mask.nii.gz",
    "sub-01_acq-vwi_label-BA_desc-centerline_points.tsv",
    "sub-01_desc-landmarks.json",
]


def test_what_was_drawn_in_the_scan_comes_with_it_and_the_rest_is_named(tmp_path):
    root = make_files(tmp_path / "raw", "anat/sub-01_acq-vwi_T1w.nii.gz")
    other = "sub-01_acq-bb_hemi-L_label-M1_desc-lumen_mask.nii.gz"
    names = [*DRAWN, other, "sub-01_acq-vwi_T1w.nii.gz", "sub-011_desc-landmarks.json"]
    drawn = make_files(tmp_path / "drawn")
    for name in names:
        path = drawn / "sub-01" / "anat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = choice(root, derivatives={"reader": drawn})
    assert [path.name for path in found.scan.guides] == DRAWN
    assert [one.path.name for one in found.others] == [other]
    assert "drawn by a reader: 4 files" in found.reason


def test_of_two_derivatives_the_first_by_name_has_the_last_word(tmp_path):
    for name in ("b", "a"):
        path = tmp_path / name / "sub-01" / "anat" / DRAWN[0]
        path.parent.mkdir(parents=True)
        path.touch()
    scan = tmp_path / "sub-01_acq-vwi_T1w.nii.gz"
    roots = {"b": tmp_path / "b", "a": tmp_path / "a"}
    guides, _ = find_guides(roots, scan=scan, participant="01", session=None)
    assert (
        group_drawn(guides)[VesselName("M1", "left")].lumen == tmp_path / "a/sub-01/anat" / DRAWN[0]
    )


def test_masks_are_put_together_by_vessel(tmp_path):
    found = group_drawn([tmp_path / name for name in DRAWN])
    assert set(found) == {VesselName("M1", "left"), VesselName("BA", "middle")}
    assert found[VesselName("M1", "left")].outer == tmp_path / DRAWN[1]
    assert found[VesselName("BA", "middle")].lumen is None


def test_a_mask_that_names_no_vessel_is_refused():
    path = Path("sub-01_acq-vwi_label-M1_desc-lumen_mask.nii.gz")
    with pytest.raises(ValueError, match=r"label-M1_desc-lumen_mask\.nii\.gz: M1 is there on two"):
        group_drawn([path])


def test_a_vessel_has_one_name_in_files_measures_and_text():
    name = vessel_name("m1", hemi="R")
    assert (name.entities, name.measure, name.text) == (
        "hemi-R_label-M1",
        "vw_m1_right",
        "M1 right",
    )
    assert vessel_name("BA", hemi=None).entities == "label-BA"


def test_broken_landmarks_are_told_before_anything_is_computed(tmp_path):
    root = make_files(tmp_path / "raw")
    make_image(root, "anat/sub-01_acq-vwi_T1w.nii.gz")
    path = tmp_path / "drawn" / "sub-01" / "anat" / "sub-01_desc-landmarks.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    (session,) = find_sessions(root, "01", derivatives={"reader": tmp_path / "drawn"})
    told = [problem for problem in check_session(session) if problem.path == path]
    assert [problem.refused for problem in told] == [True]
    assert told[0].found.startswith("holds no landmarks of vessels")


def test_voxels_that_show_no_wall_are_told_before_anything_is_computed(tmp_path):
    root = make_files(tmp_path / "raw")
    make_image(root, "anat/sub-01_acq-vwi_T1w.nii.gz", zooms=(2.0, 2.0, 2.0))
    path = place(root, "anat/sub-01_acq-vwi_T1w.nii.gz")
    data = np.random.default_rng(0).integers(1, 99, (60, 60, 60)).astype(np.int16)
    for edge, told in ((2.0, 1), (0.5, 0)):
        nib.save(nib.Nifti1Image(data, np.diag([edge, edge, edge, 1])), path)
        (session,) = find_sessions(root, "01")
        found = check_session(session)
        assert ["do not show" in problem.found for problem in found].count(True) == told
        assert not any(problem.refused for problem in found)
        assert not any("no whole head" in problem.found for problem in found)

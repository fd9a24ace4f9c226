"""Tables of FreeSurfer, FastSurfer and SynthSeg are found by session, read, or refused by name."""

from pathlib import Path

import pytest

from npsle_app.bids.freesurfer.folders import (
    KIND,
    find_freesurfer,
    list_participants_with_stats,
    list_sessions_with_stats,
    read_imported,
    tell_source,
)
from npsle_app.bids.freesurfer.tables import read_aparc, read_aseg, read_synthseg
from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.input.scans import Choice, Scan
from npsle_app.measures.names_of_freesurfer import CORTICAL_THICKNESSES, CORTICAL_VOLUMES
from tests.stats_files import (
    VERSIONS,
    write_aparc,
    write_fastsurfer,
    write_subject,
    write_synthseg,
)


def find(root: Path, session: str | None = None, **more: object) -> Choice:
    sessions = more.pop("sessions", (session,))
    found = find_freesurfer(
        {"freesurfer": root},
        participant="01",
        session=session,
        sessions=sessions,  # type: ignore[arg-type]
    )
    assert found is not None
    return found


def read(root: Path, session: str | None = None):
    choice = find(root, session)
    assert choice.scan is not None
    unit = "sub-01" + (f"_ses-{session}" if session else "")
    return read_imported(choice.scan, unit=unit)


@pytest.mark.parametrize("version", list(VERSIONS))
def test_each_version_of_freesurfer_gives_the_same_volumes_and_its_name(version, tmp_path):
    write_subject(tmp_path / "sub-01", version=version)
    imported = read(tmp_path)
    assert (imported.software, imported.version) == ("FreeSurfer", version)
    assert imported.volumes["fs_thalamus_left_ml"] == 7.6
    assert imported.volumes["fs_thalamus_right_ml"] == pytest.approx(7.676, abs=1e-3)
    assert imported.volumes["fs_brain_stem_ml"] == 21
    assert imported.volumes["fs_etiv_ml"] == 1500
    assert imported.volumes["fs_subcortical_grey_ml"] == 58
    assert imported.volumes["fs_insula_left_ml"] == 7
    assert imported.volumes["fs_insula_thickness_right_mm"] == 2.5
    assert len(imported.volumes) == 37 + len(CORTICAL_VOLUMES) + len(CORTICAL_THICKNESSES)
    assert imported.holes == {"left": 20, "right": 20}


def test_a_build_stamp_tells_more_than_a_table(tmp_path):
    folder = write_subject(tmp_path / "sub-01", version="6.0")
    stamp = folder / "scripts" / "build-stamp.txt"
    stamp.parent.mkdir()
    stamp.write_text("freesurfer-Linux-centos6_x86_64-stable-pub-v6.0.1-f53a55a\n")
    assert read(tmp_path).version == "6.0.1"
    stamp.write_text("freesurfer-linux-ubuntu18_x86_64-7.4.1-20230614-7eb8460\n")
    assert read(tmp_path).version == "7.4.1"


@pytest.mark.parametrize(
    "sign",
    ["stats/lh.aparc.DKTatlas.mapped.stats", "mri/aparc.DKTatlas+aseg.deep.mgz"],
)
def test_a_table_that_freesurfer_wrote_for_fastsurfer_is_fastsurfers(sign, tmp_path):
    folder = write_subject(tmp_path / "sub-01", cortex=False)
    path = folder / sign
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert (read(tmp_path).software, read(tmp_path).version) == ("FastSurfer", "unknown")
    other = write_fastsurfer(tmp_path / "other") / "stats" / "aseg+DKT.stats"
    (folder / "stats" / other.name).write_text(other.read_text())
    assert tell_source(Scan(folder / "stats" / "aseg.stats")) == (
        "regions: FastSurfer 2.4.2 of sub-01"
    )


def test_gyri_of_other_borders_are_refused(tmp_path):
    path = tmp_path / "lh.aparc.stats"
    write_aparc(path, hemi="lh", without=("bankssts", "frontalpole", "temporalpole"))
    with pytest.raises(ValueError, match=r"lh\.aparc\.stats: .*DKT"):
        read_aparc(path)
    write_aparc(path, hemi="lh", without=("frontalpole",))
    assert len(read_aparc(path).volumes) == 2 * 33


def test_fastsurfer_gives_volumes_and_no_cortex_of_other_borders(tmp_path):
    write_fastsurfer(tmp_path / "sub-01")
    imported = read(tmp_path)
    assert (imported.software, imported.version) == ("FastSurfer", "2.4.2")
    assert imported.volumes["fs_thalamus_left_ml"] == 7.6
    assert not set(CORTICAL_VOLUMES) & set(imported.volumes)
    assert "fs_etiv_ml" not in imported.volumes


def test_synthseg_gives_the_row_of_the_session_without_its_other_csf(tmp_path):
    names = ("/data/sub-01_ses-1_T1w.nii.gz", "sub-01_ses-2_T1w.nii.gz", "sub-011_T1w.nii.gz")
    write_synthseg(tmp_path / "vol.csv", subjects=names)
    imported = read(tmp_path, "1")
    assert (imported.software, imported.version) == ("SynthSeg", "unknown")
    assert imported.volumes["fs_thalamus_left_ml"] == 7.6
    assert imported.volumes["fs_inferior_lateral_ventricle_left_ml"] == pytest.approx(0.4)
    assert imported.volumes["fs_ventral_dc_right_ml"] == pytest.approx(4.04)
    assert imported.volumes["fs_etiv_ml"] == 1500
    assert "fs_csf_ml" not in imported.volumes
    assert find(tmp_path, "3").scan is None


@pytest.mark.parametrize(
    ("folder", "session"),
    [
        ("sub-01", None),
        ("sub-01_ses-1", "1"),
        ("sub-01/ses-1", "1"),
        ("sub-01", "1"),  # of the only session
        ("sourcedata/freesurfer/sub-01_ses-1", "1"),  # fMRIPrep's
        ("sub-01_ses-1.long.sub-01", "1"),
        ("01", None),
        ("sub-01_T1w", None),
        ("sub-01_ses-1_run-1_T1w", "1"),
    ],
)
def test_folders_are_found_with_and_without_sessions_in_their_names(folder, session, tmp_path):
    write_subject(tmp_path / folder)
    choice = find(tmp_path, session)
    assert choice.scan is not None
    assert "regions: FreeSurfer 7.4.1 of " in choice.reason


def test_the_row_of_the_plan_names_program_version_and_folder(tmp_path):
    write_subject(tmp_path / "sub-01_ses-1")
    scan = find(tmp_path, "1").scan
    assert scan is not None
    assert tell_source(scan) == "regions: FreeSurfer 7.4.1 of sub-01_ses-1"


def test_a_folder_without_session_is_nobodys_of_several(tmp_path):
    write_subject(tmp_path / "sub-01")
    choice = find(tmp_path, "1", sessions=("1", "2"))
    assert choice.scan is None
    assert "names no session, of which there are several" in choice.reason


def test_a_folder_of_another_session_or_participant_is_not_taken(tmp_path):
    write_subject(tmp_path / "sub-01_ses-10_T1w")
    write_subject(tmp_path / "sub-011_ses-1_T1w")
    assert find(tmp_path, "1").scan is None
    assert list_participants_with_stats({"fs": tmp_path}) == ["01", "011"]
    assert list_sessions_with_stats({"fs": tmp_path}, participant="01") == ["10"]


def test_of_two_runs_the_first_is_taken_and_the_other_named(tmp_path):
    for run in (1, 2):
        write_subject(tmp_path / f"sub-01_run-{run}")
    choice = find(tmp_path)
    assert choice.scan is not None
    assert choice.scan.path.parent.parent.name == "sub-01_run-1"
    assert [one.path.parent.parent.name for one in choice.others] == ["sub-01_run-2"]
    assert list_sessions_with_stats({"fs": tmp_path}, participant="01") == [None]


def test_a_table_whose_content_was_not_fetched_is_named(tmp_path):
    """OpenNeuro gives out its derivatives so: links of git-annex without what they lead to."""
    stats = tmp_path / "sourcedata" / "freesurfer" / "sub-01" / "stats"
    stats.mkdir(parents=True)
    (stats / "aseg.stats").symlink_to("../../.git/annex/objects/Vx/z4/MD5E-s9849")
    found = find_freesurfer(
        {"fmriprep": tmp_path}, participant="01", session=None, sessions=(None,)
    )
    assert found is not None
    assert found.scan is None
    assert "datalad get" in found.reason


def test_the_base_of_a_longitudinal_run_is_no_scan(tmp_path):
    folder = write_subject(tmp_path / "sub-01")
    (folder / "base-tps").write_text("sub-01_ses-1\n")
    assert find(tmp_path, "1").scan is None
    assert list_participants_with_stats({"fs": tmp_path}) == []


def test_a_session_without_tables_is_told(tmp_path):
    assert find(tmp_path).reason == "freesurfer has no stats of it"
    other = find_freesurfer({"masks": tmp_path}, participant="01", session=None, sessions=(None,))
    assert other is None


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda _: "", "aseg.stats: it is empty"),
        (lambda text: text[: len(text) // 2], "aseg.stats: .*(cut off|cells)"),
        (lambda text: text.replace("7600.0", "7600,0"), "aseg.stats: .*decimal comma"),
        (lambda text: text.replace("7600.0", "nan"), "aseg.stats: it holds 'nan'"),
        (lambda text: text.replace("7600.0", "-7600.0"), "aseg.stats: it holds a volume of -7600"),
        (lambda text: text.replace(" 1500000.000000", " 1500000,000000"), "decimal comma"),
        (lambda text: text.replace("Volume_mm3", "Vol"), "aseg.stats: it has no column Volume_mm3"),
        (lambda text: text.split("# NRows")[0], "aseg.stats: it has no volume of a structure"),
        (
            lambda text: text.replace("Left-Caudate ", "Right-Caudate").replace(" 50 ", " 11 "),
            "of the other side",
        ),
    ],
)
def test_broken_empty_and_foreign_tables_are_refused_by_name(spoil, told, tmp_path):
    path = write_subject(tmp_path / "sub-01") / "stats" / "aseg.stats"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match=told):
        read_aseg(path)


def test_a_table_of_the_other_hemisphere_is_refused(tmp_path):
    write_aparc(tmp_path / "lh.aparc.stats", hemi="rh")
    with pytest.raises(ValueError, match="sides are swapped"):
        read_aparc(tmp_path / "lh.aparc.stats")


def test_a_spreadsheet_of_a_foreign_locale_is_refused(tmp_path):
    path = write_synthseg(tmp_path / "vol.csv", subjects=("sub-01",))
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))
    with pytest.raises(ValueError, match=r"vol\.csv: .*semicolons"):
        read_synthseg(path, unit="sub-01")


def test_people_and_sessions_without_images_are_found_too(tmp_path):
    bids, folders = tmp_path / "bids", tmp_path / "fs"
    (bids / "sub-01" / "ses-1").mkdir(parents=True)
    write_subject(folders / "sub-01_ses-2")
    write_subject(folders / "sub-02")
    write_subject(folders / "fsaverage")
    given = {"freesurfer": folders}
    assert list_participants_with_stats(given) == ["01", "02"]
    first, second = find_sessions(bids, "01", derivatives=given)
    assert (first.session, second.session) == ("1", "2")
    assert (first.scans.keys(), second.scans.keys()) == (set(), {KIND})
    (alone,) = find_sessions(bids, "02", derivatives=given)
    assert alone.session is None
    assert KIND in alone.scans
    assert "no image" in alone.notes[0]
    with pytest.raises(FileNotFoundError, match="has no folder sub-03"):
        find_sessions(bids, "03", derivatives=given)


def test_a_broken_table_is_told_before_anything_is_computed(tmp_path):
    (tmp_path / "bids").mkdir()
    path = write_subject(tmp_path / "fs" / "sub-01") / "stats" / "aseg.stats"
    path.write_text("")
    (session,) = find_sessions(tmp_path / "bids", "01", derivatives={"freesurfer": tmp_path / "fs"})
    (problem,) = check_session(session)
    assert problem.refused
    assert "aseg.stats: it is empty" in problem.found


@pytest.mark.parametrize("folder", ["sub-01", "01", "sub-01/stats"])
def test_a_scan_of_a_table_of_one_row_needs_no_name(folder, tmp_path):
    path = write_synthseg(tmp_path / folder / "vol.csv", subjects=("orig.mgz",))
    assert find(tmp_path).scan == Scan(path)
    assert read(tmp_path).volumes["fs_etiv_ml"] == 1500

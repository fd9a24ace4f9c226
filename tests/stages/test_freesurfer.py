"""Imported volumes are measures of their own, checked, with the program that measured them."""

from pathlib import Path

import pytest

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.tissue.imported import check_sides, check_surfaces, check_tiv
from npsle_app.measures.names_of_freesurfer import CORTICAL_VOLUMES
from npsle_app.records import Measure, Qc, Record
from npsle_app.settings import FreesurferSettings
from npsle_app.stages.participant.freesurfer import run
from npsle_app.stages.participant.tissue import TissueOutputs
from tests.stats_files import write_fastsurfer, write_subject


def import_subject(folder: Path, out: Path, *, tissue: TissueOutputs | None = None) -> Record:
    stats = folder / "stats"
    paths = [stats / name for name in ("aseg.stats", "aseg+DKT.stats", "lh.aparc.stats",
                                       "rh.aparc.stats") if (stats / name).is_file()]  # fmt: skip
    datasets = {"fs": folder.parent}
    outputs = run(
        freesurfer=Scan(paths[0], tables=tuple(paths[1:])),
        tissue=tissue,
        settings=FreesurferSettings(),
        out=Writer(out, "01", None, datasets),
    )
    return read_record(outputs.record, root=out, datasets=datasets)


def tissue_of(out: Path, *, tiv_ml: float, qc: Qc = Qc.PASS) -> TissueOutputs:
    """Leave a record of the stage `tissue` that holds a TIV; nothing else of it is read."""
    measure = Measure(name="tiv_ml", value=tiv_ml, qc=qc, sources=())
    check = check_tiv(1000.0, own_ml=1000.0 if qc is Qc.PASS else 2000.0)
    writer = Writer(out, "01", None, {})
    record = Record(stage="tissue", methods="", citations=(), measures=(measure,), checks=(check,))
    path = writer.record(record)
    fields = TissueOutputs.__dataclass_fields__
    return TissueOutputs(**{name: path for name in fields if name != "figures"}, figures=())


def test_volumes_have_sources_and_the_program_that_measured_them(tmp_path):
    record = import_subject(write_subject(tmp_path / "fs" / "sub-01"), tmp_path / "out")
    values = {one.name: one for one in record.measures}
    assert values["fs_thalamus_left_ml"].value == 7.6
    assert values["fs_thalamus_left_ml"].qc is Qc.PASS
    assert values["fs_thalamus_left_ml"].sources[0].name == "aseg.stats"
    assert all(name.startswith("fs_") for name in values)
    assert record.software == "FreeSurfer 7.4.1"
    assert record.choices == ("regions: FreeSurfer 7.4.1 of sub-01.",)
    assert [check.state for check in record.checks] == [
        Qc.PASS,
        Qc.PASS,
        Qc.NOT_ASSESSABLE,
        Qc.PASS,
    ]


def test_a_structure_of_0_or_none_is_not_assessable_and_told(tmp_path):
    folder = write_subject(tmp_path / "fs" / "sub-01", change={"Left-Caudate": 0.0}, etiv=None)
    record = import_subject(folder, tmp_path / "out")
    values = {one.name: one for one in record.measures}
    assert values["fs_caudate_left_ml"].value is None
    assert values["fs_caudate_left_ml"].qc is Qc.NOT_ASSESSABLE
    assert values["fs_etiv_ml"].value is None
    assert values["fs_putamen_left_ml"].qc is Qc.WARN
    told = record.checks[0].seen
    assert "missing: fs_etiv_ml" in told
    assert "0: fs_caudate_left_ml" in told


def test_fastsurfer_without_surfaces_lacks_no_cortex(tmp_path):
    record = import_subject(write_fastsurfer(tmp_path / "fs" / "sub-01"), tmp_path / "out")
    names = {one.name for one in record.measures}
    assert not names & set(CORTICAL_VOLUMES)
    assert record.software == "FastSurfer 2.4.2"
    assert record.checks[0].seen == "missing: fs_etiv_ml"


@pytest.mark.parametrize(
    ("own_ml", "state"), [(1450.0, Qc.PASS), (1300.0, Qc.WARN), (1000.0, Qc.FAIL)]
)
def test_intracranial_volume_is_compared_with_that_of_the_app(own_ml, state, tmp_path):
    folder, out = write_subject(tmp_path / "fs" / "sub-01"), tmp_path / "out"
    record = import_subject(folder, out, tissue=tissue_of(out, tiv_ml=own_ml))
    assert record.checks[2].state is state
    assert f"{own_ml:.0f} mL" in record.checks[2].seen


def test_imported_volumes_do_not_inherit_checks_of_the_apps_own(tmp_path):
    folder, out = write_subject(tmp_path / "fs" / "sub-01"), tmp_path / "out"
    record = import_subject(folder, out, tissue=tissue_of(out, tiv_ml=1480.0, qc=Qc.FAIL))
    assert {one.qc for one in record.measures} == {Qc.PASS}


def test_gyri_of_the_other_side_are_found_by_their_sum():
    volumes = {name: 7.0 if "_left_" in name else 7.7 for name in CORTICAL_VOLUMES}
    right = {"left": 34 * 7.0, "right": 34 * 7.7}
    assert check_sides(volumes, cortex_ml=right).state is Qc.PASS
    swapped = check_sides(volumes, cortex_ml={"left": right["right"], "right": right["left"]})
    assert swapped.state is Qc.FAIL
    assert "cortex of the right" in swapped.seen
    uneven = {"fs_caudate_left_ml": 3.0, "fs_caudate_right_ml": 5.0}
    assert check_sides(uneven, cortex_ml={}).state is Qc.WARN


def test_many_holes_of_a_surface_are_told():
    assert check_surfaces({"left": 20, "right": 30}).state is Qc.PASS
    told = check_surfaces({"left": 150, "right": 90})
    assert told.state is Qc.WARN
    assert told.seen == "−238 on average"


def test_half_a_run_fails(tmp_path):
    folder = write_subject(tmp_path / "fs" / "sub-01", cortex=False)
    path = folder / "stats" / "aseg.stats"
    lines = [line for line in path.read_text().splitlines() if "NRows" not in line]
    path.write_text("\n".join(lines[:-25]))
    record = import_subject(folder, tmp_path / "out")
    assert record.checks[0].state is Qc.FAIL

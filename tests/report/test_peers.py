"""Where a person lies among the study's people."""

import json

import pandas as pd

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.proof import peers_digest
from npsle_app.bids.output.writer import write_tsv
from npsle_app.cli.group import _write_pages
from npsle_app.report.page_notes import PageNotes
from npsle_app.report.participant import write_report
from npsle_app.report.peers import ALL, Peers, read_peers
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group import measures
from tests.report.builder import make_dataset

_GROUPS = [
    {"name": "HC", "label": "Controls", "where": {"group": ["HC"]}},
    {"name": "NPSLE", "label": "NPSLE", "where": {"group": ["NPSLE"]}},
    {"name": "all", "label": "All", "where": {"group": ["HC", "NPSLE"]}},
]


def _write(out, values, *, groups=None, **columns):
    people = [f"sub-{n:02d}" for n in range(1, len(values) + 1)]
    wide = pd.DataFrame({"participant_id": people, "session_id": None, "wmh_ml": values, **columns})
    write_tsv(out / "npsle_app_measures.tsv", wide)
    if groups:
        frame = pd.DataFrame({"participant_id": people, "group": groups})
        write_tsv(out / GroupFile.ANALYSIS_FRAME.path, frame)
        summary = {"populations": _GROUPS, "groups": ["HC", "NPSLE"]}
        (out / GroupFile.STATISTICS.path).write_text(json.dumps(summary))
    return read_peers(out)


def test_before_the_group_level_there_is_nobody_to_compare_with(tmp_path):
    peers = read_peers(tmp_path)
    assert peers.draw("wmh_ml", 1.0, participant="sub-01") is None
    assert peers.digest == Peers().digest == ""


def test_each_group_of_the_study_has_its_dots_and_is_counted_without_the_person(tmp_path):
    peers = _write(tmp_path, [1.0, 2.0, 3.0, 4.0], groups=["HC", "HC", "NPSLE", "NPSLE"])
    strip = peers.draw("wmh_ml", 3.0, participant="sub-03")
    assert strip.text == "Controls: 2 of 2 lower; NPSLE: 0 of 1 lower"
    assert [len(group.dots) for group in strip.groups] == [2, 1]
    assert strip.groups[0].dots[1][0] < strip.own < strip.groups[1].dots[0][0]


def test_without_groups_all_people_are_one(tmp_path):
    strip = _write(tmp_path, [1.0, 2.0, None]).draw("wmh_ml", 1.5, participant="sub-09")
    assert strip.text == f"{ALL}: 1 of 2 lower"


def test_people_of_no_group_stand_last(tmp_path):
    peers = _write(tmp_path, [1.0, 2.0], groups=["HC", "other"])
    assert peers.draw("wmh_ml", 3.0, participant="x").text == (
        "Controls: 1 of 1 lower; No group: 1 of 1 lower"
    )


def test_failed_numbers_and_people_excluded_by_rating_are_left_out(tmp_path):
    more = {"wmh_ml_qc": ["pass", "fail", "pass"], "qc_exclude": ["no", "no", "yes"]}
    strip = _write(tmp_path, [1.0, 2.0, 3.0], **more).draw("wmh_ml", 5.0, participant="x")
    assert [group.n for group in strip.groups] == [1]


def test_of_a_crowd_some_dots_are_drawn_and_all_are_counted(tmp_path):
    strip = _write(tmp_path, [float(n) for n in range(500)]).draw("wmh_ml", 5.0, participant="x")
    assert len(strip.groups[0].dots) <= 60
    assert strip.text.endswith("5 of 500 lower")


def test_the_digest_changes_with_a_number_or_a_group(tmp_path):
    digests = {
        _write(tmp_path / "a", [1.0, 2.0], groups=["HC", "HC"]).digest,
        _write(tmp_path / "b", [1.0, 2.1], groups=["HC", "HC"]).digest,
        _write(tmp_path / "c", [1.0, 2.0], groups=["HC", "NPSLE"]).digest,
    }
    assert len(digests) == 3
    assert _write(tmp_path / "a", [1.0, 2.0], groups=["HC", "HC"]).digest in digests


def test_the_group_level_makes_a_page_again_where_the_people_beside_it_are_others(tmp_path):
    out = make_dataset(tmp_path, sessions=("1",))
    datasets = {"raw": tmp_path / "raw"}
    page = write_report(out, "01", datasets=datasets, notes=PageNotes())
    assert peers_digest(out, "01") == ""
    assert 'class="peers"' not in page.read_text()
    make_dataset(tmp_path, sessions=("1",), participant="02")
    write_report(out, "02", datasets=datasets, notes=PageNotes())
    measures.run(output_dir=out, settings=MeasuresSettings())
    _write_pages(out, {}, datasets=datasets, processes=1)
    assert f"{ALL}: 0 of 1 lower" in page.read_text()
    assert peers_digest(out, "01") == read_peers(out).digest
    page.touch()
    before = page.stat().st_mtime_ns
    _write_pages(out, {}, datasets=datasets, processes=1)
    assert page.stat().st_mtime_ns == before

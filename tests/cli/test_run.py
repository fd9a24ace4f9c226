"""What a call of the app leaves and how it ends."""

import json
import os
import signal

import pytest

from npsle_app import pipeline
from npsle_app.engine.stage import Stage
from npsle_app.engine.status import read_rows

pytestmark = pytest.mark.long


def statuses(out):
    rows = read_rows(out / "logs" / "status.tsv")
    return {(row.participant, row.session, row.stage): row.status for row in rows}


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_every_participant_runs_to_the_end_and_the_last_line_counts(app, tmp_path):
    call = app("participant")

    assert call.code == 0
    assert call.lines[-1] == (
        "npsle_app: 2 participants, 2 sessions: "
        "5 stages done, 0 reused, 0 failed, 0 blocked, 1 absent: exit 0"
    )
    assert statuses(tmp_path / "out") == {
        ("sub-01", "n/a", "anat"): "done",
        ("sub-01", "n/a", "wmh"): "done",
        ("sub-01", "n/a", "tissue"): "done",
        ("sub-02", "n/a", "anat"): "done",
        ("sub-02", "n/a", "wmh"): "absent",
        ("sub-02", "n/a", "tissue"): "done",
    }


def test_each_participant_has_a_page_and_the_study_a_methods_text(app, tmp_path):
    app("participant")

    assert "sub-01" in (tmp_path / "out" / "sub-01.html").read_text()
    assert "The anat was made." in (tmp_path / "out" / "logs" / "CITATION.md").read_text()


def test_a_second_run_computes_nothing_and_keeps_what_stages_cost(app, tmp_path):
    app("participant")
    first = read_rows(tmp_path / "out" / "logs" / "status.tsv")

    call = app("participant")

    assert "0 stages done, 5 reused" in call.lines[-1]
    second = read_rows(tmp_path / "out" / "logs" / "status.tsv")
    assert [row.seconds for row in second] == [row.seconds for row in first]


def test_a_changed_flag_reruns_its_stage(app):
    app("participant")

    assert "2 stages done, 3 reused" in app("participant", "--wmh-threshold", "0.3").lines[-1]


def test_a_failure_is_named_and_the_others_go_on_with_exit_code_1(app, dataset, tmp_path):
    dataset.add("00", "T1w", "FLAIR", sidecar={"Crash": True})

    call = app("participant")

    assert call.code == 1
    assert "5 stages done, 0 reused, 1 failed, 2 blocked, 1 absent: exit 1" in call.lines[-1]
    crash = tmp_path / "out" / "sub-00" / "log" / "sub-00_stage-anat_crash.txt"
    assert "Traceback" in crash.read_text()
    page = (tmp_path / "out" / "sub-00.html").read_text()
    assert "cannot strip &lt;b&gt;" in page


def test_a_scan_refused_by_preflight_fails_before_computing_and_says_why(app, dataset, tmp_path):
    dataset.add("00", "T1w", blank=True)

    call = app("participant")

    assert call.code == 1
    reasons = {
        row.stage: row.reason
        for row in read_rows(tmp_path / "out" / "logs" / "status.tsv")
        if row.participant == "sub-00"
    }
    assert reasons["anat"].startswith("sub-00_T1w.nii.gz: ")
    assert reasons["tissue"] == "waited for anat"


def test_failed_only_takes_up_what_failed_and_nothing_else(app, dataset, tmp_path):
    dataset.add("00", "T1w", sidecar={"Crash": True})
    app("participant")
    dataset.add("00", "T1w")

    call = app("participant", "--failed-only")

    assert call.code == 0
    assert call.lines[-1].startswith("npsle_app: 1 participant, 1 session: 2 stages done")
    assert len(statuses(tmp_path / "out")) == 9
    assert "0 participants, 0 sessions" in app("participant", "--failed-only").lines[-1]


def test_stop_on_first_crash_begins_nothing_more(app, dataset, tmp_path):
    dataset.add("00", "T1w", sidecar={"Crash": True})

    call = app("participant", "--stop-on-first-crash")

    assert call.code == 1
    assert statuses(tmp_path / "out")["sub-01", "n/a", "anat"] == "blocked"


@pytest.fixture
def interruptible():
    """Heed Ctrl-C even where a shell that went on to other things has told us not to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_writes_its_tables_and_can_be_taken_up(
    app, dataset, tmp_path, number, code
):
    dataset.add("01", "T1w", "FLAIR", sidecar={"Signal": int(number)})

    call = app("participant")

    assert call.code == code
    assert call.lines[-1].endswith(f"exit {code}")
    assert set(statuses(tmp_path / "out").values()) == {"blocked"}
    dataset.add("01", "T1w", "FLAIR")
    assert app("participant").code == 0


def test_sessions_that_were_not_asked_for_keep_their_rows(app, dataset, tmp_path):
    dataset.add("03", "T1w", session="1")
    dataset.add("03", "T1w", session="2")
    app("participant", "--participant-label", "sub-03")

    call = app("participant", "--participant_label", "03", "--session-id", "ses-2")

    assert call.lines[-1].startswith("npsle_app: 1 participant, 1 session: 0 stages done, 2 reused")
    assert statuses(tmp_path / "out")["sub-03", "ses-1", "anat"] == "done"


def test_reports_only_writes_the_pages_anew_and_computes_nothing(app, tmp_path):
    app("participant")
    page = tmp_path / "out" / "sub-01.html"
    page.unlink()

    call = app("participant", "--reports-only")

    assert call.code == 0
    assert page.exists()
    assert "0 stages done" in call.lines[-1]


def test_boilerplate_only_writes_the_methods_text_alone(app, tmp_path):
    assert app("participant", "--boilerplate-only").code == 0

    left = {name for name in files(tmp_path / "out") if "sub-" in name}
    assert left == set()
    assert (tmp_path / "out" / "logs" / "CITATION.md").read_text().startswith("# Methods")


def test_a_dry_run_tells_the_plan_and_writes_nothing(app, tmp_path):
    before = files(tmp_path)

    call = app("participant", "--dry-run")

    assert files(tmp_path) == before
    assert call.lines[:8] == [
        "sub-01",
        "  t1w: sub-01/anat/sub-01_T1w.nii.gz (the only one)",
        "  flair: sub-01/anat/sub-01_FLAIR.nii.gz (the only one)",
        "  dwi: none (no DWI series)",
        "  vwi: none (no black-blood T1w or PDw image: acq- with vwi, space, cube, vista or bb)",
        "  anat: will run",
        "  wmh: will run after anat",
        "  tissue: will run after anat, wmh",
    ]
    assert "  wmh: absent (no FLAIR image)" in call.lines


def test_a_dry_run_knows_what_would_be_reused(app, tmp_path):
    app("participant")
    before = files(tmp_path)

    call = app("participant", "--dry-run", "--participant-label", "01", "--wmh-threshold", "0.4")

    assert files(tmp_path) == before
    assert call.lines[5:8] == [
        "  anat: reused",
        "  wmh: will run",
        "  tissue: will run after wmh",
    ]


def test_nothing_is_written_into_the_dataset(app, dataset, tmp_path):
    before = files(dataset.root)

    app("participant", "--work-dir", str(tmp_path / "work"))

    assert files(dataset.root) == before


def test_temporary_files_go_into_the_work_dir_and_can_be_cleaned(app, tmp_path):
    app("participant", "--work-dir", str(tmp_path / "work"), "--clean-workdir")

    assert list((tmp_path / "work").iterdir()) == []


def test_a_work_dir_is_left_as_it_is_after_a_failure(app, dataset, tmp_path):
    dataset.add("00", "T1w", sidecar={"Crash": True})

    app("participant", "--work-dir", str(tmp_path / "work"), "--clean-workdir")

    assert len(list((tmp_path / "work").iterdir())) == 1


def test_the_run_leaves_its_log_and_its_settings(app, tmp_path):
    app("participant")

    (run,) = (path for path in (tmp_path / "out" / "logs").iterdir() if path.is_dir())
    log = (run / "run.log").read_text()
    assert "sub-01 t1w: sub-01_T1w.nii.gz (the only one)" in log
    assert "sub-01 anat: started" in log
    assert "sub-01 anat: done in" in log
    assert "[wmh]" in (run / "npsle_app.toml").read_text()


@pytest.mark.parametrize("kind", ["a pipe", "deep", "huge"])
def test_a_sidecar_that_cannot_be_read_is_told_and_the_scan_is_processed(
    app, dataset, tmp_path, kind
):
    sidecar = dataset.root / "sub-01" / "anat" / "sub-01_T1w.json"
    sidecar.unlink()
    if kind == "a pipe":
        os.mkfifo(sidecar)
    elif kind == "deep":
        sidecar.write_text("[" * 50_000)
    else:
        with sidecar.open("wb") as stream:
            stream.truncate(2**34)

    call = app("participant", "--participant-label", "01")

    assert call.code == 0
    page = (tmp_path / "out" / "sub-01.html").read_text()
    assert "the sidecar cannot be read" in page


def test_the_settings_of_a_run_repeat_it(app, tmp_path):
    app("participant", "--wmh-threshold", "0.35", "--random-seed", "5", "--sloppy")
    (config,) = (tmp_path / "out" / "logs").glob("*/npsle_app.toml")

    call = app("participant", "--config-file", str(config))

    assert "0 stages done, 5 reused" in call.lines[-1]


@pytest.mark.slow
def test_two_processes_do_what_one_does_and_a_killed_one_fails_its_own_job(app, dataset, tmp_path):
    dataset.add("00", "T1w", sidecar={"Kill": True})

    call = app("participant", "--nprocs", "2")

    assert call.code == 1
    assert "5 stages done, 0 reused, 1 failed, 1 blocked, 2 absent: exit 1" in call.lines[-1]
    (row,) = (
        row for row in read_rows(tmp_path / "out" / "logs" / "status.tsv") if row.status == "failed"
    )
    assert row.reason.startswith("the worker was killed, most likely for lack of memory")
    assert "distributed" not in call.err


def test_a_page_that_cannot_be_written_is_a_failure(app, tmp_path):
    (tmp_path / "out" / "sub-01.html" / "in the way").mkdir(parents=True)

    call = app("participant")

    assert call.code == 1
    assert "; 1 report failed: exit 1" in call.lines[-1]
    assert statuses(tmp_path / "out")["sub-01", "n/a", "report"] == "failed"


def test_the_status_table_has_a_dictionary(app, tmp_path):
    app("participant")

    columns = (tmp_path / "out" / "logs" / "status.tsv").read_text().splitlines()[0].split("\t")
    dictionary = json.loads((tmp_path / "out" / "logs" / "status.json").read_text())
    assert list(dictionary) == columns


def test_the_group_level_needs_participants(app, tmp_path):
    call = app("group")

    assert call.code == 2
    assert "run the participant level first" in call.err
    assert not (tmp_path / "out").exists()


def test_both_levels_run_in_one_call(app, tmp_path):
    call = app("participant", "group")

    assert call.code == 0
    assert "; group: 7 stages done, 0 reused, 0 failed, 0 blocked, 0 absent: exit 0" in call.out
    assert (tmp_path / "out" / "group.html").exists()


def test_the_group_level_alone_counts_itself_alone(app):
    app("participant")

    assert app("group").lines[-1].startswith("npsle_app: group: 7 stages done")


def disagree(**_):
    msg = "two tables disagree"
    raise ValueError(msg)


def test_a_group_stage_that_fails_blocks_the_page_and_is_told(app, monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "GROUP", (Stage("measures", f"{__name__}:disagree"),))

    call = app("participant", "group")

    assert call.code == 1
    assert "group: 0 stages done, 0 reused, 1 failed, 1 blocked" in call.lines[-1]
    rows = read_rows(tmp_path / "out" / "logs" / "group_status.tsv")
    assert [row.reason for row in rows] == [
        "ValueError: two tables disagree",
        "waited for measures",
    ]


def test_what_the_app_itself_did_not_expect_is_told_in_one_line(app, monkeypatch):
    def broken(*_, **__):
        msg = "no such thing"
        raise RuntimeError(msg)

    monkeypatch.setattr("npsle_app.cli.run.run_participants", broken)

    call = app("participant")

    assert call.code == 1
    assert "unexpected RuntimeError: no such thing" in call.lines[-1]
    assert call.lines[-1].endswith("exit 1")


def test_with_several_threads_the_user_is_warned(app):
    assert "results may differ in the last digits" in app("participant", "--omp-nthreads", "2").err


def test_the_validator_speaks_once_of_each_participant(app):
    assert "the BIDS validator" in app("participant", validate=True).err
    assert "the BIDS validator" not in app("participant", validate=True).err


def test_a_dry_run_of_the_group_level_says_whom_it_would_gather(app):
    app("participant")

    told = app("group", "--dry-run").lines
    assert told[0] == "group: will gather 2 participants processed so far"


def test_reports_only_passes_over_whom_was_never_processed(app):
    app("participant", "--participant-label", "01")

    call = app("participant", "--reports-only")

    assert call.lines[-1].startswith("npsle_app: 1 participant, 1 session: ")
    assert "sub-02: no report, for it was not processed" in call.err


def test_little_memory_is_said_beforehand(app):
    assert "leaves 600 MB for each" in app("participant", "--mem-mb", "600").err

"""A stage that compares a session with the one before, from the command line."""

import nibabel as nib
import pytest

from npsle_app import pipeline
from npsle_app.engine.status import read_rows
from tests.cli.plan import CHANGE, PLAN


@pytest.fixture
def visits(app, dataset, monkeypatch):
    """Return the app with a plan that looks back, and a participant `03` of three sessions."""
    monkeypatch.setattr(pipeline, "PARTICIPANT", (*PLAN, CHANGE))
    for session in ("1", "2", "10"):
        dataset.add("03", "T1w", "FLAIR", session=session)
    return lambda *words: app("participant", "--participant-label", "03", *words)


def date(dataset, **days):
    rows = [f"ses-{label.removeprefix('s')}\t{day}\n" for label, day in days.items()]
    table = dataset.root / "sub-03" / "sub-03_sessions.tsv"
    table.write_text("session_id\tacq_time\n" + "".join(rows))


def changes(out):
    rows = read_rows(out / "logs" / "status.tsv")
    return {row.session: (row.status, row.reason) for row in rows if row.stage == "change"}


def days(out, session):
    path = f"sub-03/ses-{session}/anat/sub-03_ses-{session}_desc-lesionfilled_T1w.nii.gz"
    return nib.load(out / path).get_fdata().max()


def test_sessions_are_compared_in_the_order_of_their_labels(visits, tmp_path):
    assert visits().code == 0

    assert changes(tmp_path / "out") == {
        "ses-1": ("absent", "no earlier session"),
        "ses-2": ("done", "n/a"),
        "ses-10": ("done", "n/a"),
    }


def test_sessions_whose_order_is_not_known_are_not_compared_and_the_reason_is_told(
    app, dataset, monkeypatch, tmp_path
):
    monkeypatch.setattr(pipeline, "PARTICIPANT", (*PLAN, CHANGE))
    for session in ("spring", "autumn"):
        dataset.add("03", "T1w", "FLAIR", session=session)

    call = app("participant", "--participant-label", "03")

    assert call.code == 0
    for status, reason in changes(tmp_path / "out").values():
        assert status == "absent"
        assert reason.startswith("the order of the sessions autumn, spring is not known: write")
    assert "the order of the sessions autumn, spring is not known" in call.err
    assert "acq_time" in (tmp_path / "out" / "sub-03.html").read_text()


def test_dates_in_the_table_of_sessions_decide_the_order(visits, dataset, tmp_path):
    date(dataset, s1="2022-01-03T00:00:00", s2="2022-01-01T00:00:00", s10="2022-01-07T00:00:00")

    assert visits().code == 0

    assert changes(tmp_path / "out")["ses-2"] == ("absent", "no earlier session")
    assert (days(tmp_path / "out", "1"), days(tmp_path / "out", "10")) == (2, 4)


def test_a_new_date_reruns_the_comparison_alone(visits, dataset):
    visits()
    date(dataset, s1="2022-01-01", s2="2022-01-02")

    assert "2 stages done, 9 reused" in visits().lines[-1]


def test_a_session_alone_uses_what_an_earlier_run_left(visits, tmp_path):
    visits("--session-label", "1")

    call = visits("--session-label", "2")

    assert call.code == 0
    assert "1 session: 4 stages done" in call.lines[-1]
    assert changes(tmp_path / "out")["ses-2"][0] == "done"
    assert changes(tmp_path / "out")["ses-1"][0] == "absent"


def test_a_session_alone_says_which_other_to_run(visits, tmp_path):
    call = visits("--session-label", "2")

    assert call.code == 1
    status, reason = changes(tmp_path / "out")["ses-2"]
    assert status == "blocked"
    assert reason.endswith("has no current output: run ses-1 as well")
    visits("--session-label", "1")
    assert visits("--failed-only").code == 0
    assert changes(tmp_path / "out")["ses-2"][0] == "done"


def test_a_failure_of_the_session_before_blocks_the_comparison(visits, dataset, tmp_path):
    dataset.add("03", "T1w", "FLAIR", session="1", sidecar={"Crash": True})

    assert visits().code == 1

    status, reason = changes(tmp_path / "out")["ses-2"]
    assert (status, reason) == ("blocked", "waited for wmh of ses-1: waited for anat")
    assert changes(tmp_path / "out")["ses-10"][0] == "done"


def test_a_dry_run_says_what_the_comparison_waits_for(visits, tmp_path):
    lines = visits("--dry-run").lines

    assert lines[lines.index("sub-03_ses-2") + 8] == "  change: will run after wmh, wmh of ses-1"
    assert "  change: absent (no earlier session)" in lines
    visits("--session-label", "1")
    alone = visits("--dry-run", "--session-label", "2").lines
    assert "  change: will run after wmh" in alone
    visits()
    assert "  change: reused" in visits("--dry-run", "--session-label", "2").lines
    assert (tmp_path / "out").exists()


def test_scans_outside_of_session_folders_are_no_earlier_session(visits, dataset, tmp_path):
    dataset.add("03", "T1w", "FLAIR")

    assert visits().code == 0

    assert changes(tmp_path / "out")["ses-1"] == ("absent", "no earlier session")
    assert changes(tmp_path / "out")["n/a"] == ("absent", "no earlier session")


@pytest.mark.slow
def test_two_processes_compare_as_one_does(visits, tmp_path):
    assert visits("--nprocs", "2").code == 0
    assert changes(tmp_path / "out")["ses-10"][0] == "done"
    assert "0 stages done, 11 reused, 0 failed, 0 blocked, 1 absent" in visits().lines[-1]

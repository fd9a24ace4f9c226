"""What is shown while the app runs."""

import io

from rich.console import Console

from npsle_app.bids.input.scans import Session
from npsle_app.cli import jobs
from npsle_app.cli.progress import Progress, seconds_left
from npsle_app.engine.stage import Outcome, Status
from npsle_app.pipeline import PARTICIPANT
from npsle_app.resources import read_table
from npsle_app.settings import Settings


def show(progress):
    console = Console(file=io.StringIO(), width=100)
    console.print(progress.table())
    return console.file.getvalue()


def build(tmp_path, count):
    sessions = [Session(f"{number:02d}", None, ()) for number in range(count)]
    return jobs.build_jobs(
        sessions, output_dir=tmp_path, datasets={}, settings=Settings(), version="1"
    )


def test_the_table_says_how_each_stage_stands(tmp_path):
    planned = build(tmp_path, 2)
    progress = Progress(planned, stages=["anat", "wmh"], live=False)

    progress.tell((("01", None), "anat"), Outcome(Status.FAILED, reason="no"))
    progress.tell((("00", None), "anat"), None)
    shown = show(progress)

    assert shown.index("sub-00") < shown.index("sub-01")  # what moved last is on top
    assert "running" in shown
    assert "failed" in shown
    assert f"1 of {len(planned)} stages ended" in shown


def test_a_large_study_fits_the_screen(tmp_path):
    progress = Progress(build(tmp_path, 100), stages=["anat"], live=False)

    assert show(progress).count("sub-") == 20


def test_on_a_terminal_the_table_is_shown_at_the_end_too(tmp_path, capsys):
    with Progress(build(tmp_path, 1), stages=["anat"], live=True) as progress:
        progress.tell((("00", None), "anat"), Outcome(Status.DONE, seconds=1))

    shown = capsys.readouterr().err
    assert "sub-00" in shown
    assert "done" in shown


def test_every_stage_has_a_usual_cost():
    assert {row["stage"] for row in read_table("stage_costs.tsv")} == {
        one.name for one in PARTICIPANT
    }


def test_the_time_left_goes_by_what_was_computed(tmp_path, capsys):
    with Progress(build(tmp_path, 2), stages=["anat"], live=True) as progress:
        progress.tell((("00", None), "anat"), Outcome(Status.REUSED))
    assert "known after the first stage" in capsys.readouterr().err
    with Progress(build(tmp_path, 2), stages=["anat"], live=True) as progress:
        progress.tell((("00", None), "anat"), Outcome(Status.DONE, seconds=1))
    assert "left" in capsys.readouterr().err


def test_nothing_left_takes_no_time():
    assert seconds_left(100.0, done=5.0, left=0.0) == 0
    assert seconds_left(100.0, done=0.0, left=5.0) is None

"""In which order stages run, and what one failure does to the others."""

from dataclasses import replace

from npsle_app.engine.job import Job
from npsle_app.engine.scheduler import STOPPED, run_jobs
from npsle_app.engine.stage import Status
from tests.engine.plan import EITHER, GIVEN, PLAN, Study


def test_a_scan_that_was_not_acquired_is_no_failure_and_is_named(tmp_path, inline):
    study = Study(tmp_path)
    study.add("01", t1w="7")

    outcomes = study.run(inline)

    assert outcomes["01", "wmh"].status is Status.ABSENT
    assert outcomes["01", "wmh"].reason == "no FLAIR"


def test_a_stage_that_is_only_used_is_handed_over_as_none(tmp_path, inline):
    study = Study(tmp_path)
    study.add("01", t1w="7")

    outcomes = study.run(inline)

    assert outcomes["01", "tissue"].outputs.table.read_text() == "7 no lesions"


def test_a_scan_that_is_only_used_is_handed_over_as_none_and_one_of_them_is_needed(
    tmp_path, inline
):
    study = Study(tmp_path)
    study.add("01", flair="9")
    study.add("02", dwi="8")

    outcomes = study.run(inline, plan=(EITHER,))

    assert outcomes["01", "either"].outputs.table.read_text() == "none 9"
    assert outcomes["02", "either"].status is Status.ABSENT
    assert outcomes["02", "either"].reason == "no T1w"


def test_a_refused_scan_fails_the_stage_that_only_uses_it(tmp_path, inline):
    study = Study(tmp_path, refused={"flair": "flair is broken"})
    study.add("01", t1w="7", flair="9")

    outcome = study.run(inline, plan=(EITHER,))["01", "either"]

    assert (outcome.status, outcome.reason) == (Status.FAILED, "flair is broken")


def test_what_others_may_give_is_never_needed_reruns_its_stage_and_is_refused_like_a_scan(
    tmp_path, inline
):
    study = Study(tmp_path)
    study.add("01", t1w="7")
    plan = (PLAN[0], GIVEN)

    assert study.run(inline, plan=plan)["01", "either"].outputs.table.read_text() == "7 none"

    study.add("01", t1w="7", flair="9")
    outcomes = study.run(inline, plan=plan)
    assert outcomes["01", "anat"].status is Status.REUSED
    assert outcomes["01", "either"].outputs.table.read_text() == "7 9"

    study.refused = {"flair": "flair is broken"}
    study.add("01", t1w="7", flair="8")
    assert study.run(inline, plan=plan)["01", "either"].status is Status.FAILED


def test_what_needs_an_absent_stage_is_absent_too(tmp_path, inline):
    study = Study(tmp_path)
    study.add("01", flair="9")

    outcomes = study.run(inline)

    assert {outcome.status for outcome in outcomes.values()} == {Status.ABSENT}
    assert outcomes["01", "tissue"].reason == "needs anat, which is absent: no T1w"


def test_a_failure_blocks_what_needs_it_and_nobody_else(study, inline):
    study.add("00", t1w="not a number", flair="9")

    outcomes = study.run(inline)

    assert outcomes["00", "anat"].status is Status.FAILED
    assert outcomes["00", "wmh"].status is Status.BLOCKED
    assert outcomes["00", "wmh"].reason == "waited for anat"
    assert outcomes["01", "tissue"].status is Status.DONE


def test_a_failure_is_told_in_one_line_and_in_full(study, inline):
    study.add("01", t1w="not a\n number")

    outcome = study.run(inline)["01", "anat"]

    assert outcome.reason.startswith("ValueError: invalid literal for int()")
    assert "\n" not in outcome.reason
    assert "Traceback" in (study.root / "01" / "stage-anat_crash.txt").read_text()


def test_a_later_success_removes_the_crash_file(study, inline):
    study.add("01", t1w="not a number")
    study.run(inline)
    study.add("01", t1w="8")

    assert study.run(inline)["01", "anat"].status is Status.DONE
    assert not (study.root / "01" / "stage-anat_crash.txt").exists()


def test_a_refused_scan_fails_the_stage_that_takes_it_and_no_other(study, inline):
    study.refused["flair"] = "flair.nii.gz: all voxels are zero; export it again"

    outcomes = study.run(inline)

    assert outcomes["01", "wmh"].status is Status.FAILED
    assert outcomes["01", "wmh"].reason == study.refused["flair"]
    assert outcomes["01", "tissue"].outputs.table.read_text() == "7 no lesions"


def test_a_check_that_raises_fails_the_stages_of_its_unit_and_the_others_go_on(study, inline):
    study.add("02", t1w="3", flair="5")

    def raises():
        msg = "data code 9999 not recognized"
        raise OverflowError(msg)

    jobs = study.jobs()
    jobs = {
        key: replace(job, refusals=raises) if key[0] == "01" else job for key, job in jobs.items()
    }
    outcomes = run_jobs(jobs, inline)

    assert {outcomes["01", name].status for name in ("anat", "wmh")} == {
        Status.FAILED,
        Status.BLOCKED,
    }
    assert "OverflowError: data code 9999" in outcomes["01", "anat"].reason
    assert outcomes["02", "tissue"].status is Status.DONE


def test_a_job_that_cannot_even_be_settled_fails_alone(study, inline, monkeypatch):
    study.add("02", t1w="3", flair="5")
    settle = Job.settle

    def broken(job, upstream):
        if job.stage.name == "wmh" and job.receipt.parent.name == "01":
            raise RecursionError
        return settle(job, upstream)

    monkeypatch.setattr(Job, "settle", broken)
    outcomes = study.run(inline)

    assert outcomes["01", "wmh"].status is Status.FAILED
    assert outcomes["01", "wmh"].reason == "RecursionError"
    assert outcomes["02", "wmh"].status is Status.DONE


def test_a_unit_is_finished_before_the_next_is_begun(study, inline):
    study.add("02", t1w="1", flair="1")

    study.run(inline)

    assert [unit for unit, _ in study.started] == ["01"] * 3 + ["02"] * 3


def test_stop_on_failure_begins_nothing_more_and_says_so(study, inline):
    study.add("00", t1w="not a number", flair="9")

    outcomes = study.run(inline, stop_on_failure=True)

    assert study.started == [("00", "anat")]
    assert outcomes["01", "anat"].status is Status.BLOCKED
    assert outcomes["01", "anat"].reason == STOPPED


def test_each_job_says_what_it_cost(study, inline):
    outcome = study.run(inline)["01", "anat"]

    assert 0 < outcome.seconds < 10
    assert 0 < outcome.cpu_seconds < 10
    assert 1 < outcome.peak_mb < 10_000

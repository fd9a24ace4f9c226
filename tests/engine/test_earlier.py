"""A stage that looks back at the unit before its own."""

import pytest

from npsle_app.engine.executors import open_executor
from npsle_app.engine.stage import Status
from tests.engine.plan import CHANGE, FOLLOW, PLAN, Section, Study

LOOKING_BACK = (*PLAN, CHANGE)
FOLLOWING = (*PLAN, FOLLOW)


@pytest.fixture
def visits(tmp_path) -> Study:
    """Return a study of three units that follow one another."""
    study = Study(tmp_path)
    for number in (1, 2, 3):
        study.add(f"0{number}", t1w=f"{number}", flair="f")
    return study


def change(outcomes, unit):
    return outcomes[unit, "change"]


def test_each_unit_is_compared_with_the_one_before_it(visits, inline):
    outcomes = visits.run(inline, plan=LOOKING_BACK)

    assert change(outcomes, "02").outputs.table.read_text() == "1-2: f1, f2"
    assert change(outcomes, "03").outputs.table.read_text() == "2-3: f2, f3"


def test_the_first_unit_has_nothing_to_be_compared_with_and_says_so(visits, inline):
    outcome = change(visits.run(inline, plan=LOOKING_BACK), "01")

    assert (outcome.status, outcome.reason) == (Status.ABSENT, "01 is the first")


def test_a_failure_in_the_unit_before_blocks_the_comparison_alone(visits, inline):
    visits.add("01", t1w="not a number")

    outcomes = visits.run(inline, plan=LOOKING_BACK)

    assert change(outcomes, "02").status is Status.BLOCKED
    assert change(outcomes, "02").reason == "waited for wmh of 01: waited for anat"
    assert outcomes["02", "tissue"].status is Status.DONE
    assert change(outcomes, "03").status is Status.DONE


def test_a_scan_that_the_unit_before_lacks_makes_the_comparison_absent(visits, inline):
    (visits.folder / "raw" / "01" / "flair").unlink()

    outcome = change(visits.run(inline, plan=LOOKING_BACK), "02")

    assert outcome.status is Status.ABSENT
    assert outcome.reason == "needs wmh of 01, which is absent: no FLAIR"


def test_a_second_run_reuses_the_comparison(visits, inline):
    visits.run(inline, plan=LOOKING_BACK)

    outcomes = visits.run(inline, plan=LOOKING_BACK)

    assert change(outcomes, "02").status is Status.REUSED
    assert visits.started == []


@pytest.mark.parametrize("unit", ["01", "02"])
def test_what_changes_in_either_unit_reruns_the_comparison(visits, inline, unit):
    visits.run(inline, plan=LOOKING_BACK)
    visits.add(unit, flair="other")

    outcomes = visits.run(inline, plan=LOOKING_BACK)

    assert change(outcomes, "02").status is Status.DONE
    assert change(outcomes, "02").reason.startswith("made anew: inputs changed (")


def test_alone_a_unit_uses_what_an_earlier_run_left_of_the_one_before(visits, inline):
    visits.run(inline, units="01")

    outcomes = visits.run(inline, plan=LOOKING_BACK, units="02")

    assert change(outcomes, "02").status is Status.DONE
    assert {unit for unit, _ in outcomes} == {"02"}


def test_alone_a_unit_says_what_to_run_where_nothing_was_left(visits, inline):
    outcome = change(visits.run(inline, plan=LOOKING_BACK, units="02"), "02")

    assert outcome.status is Status.BLOCKED
    assert "01 is not part of this run and has no current output: run 01 as well" in outcome.reason


def test_alone_a_unit_does_not_trust_outputs_that_are_no_longer_current(visits, inline):
    visits.run(inline, units="01")
    visits.settings["wmh"] = Section(factor=2)

    outcome = change(visits.run(inline, plan=LOOKING_BACK, units="02"), "02")

    assert outcome.status is Status.BLOCKED


def test_several_processes_do_what_one_does(visits, inline, tmp_path):
    with open_executor(2, folder=tmp_path / "work") as (executor, at_once):
        outcomes = visits.run(executor, plan=LOOKING_BACK, at_once=at_once)

    assert change(outcomes, "03").outputs.table.read_text() == "2-3: f2, f3"
    again = visits.run(inline, plan=LOOKING_BACK)
    assert change(again, "03").status is Status.REUSED


def follow(outcomes, unit):
    return outcomes[unit, "follow"]


def test_a_stage_that_uses_the_unit_before_runs_without_one_too(visits, inline):
    outcomes = visits.run(inline, plan=FOLLOWING)

    assert follow(outcomes, "01").outputs.table.read_text() == "1"
    assert follow(outcomes, "03").outputs.table.read_text() == "1, 2, 3"


def test_where_the_unit_before_went_wrong_the_stage_goes_on_without_it(visits, inline):
    visits.add("02", t1w="not a number")

    outcomes = visits.run(inline, plan=FOLLOWING)

    assert follow(outcomes, "02").status is Status.BLOCKED
    assert follow(outcomes, "03").outputs.table.read_text() == "3"


def test_a_unit_before_that_is_mended_makes_the_stage_anew(visits, inline):
    visits.add("01", t1w="not a number")
    visits.run(inline, plan=FOLLOWING)
    visits.add("01", t1w="1")

    outcomes = visits.run(inline, plan=FOLLOWING)

    assert follow(outcomes, "02").status is Status.DONE
    assert follow(outcomes, "02").outputs.table.read_text() == "1, 2"


def test_alone_a_unit_uses_a_whole_chain_of_what_earlier_runs_left(visits, inline):
    for unit in ("01", "02"):
        visits.run(inline, plan=FOLLOWING, units=unit)

    outcome = follow(visits.run(inline, plan=FOLLOWING, units="03"), "03")

    assert outcome.outputs.table.read_text() == "1, 2, 3"


def test_alone_a_unit_does_not_do_otherwise_than_in_a_whole_run(visits, inline):
    outcome = follow(visits.run(inline, plan=FOLLOWING, units="02"), "02")

    assert outcome.status is Status.BLOCKED
    assert "run 01 as well" in outcome.reason


def test_a_chain_that_is_current_is_reused(visits, inline):
    visits.run(inline, plan=FOLLOWING)

    outcomes = visits.run(inline, plan=FOLLOWING)

    assert {follow(outcomes, unit).status for unit in ("01", "02", "03")} == {Status.REUSED}

"""A measure inherits the worst check of all that it rests on, over the whole plan."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.job import earlier_name
from npsle_app.engine.stage import Stage
from npsle_app.pipeline import PARTICIPANT
from npsle_app.records import Check, Measure, Qc, Record
from npsle_app.stages.participant.shared import inheriting

# tells by itself which of its vessels rest on the T1w image: those drawn by a reader do not
BY_ITSELF = {"vessel_wall"}
LAST = (
    "freesurfer",
    "alps",
    "lesions",
    "change",
    "lesions_flair",
    "overview",
    "overview_flair",
)  # nothing rests on them
MEASURES = ("tiv_ml", "gm_ml")
RUNS = {stage.name: stage for stage in PARTICIPANT if stage.name not in BY_ITSELF}


@dataclass(frozen=True)
class Outputs:
    record: Path


def stand_in(stage: Stage, state: Qc) -> Callable[..., Outputs]:
    """Return a stage without science, that is handed what the plan says and makes one check."""

    def run(*, out: Writer, **_: object) -> Outputs:
        check = Check(name=stage.name, seen="", expected="", state=state, advice="")
        measures = (Measure(name=name, value=1.0, qc=state, sources=()) for name in MEASURES)
        record = Record(
            stage=stage.name, methods="", citations=(), measures=tuple(measures), checks=(check,)
        )
        return Outputs(out.record(record))

    return inheriting(**getattr(stage.run, "rests_on", {}))(run)


def run_plan(root: Path, *, spoilt: str, state: Qc = Qc.FAIL, without: str = "") -> dict:
    """Run two sessions of the plan; the check of one stage of the first ends in `state`."""
    done: dict[tuple[str, str], Outputs] = {}
    for session in ("1", "2"):
        out = Writer(root=root, participant="01", session=session)
        for name, stage in RUNS.items():
            if name == without:
                continue
            own = {one: done.get((session, one)) for one in stage.upstream}
            before = {earlier_name(one): done.get(("1", one)) for one in stage.before}
            looks_back = before if session == "2" else dict.fromkeys(before)
            mine = state if (session, name) == ("1", spoilt) else Qc.PASS
            done[session, name] = stand_in(stage, mine)(out=out, **own, **looks_back)
    read = {key: read_record(one.record, root=root) for key, one in done.items()}
    return {
        (*key, measure.name): measure.qc
        for key, record in read.items()
        for measure in record.measures
    }


def downstream(spoilt: str) -> set[tuple[str, str]]:
    """Return the sessions and stages that rest on a stage of the first session."""
    found = {("1", spoilt)}
    for session in ("1", "2"):
        for name, stage in RUNS.items():
            own = {(session, one) for one in stage.upstream}
            before = {("1", one) for one in stage.before} if session == "2" else set()
            if (own | before) & found:
                found.add((session, name))
    return found


@pytest.mark.parametrize("spoilt", RUNS)
@pytest.mark.fault(
    "Images",
    "a check that fails, of any stage",
    "every measure that rests on that stage fails too, over all stages and sessions",
)
def test_a_failed_check_fails_every_measure_downstream_and_no_other(tmp_path, spoilt):
    states = run_plan(tmp_path, spoilt=spoilt)
    expected = downstream(spoilt)
    for (session, name, measure), state in states.items():
        if measure == "gm_ml":
            assert (state is Qc.FAIL) is ((session, name) in expected), (session, name)
    assert len(expected) > 1 or spoilt in LAST


@pytest.mark.parametrize("spoilt", RUNS)
def test_a_warning_is_handed_on_as_a_warning(tmp_path, spoilt):
    states = run_plan(tmp_path, spoilt=spoilt, state=Qc.WARN)
    assert {state for key, state in states.items() if key[:2] in downstream(spoilt)} <= {
        Qc.WARN,
        Qc.PASS,
    }
    assert states["1", spoilt, "gm_ml"] is Qc.WARN


def test_the_intracranial_volume_rests_on_the_t1w_image_alone(tmp_path):
    assert run_plan(tmp_path / "flair", spoilt="wmh")["1", "tissue", "tiv_ml"] is Qc.PASS
    assert run_plan(tmp_path / "t1w", spoilt="anat")["1", "tissue", "tiv_ml"] is Qc.FAIL


def test_what_was_not_run_hands_nothing_on(tmp_path):
    states = run_plan(tmp_path, spoilt="anat", without="wmh")
    assert states["1", "tissue", "gm_ml"] is Qc.FAIL
    assert ("1", "wmh", "gm_ml") not in states


@pytest.mark.parametrize("stage", PARTICIPANT, ids=lambda stage: stage.name)
def test_each_stage_that_is_handed_others_inherits_from_them(stage):
    handed = bool(stage.upstream or stage.before)
    assert hasattr(stage.run, "rests_on") is (handed and stage.name not in BY_ITSELF)
    arguments = {*stage.upstream, *map(earlier_name, stage.before)}
    rests_on = getattr(stage.run, "rests_on", {})
    assert {name for names in rests_on.values() for name in names} <= arguments

"""The plan, the signatures, the settings and the file names must tell one story."""

import dataclasses
import inspect
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest

from npsle_app.bids.freesurfer import folders
from npsle_app.bids.input import brain_maps, lesion_masks
from npsle_app.bids.input.choosing import KINDS
from npsle_app.bids.input.scans import Scan, Visit
from npsle_app.bids.output.names import DESCRIPTIONS, WMH_CHANGES, WMH_READINGS, File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.job import earlier_name
from npsle_app.imaging.lesions.change import LABELS
from npsle_app.imaging.wmh.reading import LABELS as READING
from npsle_app.pipeline import GROUP, PARTICIPANT
from npsle_app.settings import Settings
from tests.engine.plan import with_upstream

BY_NAME = {stage.name: stage for stage in PARTICIPANT}
SECTIONS = get_type_hints(Settings)
GIVEN = (*brain_maps.KINDS, lesion_masks.KIND, folders.KIND)
TAKEN = {"visit": Visit, **dict.fromkeys((*KINDS, *GIVEN), Scan)}
by_name = pytest.mark.parametrize("stage", PARTICIPANT, ids=lambda stage: stage.name)


@pytest.mark.parametrize("stage", [*PARTICIPANT, *GROUP], ids=lambda stage: stage.name)
def test_a_stage_is_a_function_of_the_module_of_its_name(stage):
    assert inspect.isfunction(stage.run)
    assert stage.run.__module__.rpartition(".")[2] == stage.name


def test_reading_the_plan_imports_no_stage():
    code = "import sys, npsle_app.pipeline; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert not [name for name in loaded if name.startswith(("npsle_app.stages.", "numpy."))]


@by_name
def test_a_stage_takes_what_the_plan_says_and_by_keyword_alone(stage):
    parameters = inspect.signature(stage.run).parameters

    looked_back_at = {earlier_name(name) for name in (*stage.before, *stage.earlier_scans)}
    planned = {
        *stage.scans,
        *stage.uses_scans,
        *stage.given,
        *stage.needs,
        *stage.uses,
        *looked_back_at,
        "settings",
        "out",
    }
    assert set(parameters) == planned, f"fix the signature of {stage.name} or npsle_app/pipeline"
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


@by_name
def test_a_stage_is_handed_what_others_return(stage):
    types = get_type_hints(stage.run)

    assert all(types[kind] is TAKEN[kind] for kind in stage.scans)
    for kind in stage.uses_scans + stage.given:  # and None, where it was not acquired
        assert set(get_args(types[kind])) == {TAKEN[kind], type(None)}
    assert all(types[earlier_name(kind)] is TAKEN[kind] for kind in stage.earlier_scans)
    assert all(types[earlier_name(name)] is BY_NAME[name].outputs for name in stage.earlier)
    assert all(types[need] is BY_NAME[need].outputs for need in stage.needs)
    for used in stage.uses:  # and None, where there is nothing
        assert set(get_args(types[used])) == {BY_NAME[used].outputs, type(None)}
    for used in stage.earlier_uses:
        assert set(get_args(types[earlier_name(used)])) == {BY_NAME[used].outputs, type(None)}
    assert types["out"] is Writer


@pytest.mark.parametrize("stage", [*PARTICIPANT, *GROUP], ids=lambda stage: stage.name)
def test_a_stage_has_its_own_section_of_settings(stage):
    assert get_type_hints(stage.run)["settings"] is SECTIONS.get(stage.settings)


@by_name
def test_a_stage_that_makes_do_without_a_scan_hands_nothing_to_those_that_need_it(stage):
    above = {name for one in stage.upstream for name in BY_NAME[one].without}
    assert above <= set(stage.without)
    assert not set(stage.without) & set(stage.scans)


def test_each_section_of_settings_has_its_stage():
    assert set(SECTIONS) <= {stage.name for stage in (*PARTICIPANT, *GROUP)}


@by_name
def test_a_stage_returns_a_frozen_record_of_paths_and_limits(stage):
    assert stage.outputs.__dataclass_params__.frozen
    types = get_type_hints(stage.outputs)
    assert all(set(_leaves(hint)) <= {Path, float, type(None), Ellipsis} for hint in types.values())
    assert types["record"] is Path
    assert types["figures"] == tuple[Path, ...]


@by_name
def test_the_scans_of_a_stage_can_be_found(stage):
    assert {*stage.scans, *stage.uses_scans, *stage.earlier_scans} <= set(TAKEN)
    assert set(stage.given) <= set(GIVEN)


@by_name
def test_what_a_stage_looks_back_at_does_not_look_back_itself(stage):
    assert not any(above.looks_back for above in with_upstream(PARTICIPANT, stage.earlier))


def test_stages_stand_after_those_they_wait_for():
    order = [stage.name for stage in PARTICIPANT]
    assert len(set(order)) == len(order)
    list(TopologicalSorter({s.name: s.upstream for s in PARTICIPANT}).static_order())
    for stage in PARTICIPANT:
        assert all(order.index(name) < order.index(stage.name) for name in stage.upstream)


def test_settings_can_be_written_as_toml():
    for section in SECTIONS.values():
        for field in dataclasses.fields(section):
            hint = get_type_hints(section)[field.name]
            leaves = set(_leaves(str if get_origin(hint) is Literal else hint))
            plain = {int, float, str, bool, type(None), Ellipsis}
            assert leaves <= plain, f"{section.__name__}.{field.name} is of a type TOML lacks"


def test_no_two_files_have_one_name():
    names = [(file.value.folder, file.value.tail) for file in File]

    assert len(set(names)) == len(names)


def test_each_description_in_a_file_name_is_explained():
    used = {
        part.removeprefix("desc-")
        for file in File
        for part in file.value.tail.split(".")[0].split("_")
        if part.startswith("desc-")
    }

    assert used <= set(DESCRIPTIONS)


@pytest.mark.parametrize(("table", "labels"), [(WMH_CHANGES, LABELS), (WMH_READINGS, READING)])
def test_labels_mean_the_same_in_image_and_table(table, labels):
    assert {number: label for number, _, label, _ in table} == labels


def _leaves(hint):
    if get_origin(hint) in (tuple, Union) or type(hint).__name__ == "UnionType":
        for part in get_args(hint):
            yield from _leaves(part)
    else:
        yield hint

"""What is said of the group level's files holds together; mistakes are told with their place."""

import tomllib
from fnmatch import fnmatchcase
from itertools import permutations

import pytest

from npsle_app import pipeline
from npsle_app.bids.output.names import File, GroupFile
from npsle_app.group_tables import (
    Column,
    group_files,
    group_tables,
    owner_of,
    parse_group_files,
)
from npsle_app.resources import read_text

STAGE = """
[columns]
participant_id = { label = "Participant", description = "Participant" }
n = { label = "n", description = "People", format = "count" }

[stage.columns]
n = { label = "N", description = "Scans", unit = "1" }
r = { label = "r", description = "Correlation", limits = ["low", "high"], decimals = 2 }
low = { description = "Lower limit" }
high = { description = "Upper limit" }

[stage.tables.counts] # how many
title = "Counts"
columns = ["participant_id", "n", "r", "low", "high"]
shown = ["r", "n"]
"""


def test_every_group_file_has_exactly_one_owner_and_every_owned_file_is_a_group_file():
    owned = [name for stage in group_files().values() for name in stage.paths]
    assert sorted(owned) == sorted(file.value for file in GroupFile)


def test_every_owner_is_a_stage_of_the_group_level():
    assert set(group_files()) <= {stage.name for stage in pipeline.GROUP}


def test_a_file_without_an_owner_is_refused():
    with pytest.raises(LookupError, match=r"no stage of group_tables\.toml owns the file moods"):
        owner_of("moods")


def test_files_lie_where_their_names_say():
    assert (GroupFile.DUNN.path, GroupFile.DUNN.stage) == ("group/dunn.tsv", "statistics")
    assert GroupFile.NORMATIVE_MODEL.path == "group/normative_model.json"
    assert GroupFile.NORMATIVE_MODEL.stage == "normative"
    assert group_tables()["deviations"].session_file == File.DEVIATIONS.value.tail


def test_no_figure_could_be_of_two_stages():
    for one, other in permutations(group_files().values(), 2):
        for pattern in one.figures:
            # as long as * stands at the end alone
            assert "*" not in pattern[:-1]
            assert not any(fnmatchcase(name.rstrip("*"), pattern) for name in other.figures)


def test_every_column_that_is_described_is_one_of_a_table():
    content = tomllib.loads(read_text("group_tables.toml"))
    shared, used_by_all = set(content.pop("columns")), set()
    for stage, section in content.items():
        tables = section["tables"].values()
        used = {name for table in tables for name in (*table["columns"], *table.get("shown", ()))}
        copied = section.get("copies", {})
        own = content[copied["stage"]] if copied else {"columns": {}, "tables": {}}
        for name in copied.get("tables", ()):
            used |= set(own["tables"][name]["columns"])
        used -= set(own["columns"]) - set(section["columns"])
        assert set(section["columns"]) <= used, stage
        used_by_all |= used - set(section["columns"])
    assert shared == used_by_all


def test_no_table_has_a_column_twice():
    for table in group_tables().values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names)), table.name


@pytest.mark.parametrize("table", group_tables().values(), ids=lambda table: table.name)
def test_every_column_is_explained_in_words(table):
    entries = table.explain(column.name for column in table.columns)
    assert all(entry["Description"] for entry in entries.values())
    assert table.columns


def test_a_stage_may_say_more_of_a_shared_column():
    table = parse_group_files(STAGE)["stage"].tables["counts"]
    assert table.explain(["participant_id", "n"]) == {
        "participant_id": {"LongName": "Participant", "Description": "Participant"},
        "n": {"LongName": "N", "Description": "Scans", "Units": "1"},
    }
    assert [column.head for column in table.shown] == ["r (95 % CI)", "N"]


def test_other_columns_are_described_by_their_name():
    table = group_tables()["normative_reference"]
    assert table.explain(["region_thalamus_left_ml"]) == {
        "region_thalamus_left_ml": {
            "LongName": "region_thalamus_left_ml",
            "Description": "Volume of the region",
            "Units": "mL",
        }
    }


def test_a_column_of_the_study_is_described_by_who_knows_it_and_a_named_one_is_not():
    table = parse_group_files(STAGE)["stage"].tables["counts"]
    known = {"age": {"Description": "Age"}, "n": {"Description": "something else"}}
    entries = table.explain(["age", "n"], known=known)
    assert entries["age"] == {"Description": "Age"}
    assert entries["n"]["Description"] == "Scans"


def test_a_column_that_nobody_describes_is_refused():
    table = parse_group_files(STAGE)["stage"].tables["counts"]
    with pytest.raises(ValueError, match="does not describe the column mood of counts"):
        table.explain(["n", "mood"])


def test_a_column_of_the_page_alone_takes_its_number_from_another():
    robust = next(column for column in group_tables()["regressions"].shown if column.value)
    assert (robust.source, robust.head) == ("b", "B (95 % CI), HC3")
    assert robust.name not in {column.name for column in group_tables()["regressions"].columns}
    assert Column(name="p", description="p-value").source == "p"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[stage.columns]", "[stage.columns", r"group_tables\.toml cannot be read: .*line 6"),
        ('"count"', '"counts"', r"columns\.n of .*format 'counts' is none of .*'count'"),
        ('unit = "1"', 'units = "1"', r"stage\.columns\.n of .* has no key 'units', but \["),
        ('["low", "high"],', '["low"],', r"columns\.r .*a lower and an upper one"),
        ('description = "Lower limit"', "", r"stage\.columns\.low .*it has no description"),
        ('["r", "n"]', '["r", "q"]', r"stage\.tables\.counts .* has no column 'q', but"),
        ('"n", "r", "low", "high"]', '"n", "r", "low"]', r"counts .* has no column 'high', but"),
        ('title = "Counts"', 'titel = "Counts"', r"counts .* has no key 'titel', but"),
        ("[stage.tables.counts]", "[stage.table.counts]", r"stage .* has no key 'table', but"),
        (
            "[stage.columns]",
            '[stage]\ndocuments = ["counts"]\n[stage.columns]',
            "stage .* has a document counts and a table of that name",
        ),
        (
            "[columns]",
            '[other]\ndocuments = ["counts"]\n[columns]',
            r"counts of .* has two owners, other and stage",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(old, new, message):
    assert STAGE.count(old) == 1
    with pytest.raises(ValueError, match=message):
        parse_group_files(STAGE.replace(old, new))

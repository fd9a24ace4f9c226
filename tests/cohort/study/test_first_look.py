from dataclasses import replace

import pytest

from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.first_look import look_at_cohort
from tests.cohort.study_tables import make_tables


def _look(tables):
    return look_at_cohort(assemble(tables, study=DEFAULT_STUDY))


def test_it_counts_who_was_matched_and_the_groups():
    assert _look(make_tables()) == [
        "60 of 60 participants of the table have images or measures",
        "groups: Controls 20, non-NPSLE 20, NPSLE 20",
    ]


@pytest.mark.fault(
    "Tables",
    "people of the table without images, and images without a row",
    "named before computing",
)
def test_it_names_who_was_not_matched_on_either_side():
    tables = make_tables()
    fewer = replace(
        tables,
        participants=tables.participants.iloc[2:],
        measures=tables.measures.iloc[:-1],
    )
    first = _look(fewer)[0]
    assert first.startswith("57 of 58 participants of the table")
    assert "not sub-059" in first
    assert "2 more have some and are not in the table (sub-000, sub-001)" in first


@pytest.mark.fault(
    "Tables",
    "table of which no one is matched",
    "refused before computing, with both kinds of names",
)
def test_a_table_of_which_no_one_is_matched_is_refused_with_both_names():
    tables = make_tables()
    strangers = tables.participants.assign(participant_id=[f"pat{n}x" for n in range(60)])
    with pytest.raises(ValueError, match=r"none of the 60 .* sub-pat0x, .* called sub-000"):
        _look(replace(tables, participants=strangers))


@pytest.mark.fault(
    "Tables", "levels that no group asks for", "named with counts and the line to write"
)
def test_levels_of_no_group_are_named_with_the_line_to_write():
    groups = ["SLE-NP" if n % 3 == 2 else "HC" for n in range(60)]
    lines = _look(make_tables(participants={"group": groups}))
    assert "groups: Controls 40, non-NPSLE 0, NPSLE 0" in lines
    assert any(line.startswith("20 participants are in no group") for line in lines)
    assert any('[table.levels.group] of the study file: "SLE-NP" = ' in line for line in lines)


def test_what_was_not_understood_is_named():
    ages = ["young" if n == 7 else "40" for n in range(60)]
    lines = _look(make_tables(participants={"age": ages}))
    line = next(line for line in lines if line.startswith("not understood: age"))
    assert "'young' (sub-007)" in line
    assert '[table.missing] of the study file: age = ["young"]' in line


def test_heads_measured_by_flair_alone_among_others_are_told():
    tables = make_tables()
    methods = ["FLAIR alone" if n < 3 else "T1w" for n in range(len(tables.measures))]
    mixed = replace(tables, measures=tables.measures.assign(measured_by=methods))
    line = next(line for line in _look(mixed) if "FLAIR alone" in line)
    assert line.startswith("3 participants were measured by FLAIR alone and 57 by T1w")
    alike = replace(tables, measures=tables.measures.assign(measured_by="FLAIR alone"))
    assert not any("FLAIR alone" in line for line in _look(alike))

"""What the page says reads as a sentence, where there is little or nothing to say, too."""

import re

import numpy as np
import pandas as pd

from npsle_app.cohort.statistics.analyses import analyse
from npsle_app.cohort.statistics.statements import list_not_estimable, tell_cohort
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.formatting import format_how_many
from tests.cohort.study_tables import make_cohort

LEAN = parse_study(
    {
        "group_tests": {"measures": ["gm_ml"]},
        "adjusted": {"measures": ["wm_ml"]},
        "correlations": {"measures": ["alps_mean"], "clinical": ["ldl_mmol_l"]},
        "regressions": {"outcomes": ["wm_ml"], "secondary": [], "sensitivity": []},
        "outcomes": {"yes_no": [], "numbers": []},
        "markers": {"measures": ["gm_ml"]},
        "change": {"measures": ["gm_ml"]},
    }
)


def _methods(cohort):
    found = analyse(cohort, rng=np.random.default_rng(1))
    return {one.name: one.statement.methods for one in found}


def test_what_nothing_came_of_is_said_with_the_commonest_reason_and_no_zero():
    told = _methods(make_cohort(study=LEAN, participants={"sex": "n/a"}))
    assert told["correlations"].startswith("No correlation could be estimated: sex is missing")
    assert told["regressions"].startswith("No linear regression could be estimated: sex is missing")
    assert told["adjusted"].startswith("No measure could be compared between groups at equal")
    assert not any(re.search(r"\bOf 0 |\b0 (measures|correlations)", one) for one in told.values())


def test_groups_without_anyone_are_said_to_be_absent():
    text = tell_cohort(make_cohort(participants={"group": "NPSLE"})).methods
    assert "There are no Controls and no non-NPSLE." in text
    assert "n = 0" not in text


def test_a_covariate_that_is_the_same_in_all_is_not_said_to_be_adjusted_for():
    told = _methods(make_cohort(study=LEAN, participants={"sex": "F"}))["regressions"]
    assert "(but not for sex, the same in all)" in told


def test_one_of_something_is_no_plural():
    assert format_how_many(1, "parameter") == "1 parameter"
    assert _methods(make_cohort(study=LEAN))["group_tests"].startswith(
        "1 measure was compared between"
    )


def test_one_absent_column_is_one_reason_with_the_number_of_its_rows():
    reasons = [f"{name}, a v b, primary: no column tiv_ml" for name in "abcdefg"]
    table = pd.DataFrame({"status": "not estimable", "reason": reasons})
    assert list_not_estimable([table, table]) == ["no column tiv_ml: 14 rows"]

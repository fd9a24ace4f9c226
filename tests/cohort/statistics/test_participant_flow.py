"""Who enters which analysis: counted by hand."""

import numpy as np

from npsle_app.cohort.statistics.participant_flow import COLUMNS, tell_who_enters
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_cohort


def _told(cohort, **wanted):
    table = tell_who_enters(cohort)
    assert list(table) == COLUMNS
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table.set_index("population")[["n", "enters", "why_not"]]


def test_those_who_lack_a_column_do_not_enter_and_are_counted_under_each_column():
    cohort = make_cohort()
    patients = cohort.frame.index[cohort.frame["group"] != "HC"]
    cohort.frame.loc[patients[:3], "bmi"] = np.nan
    cohort.frame.loc[patients[2:5], "ldl_mmol_l"] = np.nan
    told = _told(cohort, analysis="correlations", what="alps_mean × ldl_mmol_l").loc["patients"]
    assert told.tolist() == [40, 35, "3 without ldl_mmol_l, 3 without bmi"]


def test_all_of_both_classes_enter_the_classifier_which_imputes_what_they_lack():
    study = parse_study(
        {"classifier": {"clinical": ["ldl_mmol_l"], "imaging": ["alps_mean", "vw_nwi"]}}
    )
    cohort = make_cohort(study=study)
    ill = cohort.frame.index[cohort.frame["group"] == "NPSLE"]
    cohort.frame.loc[ill[:2], "alps_mean"] = np.nan
    told = _told(cohort, analysis="classifier")
    assert told.loc["NPSLE"].tolist() == [
        20,
        20,
        "2 without alps_mean: imputed, no column vw_nwi: no predictor",
    ]
    assert told.loc["non-NPSLE", "enters"] == 20


def test_of_a_population_that_is_not_there_no_one_enters_and_the_level_is_named():
    cohort = make_cohort(participants={"group": "NPSLE"})
    told = _told(cohort, analysis="group_tests", what="gm_ml").loc["HC"]
    assert told["n"] == 0
    assert "group has none of ['HC']" in told["why_not"]

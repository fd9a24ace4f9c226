import numpy as np
import pytest
import statsmodels.formula.api as smf

from npsle_app.cohort.statistics.correlations import correlate
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_cohort


def _row(table, measure="alps_mean", clinical="ldl_mmol_l", method="pearson"):
    found = (
        (table["measure"] == measure)
        & (table["clinical"] == clinical)
        & (table["method"] == method)
    )
    return table[found].iloc[0]


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_patients_alone_enter_and_pairs_are_complete(method):
    """Of the coefficient of ldl in alps ~ ldl + age + sex + bmi, of ranks for Spearman's."""
    cohort = make_cohort()
    cohort.frame.loc[[1, 2], "ldl_mmol_l"] = np.nan
    row = _row(correlate(cohort), method=method)
    assert (row["n"], row["missing"], row["df"]) == (38, 2, 33)
    patients = cohort.frame[cohort.frame["group"] != "HC"].dropna(subset=["ldl_mmol_l"])
    numbers = patients.assign(sex=(patients["sex"] == "M").astype(float))
    numbers = numbers[["alps_mean", "ldl_mmol_l", "age", "sex", "bmi"]].astype(float)
    data = numbers.rank() if method == "spearman" else numbers
    fit = smf.ols("alps_mean ~ ldl_mmol_l + age + sex + bmi", data).fit()
    t = fit.tvalues["ldl_mmol_l"]
    assert row["r"] == pytest.approx(t / np.sqrt(t**2 + 33))
    assert row["p"] == pytest.approx(fit.pvalues["ldl_mmol_l"])


def test_another_population_can_be_chosen():
    study = parse_study({"correlations": {"population": "NPSLE"}})
    assert _row(correlate(make_cohort(study=study)))["n"] == 20


def test_a_covariate_is_not_taken_from_itself():
    study = parse_study({"correlations": {"clinical": ["age"]}})
    row = _row(correlate(make_cohort(study=study)), clinical="age")
    assert row["covariates"] == "sex, bmi"
    assert row["df"] == 36


def test_a_covariate_with_one_value_is_left_out_and_told():
    row = _row(correlate(make_cohort(participants={"sex": "F"})))
    assert row["note"] == "constant and left out: sex"
    assert row["df"] == 36


@pytest.mark.parametrize(
    ("participants", "reason"),
    [
        ({"ldl_mmol_l": "high"}, "alps_mean × ldl_mmol_l: ldl_mmol_l should hold a number"),
        ({"ldl_mmol_l": "3"}, "alps_mean × ldl_mmol_l: ldl_mmol_l is constant (3)"),
        ({"ldl_mmol_l": "n/a"}, "alps_mean × ldl_mmol_l: ldl_mmol_l is missing for all"),
        ({"group": "HC"}, "alps_mean × ldl_mmol_l: Patients: group has none of"),
        ({"age": "12000"}, "alps_mean × ldl_mmol_l: age must lie between 0 and 120 year"),
    ],
)
def test_what_cannot_be_correlated_names_the_column(participants, reason):
    table = correlate(make_cohort(participants=participants))
    row = _row(table)
    assert row["status"] == "not estimable"
    assert row["reason"].startswith(reason)
    others = table[(table["clinical"] == "sledai_2k") & (table["measure"] == "alps_mean")]
    if "ldl_mmol_l" in participants:
        assert set(others["status"]) == {"estimated"}

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from npsle_app.cohort.estimators.partial_correlation import (
    partial_correlation,
    permute_correlation,
)
from npsle_app.cohort.statistics.correlations import correlate
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_cohort

SAME_SCANNER = parse_study({"acquisition": []})


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
    cohort = make_cohort(study=SAME_SCANNER)
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
    study = parse_study({"acquisition": [], "correlations": {"clinical": ["age"]}})
    row = _row(correlate(make_cohort(study=study)), clinical="age")
    assert row["covariates"] == "sex, bmi"
    assert row["df"] == 36


def test_a_covariate_with_one_value_is_left_out_and_told():
    row = _row(correlate(make_cohort(study=SAME_SCANNER, participants={"sex": "F"})))
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


def test_ranks_are_quoted_where_a_variable_is_skewed_and_else_pearson(rng):
    """The rule looks at each variable alone: |skewness| > 1 or Q-Q correlation < 0.95."""
    skewed = np.exp(rng.normal(0, 1.5, 60)).round(2).astype(str)
    table = correlate(make_cohort(participants={"ldl_mmol_l": skewed}))
    quoted = {method: _row(table, method=method)["quoted"] for method in ("pearson", "spearman")}
    assert quoted == {"pearson": "no", "spearman": "yes"}
    assert _row(correlate(make_cohort()))["quoted"] == "yes"


def test_lesion_volume_enters_as_its_logarithm():
    row = _row(correlate(make_cohort()), measure="wmh_ml")
    assert row["transform"] == "ln(wmh_ml)"
    assert row["quoted"] == "yes"
    raw = _row(correlate(make_cohort()), measure="wmh_ml", method="spearman")
    assert raw["quoted"] == "no"


def test_below_ten_degrees_of_freedom_p_is_permuted_and_says_so():
    row = _row(correlate(make_cohort(n=18)))
    assert row["df"] < 10
    assert row["p"] * 10000 == pytest.approx(round(row["p"] * 10000))
    assert f"{row['df']:.0f} degrees of freedom: p by permutation" in row["note"]


def test_a_permuted_correlation_agrees_with_that_of_t(rng):
    x, other = rng.normal(size=30), rng.normal(size=(30, 2))
    y = 0.4 * x + rng.normal(size=30)
    by_t = partial_correlation(x, y=y, covariates=other).p
    assert permute_correlation(x, y=y, covariates=other) == pytest.approx(by_t, abs=0.01)


def test_the_scanner_is_adjusted_for_where_it_varies():
    row = _row(correlate(make_cohort()))
    assert row["covariates"] == "age, sex, bmi, scanner"
    assert _row(correlate(make_cohort(participants={"scanner": "A"})))["df"] == row["df"] + 1
    assert not pd.isna(row["p"])

"""Golden: the printed χ² p-values of Inglese 2021, doi:10.1007/s00330-021-07970-2.

Oracle of the other tests: scipy, and statsmodels' anova_oneway.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from npsle_app.cohort.estimators.two_sample import (
    compare_counts,
    compare_numbers,
    is_symmetric,
    standardised_difference,
    standardised_difference_of_shares,
)
from npsle_app.cohort.statistics.baseline_table import make_table1
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_cohort

pytestmark = pytest.mark.long


def _two_by_two(yes, of, other_yes, other_of):
    return np.array([[yes, of - yes], [other_yes, other_of - other_yes]])


@pytest.mark.parametrize(
    ("counts", "printed"),
    [
        ((33, 38, 108, 117), 0.307),  # table 1, female
        ((16, 38, 39, 117), 0.326),  # table 1, hypertension
        ((23, 26, 10, 12), 0.664),  # table 3, female
        ((11, 26, 5, 12), 0.970),  # table 3, hypertension
    ],
)
def test_four_printed_p_values_are_pearsons_chi2_without_correction(counts, printed):
    found = compare_counts(_two_by_two(*counts), recommended=False)
    assert found.name == "Pearson χ²"
    assert round(found.p, 3) == printed


@pytest.mark.parametrize(
    ("counts", "printed", "ours"),
    [
        ((5, 38, 16, 117), 0.720, 0.935),  # table 1, smoking
        ((3, 38, 6, 117), 0.626, 0.526),  # table 1, diabetes
        ((3, 26, 2, 12), 0.666, 0.664),  # table 3, smoking
        ((1, 26, 2, 12), 0.154, 0.173),  # table 3, diabetes
    ],
)
def test_four_printed_p_values_follow_from_no_test_of_the_printed_counts(counts, printed, ours):
    table = _two_by_two(*counts)
    found = [compare_counts(table, recommended=mode).p for mode in (False, True)]
    found += [stats.chi2_contingency(table).pvalue]
    assert round(found[0], 3) == ours
    assert printed not in np.round(found, 3)


def test_small_expected_counts_call_for_fishers_test():
    found = compare_counts(_two_by_two(1, 26, 2, 12), recommended=True)
    assert found.name == "Fisher's exact"
    assert found.p == pytest.approx(0.2295, abs=5e-5)
    large = compare_counts(_two_by_two(16, 38, 39, 117), recommended=True)
    assert large.name == "Pearson χ²"


def test_larger_tables_with_small_counts_are_drawn_with_a_seed():
    table = np.array([[3, 1, 2], [9, 0, 1], [4, 5, 2]])
    one, other = (compare_counts(table, recommended=True) for _ in range(2))
    assert one == other
    assert one.name == "Fisher-Freeman-Halton, Monte Carlo"
    assert 0 < one.p < 1


def test_the_printed_ages_are_compatible_with_students_t():
    """0.351 is printed for 40 ± 14 (38) v 42 ± 13 (117); rounding allows 0.21 to 0.70."""
    t = stats.ttest_ind_from_stats(40, 14, 38, 42, 13, 117)
    assert 0.21 < t.pvalue < 0.70


@pytest.fixture
def samples():
    rng = np.random.default_rng(4)
    return [rng.normal(40, 14, 38), rng.normal(42, 9, 60), rng.normal(45, 12, 30)]


def test_symmetric_numbers_are_compared_by_t_as_in_the_paper_and_by_welch(samples):
    pair = samples[:2]
    papers = compare_numbers(pair, symmetric=True, recommended=False)
    welch = compare_numbers(pair, symmetric=True, recommended=True)
    student, unequal = (stats.ttest_ind(*pair, equal_var=equal) for equal in (True, False))
    for ours, theirs in ((papers, student), (welch, unequal)):
        assert ours.statistic == pytest.approx(theirs.statistic)
        assert ours.df == pytest.approx(theirs.df)
        assert ours.p == pytest.approx(theirs.pvalue)


def test_welchs_analysis_of_variance_equals_statsmodels(samples):
    """anova_oneway(samples, use_var="unequal")."""
    theirs = anova_oneway(samples, use_var="unequal")
    ours = compare_numbers(samples, symmetric=True, recommended=True)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.df == pytest.approx(theirs.df_denom)
    assert ours.p == pytest.approx(theirs.pvalue)
    papers = compare_numbers(samples, symmetric=True, recommended=False)
    assert papers.p == pytest.approx(stats.f_oneway(*samples).pvalue)


def test_skewed_numbers_are_compared_by_ranks(samples):
    skewed = [np.exp(values / 10) for values in samples]
    assert not is_symmetric(skewed)
    pair = compare_numbers(skewed[:2], symmetric=False, recommended=True)
    assert pair.name == "Mann-Whitney U"
    theirs = stats.mannwhitneyu(*samples[:2], use_continuity=False, method="asymptotic")
    assert (pair.statistic, pair.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert compare_numbers(skewed, symmetric=False, recommended=True).p == pytest.approx(
        stats.kruskal(*samples).pvalue
    )


def test_symmetry_needs_eight_values_and_a_straight_qq_plot():
    rng = np.random.default_rng(1)
    assert is_symmetric([rng.normal(size=200)])
    assert not is_symmetric([rng.normal(size=7)])
    assert not is_symmetric([np.zeros(20)])
    assert not is_symmetric([rng.normal(size=200), rng.exponential(size=200)])
    assert not is_symmetric([np.repeat([0.0, 1.0], 50)])


def test_standardised_differences_by_hand():
    one, other = np.array([1.0, 2, 3]), np.array([3.0, 4, 5])
    assert standardised_difference(one, other) == pytest.approx(-2)
    shares = standardised_difference_of_shares(np.array([50, 50]), np.array([80, 20]))
    assert shares == pytest.approx(0.3 / np.sqrt((0.25 + 0.16) / 2))
    flipped = standardised_difference_of_shares(np.array([80, 20]), np.array([50, 50]))
    assert flipped == pytest.approx(-shares)
    three = standardised_difference_of_shares(np.array([10, 20, 30]), np.array([10, 20, 30]))
    assert three == 0
    assert np.isnan(standardised_difference(np.array([1.0]), other))


def _rows(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def test_each_cell_says_its_missing_values_and_each_variable_its_test():
    cohort = make_cohort()
    cohort.frame.loc[[1, 4], "bmi"] = np.nan  # both SLE
    cells, tests = make_table1(cohort)
    bmi = _rows(cells, comparison="non-NPSLE v NPSLE", variable="bmi")
    assert bmi["population"].tolist() == ["non-NPSLE", "NPSLE"]
    assert bmi["n"].tolist() == [18, 20]
    assert bmi["missing"].tolist() == [2, 0]
    assert bmi["summary"].unique().tolist() == ["mean ± SD"]
    assert "±" in bmi["shown"].iloc[0]
    sex = _rows(cells, comparison="non-NPSLE v NPSLE", variable="sex", population="NPSLE")
    assert sex["level"].tolist() == ["F", "M"]
    assert sex["count"].sum() == 20
    row = _rows(tests, comparison="non-NPSLE v NPSLE", variable="sex").iloc[0]
    assert row["test_paper"] == "Pearson χ²"
    assert np.isfinite(row["standardised_difference"])
    yes = _rows(cells, comparison="non-NPSLE v NPSLE", variable="hypertension")
    assert yes["level"].unique().tolist() == ["yes"]


def test_a_variable_is_described_alike_in_all_comparisons_though_skewed_in_one_population():
    rng = np.random.default_rng(4)
    bmi = rng.normal(25, 2, 60)
    bmi[2::3] = 18 + rng.lognormal(0.5, 1, 20)  # of NPSLE alone
    cells, _ = make_table1(make_cohort(participants={"bmi": bmi.round(2).astype(str)}))
    own = _rows(cells, variable="bmi")
    apart = _rows(own, comparison="HC v non-NPSLE v NPSLE")
    assert stats.skew(bmi[2::3], bias=False) > 1 > abs(stats.skew(bmi[0::3], bias=False))
    assert own["comparison"].nunique() > 2
    assert own["summary"].unique().tolist() == ["median (10–90 %)"]
    assert len(apart) == 3


def test_a_variable_that_controls_lack_is_compared_between_the_others_and_says_so():
    cells, tests = make_table1(make_cohort())
    for variable in ("sdi", "disease_duration_years"):
        three, two = (
            _rows(tests, comparison=name, variable=variable).iloc[0]
            for name in ("HC v non-NPSLE v NPSLE", "non-NPSLE v NPSLE")
        )
        assert three["status"] == "estimated"
        assert three["note"] == "non-NPSLE v NPSLE alone: no values in Controls"
        assert three["test_paper"] == two["test_paper"]
        assert three["p_paper"] == two["p_paper"]
        assert pd.isna(two["note"])
    controls = _rows(cells, comparison="HC v non-NPSLE v NPSLE", variable="sdi", population="HC")
    assert controls[["n", "missing", "shown"]].to_numpy().tolist() == [[0, 20, "n/a"]]


def test_levels_that_controls_lack_are_compared_between_the_others_and_say_so():
    study = parse_study({"table1": {"variables": ["immunosuppressant"]}})
    given = ["n/a", "1", "0", "n/a", "0", "1"] * 10
    _, tests = make_table1(make_cohort(study=study, participants={"immunosuppressant": given}))
    row = _rows(tests, comparison="HC v non-NPSLE v NPSLE").iloc[0]
    assert row["p_paper"] == pytest.approx(1.0)
    assert row["note"] == "non-NPSLE v NPSLE alone: no values in Controls"


def test_a_variable_that_one_population_has_is_described_and_not_tested():
    cohort = make_cohort()
    cohort.frame.loc[cohort.frame["group"] != "NPSLE", "sdi"] = np.nan
    cells, tests = make_table1(cohort)
    row = _rows(tests, comparison="non-NPSLE v NPSLE", variable="sdi").iloc[0]
    assert (row["status"], row["reason"]) == ("not estimable", "sdi: no values outside NPSLE")
    shown = _rows(cells, comparison="non-NPSLE v NPSLE", variable="sdi", population="NPSLE")
    assert shown["n"].item() == 20


@pytest.mark.parametrize(
    ("participants", "variable", "message"),
    [
        ({"bmi": "n/a"}, "bmi", "missing for all"),
        ({"bmi": "25"}, "bmi", r"is constant \(25\)"),
        ({"bmi": "fat"}, "bmi", "bmi should hold a number"),
        ({"sex": "F"}, "sex", "has one level only"),
        ({"group": "NPSLE"}, "age", "non-NPSLE: group has none of"),
    ],
)
def test_what_cannot_be_tested_names_the_column_and_the_others_go_on(
    participants, variable, message
):
    cohort = make_cohort(participants=participants)
    _, tests = make_table1(cohort)
    row = _rows(tests, comparison="non-NPSLE v NPSLE", variable=variable).iloc[0]
    assert row["status"] == "not estimable"
    assert variable in row["reason"]
    assert pd.Series([row["reason"]]).str.contains(message).all()
    if "group" not in participants:
        assert (tests["status"] == "estimated").any()


def test_the_means_of_a_row_have_the_same_decimals():
    cohort = make_cohort()
    controls = cohort.frame["group"] == "HC"
    cohort.frame.loc[controls, "age"] = 40 + np.linspace(-3, 3, controls.sum())
    cells, _ = make_table1(cohort)
    shown = _rows(cells, comparison="HC v non-NPSLE v NPSLE", variable="age")["shown"]
    decimals = {len(text.split(" ")[0].partition(".")[2]) for text in shown}
    assert decimals == {1}


def test_scores_of_whole_points_have_one_decimal_at_most():
    given = ["n/a", "0", "1", "n/a", "1", "1"] * 10
    cells, _ = make_table1(make_cohort(participants={"sdi": given}))
    shown = _rows(cells, comparison="non-NPSLE v NPSLE", variable="sdi")["shown"]
    assert shown.tolist() == ["0.5 (0.0–1.0)", "1.0 (1.0–1.0)"]


def test_the_comparisons_can_be_chosen():
    study = parse_study({"table1": {"comparisons": [["HC", "patients"]], "variables": ["age"]}})
    cells, _ = make_table1(make_cohort(study=study))
    assert cells["population"].tolist() == ["HC", "patients"]
    assert cells["n"].tolist() == [20, 40]

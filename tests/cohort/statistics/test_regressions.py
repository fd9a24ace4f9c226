from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from npsle_app.cohort.estimators.imputation import impute, pool
from npsle_app.cohort.estimators.power import detectable_coefficient, detectable_difference
from npsle_app.cohort.statistics.imputed_regressions import regress_imputed
from npsle_app.cohort.statistics.regressions import regress
from npsle_app.cohort.statistics.statements import tell_regressions
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.study import Imputation
from npsle_app.formatting import format_interval
from tests.cohort.study_tables import make_cohort

MAIN = parse_study(
    {
        "contrasts": {"main": {"group": "NPSLE", "against": "non-NPSLE"}},
        "classifier": {"contrast": "main"},
        "acquisition": [],
    }
)
SCANNED = replace(MAIN, acquisition=("site", "scanner"))
IMPUTED = replace(MAIN, imputation=Imputation(datasets=5, iterations=5))


def _row(table, measure="wm_ml", model="primary", contrast="main"):
    found = (
        (table["measure"] == measure) & (table["model"] == model) & (table["contrast"] == contrast)
    )
    return table[found].iloc[0]


def test_the_primary_model_is_that_of_statsmodels_on_the_people_of_the_contrast():
    """smf.ols("wm_ml ~ npsle + age + sex + tiv_ml", rows)."""
    cohort = make_cohort(study=MAIN)
    rows = cohort.frame[cohort.frame["group"] != "HC"].copy()
    rows["npsle"] = (rows["group"] == "NPSLE").astype(float)
    theirs = smf.ols("wm_ml ~ npsle + age + sex + tiv_ml", rows).fit()
    row = _row(regress(cohort))
    assert row["b"] == pytest.approx(theirs.params["npsle"])
    assert row["p"] == pytest.approx(theirs.pvalues["npsle"])
    assert (row["n"], row["df"], row["n_group"], row["n_against"]) == (40, 35, 20, 20)
    robust = smf.ols("wm_ml ~ npsle + age + sex + tiv_ml", rows).fit(cov_type="HC3", use_t=True)
    assert row["p_hc3"] == pytest.approx(robust.pvalues["npsle"])


def test_the_secondary_model_adds_risks_and_duration():
    row = _row(regress(make_cohort(study=MAIN)), model="secondary")
    assert row["covariates"] == (
        "age, sex, tiv_ml, hypertension, current_smoking, bmi, diabetes, disease_duration_years"
    )
    assert row["df"] == 40 - 10


def test_lesion_volume_enters_as_a_logarithm_and_its_zeros_are_told():
    cohort = make_cohort(study=MAIN)
    cohort.frame.loc[[1, 2], "wmh_ml"] = 0.0
    row = _row(regress(cohort), "wmh_ml")
    assert row["transform"] == "ln(value × 10⁶)"
    assert row["n_zero"] == 2
    assert row["note"] == "2 zeros became 0.0045"
    assert row["ratio"] == pytest.approx(np.exp(row["b"]))
    assert row["ratio_low"] == pytest.approx(np.exp(row["low"]))
    by_hand = cohort.frame[cohort.frame["group"] != "HC"].copy()
    by_hand["y"] = np.log(by_hand["wmh_ml"].replace(0, 0.0045))
    by_hand["npsle"] = (by_hand["group"] == "NPSLE").astype(float)
    theirs = smf.ols("y ~ npsle + age + sex + tiv_ml", by_hand).fit()
    assert row["b"] == pytest.approx(theirs.params["npsle"])
    assert np.isnan(_row(regress(cohort))["ratio"])


def test_ranks_of_lesion_volume_need_no_value_for_zeros():
    cohort = make_cohort(study=MAIN)
    cohort.frame.loc[[1, 2], "wmh_ml"] = 0.0
    one = _row(regress(cohort), "wmh_ml", "primary, ranks")
    other = replace(MAIN, regressions=replace(MAIN.regressions, zero_becomes=9))
    other = _row(
        regress(replace(cohort, study=other)),
        "wmh_ml",
        "primary, ranks",
    )
    assert one["b"] == other["b"]


def test_scanner_and_type_of_flair_make_models_of_their_own():
    table = regress(make_cohort(study=MAIN))
    assert _row(table, model="primary + scanner")["df"] == 34
    assert _row(table, model="primary + flair_type")["covariates"] == "age, sex, tiv_ml, flair_type"
    one = regress(make_cohort(study=MAIN, participants={"scanner": "A"}))
    assert _row(one, model="primary + scanner")["reason"].endswith(
        "scanner has one level here: nothing to adjust for"
    )


def test_a_scanner_that_is_the_group_cannot_be_told_apart():
    scanner = ["A", "A", "B"] * 20
    row = _row(
        regress(make_cohort(study=MAIN, participants={"scanner": scanner})),
        model="primary + scanner",
    )
    assert row["status"] == "not estimable"
    assert "depend on each other" in row["reason"]


def test_a_scanner_that_varies_is_adjusted_for_and_left_out_of_a_model_of_its_own():
    """smf.ols("wm_ml ~ npsle + age + sex + tiv_ml + scanner", rows)."""
    cohort = make_cohort(study=SCANNED)
    rows = cohort.frame[cohort.frame["group"] != "HC"].copy()
    rows["npsle"] = (rows["group"] == "NPSLE").astype(float)
    theirs = smf.ols("wm_ml ~ npsle + age + sex + tiv_ml + scanner", rows).fit()
    table = regress(cohort)
    row = _row(table)
    assert row["covariates"] == "age, sex, tiv_ml, scanner"
    assert row["b"] == pytest.approx(theirs.params["npsle"])
    without = _row(table, model="primary, site and scanner left out")
    assert without["covariates"] == "age, sex, tiv_ml"
    assert without["df"] == row["df"] + 1


def test_a_site_that_is_the_group_is_not_adjusted_for_and_the_row_says_why():
    site = ["A", "A", "B"] * 20
    table = regress(make_cohort(study=SCANNED, participants={"site": site, "scanner": "A"}))
    assert _row(table)["status"] == "estimated"
    expected = "not adjusted for site: each of its levels is in one group alone"
    assert _row(table)["note"] == expected


def test_limits_of_a_ratio_are_of_one_kind():
    """exp(B) and its limits: classic ones beside classic B, HC3 beside HC3."""
    row = _row(regress(make_cohort(study=MAIN)), measure="wmh_ml")
    for ending in ("", "_hc3"):
        for side in ("low", "high"):
            limit = row[f"ratio_{side}{ending}"]
            assert limit == pytest.approx(np.exp(row[f"{side}{ending}"]))
    said = tell_regressions(_with_q(row), study=MAIN).results[0]
    robust = format_interval(row["ratio"], row["ratio_low_hc3"], row["ratio_high_hc3"], decimals=2)
    assert f"ratio {robust}" in said


def _with_q(row):
    return pd.DataFrame([row]).assign(q=1.0, q_hc3=1.0)


def test_an_outcome_that_is_mostly_the_substitute_for_zero_says_so():
    volumes = np.where(np.arange(60) % 2, 0.0, 1.5 + np.arange(60))
    row = _row(regress(make_cohort(study=MAIN, measures={"wmh_ml": volumes})), measure="wmh_ml")
    assert "50 % of the outcome is the substitute for zero: read the model of ranks" in row["note"]


def test_variables_that_depend_on_each_other_are_named():
    ages = make_cohort().frame["age"]
    study = replace(
        MAIN, regressions=replace(MAIN.regressions, covariates=("age", "disease_duration_years"))
    )
    twice = {"disease_duration_years": (ages / 2).astype(str)}
    row = _row(regress(make_cohort(study=study, participants=twice)))
    expected = "the variables of the model depend on each other: age, disease_duration_years"
    assert row["reason"].endswith(expected)


def test_sex_that_all_share_is_not_said_to_be_adjusted_for():
    cohort = make_cohort(study=MAIN, participants={"sex": "F"})
    table = regress(cohort)
    assert _row(table)["covariates"] == "age, tiv_ml"
    said = tell_regressions(table.assign(q=1.0, q_hc3=1.0), study=MAIN).methods
    assert "(but not for sex, the same in all)" in said


def test_an_interaction_is_that_of_statsmodels():
    """smf.ols("wm_ml ~ npsle * age + sex + tiv_ml", rows), of the product."""
    study = replace(MAIN, regressions=replace(MAIN.regressions, interactions=("age",)))
    cohort = make_cohort(study=study)
    rows = cohort.frame[cohort.frame["group"] != "HC"].copy()
    rows["npsle"] = (rows["group"] == "NPSLE").astype(float)
    theirs = smf.ols("wm_ml ~ npsle * age + sex + tiv_ml", rows).fit()
    row = _row(regress(cohort), model="primary × age")
    assert row["b"] == pytest.approx(theirs.params["npsle:age"])
    assert row["p"] == pytest.approx(theirs.pvalues["npsle:age"])


def test_missing_covariates_leave_their_participants_out_and_are_counted():
    cohort = make_cohort(study=MAIN)
    cohort.frame.loc[[1, 2, 4], "bmi"] = np.nan
    table = regress(cohort)
    assert (_row(table)["n"], _row(table)["missing"]) == (40, 0)
    assert (_row(table, model="secondary")["n"], _row(table, model="secondary")["missing"]) == (
        37,
        3,
    )


def test_the_participant_with_the_greatest_influence_is_named():
    cohort = make_cohort(study=MAIN)
    cohort.frame.loc[7, "wm_ml"] += 500
    assert _row(regress(cohort))["max_cook_participant"] == "sub-007"


@pytest.mark.parametrize(
    ("participants", "measures", "reason"),
    [
        ({"age": "n/a"}, {}, "wm_ml, NPSLE v non-NPSLE, primary: age is missing for all"),
        ({"age": "11000"}, {}, "wm_ml, NPSLE v non-NPSLE, primary: age must lie between"),
        ({}, {"wm_ml": 5.0}, "wm_ml, NPSLE v non-NPSLE, primary: the outcome is constant (5)"),
        ({"group": "SLE"}, {}, "wm_ml, NPSLE v non-NPSLE, primary: NPSLE: group has none of"),
        (
            {"group": ["NPSLE"] + ["SLE"] * 59},
            {},
            "wm_ml, NPSLE v non-NPSLE, primary: NPSLE: 1 participants with all columns",
        ),
        (
            {"group": ["NPSLE", "SLE"] + ["MS"] * 58},
            {},
            "wm_ml, NPSLE v non-NPSLE, primary: NPSLE: 1 participants with all columns",
        ),
    ],
)
def test_what_cannot_be_fitted_names_the_column_and_the_others_go_on(
    participants, measures, reason
):
    table = regress(make_cohort(study=MAIN, participants=participants, measures=measures))
    row = _row(table)
    assert row["status"] == "not estimable"
    assert row["reason"].startswith(reason)
    if measures:
        assert _row(table, "gm_ml")["status"] == "estimated"


def test_a_volume_below_zero_has_no_logarithm():
    cohort = make_cohort(study=MAIN)
    cohort.frame.loc[1, "wmh_ml"] = -1.0
    assert "wmh_ml is below 0 (-1)" in _row(regress(cohort), "wmh_ml")["reason"]


def test_without_missing_values_imputation_changes_nothing():
    cohort = make_cohort()
    table = regress_imputed(replace(cohort, study=IMPUTED), rng=np.random.default_rng(1))
    row, complete = (
        _row(table, model="primary, imputed"),
        _row(regress(replace(cohort, study=MAIN))),
    )
    assert row["b"] == pytest.approx(complete["b"])
    assert row["se"] == pytest.approx(complete["se"])
    assert row["missing_information"] == 0


def test_imputation_keeps_all_and_says_how_much_is_lost():
    cohort = make_cohort(study=IMPUTED)
    cohort.frame.loc[[1, 2, 4, 5, 7, 8], "bmi"] = np.nan
    table = regress_imputed(cohort, rng=np.random.default_rng(1))
    row = _row(table, model="secondary, imputed")
    assert row["n"] == 40
    assert "covariates of 6 participants were imputed" in row["note"]
    assert 0 < row["missing_information"] < 0.5
    again = regress_imputed(cohort, rng=np.random.default_rng(1))
    assert _row(again, model="secondary, imputed")["b"] == row["b"]


def test_without_imputation_in_the_study_there_are_no_rows():
    assert regress_imputed(make_cohort(study=MAIN), rng=np.random.default_rng(1)).empty


def test_rubins_rules_by_hand():
    pooled = pool([1.0, 2.0, 3.0], errors=[1.0, 1.0, 1.0], df_complete=1e9)
    assert pooled.estimate == 2
    assert pooled.se**2 == pytest.approx(1 + 4 / 3)
    assert pooled.missing_information == pytest.approx((4 / 3) / (7 / 3))
    assert pooled.df == pytest.approx(2 / pooled.missing_information**2, rel=1e-3)


def test_imputed_values_are_observed_ones_and_follow_the_relation():
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)
    values = np.column_stack([x, 2 * x + rng.normal(0, 0.5, 400), x > 0]).astype(float)
    holes = values.copy()
    gone = rng.uniform(size=400) < 0.3
    holes[gone, 1] = np.nan
    holes[rng.uniform(size=400) < 0.2, 2] = np.nan
    sets = impute(holes, datasets=3, iterations=5, rng=rng)
    for filled in sets:
        assert set(filled[:, 2]) == {0.0, 1.0}
        assert np.corrcoef(filled[gone, 1], values[gone, 1])[0, 1] > 0.9
        assert set(filled[gone, 1]) <= set(values[:, 1])
    assert not np.array_equal(sets[0], sets[1])
    with pytest.raises(ValueError, match="too few values"):
        impute(np.full((5, 2), np.nan), datasets=2, iterations=1, rng=rng)


def test_what_80_percent_power_finds_by_statsmodels():
    """TTestIndPower().solve_power(nobs1=26, ratio=12 / 26, alpha=0.05, power=0.8)."""
    from statsmodels.stats.power import TTestIndPower

    expected = TTestIndPower().solve_power(nobs1=26, ratio=12 / 26, alpha=0.05, power=0.8)
    assert detectable_difference(26, n_against=12) == pytest.approx(expected, abs=1e-4)
    assert detectable_coefficient(2.0, df=10**6) == pytest.approx(2 * 2.8016, abs=1e-3)


@pytest.mark.parametrize("df", [2, 3, 10, 100, 8000])
def test_the_detectable_effect_has_80_percent_power(df):
    """Both tails of the noncentral t; a difference of n v n has the noncentrality d √(n / 2)."""
    critical = stats.t.isf(0.025, df)
    effects = [detectable_coefficient(1.0, df=df)]
    if df % 2 == 0:
        n = (df + 2) // 2
        effects.append(detectable_difference(n, n_against=n) * np.sqrt(n / 2))
    for effect in effects:
        upper = stats.nct.sf(critical, df, effect)
        assert upper + stats.nct.sf(critical, df, -effect) == pytest.approx(0.8, abs=1e-6)


def test_an_effect_beyond_all_measure_is_not_told():
    assert np.isnan(detectable_coefficient(1.0, df=1))
    assert np.isnan(detectable_coefficient(1.0, df=0))


def test_every_contrast_of_the_papers_is_a_model_of_its_own():
    table = regress(make_cohort())
    primary = table[(table["model"] == "primary") & (table["measure"] == "gm_ml")]
    sizes = dict(zip(primary["contrast"], primary["n"], strict=True))
    assert sizes["npsle_v_non"] == 40
    assert sizes["patients_v_controls"] == 60
    assert sizes["inflammatory_v_non"] + sizes["ischaemic_v_non"] == 60
    assert sizes["inflammatory_v_ischaemic"] == 20

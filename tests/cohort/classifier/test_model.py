"""Posing the question, the leakage guard, sample size, the model file, calibration."""

import json

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.classifier.leakage import find_leaks
from npsle_app.cohort.classifier.model import (
    apply_model,
    check_fit,
    from_plain,
    make_model,
    to_plain,
)
from npsle_app.cohort.classifier.problem import NotEstimableError, pose
from npsle_app.cohort.estimators.calibration import (
    THRESHOLDS,
    assess_calibration,
    benefit_of_treating_all,
    net_benefit,
)
from npsle_app.cohort.estimators.cross_validation import fit_all
from npsle_app.cohort.estimators.power import affordable_parameters, needed_participants

AT_02 = int(np.flatnonzero(THRESHOLDS == 0.2)[0])


def _frame(n=40, **columns):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"participant_id": [f"sub-{i:02d}" for i in range(n)]})
    frame["ill"] = np.arange(n) < n // 2
    frame["alps_mean"] = 1.5 - 0.1 * frame["ill"] + rng.normal(0, 0.1, n)
    frame["wmh_ml"] = np.exp(rng.normal(0, 1, n))
    frame["sex"] = rng.choice(["F", "M"], n)
    return frame.assign(**columns)


def _pose(frame, **options):
    return pose(
        frame,
        group=frame["ill"],
        against=~frame["ill"],
        blocks=options.pop("blocks", {"imaging": ["alps_mean", "wmh_ml"]}),
        labels=options.pop("labels", ("NPSLE", "non-NPSLE")),
        units={"wmh_ml": "mL"},
        ln_columns={"wmh_ml": 0.0045},
        **options,
    )


def test_lesion_volumes_enter_as_their_logarithm_and_zeros_are_replaced():
    frame = _frame()
    frame.loc[3, "wmh_ml"] = 0.0
    problem = _pose(frame)
    assert problem.names == ("alps_mean", "ln(wmh_ml)")
    assert problem.x[3, 1] == pytest.approx(np.log(0.0045))


def test_a_category_becomes_one_term_per_level_but_the_first():
    problem = _pose(_frame(), blocks={"clinical": ["sex"]})
    assert problem.names == ("sex = M",)
    assert set(problem.x[:, 0]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("bmi", 25.0, "bmi is constant"),
        ("bmi", np.nan, "bmi is missing in all 40 participants"),
        ("bmi", [f"about {i}" for i in range(40)], "bmi holds text"),
        ("wmh_ml", -1.0, "not finite in some|missing|no value"),
        ("absent", None, "missing in all 40"),
    ],
)
def test_a_predictor_that_cannot_be_used_is_named_and_the_others_go_on(column, values, reason):
    frame = _frame(**{column: values})
    problem = _pose(frame, blocks={"imaging": ["alps_mean", column]})
    assert problem.names == ("alps_mean",)
    assert list(problem.left_out) == [column]
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(problem.left_out[column])


def test_a_column_that_is_not_there_is_named():
    problem = _pose(_frame(), blocks={"imaging": ["alps_mean", "vw_nwi"]})
    assert problem.left_out == {"vw_nwi": "not estimable: there is no column vw_nwi"}


def test_no_usable_predictor_is_not_estimable():
    with pytest.raises(NotEstimableError, match=r"no predictor can be used .*there is no column x"):
        _pose(_frame(), blocks={"imaging": ["x"]})


def test_one_class_or_few_in_a_class_is_not_estimable():
    frame = _frame()
    with pytest.raises(NotEstimableError, match="0 participants in non-NPSLE, at least 10"):
        _pose(frame.assign(ill=True))
    with pytest.raises(NotEstimableError, match="1 participants in NPSLE"):
        _pose(frame.assign(ill=np.arange(40) < 1))


def test_two_rows_of_one_participant_are_refused():
    frame = _frame()
    frame.loc[5, "participant_id"] = "sub-04"
    with pytest.raises(ValueError, match="sub-04 has two rows"):
        _pose(frame)


def _leaks(frame, *columns, **options):
    problem = _pose(frame, blocks={"clinical": list(columns)}, **options)
    return {leak.column: leak.finding for leak in find_leaks(problem, people=frame)}


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("sledai_2k", "56 of its 105"),
        ("sdi", "neuropsychiatric domain"),
        ("acr_np_seizure", "definition of the classes"),
        ("seizure", "part of the answer"),
        ("prednisone_mg_d", "treatment"),
        ("scanner_number", "how the scan was made"),
        ("wmh_status", "blind"),
    ],
)
def test_the_leakage_guard_knows_columns_by_name(column, told):
    frame = _frame(**{column: np.random.default_rng(0).normal(size=40)})
    assert told in _leaks(frame, column)[column]


def test_the_leakage_guard_lets_honest_predictors_pass():
    frame = _frame(sledai_2k_non_np=np.random.default_rng(0).normal(size=40))
    assert _leaks(frame, "sledai_2k_non_np", "alps_mean") == {}


def test_the_leakage_guard_sees_what_is_constant_in_one_class():
    frame = _frame()
    frame["c3"] = np.where(frame["ill"], np.arange(40) * 1.0, 7.0)
    assert "constant in one class" in _leaks(frame, "c3")["c3"]


def test_the_leakage_guard_sees_values_missing_in_one_class():
    frame = _frame(c3=np.random.default_rng(0).normal(size=40))
    frame.loc[frame["ill"] & (frame.index < 12), "c3"] = np.nan
    assert "missing more often in one class" in _leaks(frame, "c3")["c3"]


def test_the_leakage_guard_sees_classes_that_were_not_scanned_alike():
    frame = _frame()
    frame["scanner"] = np.where(frame["ill"], "A", "B")
    assert "not scanned alike" in _leaks(frame, "alps_mean")["scanner"]


def test_controls_as_the_other_class_are_told():
    assert "classes" in _leaks(_frame(), "alps_mean", labels=("NPSLE", "HC"))


def test_the_sample_size_is_that_of_pmsampsize():
    # R package pmsampsize, type "b": csrsquared 0.288, parameters 24, prevalence 0.174
    found = needed_participants(parameters=24, share=0.174, cox_snell_r2=0.288)
    assert (found.shrinkage, found.r2_optimism, found.risk) == (623, 662, 221)


@pytest.mark.parametrize(("p", "r2", "n"), [(6, 0.3, 148), (3, 0.3, 74), (6, 0.5, 74)])
def test_parameters_and_participants_are_two_sides_of_one_criterion(p, r2, n):
    found = needed_participants(parameters=p, share=0.5, cox_snell_r2=r2)
    assert found.shrinkage == pytest.approx(n, abs=1)
    assert affordable_parameters(participants=found.shrinkage, cox_snell_r2=r2) == p


def test_an_impossible_r2_is_refused():
    with pytest.raises(ValueError, match=r"R² between 0 and 0\.75"):
        needed_participants(parameters=3, share=0.5, cox_snell_r2=0.9)


@pytest.fixture
def model():
    problem = _pose(_frame())
    return make_model(problem, fit_all(problem.x, problem.y, seed=1), cut=0.1, app_version="1.2+x")


def test_a_model_comes_back_from_json_as_it_was(model):
    assert from_plain(json.loads(json.dumps(to_plain(model)))) == model


def test_the_equation_gives_the_predictions_of_the_fit(model):
    problem = _pose(_frame())
    fits = fit_all(problem.x, problem.y, seed=1)
    assert model.log_odds(problem.x) == pytest.approx(fits.predict(problem.x)[0])
    total = model.contributions(problem.x).sum(axis=1) + model.intercept
    assert total == pytest.approx(model.log_odds(problem.x))


def test_new_participants_get_the_predictions_of_the_equation(model):
    table = apply_model(model, _frame())
    problem = _pose(_frame())
    assert table["log_odds"].to_numpy() == pytest.approx(model.log_odds(problem.x))
    assert set(table["called"]) <= {"NPSLE", "non-NPSLE"}


def test_a_participant_without_a_predictor_gets_no_prediction(model):
    frame = _frame()
    frame.loc[2, "alps_mean"] = np.nan
    row = apply_model(model, frame).loc[2]
    assert row["qc"] == "not assessable"
    assert row["reason"] == "no value of alps_mean"
    assert np.isnan(row["probability"])
    assert pd.isna(row["called"])


@pytest.mark.parametrize(
    ("frame", "units", "version", "reason"),
    [
        (_frame().drop(columns="wmh_ml"), {"wmh_ml": "mL"}, "1.2", "there is no column wmh_ml"),
        (_frame(alps_mean=np.nan), {"wmh_ml": "mL"}, "1.2", "alps_mean is missing in all"),
        (_frame(), {"wmh_ml": "mm3"}, "1.2", "wmh_ml is in mm3, the model wants mL"),
        (_frame(), {"wmh_ml": "mL"}, "1.3", "of version 1.2.*these are of 1.3"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_reason(model, frame, units, version, reason):
    with pytest.raises(ValueError, match=reason):
        check_fit(model, frame, units=units, app_version=version)


def test_a_model_that_fits_is_let_pass_whatever_the_build(model):
    check_fit(model, _frame(), units={"wmh_ml": "mL"}, app_version="1.2+other")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "other"}, "no classifier of this app"),
        ({"format_version": 9}, "format_version is 9"),
        ({"predictors": []}, "it has no predictors"),
        (
            {"intercept_of_standardised": "1"},
            "intercept_of_standardised: expected a number, got '1'",
        ),
        ({"intercept_of_standardised": float("nan")}, "expected a number, got nan"),
        ({"positive": None, "predictors": [{}]}, "no whole classifier .positive: expected a text"),
        ({"participants": 0}, "participants must be at least 1, got 0"),
        ({"events": 41}, "by 41 of 40 participants, which cannot be"),
        ({"negative": "NPSLE"}, "it tells 'NPSLE' from 'NPSLE'"),
        ({"equaton": ""}, "it has no key 'equaton'; .*: is it 'equation'"),
        ({"equation": "log odds(NPSLE) = 1"}, "its equation is log odds.NPSLE. = 1, its other"),
        (
            {"constant": 0.0},
            r"it was changed by hand \(its constant is 0\.0, its other numbers give",
        ),
        ({"cut_probability": 0.9}, "its cut_probability is 0.9, its other numbers give 0.52"),
    ],
)
def test_a_broken_model_file_is_refused(model, change, reason):
    with pytest.raises(ValueError, match=reason):
        from_plain(to_plain(model) | change)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("sd", -0.1, r"predictors\[0\]\.sd must be at least 0, got -0\.1"),
        ("sd", 0.5, "coefficient_per_unit is .*, its other numbers give"),
        ("sd", None, r"predictors\[0\]\.sd: expected a number, got None"),
        (
            "coefficient_per_unit",
            7.0,
            r"its predictors\[0\]\.coefficient_per_unit is 7\.0, its other",
        ),
        (
            "coefficient_standardised",
            7.0,
            "changed by hand .*coefficient_per_unit .*; its constant .*; its equation",
        ),
        ("column", "alps_left", "its equation is .* alps_mean .*, its other .* alps_left"),
    ],
)
def test_a_predictor_that_was_changed_by_hand_is_refused(model, key, value, reason):
    content = to_plain(model)
    content["predictors"][0][key] = value
    with pytest.raises(ValueError, match=reason):
        from_plain(content)


def test_a_predictor_that_stands_twice_is_refused(model):
    content = to_plain(model)
    content["predictors"].append(content["predictors"][0])
    with pytest.raises(ValueError, match="it has alps_mean twice among its predictors"):
        from_plain(content)


def test_what_differs_in_the_last_digits_alone_was_not_changed(model):
    content = to_plain(model)
    content["constant"] *= 1 + 1e-12
    assert from_plain(content) == model


def test_the_decision_curve_is_that_computed_by_hand():
    # 10 people, 4 ill; at 0.2 the model calls 5, of whom 3 are ill: 0.3 − 0.2 · 0.25
    y = np.array([1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    chance = np.array([0.9, 0.5, 0.3, 0.1, 0.6, 0.4, 0.1, 0.1, 0.05, 0.1])
    log_odds = np.log(chance / (1 - chance))[None]
    found = net_benefit(log_odds, y, weights=np.ones((1, 10)))
    assert found[0, AT_02] == pytest.approx(0.3 - 0.2 * 0.25)
    assert benefit_of_treating_all(y)[AT_02] == pytest.approx(0.4 - 0.6 * 0.25)


def test_true_probabilities_have_a_slope_of_1_and_an_intercept_of_0():
    rng = np.random.default_rng(6)
    log_odds = rng.normal(0, 1.5, 20_000)
    y = (rng.uniform(size=20_000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    found = assess_calibration(log_odds[None], y, counts=np.ones((2, 20_000)))
    assert found.slope.value == pytest.approx(1, abs=0.05)
    assert found.intercept.value == pytest.approx(0, abs=0.06)
    doubled = assess_calibration(2 * log_odds[None] + 1, y, counts=np.ones((2, 20_000)))
    assert doubled.slope.value == pytest.approx(found.slope.value / 2, abs=1e-6)
    assert doubled.intercept.value < -0.5
    assert found.brier.value == pytest.approx(np.mean((1 / (1 + np.exp(-log_odds)) - y) ** 2))


def test_predictions_that_do_not_vary_have_no_slope():
    y = (np.arange(30) < 10).astype(float)
    found = assess_calibration(np.zeros((1, 30)), y, counts=np.ones((2, 30)))
    assert np.isnan(found.slope.value)
    assert found.scaled_brier.value < 0

"""Draw the figures of the classifier: SVG and PDF."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.stages.group.summary import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from npsle_app.cohort.classifier.result import Result


_GROUP_COLUMNS = ("predicted", "observed", "low", "high")


def draw_figures(
    output_dir: Path, *, result: "Result", tables: "Mapping[str, DataFrame]"
) -> list[dict[str, str]]:
    """Draw and save; return `path` of each SVG from the output's root, and its `caption`."""
    drawn = {
        "classifier-roc": (
            _draw_roc(result),
            (
                f"ROC curve of out-of-fold predictions, mean of {result.effort.repeats} repeats, "
                "with the point-by-point 95 % band of bootstrap samples; square: sensitivity and "
                "specificity at cuts chosen in inner folds."
            ),
        ),
        "classifier-calibration": (
            _draw_calibration(result, tables["calibration"]),
            (
                "Calibration of out-of-fold predictions: squares are fifths of the participants "
                "with Wilson intervals, the line is the logistic recalibration, ticks are "
                f"participants (above {result.problem.positive}, below {result.problem.negative})."
            ),
        ),
        "classifier-decision": (
            _draw_decision(result, tables["decision"]),
            (
                "Decision curve of out-of-fold predictions with the 95 % band of bootstrap "
                "samples; grey upright line: share of the class. Illustration, no advice to act."
            ),
        ),
        "classifier-coefficients": (
            _draw_coefficients(result),
            (
                "Standardised coefficients of the model fitted to all, with the middle 95 % of "
                "bootstrap samples and the share of samples with the same sign. Penalised: shrunk "
                "towards 0, hence no confidence intervals."
            ),
        ),
    }
    return [
        save_figure(output_dir, name, figure, stage="classifier", caption=caption)
        for name, (figure, caption) in drawn.items()
    ]


def _draw_roc(result: "Result") -> "Figure":
    from npsle_app.cohort.classifier.performance import RATES
    from npsle_app.figures.paper.classifier import draw_roc

    aucs = result.aucs
    rows = (
        ("apparent", aucs.apparent),
        ("optimism-corrected", aucs.corrected),
        ("nested", aucs.nested),
    )
    lines = [f"{name} {one.value:.2f} ({one.low:.2f}–{one.high:.2f})" for name, one in rows]
    point = (1 - result.specificity.value, result.sensitivity.value)
    return draw_roc(RATES, result.roc, point=point, text="\n".join(["AUC", *lines]))


def _draw_calibration(result: "Result", groups: "DataFrame") -> "Figure":
    from scipy.special import expit

    from npsle_app.cohort.estimators.calibration import recalibrate
    from npsle_app.figures.paper.classifier import draw_calibration

    fit, out, y = result.calibration, result.out_of_fold, result.problem.y
    intercept, slope = recalibrate(out.log_odds.mean(axis=0), y)
    text = (
        f"intercept {fit.intercept.value:.2f} ({fit.intercept.low:.2f} to "
        f"{fit.intercept.high:.2f})\nslope {fit.slope.value:.2f} ({fit.slope.low:.2f} to "
        f"{fit.slope.high:.2f})\nBrier {fit.brier.value:.3f}"
    ).replace("-", "−")
    return draw_calibration(
        list(zip(*(groups[name] for name in _GROUP_COLUMNS), strict=True)),
        probabilities=expit(out.log_odds.mean(axis=0)),
        is_positive=y == 1,
        intercept=intercept,
        slope=slope,
        text=text,
    )


def _draw_decision(result: "Result", table: "DataFrame") -> "Figure":
    from npsle_app.figures.paper.classifier import draw_decision

    return draw_decision(
        table["threshold"].to_numpy(float),
        result.benefit,
        treat_all=table["treat_all"].to_numpy(float),
        prevalence=float(result.problem.y.mean()),
    )


def _draw_coefficients(result: "Result") -> "Figure":
    from npsle_app.figures.paper.estimates import Estimate, draw_forest
    from npsle_app.formatting import format_interval

    rows = [
        Estimate(
            name=one.name,
            value=one.estimate.value,
            low=one.estimate.low,
            high=one.estimate.high,
            shown=format_interval(
                one.estimate.value, one.estimate.low, one.estimate.high, decimals=2
            )
            + f", same sign {100 * one.sign_stability:.0f} %",
            emphasised=one.sign_stability >= 0.95,
        )
        for one in result.coefficients
    ]
    return draw_forest(rows, label="Log odds per standard deviation")

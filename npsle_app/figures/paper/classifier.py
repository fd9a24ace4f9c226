"""How well a classifier tells classes apart, can be believed, and is worth acting on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.figures.paper.paper import COLOURS, FAINT, INK, SOFT, name_axis, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE_MM = 95


def draw_roc(
    false_positive_rate: Floats,
    curve: Floats,
    *,
    point: tuple[float, float] | None = None,
    text: str = "",
) -> "Figure":
    """Draw the ROC curve with its band, and the operating point.

    Parameters
    ----------
    false_positive_rate : (k,) array
        From 0 to 1.
    curve : (3, k) array
        True positive rate: value, low, high.
    point
        1 − specificity and sensitivity at the cuts chosen in the folds.
    text
        Written into the figure: the AUCs.
    """
    figure, axes = paper(_SIDE_MM, _SIDE_MM)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle="--")
    axes.fill_between(
        false_positive_rate, curve[1], curve[2], color=COLOURS[0], alpha=0.18, linewidth=0
    )
    axes.plot(false_positive_rate, curve[0], color=COLOURS[0], linewidth=1.8)
    if point is not None:
        axes.plot(*point, "s", color=COLOURS[2], markersize=6)
    axes.text(0.98, 0.03, text, size=7.5, ha="right", va="bottom", color=INK, parse_math=False)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    name_axis(axes, x="1 − specificity", y="Sensitivity")
    return figure


def draw_calibration(
    groups: Sequence[tuple[float, float, float, float]],
    *,
    probabilities: Floats,
    is_positive: Bools,
    intercept: float,
    slope: float,
    text: str = "",
) -> "Figure":
    """Draw observed shares against predicted probabilities, and where the predictions lie.

    Parameters
    ----------
    groups
        Of each fifth of the participants: mean prediction, observed share, its limits.
    probabilities : (n,) array
        Prediction for each participant; ticks below for class 0 and above for class 1.
    intercept, slope
        Of the logistic recalibration; NaN draws no curve.
    """
    figure, axes = paper(_SIDE_MM, _SIDE_MM)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle="--")
    if np.isfinite([intercept, slope]).all():
        at = np.linspace(
            max(float(probabilities.min()), 0.005), min(float(probabilities.max()), 0.995), 80
        )
        curve = 1 / (1 + np.exp(-(intercept + slope * np.log(at / (1 - at)))))
        axes.plot(at, curve, color=COLOURS[0], linewidth=1.6)
    for predicted, observed, low, high in groups:
        axes.plot([predicted, predicted], [low, high], color=COLOURS[2], linewidth=1.2)
        axes.plot([predicted], [observed], "s", color=COLOURS[2], markersize=5)
    _draw_ticks(axes, probabilities[~is_positive], low=-0.06, high=-0.03)
    _draw_ticks(axes, probabilities[is_positive], low=1.03, high=1.06)
    axes.text(0.98, 0.03, text, size=7.5, ha="right", va="bottom", color=INK, parse_math=False)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.07, 1.07), aspect="equal")
    name_axis(axes, x="Predicted probability", y="Observed share")
    return figure


def draw_decision(
    threshold: Floats, benefit: Floats, *, treat_all: Floats, prevalence: float
) -> "Figure":
    """Draw the net benefit of acting on predictions, on all, on no one.

    Parameters
    ----------
    threshold : (k,) array
        Probability from which on one would act.
    benefit : (3, k) array
        Value, low, high.
    treat_all : (k,) array
        Net benefit of acting on everyone.
    """
    figure, axes = paper(120, 85)
    axes.axhline(0, color=SOFT, linewidth=0.9)
    axes.plot(threshold, treat_all, color=COLOURS[1], linewidth=1.3, linestyle="--")
    axes.fill_between(threshold, benefit[1], benefit[2], color=COLOURS[0], alpha=0.18, linewidth=0)
    axes.plot(threshold, benefit[0], color=COLOURS[0], linewidth=1.8)
    axes.axvline(prevalence, color=FAINT, linewidth=0.9, zorder=0)
    handles = [
        axes.plot([], [], color=colour, linestyle=style, label=label)[0]
        for colour, style, label in (
            (COLOURS[0], "-", "model (out of fold)"),
            (COLOURS[1], "--", "act on all"),
            (SOFT, "-", "act on no one"),
        )
    ]
    axes.legend(handles=handles, frameon=False, fontsize=7.5, labelcolor=INK)
    axes.set_ylim(min(-0.05, 1.2 * float(benefit[1].min(initial=0))), max(prevalence * 1.15, 0.05))
    name_axis(axes, x="Threshold probability", y="Net benefit")
    return figure


def _draw_ticks(axes: "Axes", places: Floats, *, low: float, high: float) -> None:
    axes.vlines(places, low, high, color=SOFT, linewidth=0.6, alpha=0.7)

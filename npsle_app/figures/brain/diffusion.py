"""Diffusion series: colours of directions, motion, gradients, lost slices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike

from npsle_app.arrays import Bools, Reals
from npsle_app.figures.brain.canvas import annotate, canvas
from npsle_app.figures.brain.panels import (
    AXIAL,
    CORONAL,
    HEADER_PX,
    SAGITTAL,
    bottom,
    bounding_box,
    canonical,
    lay_out,
    onto,
    spread,
    widen,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 80
_INK, _GRID, _FRAME = "#e8eaed", "#3c4043", "#5f6368"
_AXES = ("#ff5252", "#69f0ae", "#40c4ff")
_FULL_FA = 0.8
_LEGEND = {"right-left": "#ff0000", "front-back": "#00ff00", "up-down": "#0000ff"}


def draw_colour_fa(
    fa: nib.Nifti1Image, *, directions: nib.Nifti1Image, brain: nib.Nifti1Image
) -> "Figure":
    """Draw FA in the colours of its direction on axial, coronal and sagittal slices.

    Parameters
    ----------
    fa : Nifti1Image
        (I, J, K).
    directions : Nifti1Image
        (I, J, K, 3): FA × |x|, |y|, |z| of V1 along world axes; red, green, blue.
    brain : Nifti1Image
        Slices spread over it.
    """
    grid = canonical(fa)
    box = bounding_box(onto(brain, grid, order=0))
    frame = widen(box, margin_mm=4, grid=grid)
    rows = [(AXIAL, spread(box[AXIAL], count=14)), (CORONAL, spread(box[CORONAL], count=7))]
    panels = lay_out(rows, box=frame, grid=grid, columns=7, top=HEADER_PX)
    sagittal = [(SAGITTAL, spread(box[SAGITTAL], count=6))]
    panels += lay_out(sagittal, box=frame, grid=grid, columns=6, top=bottom(panels))
    width = max(panel.corner[0] + panel.size[0] for panel in panels)
    pixels = np.zeros((bottom(panels), width, 3), np.float32)
    for channel in range(3):
        part = nib.Nifti1Image(
            np.asarray(directions.dataobj[..., channel], np.float32), directions.affine
        )
        colour = onto(part, grid, order=0)
        for panel in panels:
            pixels[*panel.region, channel] = np.clip(panel.sample(colour, order=1) / _FULL_FA, 0, 1)
    figure, axes = canvas(pixels, legend=_LEGEND)
    annotate(axes, panels, grid=grid)
    return figure


def draw_motion(
    shifts_mm: ArrayLike, *, rotations_deg: ArrayLike, displacement_mm: ArrayLike
) -> "Figure":
    """Draw shifts (N, 3), rotations (N, 3) and framewise displacement (N,) by volume."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1000 / _DPI, 620 / _DPI), dpi=_DPI, facecolor="black")
    tables = (
        ("shift (mm)", np.asarray(shifts_mm), ("x", "y", "z")),
        ("rotation (°)", np.asarray(rotations_deg), ("x", "y", "z")),
        ("framewise\ndisplacement (mm)", np.asarray(displacement_mm)[:, None], ("",)),
    )
    for row, (label, values, names) in enumerate(tables):
        axes = figure.add_axes((0.1, 0.72 - 0.31 * row, 0.87, 0.25), facecolor="black")
        for column, name in zip(values.T, names, strict=True):
            colour = _AXES["xyz".index(name)] if name else "#ffd740"
            axes.plot(column, color=colour, marker="o", markersize=3, label=name)
        _style(axes, x_label="volume" if row == len(tables) - 1 else "", y_label=label)
        if names != ("",):
            axes.legend(loc="upper right", ncols=3, facecolor="black", labelcolor=_INK, fontsize=8)
        else:
            axes.axhline(1.0, color="#ff5252", linestyle="--", linewidth=1)
    return figure


def draw_gradients(directions: ArrayLike, *, b_values: ArrayLike, used: ArrayLike) -> "Figure":
    """Draw directions, each with its opposite, on a sphere seen from three sides.

    Parameters
    ----------
    directions : (N, 3) array
        World axes.
    b_values : (N,) array
        s/mm²; the colour tells them. Unweighted volumes are left out.
    used : (N,) array of bool
        Volumes that the tensor is fitted to are filled.
    """
    from matplotlib.figure import Figure

    vectors, values, filled = np.asarray(directions), np.asarray(b_values), np.asarray(used)
    weighted = np.linalg.norm(vectors, axis=1) > 0
    figure = Figure(figsize=(1000 / _DPI, 380 / _DPI), dpi=_DPI, facecolor="black")
    for place, (across, up) in enumerate(((0, 1), (0, 2), (1, 2))):
        axes = figure.add_axes((0.04 + 0.32 * place, 0.1, 0.28, 0.85), facecolor="black")
        toward = 3 - across - up
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(angle), np.sin(angle), color=_FRAME, linewidth=1)
        for fill in (False, True):
            chosen = vectors[weighted & (filled == fill)]
            shells = values[weighted & (filled == fill)]
            both = np.concatenate([chosen, -chosen])
            seen = both[:, toward] >= 0
            _scatter(axes, both[seen], np.tile(shells, 2)[seen], across=across, up=up, fill=fill)
        axes.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
        _style(axes, x_label="xyz"[across], y_label="xyz"[up])
    return figure


def draw_losses(loss: Reals, *, dropped: Bools) -> "Figure":
    """Draw the signal lost by slice (upwards) and volume, (K, N); lost slices are ringed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1000 / _DPI, 420 / _DPI), dpi=_DPI, facecolor="black")
    axes = figure.add_axes((0.08, 0.13, 0.8, 0.83), facecolor="#202124")
    shown = axes.imshow(
        100 * loss, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-20, vmax=20,
        interpolation="nearest",
    )  # fmt: skip
    where = np.argwhere(dropped)
    axes.scatter(where[:, 1], where[:, 0], s=30, facecolors="none", edgecolors="#ffd740")
    _style(axes, x_label="volume", y_label="slice")
    axes.grid(visible=False)
    bar = figure.colorbar(shown, cax=figure.add_axes((0.9, 0.13, 0.02, 0.83)))
    bar.set_label("signal lost (%)", color=_INK)
    bar.ax.tick_params(colors=_INK)
    return figure


def _scatter(
    axes: "Axes",
    points: Reals,
    shells: Sequence[float] | Reals,
    *,
    across: int,
    up: int,
    fill: bool,
) -> None:
    options = {"s": 36, "cmap": "viridis", "vmin": 0, "vmax": 3000}
    if fill:
        axes.scatter(points[:, across], points[:, up], c=shells, **options)  # type: ignore[arg-type]
    else:
        axes.scatter(
            points[:, across], points[:, up], s=36, facecolors="none", edgecolors="#9aa0a6"
        )


def _style(axes: "Axes", *, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.tick_params(colors=_INK)
    axes.spines[:].set_color(_FRAME)
    axes.grid(color=_GRID, linewidth=0.6)

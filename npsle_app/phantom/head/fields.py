"""Smooth random fields that do not depend on the grid they are looked at."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Reals, Volume

Axes = tuple[Reals, Reals, Reals]

EXTENT_MM = 264.0
# Mean of the squared cubic B-spline weights over all offsets, three axes: makes the
# variance of a field 1.
_VARIANCE = (151 / 315) ** 3


@dataclass(frozen=True, slots=True)
class Field:
    """A cubic B-spline over a box of 264 mm, with one weight per knot.

    The field is about normal with mean 0 and variance 1, its correlation reaches over
    one to two knots, and it is the same at every voxel size.
    """

    weights: Volume
    spacing_mm: float

    def at(self, axes: Axes) -> Volume:
        """Return the field on the grid spanned by three axes, in mm from the box's corner."""
        values = self.weights
        for axis in axes:  # each turn interpolates the first axis and moves it to the end
            made = _interpolated(values, axis / self.spacing_mm)
            values = np.ascontiguousarray(np.moveaxis(made, 0, 2))
        return values


def draw_field(rng: np.random.Generator, *, spacing_mm: float) -> Field:
    """Draw a field with knots every `spacing_mm`."""
    n = int(np.ceil(EXTENT_MM / spacing_mm)) + 4
    weights = rng.standard_normal((n, n, n), dtype=np.float32) / np.float32(np.sqrt(_VARIANCE))
    return Field(weights=weights, spacing_mm=spacing_mm)


def _interpolated(values: Volume, positions: Reals) -> Volume:
    """Evaluate the spline along the first axis.

    Written as sums and not as a matrix product, whose last bits depend on the number of
    threads.
    """
    first = np.floor(positions).astype(int)
    u = positions - first
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    made = np.zeros((positions.size, *values.shape[1:]), dtype=np.float32)
    for shift, weight in enumerate(weights):
        made += values[first + shift] * (weight / 6).astype(np.float32)[:, None, None]
    return made

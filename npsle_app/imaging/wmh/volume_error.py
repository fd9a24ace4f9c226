"""How far the true lesion volume may lie from the measured one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeError:
    """The 95 % interval of the true volume where `measured_ml` was found, all in mL.

    It was seen on FLAIR whose longest voxel edge is at least `slice_mm_from`.
    """

    slice_mm_from: float
    measured_ml: float
    low_ml: float
    high_ml: float

    def __post_init__(self) -> None:
        if not 0 <= self.low_ml <= self.high_ml:
            msg = f"expected 0 ≤ low_ml ≤ high_ml, got {self.low_ml:g} and {self.high_ml:g}"
            raise ValueError(msg)


def parse_errors(rows: Iterable[Mapping[str, str]]) -> tuple[VolumeError, ...]:
    """Read the rows of `data/wmh_error.tsv`.

    Raises
    ------
    ValueError
        If a slice thickness lacks a row for 0 mL or has two for one volume, or if an end of its
        intervals falls where the measured volume rises.
    """
    errors = tuple(VolumeError(**{k: float(v) for k, v in row.items()}) for row in rows)
    for slice_mm in {error.slice_mm_from for error in errors}:
        _check(_of(errors, slice_mm=slice_mm), slice_mm=slice_mm)
    return errors


def _check(errors: Sequence[VolumeError], *, slice_mm: float) -> None:
    measured, *ends = _columns(errors)
    if measured[0] != 0 or any(np.diff(measured) <= 0) or any((np.diff(ends) < 0).ravel()):
        msg = f"slices from {slice_mm:g} mm: expected volumes from 0, each once, and intervals "
        msg += f"that rise with them; got {list(errors)}"
        raise ValueError(msg)


def interval_ml(
    measured_ml: float, *, slice_mm: float, errors: Sequence[VolumeError]
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the true volume, in mL.

    Parameters
    ----------
    measured_ml : float
        Volume that was found.
    slice_mm : float
        Longest voxel edge of FLAIR as acquired. The rows of the thickest slices that are no
        thicker count; where all are thicker, those of the thinnest.
    errors : sequence of VolumeError
        What was seen on people left out, by slice thickness. Between its rows the ends are
        interpolated, beyond the largest volume they grow with it.

    Examples
    --------
    >>> rows = [{"slice_mm_from": "0", "measured_ml": "0", "low_ml": "0", "high_ml": "0.5"},
    ...         {"slice_mm_from": "0", "measured_ml": "2", "low_ml": "1", "high_ml": "3"}]
    >>> interval_ml(1.0, slice_mm=3, errors=parse_errors(rows))
    (0.5, 1.75)
    >>> interval_ml(4.0, slice_mm=3, errors=parse_errors(rows))
    (2.0, 6.0)
    """
    steps = sorted({error.slice_mm_from for error in errors})
    fitting = [step for step in steps if step <= slice_mm] or steps[:1]
    measured, low, high = _columns(_of(errors, slice_mm=fitting[-1]))
    beyond = max(measured_ml / measured[-1], 1.0)
    inside = min(measured_ml, measured[-1])
    ends = (float(beyond * np.interp(inside, measured, end)) for end in (low, high))
    return next(ends), next(ends)


def _of(errors: Iterable[VolumeError], *, slice_mm: float) -> list[VolumeError]:
    fitting = (error for error in errors if error.slice_mm_from == slice_mm)
    return sorted(fitting, key=lambda error: error.measured_ml)


def _columns(errors: Iterable[VolumeError]) -> tuple[list[float], list[float], list[float]]:
    measured, low, high = zip(
        *((one.measured_ml, one.low_ml, one.high_ml) for one in errors), strict=True
    )
    return list(measured), list(low), list(high)

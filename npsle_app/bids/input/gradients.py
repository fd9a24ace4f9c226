"""The gradient tables of a diffusion series: what they say, and whether they fit its volumes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.bids.input.problem import Finding
from npsle_app.bids.input.sidecars import inherited
from npsle_app.documents import read_text

AXES = 3
WEIGHTED_B = 50.0
UNIT_TOLERANCE = 0.1
NO_LENGTH = 0.1
_GAP, _LEAST_IN_SHELL = 0.02, 3  # lengths of one shell differ by rounding alone
_SAME_SQUARE = 0.05
_LEAST_OF_UNIT = 6
_OTHER_UNITS = (("ms/µm²", 0.3, 10.0, 1e3), ("s/m²", 1e7, 1e11, 1e-6))  # with their limits
_MAKE = "convert the series from DICOM again with its gradient tables (dcm2niix)"
_TAKE_OUT = "take volumes without direction out of the series and its tables"
_SCALED = "check its .bvec; directions are scaled to length 1"
_UNIT = "write vectors of length 1, and in the .bval the b-value of each volume"


@dataclass(frozen=True, slots=True)
class Table:
    """What both files say together: b-values, (N,), in s/mm², and vectors, (3, N), of length 1.

    `note` tells how lengths other than 1 were understood; `fault` why they cannot be.
    """

    b_values: Floats
    vectors: Floats
    note: str = ""
    fault: str = ""
    advice: str = ""


def gradient_findings(image: Path, *, n_volumes: int) -> Iterator[Finding]:
    """Check that b-values and directions are there, are numbers, and are one per volume.

    Directions may be 3 × N (BIDS) or N × 3; both are understood.
    """
    try:
        b_values, unit = _read_b_values(image)
        directions = read_table(image, extension=".bvec")
    except ValueError as error:
        yield Finding(str(error), _MAKE)
        return
    if unit:
        yield Finding(unit, "write s/mm² in its .bval", refused=False)
    yield from _counts(b_values, directions, n_volumes=n_volumes)
    if b_values.min(initial=0) < 0:
        yield Finding("its .bval has negative b-values", _MAKE)
    if _fit(b_values, directions):
        table = understand(b_values, vectors=_three_rows(directions))
        if table.fault:
            yield Finding(table.fault, table.advice)
        elif table.note:
            yield Finding(table.note, table.advice, refused=False)


def read_tables(image: Path) -> tuple[Floats, Floats]:
    """Read the b-values, (N,), and the vectors, (3, N) of length 1, of a series.

    Where vectors of unlike lengths tell the shells of one nominal b-value, b-values are
    multiplied by the squares of the lengths.

    Raises
    ------
    ValueError
        If a table is missing, the counts differ, or the lengths make no sense.
    """
    b_values, _ = _read_b_values(image)
    vectors = read_table(image, extension=".bvec")
    if not _fit(b_values, vectors):
        msg = f"{b_values.size} b-values do not go with a .bvec of {vectors.shape}"
        raise ValueError(msg)
    table = understand(b_values, vectors=_three_rows(vectors))
    if table.fault:
        raise ValueError(table.fault)
    return table.b_values, table.vectors


def read_plain_b_values(image: Path) -> Floats | None:
    """Read the b-values of an image that needs no directions; None where there are none."""
    try:
        return _read_b_values(image)[0]
    except ValueError:
        return None


def understand(b_values: Floats, *, vectors: Floats) -> Table:
    """Make sense of vectors, (3, N), that are not of length 1.

    Scanners that know one nominal b-value scale the vectors of lower shells by the root of their
    share of it, down to 0 without weighting.
    """
    lengths, weighted = np.linalg.norm(vectors, axis=0), b_values > WEIGHTED_B
    unit = np.where(lengths > 0, vectors / np.maximum(lengths, 1e-9), 0)
    plain, none = Table(b_values, unit), weighted & (lengths < NO_LENGTH)
    if none.any() and not weighted.all():
        fault = (
            f"{none.sum()} of its {weighted.sum()} volumes with b > {WEIGHTED_B:g} have no "
            "direction (zeros in the .bvec): trace images or an incomplete table"
        )
        return replace(plain, fault=fault, advice=_TAKE_OUT)
    shells = _shells(lengths[weighted & ~none])
    odd = int(np.count_nonzero(np.abs(lengths[weighted] - 1) > UNIT_TOLERANCE))
    told = f"{odd} of its {weighted.sum()} directions with b > {WEIGHTED_B:g} are not of length 1"
    if not shells and odd:
        return replace(plain, fault=f"{told}, and tell no shells", advice=_UNIT)
    if len(shells) + bool(none.any()) <= 1:
        return replace(plain, note=told if odd else "", advice=_SCALED)
    squares = np.where(weighted, (lengths / lengths[weighted].max()) ** 2, 0)
    if np.allclose(b_values[weighted] / b_values.max(), squares[weighted], atol=_SAME_SQUARE):
        return replace(plain, note=f"{told}, but as the root of b", advice=_SCALED)
    if abs(max(shells) - 1) > UNIT_TOLERANCE / 2:
        return replace(plain, fault=f"{told}, the longest of them neither", advice=_UNIT)
    scaled = np.where(weighted, b_values * lengths**2, b_values)
    found = ", ".join(f"{b:g}" for b in sorted(set(scaled[weighted].round(-1).tolist())))
    note = f"the lengths of its vectors tell its shells: b-values are taken for {found} s/mm²"
    return Table(scaled, np.where(none, 0, unit), note=note, advice="check both of its tables")


def _read_b_values(image: Path) -> tuple[Floats, str]:
    """Read b-values in s/mm², and say so where they stand there in another unit.

    No scanner weights by less than 0.3 s/mm² in many volumes, nor by 10,000,000.
    """
    told = read_table(image, extension=".bval").ravel()
    highest = float(told.max(initial=0))
    many = np.count_nonzero(told > highest / 10) >= _LEAST_OF_UNIT
    for unit, low, high, factor in _OTHER_UNITS:
        if many and low <= highest <= high:
            note = (
                f"its b-values, up to {highest:g}, are taken for {unit}: {highest * factor:g} s/mm²"
            )
            return told * factor, note
    return told, ""


def _fit(b_values: Floats, vectors: Floats) -> bool:
    return vectors.shape in ((AXES, b_values.size), (b_values.size, AXES))


def _three_rows(vectors: Floats) -> Floats:
    """Return one vector a column; 3 × 3 is taken as it is, as BIDS has it."""
    return vectors if vectors.shape[0] == AXES else vectors.T


def _shells(lengths: Floats) -> list[float]:
    """Return the means of groups of like lengths; empty where lengths do not fall into groups."""
    ordered = np.sort(lengths)
    groups = np.split(ordered, np.flatnonzero(np.diff(ordered) > _GAP) + 1)
    if any(len(group) < _LEAST_IN_SHELL or np.ptp(group) > _GAP for group in groups):
        return []
    return [float(group.mean()) for group in groups]


def read_table(image: Path, *, extension: str) -> Floats:
    """Read `.bval` or `.bvec` of an image, inherited or beside it; rows as in the file.

    Raises
    ------
    ValueError
        If there is none, or it is no table of finite numbers.
    """
    paths = inherited(image, extension=extension)
    if not paths:
        msg = f"its {extension} file is missing"
        raise ValueError(msg)
    try:
        lines = read_text(paths[-1]).splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
        table = np.array(rows, dtype=float)
    except (OSError, ValueError) as error:
        msg = f"its {extension} file is no table of numbers: {paths[-1].name}"
        raise ValueError(msg) from error
    if not np.isfinite(table).all():
        msg = f"its {extension} file has values that are not finite: {paths[-1].name}"
        raise ValueError(msg)
    return table


def _counts(b_values: Floats, directions: Floats, *, n_volumes: int) -> Iterator[Finding]:
    if b_values.size != n_volumes:
        yield Finding(f"it has {n_volumes} volumes but {b_values.size} b-values", _MAKE)
    if directions.shape not in ((AXES, n_volumes), (n_volumes, AXES)):
        size = " × ".join(map(str, directions.shape))
        yield Finding(
            f"it has {n_volumes} volumes but a .bvec of {size}, expected 3 × {n_volumes}", _MAKE
        )

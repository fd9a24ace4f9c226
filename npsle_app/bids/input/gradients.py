"""Whether the gradient tables of a diffusion series fit its volumes."""

from collections.abc import Iterator
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
_MAKE = "convert the series from DICOM again with its gradient tables (dcm2niix)"


def gradient_findings(image: Path, *, n_volumes: int) -> Iterator[Finding]:
    """Check that b-values and directions are there, are numbers, and are one per volume.

    Directions may be 3 × N (BIDS) or N × 3; both are understood.
    """
    try:
        b_values = read_table(image, extension=".bval").ravel()
        directions = read_table(image, extension=".bvec")
    except ValueError as error:
        yield Finding(str(error), _MAKE)
        return
    yield from _counts(b_values, directions, n_volumes=n_volumes)
    if b_values.min(initial=0) < 0:
        yield Finding("its .bval has negative b-values", _MAKE)
    if directions.shape in ((AXES, b_values.size), (b_values.size, AXES)):
        yield from _lengths(b_values, directions)


def read_tables(image: Path) -> tuple[Floats, Floats]:
    """Read the b-values, (N,), and the vectors, (3, N), of a series.

    Raises
    ------
    ValueError
        If a table is missing or the counts differ.
    """
    b_values = read_table(image, extension=".bval").ravel()
    vectors = read_table(image, extension=".bvec")
    if vectors.shape == (AXES, b_values.size):
        return b_values, vectors
    if vectors.shape == (b_values.size, AXES):
        return b_values, vectors.T
    msg = f"{b_values.size} b-values do not go with a .bvec of {vectors.shape}"
    raise ValueError(msg)


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


def _lengths(b_values: Floats, directions: Floats) -> Iterator[Finding]:
    axis = 0 if directions.shape == (AXES, b_values.size) else 1
    lengths = np.linalg.norm(directions, axis=axis)[b_values > WEIGHTED_B]
    if none := int(np.count_nonzero(lengths < NO_LENGTH)):
        yield Finding(
            f"{none} of its {lengths.size} volumes with b > {WEIGHTED_B:g} have no direction "
            "(zeros in the .bvec): trace images or an incomplete table",
            "take volumes without direction out of the series and its tables",
        )
        return
    odd = int(np.count_nonzero(np.abs(lengths - 1) > UNIT_TOLERANCE))
    if odd:
        yield Finding(
            f"{odd} of its {lengths.size} directions with b > {WEIGHTED_B:g} are not of length 1",
            "check its .bvec; directions are scaled to length 1",
            refused=False,
        )

"""Gradient tables: which way, how strong, in which shells.

Directions are (N, 3) unit vectors along world axes (RAS), b-values (N,) in s/mm². Volumes with
b < 50 count as unweighted, whatever their vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Bools, Floats, Ints, Reals
from npsle_app.imaging.diffusion.tensor import B0_MAX, MIN_DIRECTIONS
from npsle_app.imaging.space.volumes import on_grid_of

SHELL_WIDTH = 50.0
TENSOR_B = (700.0, 1300.0)
MAX_FALLBACK_B = 2000.0
_SAME_AXIS_DEG = 5.0
_BRIGHTEST = 0.8


@dataclass(frozen=True, slots=True)
class Gradients:
    """b-values (N,) in s/mm² and directions (N, 3), world RAS; zeros where b < 50."""

    b_values: Floats
    directions: Floats

    def __post_init__(self) -> None:
        if self.directions.shape != (len(self.b_values), 3):
            msg = f"{len(self.b_values)} b-values and {self.directions.shape} directions"
            raise ValueError(msg)

    @property
    def weighted(self) -> Bools:
        """Which volumes are diffusion-weighted."""
        weighted: Bools = self.b_values >= B0_MAX
        return weighted

    def take(self, chosen: NDArray[np.generic]) -> "Gradients":
        """Return those of some volumes (indices or a mask)."""
        return Gradients(self.b_values[chosen], self.directions[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The volumes that the tensor is fitted to.

    `volumes` are indices; `shells` their b-values in the mean; `fallback` tells that no shell
    of 700 to 1300 s/mm² had enough directions.
    """

    volumes: Ints
    shells: tuple[float, ...]
    n_directions: int
    fallback: bool


def read_fsl(b_values: Reals, *, vectors: Reals, affine: Reals) -> Gradients:
    """Turn FSL's tables into world directions.

    FSL counts along the axes of the image, and along x against it where the image is not
    mirrored (determinant of the affine above 0). Lengths are set to 1; b-values stay.

    Parameters
    ----------
    b_values : (N,) array
        s/mm².
    vectors : (3, N) or (N, 3) array
        3 × 3 is taken for (3, N), as BIDS has it.
    affine : (4, 4) array
        Of the image; it may be oblique.

    Raises
    ------
    ValueError
        If the counts differ, or a volume with b ≥ 50 has no direction.
    """
    table = np.asarray(vectors, dtype=float)
    count = len(b_values)
    if table.shape not in ((3, count), (count, 3)):
        msg = f"{count} b-values need 3 × {count} vectors, got {table.shape}"
        raise ValueError(msg)
    table = table.T if table.shape == (3, count) else table
    weighted, lengths = np.asarray(b_values) >= B0_MAX, np.linalg.norm(table, axis=1)
    if none := int(np.count_nonzero(weighted & (lengths < 0.1))):
        msg = f"{none} volumes with b ≥ {B0_MAX:g} s/mm² have no direction (zeros in the .bvec)"
        raise ValueError(msg)
    unit = np.where(weighted[:, None], table / np.maximum(lengths, 1e-9)[:, None], 0)
    return Gradients(np.asarray(b_values, dtype=float), unit @ _to_world(affine).T)


def to_fsl(gradients: Gradients, *, affine: Reals) -> Floats:
    """Undo `read_fsl`: (3, N) vectors along the axes of an image."""
    vectors: Floats = (gradients.directions @ _to_world(affine)).T
    return vectors


def join(parts: Sequence[Gradients]) -> Gradients:
    """Append the tables of runs to one another."""
    return Gradients(
        np.concatenate([part.b_values for part in parts]),
        np.concatenate([part.directions for part in parts]),
    )


def mean_unweighted(series: nib.Nifti1Image, *, b_values: Reals) -> nib.Nifti1Image:
    """Return the mean of the volumes with b < 50.

    Raises
    ------
    ValueError
        If there is none.
    """
    chosen = np.asarray(b_values) < B0_MAX
    if not chosen.any():
        msg = "the image of reversed phase encoding has no volume without diffusion weighting"
        raise ValueError(msg)
    data = series.get_fdata(dtype=np.float32)[..., chosen]
    return on_grid_of(series.slicer[..., 0], data.mean(axis=-1))


def mean_brightest(image: nib.Nifti1Image, *, b_values: Reals | None) -> nib.Nifti1Image:
    """Return the mean of the volumes without diffusion weighting, with b-values or without.

    Weighting takes signal away: of volumes that may all be without it, those count that are at
    least 0.8 times as bright as the brightest.

    Raises
    ------
    ValueError
        If the b-values leave none.
    """
    if image.ndim == 3:
        return image
    data = image.get_fdata(dtype=np.float32)
    chosen = np.ones(image.shape[3], bool)
    if b_values is not None and len(b_values) == image.shape[3]:
        chosen = np.asarray(b_values) < B0_MAX
    if not chosen.any():
        msg = "the image of reversed phase encoding has no volume without diffusion weighting"
        raise ValueError(msg)
    means = np.where(chosen, data.mean(axis=(0, 1, 2)), 0)
    return on_grid_of(image.slicer[..., 0], data[..., means >= _BRIGHTEST * means.max()].mean(-1))


def rotate(gradients: Gradients, *, rotations: Reals) -> Gradients:
    """Turn each direction by its own rotation, (N, 3, 3) or one (3, 3)."""
    turned = np.einsum("...ab,...b->...a", rotations, gradients.directions)
    return Gradients(gradients.b_values, turned)


def find_shells(b_values: Reals) -> tuple[Ints, tuple[float, ...]]:
    """Group b-values; a gap of more than 50 s/mm² opens a new shell.

    Returns
    -------
    labels : (N,) array of int
        0 where b < 50, else the number of the shell, from 1.
    centres : tuple of float
        Mean b-value of each shell, in ascending order.

    Examples
    --------
    >>> labels, centres = find_shells(np.array([0.0, 5, 995, 1005, 2000]))
    >>> labels.tolist(), centres
    ([0, 0, 1, 1, 2], (1000.0, 2000.0))
    """
    values = np.asarray(b_values, dtype=float)
    labels = np.zeros(len(values), np.intp)
    order = [number for number in np.argsort(values, kind="stable") if values[number] >= B0_MAX]
    for before, number in zip([None, *order], order, strict=False):
        opens = before is None or values[number] - values[before] > SHELL_WIDTH
        labels[number] = (labels[before] if before is not None else 0) + int(opens)
    return labels, tuple(
        float(values[labels == shell].mean()) for shell in range(1, labels.max(initial=0) + 1)
    )


def choose_volumes(gradients: Gradients) -> Selection:
    """Choose what the tensor is fitted to: b 0 and all shells from 700 to 1300 s/mm².

    Where these have fewer than six directions, the shell next to 1000 that has six takes
    their place, up to 2000 s/mm²: beyond, the signal is no longer that of a tensor.

    Raises
    ------
    ValueError
        If no volume has b < 50, none is weighted, or no shell serves.
    """
    labels, centres = find_shells(gradients.b_values)
    if not centres:
        msg = "none of its volumes is diffusion-weighted (all b-values are below 50 s/mm²)"
        raise ValueError(msg)
    if not (labels == 0).any():
        msg = "no volume without diffusion weighting (b < 50 s/mm²): the tensor is not determined"
        raise ValueError(msg)
    low, high = TENSOR_B
    usual = [n for n, b in enumerate(centres, 1) if low <= b <= high]
    if count_axes(gradients.directions[np.isin(labels, usual)]) >= MIN_DIRECTIONS:
        return _selection(gradients, labels=labels, shells=usual, centres=centres)
    others = sorted(enumerate(centres, 1), key=lambda shell: abs(shell[1] - 1000))
    for number, b in others:
        enough = count_axes(gradients.directions[labels == number]) >= MIN_DIRECTIONS
        if enough and b <= MAX_FALLBACK_B:
            return _selection(
                gradients, labels=labels, shells=[number], centres=centres, fallback=True
            )
    raise ValueError(_why_none(gradients, labels=labels, centres=centres))


def count_axes(directions: Reals) -> int:
    """Count directions that differ by more than 5°; a direction and its opposite are one.

    Examples
    --------
    >>> count_axes(np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0]]))
    2
    """
    kept: list[Reals] = []
    nearest = np.cos(np.deg2rad(_SAME_AXIS_DEG))
    for vector in directions:
        if all(abs(vector @ other) < nearest for other in kept):
            kept.append(vector)
    return len(kept)


def _to_world(affine: Reals) -> Floats:
    """Return the orthogonal matrix that takes FSL's vectors to world axes."""
    axes = np.asarray(affine, dtype=float)[:3, :3]
    left, _, right = np.linalg.svd(axes / np.linalg.norm(axes, axis=0))
    flip = np.diag([-1.0 if np.linalg.det(axes) > 0 else 1.0, 1.0, 1.0])
    found: Floats = left @ right @ flip
    return found


def _selection(
    gradients: Gradients,
    *,
    labels: Ints,
    shells: list[int],
    centres: tuple[float, ...],
    fallback: bool = False,
) -> Selection:
    return Selection(
        volumes=np.flatnonzero(np.isin(labels, [0, *shells])),
        shells=tuple(centres[number - 1] for number in shells),
        n_directions=count_axes(gradients.directions[np.isin(labels, shells)]),
        fallback=fallback,
    )


def _why_none(gradients: Gradients, *, labels: Ints, centres: tuple[float, ...]) -> str:
    counts = ", ".join(
        f"b {b:.0f}: {count_axes(gradients.directions[labels == number])}"
        for number, b in enumerate(centres, 1)
    )
    return (
        f"no shell up to b {MAX_FALLBACK_B:g} s/mm² has the {MIN_DIRECTIONS} directions that a "
        f"tensor needs (directions by shell: {counts})"
    )

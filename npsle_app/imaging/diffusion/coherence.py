"""Whether fibre directions run on from voxel to voxel: they do not if gradients are flipped."""

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from npsle_app.arrays import Bools, Floats, Reals, Volume
from npsle_app.imaging.diffusion.tensor import fractional_anisotropy, principal_directions

_MIN_FA = 0.3
_NEAR = np.cos(np.deg2rad(30.0))
_MIN_VOXELS = 500
_STEPS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]  # one of each pair


@dataclass(frozen=True, slots=True)
class Coherence:
    """How well fibres run on, by how the image axes of the directions are read.

    `best` is the order of the axes with a minus before those flipped, `+x+y+z` as they are;
    `as_read` and `at_best` are shares of neighbouring pairs that lie in line; `n_voxels` is
    how many voxels had a say. Below 500 nothing can be told, and `best` is `+x+y+z`.
    """

    best: str
    as_read: float
    at_best: float
    n_voxels: int


def measure_coherence(tensors: Reals, *, mask: Bools, affine: Reals) -> Coherence:
    """Compare fibre coherence as read with that of all flips and exchanges of image axes.

    Two neighbours are in line if the directions of both lie within 30° of the line between
    them; pairs count by their FA. A gradient table with a wrong axis turns directions but not
    places, which breaks lines.

    Parameters
    ----------
    tensors : (I, J, K, 3, 3) array
        World axes (RAS).
    mask : (I, J, K) array of bool
        Voxels with FA below 0.3 are left out.
    affine : (4, 4) array
        Of the grid.

    References
    ----------
    Schilling et al. (2019) Magn Reson Imaging 58:82-9. doi:10.1016/j.mri.2019.01.018
    """
    anisotropy = fractional_anisotropy(tensors) * mask
    used = anisotropy > _MIN_FA
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    along = np.zeros((*mask.shape, 3), np.float32)
    along[used] = principal_directions(tensors[used]) @ axes
    weights = np.where(used, anisotropy, 0).astype(np.float32)
    pairs = _pairs(along, weights=weights, zooms_mm=np.linalg.norm(affine[:3, :3], axis=0))
    scores = {_name(order, signs): _in_line(pairs, order=order, signs=signs)
              for order in permutations(range(3))
              for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1))}  # fmt: skip
    as_read = scores["+x+y+z"]
    best = max(scores, key=lambda name: scores[name])
    if used.sum() < _MIN_VOXELS:
        best = "+x+y+z"
    return Coherence(best, as_read, scores[best], int(used.sum()))


_Pair = tuple[Floats, Volume, Volume, Volume]


def _pairs(along: Volume, *, weights: Volume, zooms_mm: Reals) -> list[_Pair]:
    """Return line, both directions and weight of all neighbouring pairs, by step."""
    found: list[_Pair] = []
    for step in _STEPS:
        here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(step, weights.shape,
                                                                       strict=True))  # fmt: skip
        there = tuple(slice(max(s, 0), n - max(-s, 0)) for s, n in zip(step, weights.shape,
                                                                        strict=True))  # fmt: skip
        both = weights[here] * weights[there]
        chosen = both > 0
        line = np.array(step) * zooms_mm
        found.append(
            (line / np.linalg.norm(line), along[here][chosen], along[there][chosen], both[chosen])
        )
    return found


def _in_line(pairs: list[_Pair], *, order: tuple[int, ...], signs: tuple[int, int, int]) -> float:
    total, in_line = 0.0, 0.0
    for line, first, second, weight in pairs:
        # Reading the directions otherwise is reading the line the opposite way.
        turned = np.empty(3, np.float32)
        turned[list(order)] = line * signs
        fits = (np.abs(first @ turned) > _NEAR) & (np.abs(second @ turned) > _NEAR)
        total += float(weight.sum())
        in_line += float(weight[fits].sum())
    return in_line / total if total else 0.0


def _name(order: tuple[int, ...], signs: tuple[int, int, int]) -> str:
    """Say which axis of the table should be read as x, y and z.

    Examples
    --------
    >>> _name((0, 2, 1), (1, 1, -1))
    '+x+z-y'
    """
    return "".join(f"{'+' if s > 0 else '-'}{'xyz'[axis]}" for axis, s in zip(order, signs,
                                                                          strict=True))  # fmt: skip

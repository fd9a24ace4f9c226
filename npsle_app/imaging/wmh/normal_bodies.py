"""Connected bright bodies that healthy brains have too: caps, bands, walls, pale tracts."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Ints, Mask, Volume
from npsle_app.imaging.space.volumes import NEIGHBOURS_26

_SEEN = 0.2  # probability from which voxels make up a body
LEFT = 0.09  # probability that its voxels keep at most
_AT_VENTRICLES_MM, _CAP_MM, _WALL_MM = 2.0, 6.0, 4.0
_DARK_T1W = 0.05  # over grey matter, in units of white less fluid: lesions lie below
_ALIKE = 0.4  # share of its brightness that the other side has too
_WALL_WHITE = 0.4  # prior of white matter
_SURENESS = -2.8  # log odds that a body of one voxel needs
_SUREST, _SUREST_ALONE = 3.7, 2.2  # and the most that any needs, with T1w and by FLAIR alone
_SURE = 1e-4


def clear_normal_bodies(
    probability: Volume,
    *,
    where: Mask,
    known: Mapping[str, Volume],
) -> Volume:
    """Take below every threshold what is a body of lesion by brightness, not by its nature.

    Bodies are 26-connected voxels of at least 0.2, on 1 mm cubes. Three kinds go:

    * caps and bands: they touch the ventricles, reach no farther than 6 mm from them, have
      their like on the other side (0.4 of their brightness or more), and are as bright as
      white matter in T1w, where there is one: lesions are darker there;
    * the walls of the ventricles: within 4 mm, where the template has little white matter;
    * pale bodies: a body of n voxels must reach log odds of ln n − 2.8 somewhere, up to 3.7, by
      FLAIR alone up to 2.2. What is diffuse and nowhere sure is a tract, a coil's shading, or
      dirty white matter.

    Parameters
    ----------
    probability : (I, J, K) array
        On 1 mm cubes.
    where : (I, J, K) array of bool
        The n voxels of which something is known; elsewhere the probability is 0.
    known : mapping
        Features of these voxels by name, (n,) arrays, as `find_candidates` describes them.

    Notes
    -----
    The limits were set on people left out of the model: two healthy heads and six with
    multiple sclerosis, their lesions painted over. By FLAIR alone the model is less sure of
    anything: at 3.7, lesions of a millilitre in slices of 6 mm went, and no more of the healthy
    stayed at 2.2.
    """
    labels, count = ndimage.label(probability >= _SEEN, NEIGHBOURS_26)
    if not count:
        return probability
    bodies = _Bodies(labels[where], count=count, known=known)
    nearest, farthest = bodies.extremes("from_ventricles")
    caps = (nearest <= _AT_VENTRICLES_MM) & (farthest <= _CAP_MM)
    caps &= bodies.mean("other_side") > _ALIKE * bodies.mean("over_white")
    if "t1w" in known:
        caps &= bodies.mean("t1w") > _DARK_T1W
    walls = (farthest <= _WALL_MM) & (bodies.mean("white_matter") < _WALL_WHITE)
    surest = _SUREST if "t1w" in known else _SUREST_ALONE
    pale = _pale(probability, labels=labels, count=count, surest=surest)
    drop = np.concatenate([[False], caps | walls | pale])
    return np.where(drop[labels], np.minimum(probability, np.float32(LEFT)), probability)


class _Bodies:
    """Summaries over bodies of the features of their voxels."""

    def __init__(self, labels: Ints, *, count: int, known: Mapping[str, Volume]) -> None:
        self._labels, self._known = labels, known
        self._numbers = np.arange(1, count + 1)

    def mean(self, name: str) -> Floats:
        return np.asarray(ndimage.mean(self._known[name], self._labels, self._numbers))

    def extremes(self, name: str) -> tuple[Floats, Floats]:
        low, high, _, _ = ndimage.extrema(self._known[name], self._labels, self._numbers)
        return np.asarray(low), np.asarray(high)


def _pale(probability: Volume, *, labels: Ints, count: int, surest: float) -> Bools:
    numbers = np.arange(1, count + 1)
    highest = np.clip(ndimage.maximum(probability, labels, numbers), _SURE, 1 - _SURE)
    voxels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    needed = np.minimum(np.log(voxels) + _SURENESS, surest)
    pale: Bools = np.log(highest / (1 - highest)) < needed
    return pale

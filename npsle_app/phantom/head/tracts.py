"""Which way the fibres of the template's white matter run, and how many run together.

Tracts are those of the JHU atlas, and `data/tract_directions.tsv` says how each runs. What lies
beyond all of them runs away from the nearest, to the cortex. Labels are made alike on both sides,
as the atlas names its left ones right.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Ints, Volume
from npsle_app.phantom.head.grids import moved
from npsle_app.resources import read_table
from npsle_app.templates import Template, load

SYSTEMS = ("commissural", "projection", "association")
_TABLE = "tract_directions.tsv"
_BLOCK = 2  # the atlas has 1 mm
_REACH_MM = 3.0  # so far beyond its label a tract goes on
_SUPERFICIAL = 0.45  # of the fibres beyond the tracts, the others cross or bend


@dataclass(frozen=True, slots=True)
class Tracts:
    """Fibres on a grid of the template.

    Attributes
    ----------
    directions : (3, I, J, K) array
        Unit vectors, x = right, y = front, z = up. Their sign has no meaning.
    systems : (I, J, K) array
        Places in `SYSTEMS`: fibres that are alike.
    bundled : (I, J, K) array
        Share of the white matter that runs in this direction, 0 to 1.
    to_voxels : (4, 4) array
        From mm of the template to voxels.
    """

    directions: Floats
    systems: Ints
    bundled: Volume
    to_voxels: Floats


@lru_cache(maxsize=1)
def load_tracts() -> Tracts:
    """Read the atlas, and give each place the fibres of its tract."""
    labels, affine = _read_labels()
    distance, nearest = ndimage.distance_transform_edt(
        labels == 0, sampling=_BLOCK, return_indices=True
    )
    points = moved(np.indices(labels.shape, dtype=np.float32), affine=affine)
    directions, systems = _run_along(labels[tuple(nearest)], points)
    outward = np.stack(np.gradient(ndimage.gaussian_filter(distance, 1.0), _BLOCK))
    beyond = np.clip((distance - _REACH_MM) / _BLOCK, 0, 1).astype(np.float32)
    superficial = beyond == 1
    return Tracts(
        directions=_unit(np.where(superficial, outward, directions)),
        systems=np.where(superficial, SYSTEMS.index("commissural"), systems),
        bundled=1 - np.float32(1 - _SUPERFICIAL) * beyond,
        to_voxels=np.asarray(np.linalg.inv(affine), np.float64),
    )


def _read_labels() -> tuple[Ints, Floats]:
    """Return the numbers of tracts at every second mm, the same on both sides, and the affine.

    The odd ones of a pair stand for both.
    """
    image = load(Template.JHU)
    odd = np.zeros(256, dtype=np.int64)
    for row in read_table(_TABLE):
        pair = [int(number) for number in row["labels"].split(",")]
        odd[pair] = pair[0]
    labels = odd[np.asarray(image.dataobj).astype(np.uint8)]
    i = np.arange(labels.shape[0])
    mirrored = np.rint(-(i + 2 * image.affine[0, 3])).astype(int)
    inside = (mirrored >= 0) & (mirrored < len(i))
    other = np.where(inside[:, None, None], labels[mirrored.clip(0, len(i) - 1)], 0)
    both: Ints = np.where(labels > 0, labels, other)[::_BLOCK, ::_BLOCK, ::_BLOCK]
    return both, image.affine @ np.diag([_BLOCK, _BLOCK, _BLOCK, 1.0])


def _run_along(labels: Ints, points: Volume) -> tuple[Floats, Ints]:
    """Return the direction and the system of each place.

    A bend is what fibres that cross the midline gain forwards or upwards with each mm of the way:
    so those of the genu curve to the front.
    """
    x = points[0]
    directions = np.zeros((3, *labels.shape))
    systems = np.zeros(labels.shape, dtype=np.int64)
    for row in read_table(_TABLE):
        here = labels == int(row["labels"].split(",")[0])
        side, apart = np.sign(x[here]), np.abs(x[here])
        lateral, anterior, superior, bend_anterior, bend_superior = (
            float(row[name])
            for name in ("lateral", "anterior", "superior", "bend_anterior", "bend_superior")
        )
        directions[0, here] = side * lateral
        directions[1, here] = anterior + bend_anterior * apart
        directions[2, here] = superior + bend_superior * apart
        systems[here] = SYSTEMS.index(row["system"])
    return directions, systems


def _unit(vectors: Floats) -> Floats:
    """Make vectors one long; what has no direction runs across."""
    length = np.linalg.norm(vectors, axis=0)
    across = np.array([1.0, 0, 0]).reshape(3, 1, 1, 1)
    unit: Floats = np.where(length > 0, vectors / np.where(length > 0, length, 1), across)
    return unit

"""Real heads with other lesions: take a person's lesions away, draw known ones in.

What a lesion map should find is then known to the voxel, in images that no arithmetic made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Mask, Volume

_MARGIN = 4  # voxels around a lesion that are part of its halo
_NEAR_SIGMA = 4.0  # voxels over which the white matter around gives its level
_FAR_SIGMA = 15.0
_LEAST_LESION = 9  # voxels
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """FLAIR and T1w of one brain, (I, J, K) on one grid, in any unit.

    `white_matter` marks voxels of white matter, lesions included.
    """

    flair: Volume
    t1w: Volume
    brain: Mask
    white_matter: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How drawn lesions look.

    `flair` and `t1w` are the change of signal inside a lesion as a share of the white
    matter's level around it; `spread` is the deviation between lesions (of the logarithm),
    `edge_sigma` the softness of their edge in voxels, `halo` the share of the signal that
    reaches beyond it.
    """

    flair: float = 0.5
    t1w: float = -0.15
    spread: float = 0.25
    edge_sigma: float = 0.7
    halo: float = 0.1


def remove_lesions(head: Head, *, lesions: Mask, rng: np.random.Generator) -> Head:
    """Put normal-appearing white matter where the lesions were.

    The level is the mean of the white matter around, the texture is copied from white
    matter elsewhere. Faint diffuse changes that were not marked as lesion stay.

    Parameters
    ----------
    head : Head
        One brain.
    lesions : (I, J, K) array of bool
        Its lesions; they are widened by four voxels within the white matter, for their halo.
    rng : numpy Generator
        Chooses whose texture is copied.
    """
    hole = lesions | (
        ndimage.binary_dilation(lesions, _EVERY_NEIGHBOUR, iterations=_MARGIN) & head.white_matter
    )
    hole &= head.brain
    donor = ndimage.binary_erosion(head.white_matter & ~hole, iterations=1)
    flair, t1w = (
        _filled(image, hole=hole, known=head.white_matter & ~hole, donor=donor, rng=rng)
        for image in (head.flair, head.t1w)
    )
    return Head(flair=flair, t1w=t1w, brain=head.brain, white_matter=head.white_matter | hole)


def draw_lesions_into(
    head: Head, *, lesions: Mask, look: Look, rng: np.random.Generator
) -> tuple[Head, Mask]:
    """Brighten FLAIR and darken T1w inside the white-matter part of a lesion mask.

    Returns the new head and the truth: the voxels of `lesions` inside the white matter.
    """
    truth = lesions & head.white_matter
    labels, count = ndimage.label(truth, _EVERY_NEIGHBOUR)
    strength = np.exp(rng.normal(0, look.spread, count + 1)).astype(np.float32)
    strength[0] = 0
    inside = ndimage.gaussian_filter(strength[labels], look.edge_sigma)
    halo = ndimage.gaussian_filter(strength[labels], 4 * look.edge_sigma)
    shape = np.where(head.brain, (1 - look.halo) * inside + look.halo * halo, 0)
    shape *= 1 + 0.1 * ndimage.gaussian_filter(rng.normal(0, 5, shape.shape), 1.5)
    flair, t1w = (
        (image + np.float32(change) * _level(image, known=head.white_matter) * shape).astype(
            np.float32
        )
        for image, change in ((head.flair, look.flair), (head.t1w, look.t1w))
    )
    return Head(flair=flair, t1w=t1w, brain=head.brain, white_matter=head.white_matter), truth


def choose_lesions(
    masks: Sequence[Mask], *, white_matter: Mask, voxels: int, rng: np.random.Generator
) -> Mask:
    """Choose lesions of several people at random until they hold a volume of white matter.

    Lesions of which less than half lies in the white matter are passed over: what is left of
    them would be slivers. One that is too large, or would take more than half of the volume,
    is trimmed to its deepest voxels, so that its outline stays one of a lesion.

    Parameters
    ----------
    masks : sequence of (I, J, K) array of bool
        One for each person, on the grid of the head.
    white_matter : (I, J, K) array of bool
        Where lesions may be.
    voxels : int
        How many are wanted; fewer are returned where the masks do not hold as many.
    """
    chosen = np.zeros(white_matter.shape, dtype=bool)
    for number in rng.permutation(len(masks)):
        labels, count = ndimage.label(masks[number], _EVERY_NEIGHBOUR)
        places = ndimage.find_objects(labels)
        for label in rng.permutation(count):
            room = min(voxels - int(chosen.sum()), (voxels + 1) // 2)
            if room < _LEAST_LESION:
                return chosen
            place = places[label]
            lesion = labels[place] == label + 1
            inside = lesion & white_matter[place]
            if 2 * inside.sum() >= lesion.sum():
                chosen[place] |= _deepest(inside, voxels=room)
    return chosen


def _deepest(lesion: Mask, *, voxels: int) -> Mask:
    """Peel a lesion until it is that small."""
    if lesion.sum() <= voxels:
        return lesion
    depth = ndimage.distance_transform_edt(np.pad(lesion, 1))[1:-1, 1:-1, 1:-1]
    order = np.argsort(-depth, axis=None, kind="stable")[:voxels]
    kept = np.zeros(lesion.shape, dtype=bool)
    kept.ravel()[order] = True
    return kept & lesion


def _level(image: Volume, *, known: Mask) -> Volume:
    """Mean of the known voxels around each voxel; far ones where none is near."""
    levels = []
    for sigma in (_NEAR_SIGMA, _FAR_SIGMA):
        weight = ndimage.gaussian_filter(known.astype(np.float32), sigma, truncate=3)
        total = ndimage.gaussian_filter(np.where(known, image, 0), sigma, truncate=3)
        levels.append((weight, total / np.maximum(weight, 1e-6)))
    (near, level), (_, fallback) = levels
    share = np.clip(near / 0.05, 0, 1)
    mixed: Volume = (share * level + (1 - share) * fallback).astype(np.float32)
    return mixed


def _filled(
    image: Volume, *, hole: Mask, known: Mask, donor: Mask, rng: np.random.Generator
) -> Volume:
    level = _level(image, known=known)
    texture = np.where(donor, image - level, 0)
    # one shift for the whole image keeps the texture's grain; voxels whose source is no
    # white matter take another
    missing, grain = hole.copy(), np.zeros(image.shape, dtype=np.float32)
    for _ in range(40):
        shift = tuple(rng.integers(-40, 41, 3))
        source = np.roll(donor, shift, (0, 1, 2)) & missing
        grain[source] = np.roll(texture, shift, (0, 1, 2))[source]
        missing &= ~source
    filled = image.copy()
    filled[hole] = (level + grain)[hole]
    return filled

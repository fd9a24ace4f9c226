"""Small lesions anywhere in white matter: what lupus and small vessels leave."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Mask

_VOLUMES_MM3 = (15.0, 500.0)  # log-uniform
_STRETCH = (0.7, 1.5)
_ROUGHNESS = 0.25
_REACH = 8


def scatter_specks(white_matter: Mask, *, voxels: int, rng: np.random.Generator) -> Mask:
    """Scatter uneven ellipsoids over white matter until they hold about so many voxels."""
    chosen = np.zeros(white_matter.shape, dtype=bool)
    places = np.argwhere(ndimage.binary_erosion(white_matter))
    if not len(places):
        return chosen
    offsets = np.stack(np.meshgrid(*3 * [np.arange(-_REACH, _REACH + 1)], indexing="ij"))
    while chosen.sum() < voxels - _VOLUMES_MM3[0]:
        room = max(voxels - int(chosen.sum()), _VOLUMES_MM3[0])
        volume = min(float(np.exp(rng.uniform(*np.log(_VOLUMES_MM3)))), room)
        radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        axes = radius * np.exp(rng.uniform(*np.log(_STRETCH), 3))
        axes *= radius / np.prod(axes) ** (1 / 3)
        along = np.tensordot(turn, offsets, axes=1) / axes.reshape(3, 1, 1, 1)
        rough = ndimage.gaussian_filter(rng.normal(0, 1, offsets.shape[1:]), 1.5)
        speck = np.sqrt((along**2).sum(axis=0)) < 1 + _ROUGHNESS * rough / rough.std()
        middle = rng.choice(places)
        low = middle - _REACH
        box = tuple(slice(max(a, 0), a + 2 * _REACH + 1) for a in low)
        inner = tuple(
            slice(max(-a, 0), max(-a, 0) + (b.stop if b.stop < n else n) - b.start)
            for a, b, n in zip(low, box, chosen.shape, strict=True)
        )
        chosen[box] |= speck[inner] & white_matter[box]
    return chosen

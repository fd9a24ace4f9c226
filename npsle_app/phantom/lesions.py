"""White-matter lesions: bands and caps at the ventricles, spots in the deep white matter."""

import numpy as np
from numpy.typing import NDArray

from npsle_app.phantom.anatomy import Anatomy
from npsle_app.phantom.fields import Field, Floats, draw_field

_RIM = 0.7  # how much the score falls from full lesion to none: about 1.5 mm
_STEPS = 40


def draw_lesions(anatomy: Anatomy, *, volume_ml: float, rng: np.random.Generator) -> Floats:
    """Draw lesions of a given volume into the white matter.

    Returns the lesion fraction of every voxel, never above its white-matter fraction. The
    volume of the voxels with a fraction ≥ 0.5 is `volume_ml` to one voxel, or less
    where the white matter has no room for it. Larger loads contain the smaller ones.
    """
    fraction = np.zeros(anatomy.grid.shape, dtype=np.float32)
    fields = [draw_field(rng, spacing_mm=mm) for mm in (9.0, 3.2, 14.0)]
    if volume_ml <= 0:
        return fraction
    room = (anatomy.depth > 0) & (anatomy.wm > 0.3)
    score = _score(anatomy, fields=fields, room=room)
    wm = anatomy.wm[room]
    fraction[room] = _grown(score, wm=wm, voxels=volume_ml / anatomy.grid.voxel_ml)
    return fraction


def _score(anatomy: Anatomy, *, fields: list[Field], room: NDArray[np.bool_]) -> Floats:
    """How early a voxel becomes lesion."""
    bands, spots, clusters = (field.at(anatomy.grid.axes_mm)[room] for field in fields)
    near = np.exp(-((anatomy.from_ventricles[room] / 5) ** 2))
    y = anatomy.grid.axes_mm[1][np.nonzero(room)[1]].astype(np.float32)
    horns = np.clip(np.abs(y - np.average(y, weights=near)) / 30, 0, 1.2)
    periventricular = 4.0 * near + 0.5 * bands + 0.9 * horns - 1.2
    buried = np.clip((anatomy.depth[room] - 2) / 3, -1, 1)
    deep = spots + 0.5 * clusters + 0.8 * buried - 0.3
    score: Floats = np.maximum(periventricular, deep)
    return score


def _grown(score: Floats, *, wm: Floats, voxels: float) -> Floats:
    """Lower the threshold until enough voxels are lesion by half or more."""
    low, high = float(score.min()) - 1, float(score.max()) + 1
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if np.count_nonzero(_fraction(score, wm=wm, threshold=middle) >= 0.5) > voxels:
            low = middle
        else:
            high = middle
    return _fraction(score, wm=wm, threshold=high)


def _fraction(score: Floats, *, wm: Floats, threshold: float) -> Floats:
    grown: Floats = np.clip(0.5 + (score - np.float32(threshold)) / _RIM, 0, 1) * wm
    return grown

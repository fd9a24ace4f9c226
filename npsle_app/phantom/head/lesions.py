"""White-matter lesions: bands and caps at the ventricles, spots in the deep white matter."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Volume
from npsle_app.phantom.head.anatomy import Anatomy
from npsle_app.phantom.head.fields import Field, draw_field

_RIM = 0.6  # how much the score falls from full lesion to none: about 1.5 mm
_STEPS = 40
_APART_MM = 5.0  # between a new lesion and the others


def draw_lesions(anatomy: Anatomy, *, volume_ml: float, rng: np.random.Generator) -> Volume:
    """Draw lesions of a given volume into the white matter.

    Returns the lesion fraction of every voxel, never above its white-matter fraction. The
    volume of the voxels with a fraction ≥ 0.5 is `volume_ml` to one voxel, or less
    where the white matter has no room for it. Larger loads contain the smaller ones.
    """
    fraction = np.zeros(anatomy.grid.shape, dtype=np.float32)
    fields = [draw_field(rng, spacing_mm=mm) for mm in (9.0, 4.4, 14.0)]
    if volume_ml <= 0:
        return fraction
    room = (anatomy.depth > 0) & (anatomy.wm > 0.3)
    score = _score(anatomy, fields=fields, room=room)
    wm = anatomy.wm[room]
    fraction[room] = _grown(score, wm=wm, voxels=volume_ml / anatomy.grid.voxel_ml)
    return fraction


def add_lesions(
    lesions: Volume, *, anatomy: Anatomy, volume_ml: float, rng: np.random.Generator
) -> Volume:
    """Add deep spots, at least 5 mm from all lesions that there are; see `draw_lesions`."""
    spots = draw_field(rng, spacing_mm=6.0)
    distance = ndimage.distance_transform_edt(lesions == 0, sampling=anatomy.grid.voxel_mm)
    room = (anatomy.depth > 2) & (anatomy.wm > 0.3)
    if lesions.any():
        room &= distance > _APART_MM
    if volume_ml <= 0 or not room.any():
        return lesions
    buried = np.clip((anatomy.depth[room] - 3) / 3, -1, 1)
    score: Volume = spots.at(anatomy.grid.axes_mm)[room] + buried.astype(np.float32)
    made = lesions.copy()
    made[room] = _grown(score, wm=anatomy.wm[room], voxels=volume_ml / anatomy.grid.voxel_ml)
    return made


def _score(anatomy: Anatomy, *, fields: list[Field], room: Bools) -> Volume:
    """How early a voxel becomes lesion.

    At the ventricles lesions begin at the horns. In the deep white matter they favour the
    frontal and parietal lobes, away from the cortex, and come in clusters.
    """
    bands, spots, clusters = (field.at(anatomy.grid.axes_mm)[room] for field in fields)
    near = np.exp(-((anatomy.from_ventricles[room] / 5.5) ** 2))
    forward, upward = (_from_ventricles_mm(anatomy, near=near, room=room, axis=a) for a in (1, 2))
    horns = np.clip(np.abs(forward) / 30, 0, 1.2)
    periventricular = 4.0 * near + 0.7 * bands + 0.9 * horns - 1.4
    place = np.clip(upward / 25, -1.5, 0.8) - 0.8 * np.clip((-forward - 35) / 20, 0, 1)
    buried = np.clip((anatomy.depth[room] - 3) / 3, -1, 1)
    deep = spots + 0.5 * clusters + 0.8 * buried + 0.5 * place - 0.3
    score: Volume = np.maximum(periventricular, deep)
    return score


def _from_ventricles_mm(anatomy: Anatomy, *, near: Volume, room: Bools, axis: int) -> Volume:
    """Signed distance along one axis from the middle of the ventricles' surroundings."""
    place = anatomy.grid.axes_mm[axis][np.nonzero(room)[axis]].astype(np.float32)
    distance: Volume = place - np.average(place, weights=near).astype(np.float32)
    return distance


def _grown(score: Volume, *, wm: Volume, voxels: float) -> Volume:
    """Lower the threshold until enough voxels are lesion by half or more."""
    low, high = float(score.min()) - 1, float(score.max()) + 1
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if np.count_nonzero(_fraction(score, wm=wm, threshold=middle) >= 0.5) > voxels:
            low = middle
        else:
            high = middle
    return _fraction(score, wm=wm, threshold=high)


def _fraction(score: Volume, *, wm: Volume, threshold: float) -> Volume:
    grown: Volume = np.clip(0.5 + (score - np.float32(threshold)) / _RIM, 0, 1) * wm
    return grown

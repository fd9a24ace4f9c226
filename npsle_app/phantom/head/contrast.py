"""Signal of the tissues in T1w and FLAIR images."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Volume
from npsle_app.phantom.head.anatomy import Anatomy
from npsle_app.phantom.head.fields import Field, draw_field

# T1w relative to white matter, FLAIR relative to grey matter.
_T1W_GM, _T1W_CSF = 0.66, 0.24
_FLAIR_GM, _FLAIR_WM, _FLAIR_CSF, _FLAIR_HEAD = 1.0, 0.85, 0.14, 0.8
_TEXTURE = 0.015


@dataclass(frozen=True, slots=True)
class Contrast:
    """What was drawn at random about the signal of one person's tissues.

    `t1w_lesion` is relative to white matter, `flair_lesion` to grey matter; the latter
    varies between and within lesions with `brightness`, `texture` is that of normal tissue.
    """

    t1w_lesion: float
    flair_lesion: float
    brightness: Field
    texture: Field


def draw_contrast(rng: np.random.Generator) -> Contrast:
    """Draw the contrast of one person."""
    return Contrast(
        t1w_lesion=rng.uniform(0.75, 0.9),
        flair_lesion=rng.uniform(1.38, 1.55),
        brightness=draw_field(rng, spacing_mm=6),
        texture=draw_field(rng, spacing_mm=4),
    )


def t1w_signal(anatomy: Anatomy, *, lesions: Volume, contrast: Contrast) -> Volume:
    """Return the T1w signal without noise; white matter is 1."""
    deep = anatomy.deep_gm
    # Thalamus and pallidum hold more myelin than the cortex: as bright as in the template.
    gm = _T1W_GM * (1 - deep) + np.clip(anatomy.signal, _T1W_GM, 0.93) * deep
    brain = anatomy.gm * gm + anatomy.wm - lesions * np.float32(1 - contrast.t1w_lesion)
    brain *= 1 + _TEXTURE * contrast.texture.at(anatomy.grid.axes_mm)
    brain += _T1W_CSF * anatomy.csf
    brain += (1 - anatomy.intracranial) * anatomy.head
    return brain


def flair_signal(anatomy: Anatomy, *, lesions: Volume, contrast: Contrast) -> Volume:
    """Return the FLAIR signal without noise; cortical grey matter is 1."""
    axes = anatomy.grid.axes_mm
    gm = _FLAIR_GM - 0.3 * anatomy.deep_gm * np.clip(anatomy.signal - _T1W_GM, 0, 0.3)
    brain: Volume = anatomy.gm * gm + _FLAIR_WM * anatomy.wm
    brain *= 1 + _TEXTURE * contrast.texture.at(axes)
    level = contrast.flair_lesion + 0.07 * contrast.brightness.at(axes)
    brain += lesions * (np.clip(level, 1.25, 1.7) - _FLAIR_WM)
    brain += _FLAIR_CSF * anatomy.csf
    brain += (1 - anatomy.intracranial) * _FLAIR_HEAD * anatomy.head
    return brain

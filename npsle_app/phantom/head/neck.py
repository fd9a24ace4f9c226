"""A neck for the template head, which ends below the skull."""

import numpy as np

from npsle_app.arrays import Volume
from npsle_app.phantom.head.atlas import Atlas

_BLEND_MM = 22.0
_CENTRE_Y_MM, _HALF_WIDTH_MM, _HALF_DEPTH_MM = -45.0, 60.0, 58.0
_MUSCLE, _FAT = 0.42, 0.9  # T1w signal relative to white matter
_CORD_Y_MM, _CORD_MM = -42.0, 6.0


def head_and_neck(points: Volume, *, atlas: Atlas) -> Volume:
    """Return the T1w signal of the head at template points (3, I, J, K), in mm.

    Below the template its lowest plane goes on for about 2 cm, while it gives way to an
    elliptic neck: without one, images would end in a flat cut that no scan has.
    """
    below_mm = atlas.bottom_mm - points[2]
    lifted = points.copy()
    lifted[2] = np.maximum(points[2], atlas.bottom_mm)
    signal = atlas.head.at(lifted)
    under = below_mm > 0
    if under.any():
        fade = np.minimum(below_mm[under] / _BLEND_MM, 1)
        x, y = points[0][under], points[1][under]
        signal[under] = signal[under] * (1 - fade) + _neck(x, y) * fade
    return signal


def _neck(x: Volume, y: Volume) -> Volume:
    """Muscle, a rim of fat, and the spinal cord in its dark canal."""
    radius = np.hypot(x / _HALF_WIDTH_MM, (y - _CENTRE_Y_MM) / _HALF_DEPTH_MM)
    skin = 1 / (1 + np.exp(np.clip((radius - 1) / 0.02, -40, 40)))
    fat = np.exp(-(((radius - 0.94) / 0.05) ** 2))
    from_cord = np.hypot(x, y - _CORD_Y_MM) / _CORD_MM
    canal = np.exp(-(((from_cord - 1.6) / 0.5) ** 2))
    cord = np.exp(-(from_cord**4))
    signal: Volume = skin * (_MUSCLE * (1 - canal) + (_FAT - _MUSCLE) * fat + 0.4 * cord)
    return signal.astype(np.float32)

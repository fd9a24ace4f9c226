"""A small head with bundles of fibres, as a diffusion series whose truth is known."""

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.imaging.diffusion.gradients import Gradients
from npsle_app.imaging.diffusion.tensor import predict_signal

SHAPE = (36, 40, 30)
AFFINE = np.diag([-3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = 54, -60, -45
_ALONG = np.diag([1.5, 0.35, 0.35]) * 1e-3
_FREE, _GREY = np.eye(3) * 3e-3, np.eye(3) * 0.8e-3


def scheme(rng, *, count=20, b=1000.0, zeros=2):
    """Directions that repel one another, as scanners have them."""
    vectors = rng.normal(size=(count, 3))
    for _ in range(200):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        both = np.concatenate([vectors, -vectors])
        gaps = vectors[:, None] - both[None]
        vectors = vectors + 0.02 * np.sum(gaps / (1e-3 + np.sum(gaps**2, -1))[..., None] ** 1, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Gradients(
        np.r_[np.zeros(zeros), np.full(count, b)], np.r_[np.zeros((zeros, 3)), vectors]
    )


def head():
    """Return brain mask, tensors (I, J, K, 3, 3) and signal at b 0."""
    i, j, k = (axis - (size - 1) / 2 for axis, size in zip(np.indices(SHAPE), SHAPE, strict=True))
    radius = np.sqrt((i / 13) ** 2 + (j / 15) ** 2 + (k / 11) ** 2)
    brain, fluid = radius < 1, (np.hypot(i / 2.2, k / 2.5) < 1) & (np.abs(j) < 7)
    tensors, s0 = np.tile(_GREY, (*SHAPE, 1, 1)), np.where(brain, 700.0, 0.0)
    s0 += np.where(brain & (radius > 0.85), 250, 0)
    bundles = {
        (0, 1, 2): brain & (np.abs(k - 5) < 2) & (np.abs(j) < 6) & (np.abs(i) < 11),
        (1, 0, 2): brain & (np.abs(np.abs(i) - 8) < 2.1) & (k < 3) & (k > -2),
        (2, 1, 0): brain & (np.abs(np.abs(i) - 4.5) < 1.6) & (np.abs(j + 1) < 4) & (k < 4),
    }
    for order, where in bundles.items():
        tensors[where] = _ALONG[np.ix_(order, order)]
        s0[where] = 500
    tensors[fluid & brain], s0[fluid & brain] = _FREE, 1600
    return brain, tensors, ndimage.gaussian_filter(s0, 0.5) * (radius < 1.1)


def series(gradients, *, rng=None, snr=40.0):
    """Synthesise the series; without `rng` there is no noise."""
    brain, tensors, s0 = head()
    data = predict_signal(
        tensors, s0=s0, b_values=gradients.b_values, directions=gradients.directions
    )
    if rng is not None:
        sd = 700 / snr
        data = np.hypot(data + rng.normal(0, sd, data.shape), rng.normal(0, sd, data.shape))
    return nib.Nifti1Image(data.astype(np.float32), AFFINE), brain, tensors

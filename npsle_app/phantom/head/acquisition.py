"""From signal to image: motion, slices, coil sensitivity, noise."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.head.atlas import interpolated
from npsle_app.phantom.head.fields import Field, draw_field
from npsle_app.phantom.head.grids import Grid, moved, turned

_UNEVENNESS = 0.09  # one SD of the coil's sensitivity: about ±20 % over the head
_PLANES_AT_ONCE = 24
# Where in a slice its signal is looked at, in slice thicknesses, and with which weight.
_SLICE_PROFILE = ((-0.4, 0.15), (-0.2, 0.225), (0.0, 0.25), (0.2, 0.225), (0.4, 0.15))


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What was drawn at random for one scan; `motion` maps scanner mm to those of the signal."""

    motion: Floats
    sensitivity: Field
    snr: float
    unit: float
    noise_seed: int


def draw_acquisition(rng: np.random.Generator, *, moved: bool) -> Acquisition:
    """Draw a scan; `moved` if the head has moved since the signal's grid was laid."""
    motion = np.eye(4)
    pitch, roll, yaw = rng.uniform(-3, 3, 3) / np.sqrt(3)
    shift = rng.uniform(-3, 3, 3) / np.sqrt(3)
    if moved:
        motion[:3, :3] = turned(pitch=pitch, roll=roll, yaw=yaw)
        motion[:3, 3] = shift
    return Acquisition(
        motion=motion,
        sensitivity=draw_field(rng, spacing_mm=88),
        snr=rng.uniform(20, 30),
        unit=rng.uniform(450, 900),
        noise_seed=int(rng.integers(2**63)),
    )


def resample(
    signal: Volume,
    *,
    source: Grid,
    target: Grid,
    motion: Floats,
    shift: Volume | None = None,
) -> Volume:
    """Look at a signal on another grid, whose third axis runs through the slices.

    With `shift`, (3, I, J, K) in mm, each voxel of `target` shows what lies that far from it.
    """
    step = np.linalg.inv(source.affine) @ motion
    through = (step[:3, :3] @ target.affine[:3, 2]).reshape(3, 1, 1, 1).astype(np.float32)
    made = np.zeros(target.shape, dtype=np.float32)
    thick = target.voxel_mm[2] > 1.5 * source.voxel_mm[2]
    for start in range(0, target.shape[0], _PLANES_AT_ONCE):
        planes = slice(start, start + _PLANES_AT_ONCE)
        places = target.world_mm(planes)
        points = moved(places if shift is None else places + shift[:, planes], affine=step)
        for offset, weight in _SLICE_PROFILE if thick else ((0.0, 1.0),):
            at = points + np.float32(offset) * through
            made[planes] += np.float32(weight) * interpolated(signal, at)
    return made


def turn(signal: Volume, *, grid: Grid, motion: Floats) -> Volume:
    """Look at a signal of a head that lies otherwise, on the same grid, by cubic splines."""
    step = np.linalg.inv(grid.affine) @ motion @ grid.affine
    made: Volume = ndimage.affine_transform(
        signal, step[:3, :3], step[:3, 3], output=np.float32, order=3
    )
    return np.clip(made, signal.min(), signal.max())


def scan(signal: Volume, *, grid: Grid, acquisition: Acquisition) -> nib.Nifti1Image:
    """Add the coil's sensitivity and Rician noise; store as 16-bit integers."""
    noise = np.random.default_rng(acquisition.noise_seed)
    level = np.float32(1 / acquisition.snr)
    bias = np.exp(_UNEVENNESS * acquisition.sensitivity.at(grid.axes_mm))
    real = signal * bias + level * noise.standard_normal(grid.shape, dtype=np.float32)
    imaginary = level * noise.standard_normal(grid.shape, dtype=np.float32)
    magnitude = np.hypot(real, imaginary) * np.float32(acquisition.unit)
    return nifti(np.clip(np.rint(magnitude), 0, 32767).astype(np.int16), grid=grid)


def nifti(data: NDArray[np.generic], *, grid: Grid) -> nib.Nifti1Image:
    """Put data on a grid, with qform and sform in scanner coordinates."""
    image = nib.Nifti1Image(data, grid.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(grid.affine, code=1)
    image.set_qform(grid.affine, code=1)
    return image

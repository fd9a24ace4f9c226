"""Diffusion-weighted images of a synthetic head: motion, distortion, noise."""

from dataclasses import dataclass, field, replace

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.head.acquisition import Acquisition, draw_acquisition, nifti, resample, scan
from npsle_app.phantom.head.anatomy import Anatomy, Shape
from npsle_app.phantom.head.fibres import Course, Fibres, run_fibres, to_template
from npsle_app.phantom.head.fields import Field, draw_field
from npsle_app.phantom.head.grids import Grid, turned, whole_head

B_VALUE = 1000.0
N_UNWEIGHTED, N_DIRECTIONS = 2, 30
_FIELD_OF_VIEW_MM, _CENTRE_MM = (192.0, 240.0, 156.0), (0.0, -14.0, 12.0)
_LEAST_EDGE_MM = 2.0
# Signal without weighting relative to white matter, and diffusivity in mm²/s.
_TISSUES = {
    "gm": (1.15, 0.8e-3),
    "csf": (2.2, 3.0e-3),
    "lesions": (1.4, 1.2e-3),
    "between": (1.0, 0.75e-3),  # white matter whose fibres run every way
}
_HEAD = (0.12, 0.5e-3)  # what is left of suppressed fat
_FRONTAL_MM, _FRONTAL_REACH_MM = np.array([0.0, 48.0, -22.0]), 18.0  # above the air of the sinus


@dataclass(frozen=True, slots=True)
class PhantomDwi:
    """Diffusion images of one session.

    `directions` are (N, 3) unit vectors in world RAS as the scanner played them, `b_values`
    (N,) in s/mm²; `reverse` is one image without weighting, encoded the other way.
    """

    dwi: nib.Nifti1Image = field(repr=False)
    reverse: nib.Nifti1Image = field(repr=False)
    b_values: Floats
    directions: Floats

    @property
    def fsl_directions(self) -> Floats:
        """Directions as BIDS wants them, (3, N): along the image, x flipped if not mirrored."""
        affine = self.dwi.affine[:3, :3]
        made = self.directions @ (affine / np.linalg.norm(affine, axis=0))
        made[:, 0] *= -np.sign(np.linalg.det(affine))
        columns: Floats = made.T
        return columns


def acquire(
    anatomy: Anatomy,
    *,
    shape: Shape,
    lesions: Volume,
    fibres: Fibres,
    rng: np.random.Generator,
    pose: Floats | None,
    oblique: bool,
    voxel_mm: float,
) -> PhantomDwi:
    """Scan the head: 2 images without weighting, 30 directions, and one encoded in reverse.

    Parameters
    ----------
    pose : (4, 4) array, optional
        Takes scanner mm of this session to those of the first.
    oblique : bool
        Whether the slices follow half of the head's pitch.
    voxel_mm : float
        Edge of the T1w voxels; those of diffusion are at least 2 mm.
    """
    grid = _grid(voxel_mm=voxel_mm, pitch=0.5 * shape.pitch if oblique else 0.0)
    acquisition = draw_acquisition(rng, moved=True)
    distortion = _Distortion(rough=draw_field(rng, spacing_mm=60), peak_mm=rng.uniform(4, 7))
    course = run_fibres(anatomy, shape=shape, fibres=fibres)
    maps = _maps(anatomy, course=course, lesions=lesions)
    b_values, directions = gradients()
    to_first = acquisition.motion if pose is None else pose @ acquisition.motion
    shift_mm = distortion.at(grid)

    def image(b_value: float, *, direction: Floats, motion: Floats, sign: float) -> Volume:
        seen_along = to_template(shape) @ motion[:3, :3] @ direction
        signal = _signal(maps, course=course, b_value=b_value, direction=seen_along)
        return _distorted(
            signal, anatomy=anatomy, grid=grid, motion=motion, shift_mm=sign * shift_mm
        )

    volumes = []
    for number, (b_value, direction) in enumerate(zip(b_values, directions, strict=True)):
        motion = to_first @ _twitch(rng, still=number == 0)
        seen = image(b_value, direction=direction, motion=motion, sign=-1)
        volumes.append(_noisy(seen, grid=grid, acquisition=acquisition, number=number))
    reverse = image(0.0, direction=directions[0], motion=to_first @ _twitch(rng), sign=1)
    return PhantomDwi(
        dwi=nifti(np.stack(volumes, axis=-1), grid=grid),
        reverse=nifti(_noisy(reverse, grid=grid, acquisition=acquisition, number=-1), grid=grid),
        b_values=b_values,
        directions=directions,
    )


def gradients() -> tuple[Floats, Floats]:
    """Return b-values (N,) and directions (N, 3): a spiral over half a sphere, weighted last."""
    z = (np.arange(N_DIRECTIONS) + 0.5) / N_DIRECTIONS
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(N_DIRECTIONS)
    flat = np.sqrt(1 - z**2)
    spiral = np.column_stack([flat * np.cos(angle), flat * np.sin(angle), z])
    b_values = np.r_[np.zeros(N_UNWEIGHTED), np.full(N_DIRECTIONS, B_VALUE)]
    return b_values, np.vstack([np.zeros((N_UNWEIGHTED, 3)), spiral])


@dataclass(frozen=True, slots=True)
class _Distortion:
    """How far tissue is moved along the phase-encoding axis, in mm; a few near the sinuses."""

    rough: Field
    peak_mm: float

    def at(self, grid: Grid) -> Volume:
        points = grid.world_mm(slice(None))
        apart = points - _FRONTAL_MM.astype(np.float32).reshape(3, 1, 1, 1)
        near = np.exp(-np.sum(apart**2, axis=0) / np.float32(2 * _FRONTAL_REACH_MM**2))
        shift: Volume = np.float32(self.peak_mm) * near + self.rough.at(grid.axes_mm)
        return shift


def _grid(*, voxel_mm: float, pitch: float) -> Grid:
    edge = max(_LEAST_EDGE_MM, voxel_mm)
    return whole_head(
        voxel_mm=(edge, edge, edge),
        turn=turned(pitch=pitch, roll=0, yaw=0),
        field_of_view_mm=_FIELD_OF_VIEW_MM,
        centre_mm=_CENTRE_MM,
    )


def _maps(anatomy: Anatomy, *, course: Course, lesions: Volume) -> dict[str, Volume]:
    """Return the share of every tissue in the voxels of the anatomy."""
    wm = np.maximum(anatomy.wm, course.share)
    rest = (1 - wm) / np.maximum(1 - anatomy.wm, np.float32(1e-6))
    healthy = 1 - lesions
    outside = (1 - anatomy.intracranial) * anatomy.head
    return {
        "gm": rest * anatomy.gm,
        "csf": rest * anatomy.csf,
        "between": (wm - course.share) * healthy,
        "lesions": lesions * wm,
        "head": outside,
        "fibres": course.share * healthy,
    }


def _signal(
    maps: dict[str, Volume], *, course: Course, b_value: float, direction: Floats
) -> Volume:
    made = np.zeros_like(maps["gm"])
    for name, (level, rate) in {**_TISSUES, "head": _HEAD}.items():
        made += np.float32(level * np.exp(-b_value * rate)) * maps[name]
    x, y, z = direction
    along = np.array([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z])
    here = course.share > 0
    attenuation = np.exp(course.tensors @ (-b_value * along).astype(np.float32))
    made[here] += maps["fibres"][here] * attenuation
    return made


def _distorted(
    signal: Volume, *, anatomy: Anatomy, grid: Grid, motion: Floats, shift_mm: Volume
) -> Volume:
    """Show at each place what lies `shift_mm` behind it along J; squeezed tissue is brighter."""
    along = (grid.affine[:3, 1] / grid.voxel_mm[1]).astype(np.float32)
    seen = resample(
        signal,
        source=anatomy.grid,
        target=grid,
        motion=motion,
        shift=-along.reshape(3, 1, 1, 1) * shift_mm,
    )
    density = 1 - np.gradient(shift_mm, np.float32(grid.voxel_mm[1]), axis=1)
    brightened: Volume = seen * np.maximum(density, np.float32(0.1))
    return brightened


def _twitch(rng: np.random.Generator, *, still: bool = False) -> Floats:
    """Move the head a little between volumes: 0.1 mm and 0.1° (one deviation per axis)."""
    turn, shift = rng.normal(0, 0.1, 3), rng.normal(0, 0.1, 3)
    motion = np.eye(4)
    if not still:
        motion[:3, :3] = turned(pitch=turn[0], roll=turn[1], yaw=turn[2])
        motion[:3, 3] = shift
    return motion


def _noisy(seen: Volume, *, grid: Grid, acquisition: Acquisition, number: int) -> NDArray[np.int16]:
    """Add noise of its own to each volume."""
    own = replace(acquisition, noise_seed=(acquisition.noise_seed + number + 1) % 2**63)
    return np.asarray(scan(seen, grid=grid, acquisition=own).dataobj, dtype=np.int16)

"""Black-blood images of arteries whose lumen, wall and course are known."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]

LUMEN, WALL, CSF, BRAIN, BRIGHT_BLOOD = 0.05, 1.0, 0.25, 0.85, 1.5
PSF_FWHM_VOXELS = 0.6
_STEP_MM = 0.05
_PARTS = 4  # sub-voxels along each axis
_SLAB = 32  # planes drawn at once
_SLOW_RISE = 0.75  # of slow blood's signal, from the axis to the wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Artery:
    """A tube along `points`, (n, 3) in mm, RAS.

    `offset_mm` moves the outer wall's centre off the lumen's, along the first axis of the
    frame: the wall is thinnest by that much on one side and thickest on the other.
    `slow_mm` is the stretch (from, to) in mm along the vessel where blood flows too slowly
    to turn black beside the wall.
    """

    points: Floats
    radius_mm: float
    wall_mm: float
    offset_mm: float = 0.0
    slow_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.offset_mm < self.wall_mm:
            msg = f"the offset must be below the wall: {self.offset_mm} and {self.wall_mm} mm"
            raise ValueError(msg)

    @property
    def lumen_mm2(self) -> float:
        return float(np.pi * self.radius_mm**2)

    @property
    def wall_mm2(self) -> float:
        return float(np.pi * (self.radius_mm + self.wall_mm) ** 2 - self.lumen_mm2)

    @property
    def nwi(self) -> float:
        """Normalized wall index, WA / (WA + LA)."""
        return self.wall_mm2 / (self.wall_mm2 + self.lumen_mm2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an artery lies in: CSF, and brain from `brain_gap_mm` beyond the outer wall on.

    The brain's surface is a plane across `toward`; None leaves it out.
    """

    brain_gap_mm: float | None = 1.5
    toward: tuple[float, float, float] = (0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselScan:
    """An image and its truth; masks hold 1 where the voxel's centre lies inside."""

    image: nib.Nifti1Image
    lumen: nib.Nifti1Image
    outer: nib.Nifti1Image


def arc(*, length_mm: float, bend_radius_mm: float = np.inf, tilt_deg: float = 0.0) -> Floats:
    """Return points every 0.05 mm of an arc about the origin, RAS.

    It starts upwards (z) where it is not tilted, bends towards y, and is tilted about x.
    """
    along = np.arange(-length_mm / 2, length_mm / 2 + _STEP_MM / 2, _STEP_MM)
    if np.isinf(bend_radius_mm):
        points = np.stack([0 * along, 0 * along, along], axis=1)
    else:
        turn = along / bend_radius_mm
        points = bend_radius_mm * np.stack([0 * turn, 1 - np.cos(turn), np.sin(turn)], axis=1)
    tilt = np.deg2rad(tilt_deg)
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]]
    )
    turned: Floats = points @ about_x.T
    return turned


def branch(artery: Artery, *, at: float, length_mm: float, radius_mm: float) -> Artery:
    """Return a side branch that leaves at a share `at` of the length, perpendicular to it."""
    index = int(at * (len(artery.points) - 1))
    tangent, first, _ = frame(artery.points)
    away = first[index] + 0.3 * tangent[index]
    along = np.arange(0, length_mm, _STEP_MM)[:, None] * away / np.linalg.norm(away)
    return Artery(points=artery.points[index] + along, radius_mm=radius_mm, wall_mm=0.3)


def frame(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return tangent and two normals at each point; the first stays nearest to x."""
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    first = np.array([1.0, 0.0, 0.0]) - tangent[:, :1] * tangent
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return tangent, first, np.cross(tangent, first)


def scan_arteries(
    arteries: list[Artery],
    *,
    voxel_mm: float,
    snr: float,
    rng: np.random.Generator,
    field_mm: tuple[float, float, float],
    surroundings: Surroundings = Surroundings(),
    psf_fwhm_voxels: float = PSF_FWHM_VOXELS,
    bright_blood: bool = False,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> VesselScan:
    """Scan arteries: 3D turbo spin echo with isotropic voxels, one field of view.

    Signals relative to the wall's. The point spread is a Gaussian times the voxel's box,
    drawn on a grid four times finer; noise is Rician with SD 1 / `snr` of the wall's signal.
    The grid lies at random to within a voxel. Where tubes overlap, lumen wins.
    """
    shape = tuple(int(np.ceil(length / voxel_mm)) for length in field_mm)
    corner = np.array(centre_mm) - voxel_mm * np.array(shape) / 2 + rng.uniform(0, voxel_mm, 3)
    affine = np.diag([voxel_mm] * 3 + [1.0])
    affine[:3, 3] = corner + voxel_mm / 2
    scene = _Scene(
        arteries=arteries,
        surroundings=surroundings,
        blood=BRIGHT_BLOOD if bright_blood else None,
        part_mm=voxel_mm / _PARTS,
    )
    fine = scene.drawn(corner, sizes=tuple(n * _PARTS for n in shape))
    blurred = ndimage.gaussian_filter(fine, psf_fwhm_voxels * _PARTS / 2.3548, mode="nearest")
    signal = blurred.reshape(sum(((n, _PARTS) for n in shape), ())).mean(axis=(1, 3, 5))
    real, imaginary = rng.normal(0, 1 / snr, (2, *shape))
    magnitude = 400 * np.hypot(signal + real, imaginary)
    image = _image(magnitude.astype(np.float32), affine=affine)
    lumen, outer = true_masks(arteries, image=image)
    return VesselScan(image=image, lumen=lumen, outer=outer)


def true_masks(
    arteries: list[Artery], *, image: nib.Nifti1Image
) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Return masks of lumen and of lumen with wall: 1 where a voxel's centre lies inside."""
    grid = np.moveaxis(np.indices(image.shape), 0, -1).reshape(-1, 3)
    points = nib.affines.apply_affine(image.affine, grid)
    lumen, outer = np.zeros((2, len(points)), dtype=np.uint8)
    for artery in arteries:
        inside = _inside(artery, points=points, ramp_mm=1e-6)
        lumen[inside.where] |= inside.lumen > 0.5
        outer[inside.where] |= (inside.outer > 0.5) | (inside.lumen > 0.5)
    return (
        _image(lumen.reshape(image.shape), affine=image.affine),
        _image(outer.reshape(image.shape), affine=image.affine),
    )


def _image(data: NDArray[np.generic], *, affine: Floats) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    return image


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is drawn on the fine grid, whose voxels are `part_mm` wide."""

    arteries: list[Artery]
    surroundings: Surroundings
    blood: float | None
    part_mm: float

    def drawn(self, corner: Floats, *, sizes: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw signals, a slab at a time; edges are ramps one fine voxel wide."""
        made = np.empty(sizes, dtype=np.float32)
        for start in range(0, sizes[0], _SLAB):
            slab = (min(_SLAB, sizes[0] - start), *sizes[1:])
            grid = np.moveaxis(np.indices(slab), 0, -1).reshape(-1, 3) + np.array([start, 0, 0])
            made[start : start + slab[0]] = self._signal(
                (grid + 0.5) * self.part_mm + corner
            ).reshape(slab)
        return made

    def _signal(self, points: Floats) -> Floats:
        signal = np.full(len(points), CSF)
        main, around = self.arteries[0], self.surroundings
        if around.brain_gap_mm is not None:
            toward = np.array(around.toward) / np.linalg.norm(around.toward)
            surface = (main.points @ toward).max() + main.radius_mm + main.wall_mm
            depth = points @ toward - surface - around.brain_gap_mm
            signal += (BRAIN - CSF) * np.clip(0.5 + depth / self.part_mm, 0, 1)
        insides = [_inside(each, points=points, ramp_mm=self.part_mm) for each in self.arteries]
        for inside in insides:
            signal[inside.where] += (WALL - signal[inside.where]) * inside.outer
        for inside in insides:
            blood = inside.blood if self.blood is None else self.blood
            signal[inside.where] += (blood - signal[inside.where]) * inside.lumen
        return signal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inside:
    """The points near a tube (indices), how far they are lumen and tube (0-1), blood's signal."""

    where: NDArray[np.intp]
    lumen: Floats
    outer: Floats
    blood: Floats


def _inside(artery: Artery, *, points: Floats, ramp_mm: float) -> _Inside:
    reach = artery.radius_mm + artery.wall_mm + artery.offset_mm + ramp_mm
    box = np.all((points > artery.points.min(axis=0) - reach)
                 & (points < artery.points.max(axis=0) + reach), axis=1)  # fmt: skip
    near = np.nonzero(box)[0]
    distance, index = cKDTree(artery.points).query(points[near], distance_upper_bound=reach)
    near, index = near[np.isfinite(distance)], index[np.isfinite(distance)]
    _, first, _ = frame(artery.points)
    away = points[near] - artery.points[index]
    from_axis = np.linalg.norm(away, axis=1)
    from_centre = np.linalg.norm(away - artery.offset_mm * first[index], axis=1)
    return _Inside(
        where=near,
        lumen=np.clip(0.5 + (artery.radius_mm - from_axis) / ramp_mm, 0, 1),
        outer=np.clip(0.5 + (artery.radius_mm + artery.wall_mm - from_centre) / ramp_mm, 0, 1),
        blood=_blood(artery, index=index, from_axis=from_axis),
    )


def _blood(artery: Artery, *, index: NDArray[np.intp], from_axis: Floats) -> Floats:
    blood = np.full(len(index), LUMEN)
    if artery.slow_mm:
        along = index * _STEP_MM
        slow = (along >= artery.slow_mm[0]) & (along <= artery.slow_mm[1])
        blood[slow] += _SLOW_RISE * np.clip(from_axis[slow] / artery.radius_mm, 0, 1) ** 2
    return blood

"""Black-blood images of arteries whose lumen, wall and course are known.

Of single arteries, for tests and benchmarks; those of a whole head are in `vessel_scan`.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.arteries.acquisition import GaussianScanner, Scanner
from npsle_app.phantom.arteries.tubes import Artery, inside_tube

LUMEN, WALL, CSF, BRAIN, BRIGHT_BLOOD = 0.05, 1.0, 0.25, 0.85, 1.5
_PARTS = 4  # fine voxels along each edge of a voxel of `voxel_mm`
_SLAB = 32  # planes drawn at once
_USUAL = GaussianScanner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an artery lies in and holds; signals relative to the wall's.

    CSF, and brain from `brain_gap_mm` beyond the outer wall on: its surface is a plane across
    `toward`; None leaves it out.
    """

    brain_gap_mm: float | None = 1.5
    toward: tuple[float, float, float] = (0.0, 1.0, 0.0)
    csf: float = CSF
    brain: float = BRAIN
    blood: float = LUMEN


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselScan:
    """An image and its truth; masks hold 1 where the voxel's centre lies inside."""

    image: nib.Nifti1Image
    lumen: nib.Nifti1Image
    outer: nib.Nifti1Image


def scan_arteries(
    arteries: list[Artery],
    *,
    voxel_mm: float,
    snr: float,
    rng: np.random.Generator,
    field_mm: tuple[float, float, float],
    surroundings: Surroundings = Surroundings(),
    scanner: Scanner = _USUAL,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> VesselScan:
    """Scan arteries in one field of view, on a grid that lies at random to within a voxel.

    Drawn on a grid of a fourth of `voxel_mm`, whose scanner says how many of these make a
    voxel: cubes of `voxel_mm` where it is four along each axis. Noise is Rician with SD
    1 / `snr` of the wall's signal. Where tubes overlap, lumen wins.
    """
    edges = voxel_mm / _PARTS * np.array(scanner.parts)
    shape = tuple(int(n) for n in np.ceil(np.array(field_mm) / edges))
    corner = np.array(centre_mm) - edges * np.array(shape) / 2 + rng.uniform(0, edges, 3)
    affine = np.diag([*edges, 1.0])
    affine[:3, 3] = corner + edges / 2
    scene = _Scene(
        arteries=arteries,
        surroundings=surroundings,
        part_mm=voxel_mm / _PARTS,
    )
    sizes = tuple(n * part for n, part in zip(shape, scanner.parts, strict=True))
    magnitude = 400 * scanner.magnitude(scene.drawn(corner, sizes=sizes), noise_sd=1 / snr, rng=rng)
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
        inside = inside_tube(artery, points=points, ramp_mm=1e-6)
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
    part_mm: float

    def drawn(self, corner: Floats, *, sizes: tuple[int, ...]) -> Volume:
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
        main, around = self.arteries[0], self.surroundings
        signal = np.full(len(points), around.csf)
        if around.brain_gap_mm is not None:
            toward = np.array(around.toward) / np.linalg.norm(around.toward)
            surface = (main.points @ toward).max() + main.radius_mm + main.wall_mm
            depth = points @ toward - surface - around.brain_gap_mm
            signal += (around.brain - around.csf) * np.clip(0.5 + depth / self.part_mm, 0, 1)
        insides = [inside_tube(each, points=points, ramp_mm=self.part_mm) for each in self.arteries]
        for inside in insides:
            signal[inside.where] += (WALL - signal[inside.where]) * inside.outer
        for inside in insides:
            blood = around.blood + inside.slow
            signal[inside.where] += (blood - signal[inside.where]) * inside.lumen
        return signal

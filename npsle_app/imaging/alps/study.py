"""All that is said of the DTI-ALPS index of one session."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.frame import finite_strain, linear_part
from npsle_app.imaging.alps.index import (
    Region,
    by_side,
    by_side_in_local_frame,
    index_of_tensors,
    mean_template_tensors,
    measure_regions,
    spread_percent,
)
from npsle_app.imaging.alps.noise import bootstrap_sd
from npsle_app.imaging.alps.rois import (
    PLACES,
    Place,
    Sphere,
    cut_sphere,
    find_centres,
    share_of_voxels,
    template_sphere_mm,
)
from npsle_app.imaging.diffusion.tensor import mean_diffusivity
from npsle_app.imaging.space.displacement import apply_displacement

Indices = dict[str, float | None]
PRIMARY = "rigid_reoriented"
VARIANTS = (PRIMARY, "native_cartesian", "template_no_reorient", "local_frame")
_OTHER_RADII_MM = (2.0, 3.0, 5.0)
_SHIFTS = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpsImages:
    """What the index is made from.

    Attributes
    ----------
    tensors : (I, J, K, 3, 3) array
        mm²/s, world RAS axes; 0 where none was fitted.
    grid : Nifti1Image
        Three-dimensional image on the grid of `tensors`.
    signal, b_values, directions : (I, J, K, N), (N,), (N, 3) arrays
        The series that the tensors were fitted to.
    to_native : Nifti1Image
        Displacement field from template points to those of the T1w image, or of the FA map.
    template_brain : Nifti1Image
        Brain mask of the template.
    to_diffusion : (4, 4) array
        Takes points of the T1w image (or FA map) to points of the diffusion images.
    lesions, fluid : Nifti1Image, optional
        Lesion mask and share of fluid in the space of the T1w image.
    """

    tensors: Reals
    grid: nib.Nifti1Image
    signal: Reals
    b_values: Reals
    directions: Reals
    to_native: nib.Nifti1Image
    template_brain: nib.Nifti1Image
    to_diffusion: Reals
    lesions: nib.Nifti1Image | None = None
    fluid: nib.Nifti1Image | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpsFindings:
    """The index and what bears on it.

    Attributes
    ----------
    indices : dict
        By variant; left, right and mean, None where it cannot be known.
    by_radius, by_shift : dict
        The primary variant with other radii (mm), and with all spheres moved by one voxel
        along an axis of the image (i, j, k).
    sd : dict
        Standard deviation of the primary variant by bootstrap.
    regions : dict
        By place; one without a voxel that may be used has no key.
    rotation : (3, 3) array
        Turns the scanner's axes to those of the anatomy.
    in_lesions, in_fluid : dict
        Part of each sphere, 0 to 1; None where there is no such map.
    """

    indices: dict[str, Indices]
    by_radius: dict[float, Indices]
    by_shift: dict[tuple[int, int, int], Indices]
    sd: Indices
    regions: dict[Place, Region]
    spheres: dict[Place, Sphere]
    rotation: Reals
    in_lesions: dict[Place, float] | None
    in_fluid: dict[Place, float] | None

    @property
    def radius_percent(self) -> float | None:
        """Largest change of the mean index with the radius, in per cent."""
        mean = self.indices[PRIMARY]["mean"]
        return spread_percent((one["mean"] for one in self.by_radius.values()), about=mean)

    @property
    def shift_percent(self) -> float | None:
        """Largest change of the mean index when the spheres move by one voxel, in per cent."""
        mean = self.indices[PRIMARY]["mean"]
        return spread_percent((one["mean"] for one in self.by_shift.values()), about=mean)


def study_alps(
    images: AlpsImages, *, radius_mm: float, share_max: float, samples: int, seed: int
) -> AlpsFindings:
    """Measure the index in all its variants.

    Parameters
    ----------
    radius_mm : float
        Radius of the spheres.
    share_max : float
        A voxel is left out if more than this share of it is lesion, or fluid.
    samples, seed : int
        Of the bootstrap.
    """
    centres = find_centres(to_native=images.to_native, to_diffusion=images.to_diffusion)
    rotation = anatomical_rotation(images)
    usable, shares = _usable(images, centres=centres, share_max=share_max)
    spheres = _cut(centres, radius_mm=radius_mm, grid=images.grid)
    regions = measure_regions(images.tensors, spheres=spheres, usable=usable)

    def again(radius_mm: float, *, shift: tuple[int, ...] = (0, 0, 0)) -> Indices:
        moved = _cut(centres, radius_mm=radius_mm, grid=images.grid, shift=shift)
        found = measure_regions(images.tensors, spheres=moved, usable=usable)
        return by_side(found, rotation=rotation)

    return AlpsFindings(
        indices=_variants(images, regions=regions, rotation=rotation),
        by_radius={other: again(other) for other in _OTHER_RADII_MM},
        by_shift={shift: again(radius_mm, shift=shift) for shift in _SHIFTS},
        sd=bootstrap_sd(
            images.signal,
            b_values=images.b_values,
            directions=images.directions,
            spheres=spheres,
            usable=usable,
            rotation=rotation,
            samples=samples,
            seed=seed,
        ),
        regions=regions,
        spheres=spheres,
        rotation=rotation,
        in_lesions=_parts(shares.get("lesions"), spheres=spheres, share_max=share_max),
        in_fluid=_parts(shares.get("fluid"), spheres=spheres, share_max=share_max),
    )


def anatomical_rotation(images: AlpsImages) -> Reals:
    """Return the rotation that turns the scanner's axes to the template's, (3, 3)."""
    to_native = linear_part(images.to_native, region=images.template_brain)
    return finite_strain(np.linalg.inv(images.to_diffusion @ to_native))


def _variants(
    images: AlpsImages, *, regions: dict[Place, Region], rotation: Reals
) -> dict[str, Indices]:
    points = {
        place: apply_affine(
            images.to_diffusion,
            apply_displacement(template_sphere_mm(place), field=images.to_native),
        )
        for place in PLACES
    }
    as_they_are = mean_template_tensors(images.tensors, grid=images.grid, points_mm=points)
    return {
        PRIMARY: by_side(regions, rotation=rotation),
        "native_cartesian": by_side(regions, rotation=np.eye(3)),
        "template_no_reorient": index_of_tensors(as_they_are),
        "local_frame": by_side_in_local_frame(regions),
    }


def _cut(
    centres: dict[Place, Reals],
    *,
    radius_mm: float,
    grid: nib.Nifti1Image,
    shift: tuple[int, ...] = (0, 0, 0),
) -> dict[Place, Sphere]:
    """Cut all spheres, moved by whole voxels."""
    step = grid.affine[:3, :3] @ np.asarray(shift)
    return {
        place: cut_sphere(centre + step, radius_mm=radius_mm, grid=grid)
        for place, centre in centres.items()
    }


def _usable(
    images: AlpsImages, *, centres: dict[Place, Reals], share_max: float
) -> tuple[Bools, dict[str, Reals]]:
    """Say which voxels may be used, and how much of those around is lesion and fluid."""
    usable = np.asarray(mean_diffusivity(images.tensors) > 0)
    reach = max(_OTHER_RADII_MM) + float(voxel_sizes(images.grid.affine).max())
    around = _cut(centres, radius_mm=reach, grid=images.grid).values()
    voxels = np.unique(np.concatenate([sphere.voxels for sphere in around]), axis=0)
    shares: dict[str, Reals] = {}
    for name, image in (("lesions", images.lesions), ("fluid", images.fluid)):
        if image is not None:
            found = np.zeros(usable.shape)
            found[tuple(voxels.T)] = share_of_voxels(
                image, grid=images.grid, matrix=images.to_diffusion, voxels=voxels
            )
            shares[name], usable = found, usable & (found <= share_max)
    return usable, shares


def _parts(
    share: Reals | None, *, spheres: dict[Place, Sphere], share_max: float
) -> dict[Place, float] | None:
    """Return the part of each sphere in voxels left out; 0 where the grid holds none of it."""
    if share is None:
        return None
    found = {}
    for place, sphere in spheres.items():
        lost = share[tuple(sphere.voxels.T)] > share_max
        found[place] = float(sphere.shares[lost].sum() / max(sphere.shares.sum(), 1e-9))
    return found

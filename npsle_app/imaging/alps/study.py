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
    image_axes,
    measure_regions,
    spread_percent,
)
from npsle_app.imaging.alps.noise import Series, Spread, bootstrap_spread, draw_placements
from npsle_app.imaging.alps.rois import (
    PLACES,
    Place,
    Sphere,
    cut_sphere,
    find_centres,
    share_of_voxels,
    template_sphere_mm,
)
from npsle_app.imaging.alps.variants import (
    SPHERE,
    Indices,
    Placement,
    measure_variants,
    place_regions,
)
from npsle_app.imaging.diffusion.tensor import mean_diffusivity
from npsle_app.imaging.space.displacement import apply_displacement

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
    series : Series
        That the tensors were fitted to.
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
    series: Series
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
        The index of spheres with other radii (mm), and with all spheres moved by one voxel
        along an axis of the image (i, j, k).
    spread : Spread
        Standard deviation of each variant by bootstrap.
    regions, tracts : dict
        Spheres and weighted regions by place; one without a voxel that may be used has no key.
    placement : Placement
        Where they lie.
    in_lesions, in_fluid : dict
        Part of each sphere, 0 to 1; None where there is no such map.
    """

    indices: dict[str, Indices]
    by_radius: dict[float, Indices]
    by_shift: dict[tuple[int, int, int], Indices]
    spread: Spread
    regions: dict[Place, Region]
    tracts: dict[Place, Region]
    placement: Placement
    in_lesions: dict[Place, float] | None
    in_fluid: dict[Place, float] | None

    @property
    def rotation(self) -> Reals:
        """What turns the scanner's axes to those of the anatomy, (3, 3)."""
        return self.placement.rotation

    @property
    def spheres(self) -> dict[Place, Sphere]:
        """The spheres on the grid."""
        return self.placement.spheres

    @property
    def radius_percent(self) -> float | None:
        """Largest change of the mean index of spheres with their radius, in per cent."""
        mean = self.indices[SPHERE]["mean"]
        return spread_percent((one["mean"] for one in self.by_radius.values()), about=mean)

    @property
    def shift_percent(self) -> float | None:
        """Largest change of the mean index when spheres move by one voxel, in per cent."""
        mean = self.indices[SPHERE]["mean"]
        return spread_percent((one["mean"] for one in self.by_shift.values()), about=mean)

    def bounds(self, variant: str, side: str) -> tuple[float, float] | None:
        """Return the 95 % interval of an index, by noise and place; None where not known."""
        return self.spread.bounds(variant, side=side, value=self.indices[variant][side])


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
    rotation, points = anatomical_rotation(images), template_points(images)
    placement = place_regions(
        centres, template_points=points, rotation=rotation, radius_mm=radius_mm, grid=images.grid
    )
    usable, shares = _usable(images, placement=placement, share_max=share_max)
    measured = measure_variants(
        images.tensors, placement=placement, usable=usable, axes=image_axes(images.grid)
    )

    def again(radius_mm: float, *, shift: tuple[int, ...] = (0, 0, 0)) -> Indices:
        moved = _cut(centres, radius_mm=radius_mm, grid=images.grid, shift=shift)
        found = measure_regions(images.tensors, spheres=moved, usable=usable)
        return by_side(found, rotation=rotation)

    rng = np.random.default_rng(seed)
    placements = draw_placements(
        centres, template_points=points, rotation=rotation, radius_mm=radius_mm,
        grid=images.grid, samples=samples, rng=rng,
    )  # fmt: skip
    spheres = placement.spheres
    return AlpsFindings(
        indices=measured.indices,
        by_radius={other: again(other) for other in _OTHER_RADII_MM},
        by_shift={shift: again(radius_mm, shift=shift) for shift in _SHIFTS},
        spread=bootstrap_spread(
            images.series, placement=placement, placements=placements, tensors=images.tensors,
            usable=usable, grid=images.grid, rng=rng,
        ),
        regions=measured.spheres,
        tracts=measured.tracts,
        placement=placement,
        in_lesions=_parts(shares.get("lesions"), spheres=spheres, share_max=share_max),
        in_fluid=_parts(shares.get("fluid"), spheres=spheres, share_max=share_max),
    )  # fmt: skip


def template_points(images: AlpsImages) -> dict[Place, Reals]:
    """Return the points of the diffusion images that the template's spheres come from, mm."""
    return {
        place: apply_affine(
            images.to_diffusion,
            apply_displacement(template_sphere_mm(place), field=images.to_native),
        )
        for place in PLACES
    }


def anatomical_rotation(images: AlpsImages) -> Reals:
    """Return the rotation that turns the scanner's axes to the template's, (3, 3)."""
    to_native = linear_part(images.to_native, region=images.template_brain)
    return finite_strain(np.linalg.inv(images.to_diffusion @ to_native))


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
    images: AlpsImages, *, placement: Placement, share_max: float
) -> tuple[Bools, dict[str, Reals]]:
    """Say which voxels may be used, and how much of those around is lesion and fluid."""
    usable = np.asarray(mean_diffusivity(images.tensors) > 0)
    reach = max(_OTHER_RADII_MM) + float(voxel_sizes(images.grid.affine).max())
    centres = {place: one.centre_mm for place, one in placement.spheres.items()}
    around = _cut(centres, radius_mm=reach, grid=images.grid).values()
    voxels = np.unique(
        np.concatenate([placement.voxels, *(sphere.voxels for sphere in around)]), axis=0
    )
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

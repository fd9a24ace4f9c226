"""The index in all its variants, of tensors and of regions as they are placed once."""

from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.index import (
    Region,
    by_side,
    by_side_along_principal_axes,
    by_side_in_local_frame,
    index_of_tensors,
    mean_template_tensors,
    measure_regions,
)
from npsle_app.imaging.alps.rois import Place, Sphere, cut_sphere, weigh_points
from npsle_app.imaging.alps.tracts import measure_tracts, spread_gaussian

Indices = dict[str, float | None]
WEIGHTED, SPHERE = "weighted_tracts", "rigid_reoriented"
PRIMARY = SPHERE
VARIANTS = (
    SPHERE, WEIGHTED, "native_cartesian", "template_no_reorient", "local_frame", "principal_axes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the regions lie on a grid.

    Attributes
    ----------
    spheres, clouds, points : dict of Sphere
        Spheres, Gaussians, and what the voxels of the template's spheres come from.
    rotation : (3, 3) array
        Turns the scanner's axes to those of the anatomy.
    """

    spheres: dict[Place, Sphere]
    clouds: dict[Place, Sphere]
    points: dict[Place, Sphere]
    rotation: Reals

    @property
    def voxels(self) -> NDArray[np.int_]:
        """All voxels that any region touches, (n, 3), each once."""
        every = [one.voxels for kind in self._kinds for one in kind.values()]
        return np.unique(np.concatenate(every), axis=0)

    def listed(self, rows: NDArray[np.int_]) -> "Placement":
        """Lay the regions onto a list of voxels as a grid of n × 1 × 1.

        Parameters
        ----------
        rows : (I, J, K) array of int
            Each voxel's place in the list.
        """
        spheres, clouds, points = (
            {place: _listed(one, rows=rows) for place, one in kind.items()} for kind in self._kinds
        )
        return replace(self, spheres=spheres, clouds=clouds, points=points)

    @property
    def _kinds(self) -> tuple[dict[Place, Sphere], ...]:
        return self.spheres, self.clouds, self.points


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Regions as spheres and as weighted tracts, and the index of each variant."""

    spheres: dict[Place, Region]
    tracts: dict[Place, Region]
    indices: dict[str, Indices]


def place_regions(
    centres: dict[Place, Reals],
    *,
    template_points: dict[Place, Reals],
    rotation: Reals,
    radius_mm: float,
    grid: nib.Nifti1Image,
) -> Placement:
    """Lay all regions on a grid.

    Parameters
    ----------
    centres : dict of (3,) array
        World coordinates.
    template_points : dict of (n, 3) array
        World points that the voxels of the template's spheres come from.
    """
    return Placement(
        spheres={
            place: cut_sphere(centre, radius_mm=radius_mm, grid=grid)
            for place, centre in centres.items()
        },
        clouds={
            place: spread_gaussian(centre, rotation=rotation, grid=grid)
            for place, centre in centres.items()
        },
        points={place: weigh_points(one, grid=grid) for place, one in template_points.items()},
        rotation=rotation,
    )


def measure_variants(
    tensors: Reals,
    *,
    placement: Placement,
    usable: Bools,
    axes: Reals,
    in_tracts: Reals | None = None,
) -> Measured:
    """Measure the regions and the index of each variant.

    Parameters
    ----------
    tensors : (I, J, K, 3, 3) array
        mm²/s, world axes.
    usable : (I, J, K) array of bool
        Voxels with a tensor, outside lesions and fluid.
    axes : (3, 3) array
        Of the image, in columns (`image_axes`).
    in_tracts : (I, J, K, 3, 3) array, optional
        Other tensors for the weighted tracts.
    """
    rotation = placement.rotation
    own = tensors if in_tracts is None else in_tracts
    spheres = measure_regions(tensors, spheres=placement.spheres, usable=usable)
    tracts = measure_tracts(own, clouds=placement.clouds, usable=usable, rotation=rotation)
    as_they_are = mean_template_tensors(tensors, points=placement.points, axes=axes)
    return Measured(
        spheres=spheres,
        tracts=tracts,
        indices={
            SPHERE: by_side(spheres, rotation=rotation),
            WEIGHTED: by_side(tracts, rotation=rotation),
            "native_cartesian": by_side(spheres, rotation=np.eye(3)),
            "template_no_reorient": index_of_tensors(as_they_are),
            "local_frame": by_side_in_local_frame(spheres),
            "principal_axes": by_side_along_principal_axes(
                tensors, spheres=placement.spheres, usable=usable, rotation=rotation
            ),
        },
    )


def _listed(sphere: Sphere, *, rows: NDArray[np.int_]) -> Sphere:
    mine = rows[tuple(sphere.voxels.T)]
    return replace(sphere, voxels=np.column_stack([mine, 0 * mine, 0 * mine]))

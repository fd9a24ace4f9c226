"""Regions weighted towards the fibres that they are meant for, about the centres of the spheres.

A sphere of 2.5 mm holds 2.4 voxels of 3 mm, at the edge of a crossing, and what of the crossing
falls inside changes with the grid. A wide Gaussian whose voxels count by how well their fibres lie
along the tract holds ten times as much, and its edge is soft.
"""

from dataclasses import replace

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.index import Region, measure_region
from npsle_app.imaging.alps.rois import Place, Sphere, Tract, voxels_around
from npsle_app.imaging.diffusion.tensor import (
    fractional_anisotropy,
    mean_diffusivity,
    principal_directions,
)

SD_MM = (4.0, 8.0, 4.0)  # along x, y and z of the head: tracts are longest from front to back
_REACH_SD = 2.5
_POWER = 8  # of the cosine: a half at 23°
_FULL_FA = 0.6
_MD = (0.3e-3, 1.1e-3)  # mm²/s: neither noise nor fluid
AXES = {Tract.PROJECTION: 2, Tract.ASSOCIATION: 1}


def spread_gaussian(centre_mm: Reals, *, rotation: Reals, grid: nib.Nifti1Image) -> Sphere:
    """Weigh the voxels around a centre by a Gaussian along the axes of the head.

    Parameters
    ----------
    centre_mm : (3,) array
        World coordinates; it may lie outside the grid.
    rotation : (3, 3) array
        Turns the scanner's axes to those of the anatomy.
    """
    box = voxels_around(centre_mm, radius_mm=_REACH_SD * max(SD_MM), grid=grid)
    distance = (apply_affine(grid.affine, box) - centre_mm) @ rotation.T / SD_MM
    squared = np.einsum("na,na->n", distance, distance)
    near = squared <= _REACH_SD**2
    box, weights = box[near], np.exp(-squared[near] / 2)
    held = np.all((box >= 0) & (box < grid.shape[:3]), axis=1)
    return Sphere(
        centre_mm=np.asarray(centre_mm, dtype=float),
        voxels=box[held],
        shares=weights[held],
        inside_grid=float(weights[held].sum() / weights.sum()),
    )


def weigh_fibres(tensors: Reals, *, cloud: Sphere, place: Place, rotation: Reals) -> Reals:
    """Return the weights of a cloud's voxels, (n,), by the Gaussian and by their fibres."""
    inside = tensors[tuple(cloud.voxels.T)]
    cosine = principal_directions(inside) @ rotation[AXES[place.tract]]
    md = mean_diffusivity(inside)
    fit = abs(cosine) ** _POWER * np.minimum(fractional_anisotropy(inside) / _FULL_FA, 1)
    weights: Reals = cloud.shares * np.where((md >= _MD[0]) & (md <= _MD[1]), fit, 0)
    return weights


def measure_tract(
    tensors: Reals, *, cloud: Sphere, place: Place, usable: Bools, rotation: Reals
) -> Region | None:
    """Average tensors over a Gaussian, each voxel weighted by how well it fits the tract.

    The weight is multiplied by |V1·axis|⁸ (z of the head for projection, y for association
    fibres) and by min(FA/0.6, 1); a mean diffusivity outside 0.3 to 1.1 × 10⁻³ mm²/s leaves the
    voxel out. Where no voxel has a weight there is no region.

    Returns
    -------
    Region or None
        Its `n_voxels` is the effective number of voxels, (Σw)²/Σw².
    """
    weights = weigh_fibres(tensors, cloud=cloud, place=place, rotation=rotation)
    kept = weights > 1e-6
    found = measure_region(
        tensors,
        sphere=replace(cloud, voxels=cloud.voxels[kept], shares=weights[kept]),
        usable=usable,
        largest_group=False,
    )
    if found is None:
        return None
    used = weights[kept][usable[tuple(cloud.voxels[kept].T)]]
    return replace(found, n_voxels=float(used.sum() ** 2 / (used**2).sum()))


def measure_tracts(
    tensors: Reals, *, clouds: dict[Place, Sphere], usable: Bools, rotation: Reals
) -> dict[Place, Region]:
    """Measure all four; those without a voxel that has a weight are left out."""
    found = {
        place: measure_tract(tensors, cloud=cloud, place=place, usable=usable, rotation=rotation)
        for place, cloud in clouds.items()
    }
    return {place: region for place, region in found.items() if region is not None}

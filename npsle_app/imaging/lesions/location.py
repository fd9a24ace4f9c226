"""Where lesions lie: by distance from the ventricles, at the cortex, in which lobe."""

from dataclasses import dataclass
from enum import IntEnum

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Ints, Mask, Volume
from npsle_app.imaging.space.displacement import apply_displacement, sample_at
from npsle_app.imaging.space.volumes import NEIGHBOURS_26

TOUCHING_MM = 3.0
HALO_MM = 5.0
BEYOND_MM = 10.0
NUCLEI_MM = 3.0
LOBES = ("frontal", "parietal", "temporal", "occipital", "insular_deep", "infratentorial")
SIDES = ("left", "right")

_LEAST_TOUCHING = 3  # voxels; a single one may be an error of the tissue map
_INFRATENTORIAL = LOBES.index("infratentorial")


class Region(IntEnum):
    """The region of a whole lesion; what touches the ventricles goes first."""

    PERIVENTRICULAR = 1
    CONFLUENT = 2
    JUXTACORTICAL = 3
    INFRATENTORIAL = 4
    SUBCORTICAL = 5

    @property
    def zone(self) -> str:
        """The region by continuity and distance alone."""
        return self.name.lower() if self <= Region.CONFLUENT else "deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionVoxels:
    """All n lesion voxels of one person.

    `where` is (n, 3) voxel indices; `lesion` numbers their component from 1; `ventricle_mm` is
    the distance to the lateral ventricles, infinite where there are none; `lobe` and `side`
    are indices into `LOBES` and `SIDES`; positions are world coordinates (RAS), mm.
    """

    where: Ints
    lesion: Ints
    ventricle_mm: Floats
    at_cortex: Bools
    lobe: Ints
    side: Ints
    t1w_mm: Floats
    template_mm: Floats

    @property
    def count(self) -> int:
        """Number of lesions."""
        return int(self.lesion.max(initial=0))


def find_cortex(gm: Volume, *, deep_gm: Volume, voxel_sizes_mm: Floats) -> Mask:
    """Find the cortex: the largest body of grey matter once the deep nuclei are out.

    Out is what lies within 3 mm of where the template has deep nuclei. The thin rim of mixed
    voxels around the ventricles, which looks grey too, is no part of it either.
    """
    nuclei = deep_gm >= 0.1
    grey = gm > 0.5
    if nuclei.any():
        grey &= ndimage.distance_transform_edt(~nuclei, sampling=tuple(voxel_sizes_mm)) > NUCLEI_MM
    labels, count = ndimage.label(grey)
    if not count:
        return grey
    voxels = np.bincount(labels.ravel())
    voxels[0] = 0
    cortex: Mask = labels == voxels.argmax()
    return cortex


def locate_lesions(
    labels: NDArray[np.integer],
    *,
    ventricles: Mask,
    cortex: Mask,
    lobes: nib.Nifti1Image,
    field: nib.Nifti1Image,
    affine: Floats,
) -> LesionVoxels:
    """Gather what is known of each lesion voxel.

    Parameters
    ----------
    labels : (I, J, K) array
        Lesions numbered from 1, 0 elsewhere; may be empty.
    ventricles, cortex : (I, J, K) array of bool
        On the same grid.
    lobes : Nifti1Image
        In template space: 1-6 are `LOBES` on the left, 7-12 on the right.
    field : Nifti1Image
        From T1w to template points, as in `to_template`.
    affine : (4, 4) array
        Voxels of `labels` to world.
    """
    where = np.argwhere(labels > 0)
    t1w_mm = apply_affine(affine, where).reshape(-1, 3)
    template_mm = apply_displacement(t1w_mm, field=field)
    place = sample_at(lobes, template_mm).astype(np.intp) - 1
    at = tuple(where.T)
    lobe = place % len(LOBES)
    touched = ndimage.binary_dilation(cortex, NEIGHBOURS_26)[at] & (lobe != _INFRATENTORIAL)
    return LesionVoxels(
        where=where,
        lesion=labels[at].astype(np.intp),
        ventricle_mm=_distance_mm(ventricles, affine=affine)[at],
        at_cortex=touched,
        lobe=lobe,
        side=place // len(LOBES),
        t1w_mm=t1w_mm,
        template_mm=template_mm,
    )


def _distance_mm(ventricles: Mask, *, affine: Floats) -> Floats:
    if not ventricles.any():
        return np.full(ventricles.shape, np.inf)
    sampling = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    distance: Floats = ndimage.distance_transform_edt(~ventricles, sampling=sampling)
    return distance


def regions(voxels: LesionVoxels) -> tuple[Region, ...]:
    """Name the region of each lesion, the first that holds.

    Periventricular where it comes within 3 mm of a lateral ventricle, confluent where it also
    reaches further than 10 mm [1]_; juxtacortical where at least three of its voxels touch the
    cortex in a neighbourhood of 3 × 3 × 3; infratentorial where most of it lies there; else
    subcortical (the order of [2]_).

    References
    ----------
    .. [1] Ghaznawi et al. (2019) J Cereb Blood Flow Metab 39:2486. doi:10.1177/0271678X18800463
    .. [2] Wiltgen et al. (2024) NeuroImage Clin 42:103611. doi:10.1016/j.nicl.2024.103611
    """
    return tuple(_region(voxels, voxels.lesion == n) for n in range(1, voxels.count + 1))


def _region(voxels: LesionVoxels, mine: Bools) -> Region:
    distance = voxels.ventricle_mm[mine]
    if distance.min() <= TOUCHING_MM:
        return Region.CONFLUENT if distance.max() > BEYOND_MM else Region.PERIVENTRICULAR
    if voxels.at_cortex[mine].sum() >= min(_LEAST_TOUCHING, len(distance)):
        return Region.JUXTACORTICAL
    below = (voxels.lobe[mine] == _INFRATENTORIAL).mean() > 0.5
    return Region.INFRATENTORIAL if below else Region.SUBCORTICAL

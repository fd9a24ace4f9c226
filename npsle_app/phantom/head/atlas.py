"""The template head that every phantom head is warped from."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.head.grids import moved
from npsle_app.templates import Template, load

# No lesion below (brainstem, cerebellum) or as near to the midline (corpus callosum, fornix).
LOWEST_LESION_MM, MIDLINE_MM = -8.0, 5.0
_PUSH_REACH_MM = 12.0


def interpolated(data: Volume, voxels: Volume) -> Volume:
    """Interpolate linearly at voxel coordinates (3, ...); 0 outside the grid."""
    made: Volume = ndimage.map_coordinates(
        data, voxels, output=np.float32, order=1, mode="constant", prefilter=False
    )
    return made


@dataclass(frozen=True, slots=True)
class Map:
    """A template map: its values, and the affine from world mm to voxels."""

    data: Volume
    to_voxels: Floats

    def at(self, world_mm: Volume) -> Volume:
        """Interpolate linearly at points (3, ...), in mm; 0 outside the map."""
        return interpolated(self.data, moved(world_mm, affine=self.to_voxels))

    def nearest(self, world_mm: Volume) -> Volume:
        """Return the value of the nearest voxel, for labels; 0 outside the map."""
        made: Volume = ndimage.map_coordinates(
            self.data, moved(world_mm, affine=self.to_voxels), output=np.float32, order=0
        )
        return made


@dataclass(frozen=True, slots=True)
class Atlas:
    """Maps of the template head; probabilities from 0 to 1, signal relative to white matter.

    `push` points away from the ventricles and fades with the distance from them.
    `depth` is the distance (mm) into the cerebral white matter, 0 where no lesion grows.
    `regions` holds the numbers of `names_of_regions`, the same on both sides.
    """

    head: Map
    intracranial: Map
    gm: Map
    wm: Map
    signal: Map
    deep_gm: Map
    from_ventricles: Map
    depth: Map
    regions: Map
    push: tuple[Map, Map, Map]
    bottom_mm: float


@lru_cache(maxsize=2)
def load_atlas(*, voxel_mm: float) -> Atlas:
    """Load the template maps, averaged over blocks where the phantom's voxels are large."""
    block = max(1, int(voxel_mm))
    gm, wm = (_probability(t, block=block) for t in (Template.GM, Template.WM))
    signal = _relative_to_wm(
        _blocks(Template.T1, block=block), wm=_blocks(Template.WM, block=block)
    )
    head = _blocks(Template.HEAD, block=max(1, block // 2))
    ventricles = _blocks(Template.VENTRICLES, block=1)
    distance = _distance_mm(ventricles)
    deep = _probability(Template.DEEP_GM, block=max(1, block // 2))
    return Atlas(
        head=_relative_to_wm(head, wm=_blocks(Template.WM, block=2 * max(1, block // 2))),
        intracranial=_probability(Template.INTRACRANIAL, block=max(1, block // 2)),
        gm=gm,
        wm=wm,
        signal=signal,
        deep_gm=deep,
        from_ventricles=distance,
        depth=_depth_mm(deep_gm=_probability(Template.DEEP_GM, block=1)),
        regions=_blocks(Template.REGIONS, block=1),
        push=_push(distance),
        bottom_mm=_bottom_mm(head),
    )


def _blocks(template: Template, *, block: int) -> Map:
    """Average a template over cubes of `block` voxels."""
    image = load(template)
    data = image.get_fdata(dtype=np.float32, caching="unchanged")
    i, j, k = (n // block * block for n in data.shape)
    cubes = data[:i, :j, :k].reshape(i // block, block, j // block, block, k // block, block)
    scale = np.diag([block, block, block, 1.0])
    scale[:3, 3] = (block - 1) / 2
    return Map(cubes.mean(axis=(1, 3, 5)), np.linalg.inv(image.affine @ scale))


def _probability(template: Template, *, block: int) -> Map:
    made = _blocks(template, block=block)
    return Map(made.data / np.float32(255), made.to_voxels)


def _relative_to_wm(made: Map, *, wm: Map) -> Map:
    """Scale a T1w map so that the median of the sure white matter is 1."""
    points = np.argwhere(wm.data > 240).T[:, ::17].astype(np.float32)
    level = np.median(made.at(moved(points, affine=np.linalg.inv(wm.to_voxels))))
    return Map(made.data / np.float32(level), made.to_voxels)


def _bottom_mm(head: Map) -> float:
    """Find the lowest plane in which the head is whole: the scan behind it ends in the neck."""
    filled = np.count_nonzero(head.data > head.data.max() / 25, axis=(0, 1))
    lowest = int(np.argmax(filled > 0.9 * filled[: filled.size // 2].max()))
    affine = np.linalg.inv(head.to_voxels)
    return float(affine[2, 3] + affine[2, 2] * lowest)


def _distance_mm(ventricles: Map) -> Map:
    zooms = np.linalg.norm(np.linalg.inv(ventricles.to_voxels)[:3, :3], axis=0)
    distance = ndimage.distance_transform_edt(ventricles.data < 128, sampling=zooms)
    return Map(distance.astype(np.float32), ventricles.to_voxels)


def _push(distance: Map) -> tuple[Map, Map, Map]:
    zooms = np.linalg.norm(np.linalg.inv(distance.to_voxels)[:3, :3], axis=0)
    fading = np.exp(-((distance.data / _PUSH_REACH_MM) ** 2))
    slopes = np.gradient(ndimage.gaussian_filter(distance.data, 1.5), *zooms)
    x, y, z = (Map((s * fading).astype(np.float32), distance.to_voxels) for s in slopes)
    return x, y, z


def _depth_mm(*, deep_gm: Map) -> Map:
    wm = _blocks(Template.WM, block=2)
    points = np.indices(wm.data.shape, dtype=np.float32)
    world = moved(points, affine=np.linalg.inv(wm.to_voxels))
    room = (wm.data > 128) & (deep_gm.at(world) < 0.1)
    room &= (world[2] > LOWEST_LESION_MM) & (np.abs(world[0]) > MIDLINE_MM)
    depth = ndimage.distance_transform_edt(room, sampling=2)
    return Map(depth.astype(np.float32), wm.to_voxels)

"""Make the 2 mm images of npsle_app/data from public templates; run once, results are kept.

Needs Debian's mricron-data (Colin27 `ch2`, AAL) beside the package's own dependencies.
"""

from pathlib import Path

import ants
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology

from npsle_app.templates import Template, load, locate

DATA = Path(__file__).parents[1] / "npsle_app" / "data"
SHAPE, SPACING_MM, CORNER_MM = (100, 120, 106), 2.0, (-99.0, -137.0, -109.0)
MARROW = 0.35  # of Colin27's brightest value; fluid and bone lie below
CAUDATE_TO_THALAMUS = range(71, 79)  # AAL: caudate, putamen, pallidum, thalamus, both sides
# Lobe by AAL's odd (left) index; the right side is one more. The middle cingulum is both.
AAL_LOBES = {
    1: (*range(1, 29, 2), 31, 33),  # frontal, with the anterior and middle cingulum
    2: (35, *range(57, 71, 2)),  # parietal, with the posterior cingulum
    3: (37, 39, 41, 55, *range(79, 91, 2)),  # temporal, with hippocampus and fusiform gyrus
    4: range(43, 55, 2),  # occipital
    5: (29, *range(71, 79, 2)),  # insula and deep grey matter
    6: range(91, 117),  # cerebellum; the brainstem is added
}
DEEP, INFRATENTORIAL = 5, 6
AAL_PAIRS = 45  # of cerebrum and nuclei; cerebellum and vermis follow and become one region
AAL_NUCLEI = (19, 21, 36, 37, 38, 39)  # pairs that must not grow: hippocampus to thalamus
CORTEX_REACH_MM = 4.0  # Colin27's cortex is not everyone's: parcels own what is this near
DEEP_REACH_MM = 4.0  # white matter this near to insula or deep nuclei goes with them
ZONE_MM = 6.0  # how far from the template's lateral ventricles theirs may lie
HORN_MM = 5.0  # and from the course of the horns, which the average of many heads hides
TEMPORAL_HORN_MM = ((33, -40, -2), (36, -30, -10), (35, -18, -17), (32, -9, -21))
OCCIPITAL_HORN_MM = ((27, -56, 8), (26, -66, 8), (24, -76, 7))


def grid() -> nib.Nifti1Image:
    """Return the empty 2 mm grid; it reaches lower than MNI152, to hold neck and chin."""
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = CORNER_MM
    return nib.Nifti1Image(np.zeros(SHAPE, np.float32), affine)


def on_grid(data: NDArray[np.floating], affine: NDArray[np.floating]) -> NDArray[np.float32]:
    """Average 1 mm data onto the 2 mm grid."""
    smooth = ndimage.gaussian_filter(data.astype(np.float32), 0.7)
    to_voxel = np.linalg.inv(affine) @ grid().affine
    return ndimage.affine_transform(smooth, to_voxel, output_shape=SHAPE, order=1)


def save(name: str, fraction: NDArray[np.floating]) -> None:
    """Save values from 0 to 1 as one byte each."""
    data = np.round(255 * np.clip(fraction, 0, 1)).astype(np.uint8)
    image = nib.Nifti1Image(data, grid().affine)
    image.set_sform(grid().affine, code=4)
    image.set_qform(grid().affine, code=4)
    nib.save(image, DATA / name)


def brain_of(gm: NDArray[np.floating], wm: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Close grey and white matter to one solid body: ventricles and sulci inside."""
    body = morphology.remove_small_objects(gm + wm > 0.5, max_size=1000)
    closed = ndimage.binary_closing(np.pad(body, 10), morphology.ball(4))[10:-10, 10:-10, 10:-10]
    return ndimage.binary_fill_holes(closed)


def intracranial_of(
    inside: NDArray[np.floating], head: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Widen the brain template's support to the inner table of the skull, on the 2 mm grid.

    The published support follows the sulci and leaves out cisterns and the fluid over the
    convexity. Fluid and inner table are both dark on T1w, so the margin (2 mm, not into bright
    marrow or fat) is a convention: it puts the template's brain at 0.8 of its cranial cavity,
    the share seen in young adults.
    """
    solid = np.pad(inside > 0.5, 8)
    closed = ndimage.binary_closing(solid, morphology.ball(4))[8:-8, 8:-8, 8:-8]
    wide = np.clip(ndimage.gaussian_filter(closed.astype(np.float32), 1.0), 0, 1)
    margin = ndimage.binary_dilation(closed, morphology.ball(1)) & (head < MARROW)
    return np.maximum(np.maximum(inside, closed * wide), ndimage.gaussian_filter(margin * 1.0, 0.6))


def blend(
    head: NDArray[np.floating],
    t1: NDArray[np.floating],
    support: NDArray[np.floating],
    wm: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Put the MNI152 brain, matched in white-matter intensity, into Colin27's head."""
    scale = np.median(head[wm > 0.9]) / np.median(t1[wm > 0.9])
    inside = np.clip(support, 0, 1)
    return head * (1 - inside) + scale * t1 * inside


def ventricles_of(
    csf: NDArray[np.floating], brain: NDArray[np.bool_], affine: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Find the lateral and third ventricles: deep fluid, connected, above the cisterns."""
    x, y, z = (axis[..., None] for axis in np.meshgrid(*map(np.arange, csf.shape), indexing="ij"))
    world = np.concatenate([x, y, z], -1) @ affine[:3, :3].T + affine[:3, 3]
    deep = ndimage.distance_transform_edt(brain) > 18
    box = (np.abs(world[..., 0]) < 45) & (world[..., 1] > -70) & (world[..., 1] < 40)
    box &= (world[..., 2] > -22) & (world[..., 2] < 35)
    labels, _ = ndimage.label((csf > 0.5) & deep & box)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.isin(labels, np.flatnonzero(sizes > 300))


def lateral_ventricle_zone(ventricles: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mark where lateral ventricles may lie with 1, where only temporal horns may with 0.5.

    The largest body of `ventricles` is the lateral ventricles from the frontal horns to the
    atria; the next holds third ventricle and the cisterns behind it, and what is nearer to
    them is left out. The average of many heads hides the horns: their course is drawn in.
    """
    labels, _ = ndimage.label(ventricles > 0.5)
    lateral = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    near, occipital, temporal, other = (
        ndimage.distance_transform_edt(~where, sampling=SPACING_MM)
        for where in (
            lateral,
            drawn(OCCIPITAL_HORN_MM),
            drawn(TEMPORAL_HORN_MM),
            (labels > 0) & ~lateral,
        )
    )
    main = ((near <= ZONE_MM) | (occipital <= HORN_MM)) & (near < other)
    return np.maximum(main * 1.0, (temporal <= HORN_MM) * 0.5)


def drawn(points: tuple[tuple[int, int, int], ...]) -> NDArray[np.bool_]:
    """Draw a line through points of the right side (mm), and its mirror image."""
    steps = np.linspace(0, len(points) - 1, 100)
    columns = zip(*points, strict=True)
    line = np.stack([np.interp(steps, range(len(points)), c) for c in columns], axis=-1)
    course = np.zeros(SHAPE, dtype=bool)
    for side in (1, -1):
        where = np.round((line * (side, 1, 1) - CORNER_MM) / SPACING_MM).astype(int)
        course[tuple(where.T)] = True
    return course


def lobes_of(aal: NDArray[np.integer], wm: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Give each voxel the lobe of the nearest AAL region: 1-6 left, 7-12 right.

    Both halves of the atlas vote together, so that the map is symmetric about x = 0. Insula
    and deep nuclei own only what lies within 4 mm: the corona radiata belongs to the lobes.
    """
    world = [c + SPACING_MM * np.arange(n) for c, n in zip(CORNER_MM, SHAPE, strict=True)]
    x, y, z = np.meshgrid(*world, indexing="ij")
    stem = (aal == 0) & (wm > 0.5) & (np.abs(x) < 14) & (y > -42) & (y < -10) & (z < -8)
    distance = np.empty((len(AAL_LOBES), *SHAPE))
    for lobe, indices in AAL_LOBES.items():
        seeds = np.isin(aal, [i + side for i in indices for side in (0, 1)])
        seeds |= stem & (lobe == INFRATENTORIAL)
        both = seeds | seeds[::-1]
        distance[lobe - 1] = ndimage.distance_transform_edt(~both, sampling=SPACING_MM)
    distance[DEEP - 1][distance[DEEP - 1] > DEEP_REACH_MM] = np.inf
    nearest = distance.argmin(axis=0) + 1
    return np.where(x < 0, nearest, nearest + len(AAL_LOBES)).astype(np.uint8)


def regions_of(aal: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Give the regions of AAL numbers from 1 to 46, both sides alike, on a 1 mm grid.

    Its nuclei are up to 7 % smaller on the left, which would be found in every person: both
    halves vote together. The middle plane of the grid is x = 0. Where no region has half of
    the votes there is none, but for the cortex and the cerebellum, which grow by 4 mm: grey
    matter of gyri that lie elsewhere than Colin27's belongs to the nearest parcel.
    """
    numbers = np.where(aal > 2 * AAL_PAIRS, AAL_PAIRS + 1, (aal + 1) // 2)
    most, total = (np.zeros(aal.shape, np.float32) for _ in range(2))
    best = np.zeros(aal.shape, np.uint8)
    for number in range(1, AAL_PAIRS + 2):
        own = (numbers == number).astype(np.float32)
        votes = ndimage.gaussian_filter((own + own[::-1]) / 2, 1.0)
        best[votes > most] = number
        most, total = np.maximum(most, votes), total + votes
    best[total < 0.5] = 0
    nuclei = np.isin(best, AAL_NUCLEI)
    away, nearest = ndimage.distance_transform_edt((best == 0) | nuclei, return_indices=True)
    grown = best[tuple(nearest)]
    best = np.where((best == 0) & (away <= CORTEX_REACH_MM), grown, best)
    middle = len(best) // 2
    best[middle + 1 :] = best[:middle][::-1]
    return best


def save_labels(
    name: str, labels: NDArray[np.uint8], affine: NDArray[np.floating] | None = None
) -> None:
    """Save labels as they are, on the 2 mm grid if no other is given."""
    affine = grid().affine if affine is None else affine
    image = nib.Nifti1Image(labels, affine)
    image.set_sform(affine, code=4)
    image.set_qform(affine, code=4)
    nib.save(image, DATA / name)


def colin_in_mni(
    mni: nib.Nifti1Image,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.integer], NDArray[np.integer]]:
    """Warp Colin27's head, its deep grey matter and its AAL labels to the 2 mm grid.

    The labels come on the grid of `mni` as well.
    """
    ants.config.set_ants_deterministic(on=True, seed_value=1)
    head = ants.image_read(str(locate(Template.COLIN27)))
    stripped = ants.image_read(str(locate(Template.COLIN27).with_name("ch2bet.nii.gz")))
    target = ants.from_nibabel_nifti(mni)
    found = ants.registration(target, stripped, "SyN", reg_iterations=(60, 40, 20, 0))
    aal = ants.image_read(str(locate(Template.AAL)))
    deep = aal.new_image_like(np.isin(aal.numpy(), CAUDATE_TO_THALAMUS).astype(np.float32))
    reference = ants.from_nibabel_nifti(grid())
    warped = [
        ants.apply_transforms(reference, image, found["fwdtransforms"], "linear").numpy()
        for image in (head, deep)
    ]
    coarse, fine = (
        ants.apply_transforms(wanted, aal, found["fwdtransforms"], "nearestNeighbor")
        for wanted in (reference, target)
    )
    labels = [np.round(image.numpy()).astype(int) for image in (coarse, fine)]
    return warped[0], warped[1], labels[0], labels[1]


def main() -> None:
    """Write all files."""
    t1, gm, wm = (load(name) for name in (Template.T1, Template.GM, Template.WM))
    scaled = [image.get_fdata() / image.get_fdata().max() for image in (t1, gm, wm)]
    inside = ndimage.binary_fill_holes(scaled[0] > 0)
    brain = brain_of(scaled[1], scaled[2])
    csf = np.where(inside, 1 - scaled[1] - scaled[2], 0)
    head, deep_gm, aal, fine = colin_in_mni(
        nib.Nifti1Image(scaled[0].astype(np.float32), t1.affine)
    )
    save("deep_gm.nii.gz", deep_gm)
    support = on_grid(inside.astype(np.float32), t1.affine)
    maps = [on_grid(data, t1.affine) for data in (scaled[0], scaled[2])]
    save("head.nii.gz", blend(head / 255, maps[0], support, maps[1]))
    save("intracranial.nii.gz", intracranial_of(support, head / 255))
    save("brain.nii.gz", on_grid(brain.astype(np.float32), t1.affine))
    ventricles = on_grid(ventricles_of(csf, brain, t1.affine).astype(np.float32), t1.affine)
    save("ventricles.nii.gz", ventricles)
    save("lateral_ventricle_zone.nii.gz", lateral_ventricle_zone(ventricles))
    save_labels("lobes.nii.gz", lobes_of(aal, maps[1]))
    save_labels("regions.nii.gz", regions_of(fine), t1.affine)


if __name__ == "__main__":
    main()

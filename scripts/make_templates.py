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


def colin_in_mni(mni: nib.Nifti1Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Warp Colin27's head and its deep grey matter to the 2 mm grid."""
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
    return warped[0], warped[1]


def main() -> None:
    """Write all files."""
    t1, gm, wm = (load(name) for name in (Template.T1, Template.GM, Template.WM))
    scaled = [image.get_fdata() / image.get_fdata().max() for image in (t1, gm, wm)]
    inside = ndimage.binary_fill_holes(scaled[0] > 0)
    brain = brain_of(scaled[1], scaled[2])
    csf = np.where(inside, 1 - scaled[1] - scaled[2], 0)
    head, deep_gm = colin_in_mni(nib.Nifti1Image(scaled[0].astype(np.float32), t1.affine))
    save("deep_gm.nii.gz", deep_gm)
    support = on_grid(inside.astype(np.float32), t1.affine)
    maps = [on_grid(data, t1.affine) for data in (scaled[0], scaled[2])]
    save("head.nii.gz", blend(head / 255, maps[0], support, maps[1]))
    save("intracranial.nii.gz", intracranial_of(support, head / 255))
    save("brain.nii.gz", on_grid(brain.astype(np.float32), t1.affine))
    ventricles = ventricles_of(csf, brain, t1.affine)
    save("ventricles.nii.gz", on_grid(ventricles.astype(np.float32), t1.affine))


if __name__ == "__main__":
    main()

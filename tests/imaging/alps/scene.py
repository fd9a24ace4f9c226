"""Fibres of known tensors beside the ventricles, in any pose and on any grid."""

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

from npsle_app.imaging.alps.noise import Series
from npsle_app.imaging.alps.study import AlpsImages, study_alps
from npsle_app.imaging.diffusion.tensor import fit_tensors, predict_signal

PROJECTION = np.diag([0.70, 0.46, 1.15]) * 1e-3
ASSOCIATION = np.diag([0.66, 1.20, 0.42]) * 1e-3
INDEX = 1.36 / 0.88
BETWEEN_MM = 32.0
MIDDLE_MM = np.array([0.0, -16.0, 27.0])


def turned(pitch=0.0, roll=0.0, yaw=0.0):
    """Rotate about the middle of the regions: (4, 4), from the template to the head."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [pitch, roll, yaw], degrees=True).as_matrix()
    matrix[:3, 3] = MIDDLE_MM - matrix[:3, :3] @ MIDDLE_MM
    return matrix


def directions(count):
    """Spread over half a sphere (golden spiral)."""
    z = (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), z])


def gradients(count=30, b=1000.0):
    return np.r_[0.0, np.full(count, b)], np.vstack([np.zeros(3), directions(count)])


def make_grid(voxel_mm=2.0, axes="RAS", turn=None):
    """Cover 90 × 36 × 36 mm around the regions."""
    shape = np.round(np.array([92, 40, 40]) / voxel_mm).astype(int)
    affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    affine[:3, 3] = MIDDLE_MM - voxel_mm * (shape - 1) / 2
    image = nib.Nifti1Image(
        np.zeros(shape, np.uint8), (np.eye(4) if turn is None else turn) @ affine
    )
    codes = nib.orientations.axcodes2ornt(axes)
    start = nib.orientations.axcodes2ornt("RAS")
    return image.as_reoriented(nib.orientations.ornt_transform(start, codes))


def true_tensors(grid, *, pose, stretch=1.0):
    """Projection fibres within 32 mm of the midline, association fibres outside."""
    points = apply_affine(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    mni = apply_affine(np.linalg.inv(pose), points) / stretch
    inner = (np.abs(mni[..., 0]) < BETWEEN_MM)[..., None, None]
    rotation = pose[:3, :3]
    return np.where(inner, rotation @ PROJECTION @ rotation.T, rotation @ ASSOCIATION @ rotation.T)


def field_of(pose, *, stretch=1.0):
    """Displacements from template points to points of the head, ITK convention."""
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = (-70, -100, -50)
    points = apply_affine(affine, np.moveaxis(np.indices((15, 17, 15)), 0, -1))
    moved = (apply_affine(pose, stretch * points) - points) * (-1, -1, 1)
    return nib.Nifti1Image(moved[:, :, :, None].astype(np.float64), affine)


def brain():
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = (-60, -90, -40)
    return nib.Nifti1Image(np.ones((24, 30, 24), np.uint8), affine)


def make_images(*, pose=None, grid=None, tensors=None, count=30, scale=1.0, **others):
    pose, grid = np.eye(4) if pose is None else pose, grid or make_grid()
    b_values, where = gradients(count)
    tensors = true_tensors(grid, pose=pose) if tensors is None else tensors
    signal = scale * predict_signal(
        tensors, s0=np.ones(grid.shape), b_values=b_values, directions=where
    )
    made = {
        "tensors": tensors,
        "grid": grid,
        "series": Series(signal=signal, removed=None, b_values=b_values, directions=where),
        "to_native": field_of(pose),
        "template_brain": brain(),
        "to_diffusion": np.eye(4),
    }
    return AlpsImages(**made | others)


def study(images, *, radius_mm=2.5, samples=2):
    return study_alps(images, radius_mm=radius_mm, share_max=0.1, samples=samples, seed=1)


def refitted(images, *, directions=None, scale=1.0):
    """Fit the tensors to the signal, with other directions than it was made with."""
    series = images.series
    where = series.directions if directions is None else directions
    return fit_tensors(scale * series.signal, b_values=series.b_values, directions=where).tensors

"""Hand images and transforms to ITK and take them back.

ITK counts in LPS; everything outside this file is RAS, in mm.
"""

import tempfile
from typing import Any

import lazy_loader
import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.imaging.space.volumes import on_grid_of

ants = lazy_loader.load("ants")

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def make_deterministic(seed: int) -> None:
    """Let ITK use one thread and fixed samples, so that equal input gives equal bytes."""
    ants.config.set_ants_deterministic(on=True, seed_value=seed)


def to_ants(image: nib.Nifti1Image) -> Any:
    """Hand an image to ITK; rows that are not quite square are set square."""
    clean = on_grid_of(image, image.get_fdata(dtype=np.float32))
    return ants.from_nibabel_nifti(clean)


def from_ants(image: Any, reference: nib.Nifti1Image) -> nib.Nifti1Image:
    """Take an image back from ITK onto the grid of `reference`."""
    return on_grid_of(reference, image.numpy().astype(np.float32))


def write_affine(matrix: Floats, path: str) -> str:
    itk = _LPS @ matrix @ _LPS
    transform = ants.create_ants_transform(
        transform_type="AffineTransform", dimension=3, matrix=itk[:3, :3], offset=itk[:3, 3]
    )
    ants.write_transform(transform, path)
    return path


def matrix_of(transform: Any) -> Floats:
    """Read an ITK matrix-offset transform as a RAS world matrix."""
    linear = np.asarray(transform.parameters[:9], dtype=float).reshape(3, 3)
    translation = np.asarray(transform.parameters[9:], dtype=float)
    centre = np.asarray(transform.fixed_parameters, dtype=float)
    itk = np.eye(4)
    itk[:3, :3] = linear
    itk[:3, 3] = translation + centre - linear @ centre
    matrix: Floats = _LPS @ itk @ _LPS
    return matrix


def composed(paths: list[str], invert: list[bool], fixed: Any, moving: Any) -> nib.Nifti1Image:
    """Chain transforms into one displacement field on the grid of `fixed`."""
    with tempfile.TemporaryDirectory() as folder:
        made = ants.apply_transforms(
            fixed, moving, paths, whichtoinvert=invert, compose=f"{folder}/"
        )
        field: nib.Nifti1Image = ants.to_nibabel_nifti(ants.image_read(made))
    return _rounded(field)


def _rounded(field: nib.Nifti1Image) -> nib.Nifti1Image:
    """Round displacements to 1/256 mm: nobody sees it, and the file shrinks by half."""
    steps = np.round(field.get_fdata(dtype=np.float32) * 256) / np.float32(256)
    made = nib.Nifti1Image(steps.astype(np.float32), field.affine, field.header)
    made.header.set_xyzt_units("mm", "sec")
    return made

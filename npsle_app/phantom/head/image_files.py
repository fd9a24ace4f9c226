"""Images on disk, byte for byte the same each time."""

import gzip
from pathlib import Path

import nibabel as nib

from npsle_app.bids.output.writer import replace


def write_image(path: Path, image: nib.Nifti1Image) -> None:
    """Write a `.nii.gz` whose bytes depend on the image alone, not on time or name."""
    packed = gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)
    replace(path, lambda part: part.write_bytes(packed))

"""Diffusion images of the synthetic study on disk."""

from pathlib import Path

import nibabel as nib

from npsle_app.arrays import Floats
from npsle_app.bids.output.writer import replace, write_json
from npsle_app.phantom.head.diffusion import PhantomDwi
from npsle_app.phantom.head.image_files import write_image

_SIDECAR = {
    "Modality": "MR",
    "Manufacturer": "npsle_phantom",
    "ManufacturersModelName": "Synthetic",
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "2D",
    "ScanningSequence": ["EP", "SE"],
    "RepetitionTime": 8.0,
    "EchoTime": 0.086,
    "TotalReadoutTime": 0.05,
}


def write_dwi(folder: Path, made: PhantomDwi, *, stem: str, inside: Path) -> None:
    """Write the series with its tables, and the image encoded the other way.

    `folder` is that of the session, `inside` the same within the dataset.
    """
    path = folder / "dwi" / f"{stem}_dir-AP_dwi.nii.gz"
    _write(path, made.dwi, direction="j-")
    _write_table(path.with_name(f"{stem}_dir-AP_dwi.bval"), made.b_values[None], digits=0)
    _write_table(path.with_name(f"{stem}_dir-AP_dwi.bvec"), made.fsl_directions, digits=6)
    aim = f"bids::{(inside / 'dwi' / path.name).as_posix()}"
    reverse = folder / "fmap" / f"{stem}_dir-PA_epi.nii.gz"
    _write(reverse, made.reverse, direction="j", IntendedFor=[aim])


def _write(path: Path, image: nib.Nifti1Image, *, direction: str, **more: object) -> None:
    write_image(path, image)
    thickness = round(float(image.header.get_zooms()[2]), 3)
    sidecar = _SIDECAR | {"PhaseEncodingDirection": direction, "SliceThickness": thickness} | more
    write_json(path.with_name(f"{path.name.split('.')[0]}.json"), sidecar)


def _write_table(path: Path, rows: Floats, *, digits: int) -> None:
    text = "".join(" ".join(f"{value:.{digits}f}" for value in row) + "\n" for row in rows)
    replace(path, lambda part: part.write_text(text, encoding="utf-8"))

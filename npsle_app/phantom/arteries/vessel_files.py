"""Vessel-wall and angiographic images of the synthetic study on disk."""

from pathlib import Path

import nibabel as nib

from npsle_app.bids.output.writer import write_json
from npsle_app.phantom.arteries.vessel_scan import PhantomVessels
from npsle_app.phantom.head.image_files import write_image

_BLACK = {
    "Modality": "MR",
    "Manufacturer": "npsle_phantom",
    "ManufacturersModelName": "Synthetic",
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3D",
    "ScanningSequence": "SE",
    "SequenceVariant": "SK",
    "RepetitionTime": 0.8,
    "EchoTime": 0.019,
    "FlipAngle": 90,
}
_ANGIO = _BLACK | {
    "ScanningSequence": "GR", "RepetitionTime": 0.023, "EchoTime": 0.0035, "FlipAngle": 18,
}  # fmt: skip
_AGENT = {"ContrastBolusIngredient": "GADOLINIUM"}

_OF_ARTERY = {
    "nwi": ("Normalized wall index", "1"),
    "lumen_area_mm2": ("Lumen area", "mm^2"),
    "outer_wall_area_mm2": ("Area within the outer wall", "mm^2"),
    "wall_thickness_mean_mm": ("Wall thickness, mean over directions", "mm"),
}  # fmt: skip
_ARTERIES = ("m1_left", "m1_right", "ica_left", "ica_right", "v4_left", "v4_right", "ba")
VESSEL_COLUMNS = {
    "vw_nwi": {"Description": "Normalized wall index, mean over seven arteries", "Units": "1"},
    **{
        f"vw_{artery}_{name}": {
            "Description": f"{text}, {artery.replace('_', ' ').upper()}",
            "Units": unit,
        }
        for artery in _ARTERIES
        for name, (text, unit) in _OF_ARTERY.items()
    },
    "vw_enhancement_ratio": {
        "Description": "Wall signal after contrast agent over that before it, in all arteries",
        "Units": "1",
    },
}


def write_vessels(folder: Path, made: PhantomVessels, *, stem: str) -> None:
    """Write the images of one session; `folder` is its `anat`."""
    _write(folder / f"{stem}_acq-vwi_T1w.nii.gz", made.vwi, sidecar=_BLACK)
    if made.post is not None:
        post = folder / f"{stem}_acq-vwi_ce-gad_T1w.nii.gz"
        _write(post, made.post, sidecar=_BLACK | _AGENT)
    if made.angio is not None:
        _write(folder / f"{stem}_angio.nii.gz", made.angio, sidecar=_ANGIO)


def _write(path: Path, image: nib.Nifti1Image, *, sidecar: dict[str, object]) -> None:
    write_image(path, image)
    thickness = {"SliceThickness": round(float(image.header.get_zooms()[2]), 3)}
    write_json(path.with_name(f"{path.name.split('.')[0]}.json"), sidecar | thickness)

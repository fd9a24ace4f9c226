"""Read back what the writer left, for those who build on files alone."""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from npsle_app.arrays import Floats
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import RAS_LPS, Writer
from npsle_app.decoding import decode
from npsle_app.documents import read_json, read_text
from npsle_app.records import Record

VOLUME_DIMS = 3
_N = 12  # nine of the matrix, three of the shift


def measures_digest(writer: Writer) -> str:
    """Return the SHA-256 of a session's measures; empty where there are none."""
    path = writer.path(File.MEASURES)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def read_record(path: Path, *, root: Path, datasets: Mapping[str, Path] | None = None) -> Record:
    """Read a stage's record; BIDS URIs become paths again.

    Parameters
    ----------
    path
        What `Writer.record` returned.
    root
        Folder of the derivative dataset, the target of `bids::`.
    datasets
        Roots of the other datasets by name, as the writer had them.

    Raises
    ------
    ValueError
        If the file is no record of this version of the app.
    """
    places = {"": root, **(datasets or {})}
    try:
        record = decode(Record, read_json(path), what="it")
    except ValueError as error:
        msg = f"{path} is no record of this version ({error}); run its stage again"
        raise ValueError(msg) from error
    return _resolved(record, places)


def read_image(path: Path) -> nib.Nifti1Image:
    """Open an image; one volume has three dimensions.

    A volume that is stored in more dimensions (x, y, z, 1), which preflight lets pass, comes
    without them; a series stays as it is.
    """
    image = nib.Nifti1Image.from_filename(path)
    return nib.funcs.squeeze_image(image) if image.ndim > VOLUME_DIMS else image


def read_mask(path: Path) -> nib.Nifti1Image:
    """Read a mask that a person or a program drew, whole: what is wrong with it shows here.

    NIfTI, or FreeSurfer's `.mgz`.

    Raises
    ------
    ValueError
        If it cannot be read, is no volume, or holds colours; with the name of the file.
    """
    try:
        image = _from_mgz(path) if path.suffix == ".mgz" else read_image(path)
        data = np.asarray(image.dataobj)
    except (OSError, EOFError, ImageFileError, ValueError, zlib.error) as error:
        msg = f"{path.name} cannot be read ({' '.join(str(error).split())[:200]})"
        raise ValueError(msg) from error
    if data.ndim != VOLUME_DIMS or data.dtype.kind not in "iufb":
        msg = f"{path.name} is no mask: {data.shape} of {data.dtype}"
        raise ValueError(msg)
    return nib.Nifti1Image(data, image.affine, image.header)


def _from_mgz(path: Path) -> nib.Nifti1Image:
    image = nib.funcs.squeeze_image(nib.MGHImage.from_filename(path))
    return nib.Nifti1Image(np.asarray(image.dataobj), image.affine)


def resolve_uri(uri: str, *, places: Mapping[str, Path]) -> Path:
    """Turn `bids:<dataset>:<path>` into a path; `places` has the own root under ''.

    Examples
    --------
    >>> resolve_uri("bids:raw:sub-01/anat/x.nii", places={"raw": Path("data")}).as_posix()
    'data/sub-01/anat/x.nii'
    """
    scheme, name, relative = uri.split(":", 2) if uri.count(":") >= 2 else ("", "", "")
    parts = PurePosixPath(relative)
    if scheme != "bids" or parts.is_absolute() or ".." in parts.parts:
        msg = f"{uri!r} is no BIDS URI of a file inside a dataset"
        raise ValueError(msg)
    if name not in places:
        msg = f"{uri!r} points into the dataset {name!r}, known are {sorted(places)}"
        raise ValueError(msg)
    return places[name] / parts


def read_matrix(path: Path) -> Floats:
    """Read an affine that `Writer.matrix` wrote: (4, 4), mm, RAS, fixed to moving points.

    Raises
    ------
    ValueError
        If the file holds another kind of transform, or one about a centre.
    """
    lines = read_text(path).splitlines()
    told = dict(line.split(": ", 1) for line in lines if ": " in line)
    numbers = [float(word) for word in told.get("Parameters", "").split()]
    centre = [float(word) for word in told.get("FixedParameters", "").split()]
    if told.get("Transform") != "AffineTransform_double_3_3" or len(numbers) != _N or any(centre):
        msg = f"{path} is no affine transform of this app; run its stage again"
        raise ValueError(msg)
    itk = np.eye(4)
    itk[:3, :3], itk[:3, 3] = np.reshape(numbers[:9], (3, 3)), numbers[9:]
    matrix: Floats = RAS_LPS @ itk @ RAS_LPS
    return matrix


def _resolved(record: Record, places: Mapping[str, Path]) -> Record:
    """Turn the BIDS URIs, which stand where a record has paths, into paths."""

    def found(uri: Path) -> Path:
        return resolve_uri(str(uri), places=places)

    return replace(
        record,
        measures=tuple(
            replace(one, sources=tuple(map(found, one.sources))) for one in record.measures
        ),
        figures=tuple(
            replace(one, path=found(one.path), after=found(one.after) if one.after else None)
            for one in record.figures
        ),
    )

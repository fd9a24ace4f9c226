"""Whether an image can be read, and whether its values are those of a picture."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from npsle_app.bids.input.geometry_checks import geometry_findings
from npsle_app.bids.input.gradients import gradient_findings
from npsle_app.bids.input.problem import Finding

MIN_SIGNAL = 0.01
NEGATIVE, MAX_NEGATIVE = 0.1, 0.05
_SAMPLE = 1_000_000
VOLUME_DIMS, SERIES_DIMS = 3, 4
_UNREADABLE = (OSError, EOFError, ImageFileError, HeaderDataError, ValueError, zlib.error)


def image_findings(
    path: Path, *, series: bool | None = False, whole_head: bool = True
) -> list[Finding]:
    """Check one image file: first the file, then the header, then the values.

    Parameters
    ----------
    series
        Whether volumes over time are expected (diffusion), or one volume; None if either
        will do and no gradient tables belong to them (field maps).
    whole_head
        Whether the image should show all of the head.

    Returns
    -------
    list of Finding
        Empty if all is well. A file that cannot be read, or has the wrong shape or type of
        data, gives one finding: what follows from it is not listed.
    """
    finding = _file(path)
    if finding:
        return [finding]
    try:
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image | nib.Nifti2Image):
            return [Finding(f"it is a {type(image).__name__}, no NIfTI image", _CONVERT)]
        finding = _data_type(image) or _shape(image, series=series)
        if finding and finding.refused:
            return [finding]
        noted = [finding] if finding else []
        return [*noted, *_contents(path, image, series=bool(series), whole_head=whole_head)]
    except _UNREADABLE as error:
        return [_damaged(error)]


_CONVERT = "put a NIfTI file (.nii or .nii.gz) here, or leave the scan out with --bids-filter-file"
_FETCH_AGAIN = "copy or convert the file again; it may be cut off"


def _file(path: Path) -> Finding | None:
    if path.is_symlink() and not path.exists():
        return Finding("its content is not present (a link without target)", "run: datalad get")
    if not path.is_file():
        return Finding("there is no such file", "check the dataset, or make the index again")
    if path.stat().st_size == 0:
        return Finding("it is an empty file", _FETCH_AGAIN)
    return None


def _damaged(error: Exception) -> Finding:
    told = " ".join(str(error).split())[:200]
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return Finding(f"its compressed data are damaged ({told})", _FETCH_AGAIN)
    if isinstance(error, PermissionError):
        return Finding("it may not be read", "give the user that runs the app the right to read")
    return Finding(f"it cannot be read as NIfTI ({told})", _FETCH_AGAIN)


def _data_type(image: nib.Nifti1Image) -> Finding | None:
    dtype = image.get_data_dtype()
    if dtype.fields or dtype.kind not in "iuf":
        what = "colours" if dtype.fields else f"values of type {dtype}"
        return Finding(f"it holds {what}, no plain numbers", "use the magnitude image")
    return None


def _shape(image: nib.Nifti1Image, *, series: bool | None) -> Finding | None:
    shape = image.shape
    if series is None and len(shape) == SERIES_DIMS and min(shape) > 0:
        return None
    grid = " × ".join(map(str, shape))
    expected = SERIES_DIMS if series else VOLUME_DIMS
    if len(shape) == expected and min(shape) > 0:
        return None
    if not series and len(shape) > VOLUME_DIMS and set(shape[VOLUME_DIMS:]) == {1}:
        return Finding(f"it is {grid}: one volume in {len(shape)} dimensions",
                       "nothing; the volume is used", refused=False)  # fmt: skip
    return Finding(
        f"it is {grid}, expected {expected} dimensions",
        "choose another image of this kind with --bids-filter-file",
    )


def _contents(
    path: Path, image: nib.Nifti1Image, *, series: bool, whole_head: bool
) -> Iterator[Finding]:
    yield from geometry_findings(image, whole_head=whole_head)
    if series:
        yield from gradient_findings(path, n_volumes=image.shape[3])
    stored = _stored_values(path, image)
    findings = list(_values(stored))
    yield from findings
    if not (series or findings):
        yield from _negatives(stored, slope=image.dataobj.slope, inter=image.dataobj.inter)  # type: ignore[attr-defined]


def _stored_values(path: Path, image: nib.Nifti1Image) -> NDArray[np.number]:
    """Read the numbers as they are stored, and the checksum behind them, which nibabel leaves."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    offset = image.dataobj.offset  # type: ignore[attr-defined]
    count = int(np.prod(image.shape))
    return np.frombuffer(raw, image.get_data_dtype(), count=count, offset=offset)


def _values(data: NDArray[np.number]) -> Iterator[Finding]:
    """Look at the stored numbers: a scale factor changes nothing here and costs time."""
    if data.dtype.kind == "f":
        missing = data.size - int(np.count_nonzero(np.isfinite(data)))
        if missing:
            yield Finding(
                f"{missing} of its {data.size} voxels are NaN or infinite",
                "replace them, by 0 if they lie outside the head",
            )
            return
    lowest, highest = data.min(), data.max()
    if lowest == highest:
        yield Finding(f"all its voxels have the value {lowest:g}", "export the scan again")
        return
    signal = np.count_nonzero(data != lowest) / data.size
    if signal < MIN_SIGNAL:
        yield Finding(
            f"only {signal:.2%} of its voxels differ from the background", "export the scan again"
        )


def _negatives(data: NDArray[np.number], *, slope: float, inter: float) -> Iterator[Finding]:
    """Look for a background below 0, which bias correction and ratios of intensities forbid.

    Interpolation leaves values below 0 beside edges, but few and small.
    """
    sample = data[:: max(data.size // _SAMPLE, 1)].astype(np.float64) * slope + inter
    bright = max(float(np.percentile(sample, 99)), 0.0)
    share = float((sample < -NEGATIVE * bright).mean())
    if share > MAX_NEGATIVE:
        yield Finding(
            f"{share:.0%} of its voxels are clearly negative",
            "use the magnitude image as it was acquired: not normalized, and nothing subtracted",
        )

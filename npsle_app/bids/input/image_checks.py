"""Whether an image can be read, and whether it is a picture of the kind that is expected."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from npsle_app.bids.input.geometry_checks import geometry_findings
from npsle_app.bids.input.gradients import gradient_findings
from npsle_app.bids.input.images import Header, UnreadableImageError, read_header, read_slabs
from npsle_app.bids.input.problem import Finding
from npsle_app.bids.input.value_checks import measure_values, value_findings

VOLUME_DIMS, SERIES_DIMS = 3, 4
_CHECKED = 4096  # images of one run whose findings are remembered
_AGAIN = "check the dataset, or make the index again"


def image_findings(
    path: Path, *, series: bool | None = False, whole_head: bool = True
) -> list[Finding]:
    """Check one image file: first the file, then the header, then the values.

    What was found is remembered for as long as the file does not change.

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
        data, gives one finding: what follows from it is not listed. Nothing is raised.
    """
    if finding := _file(path):
        return [finding]
    state = path.stat()
    stamp = state.st_mtime_ns, state.st_size, state.st_ino
    try:
        return list(_remembered(path, stamp, series=series, whole_head=whole_head))
    except UnreadableImageError as error:
        return [Finding(str(error), error.advice)]
    except Exception as error:  # noqa: BLE001 - one strange image must not end the others' run
        told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return [Finding(f"it cannot be checked ({told})", "convert the scan from DICOM again")]


def refusal(path: Path, *, series: bool | None = False, whole_head: bool = True) -> str:
    """Return why an image cannot be used, or an empty string."""
    findings = image_findings(path, series=series, whole_head=whole_head)
    return next((finding.found for finding in findings if finding.refused), "")


def same_values(first: Path, second: Path) -> bool:
    """Tell whether two images that can be read hold the same values on grids of one shape."""
    headers = read_header(first), read_header(second)
    if headers[0].shape != headers[1].shape:
        return False
    one, other = headers
    return all(
        np.array_equal(here.data * one.slope + one.inter, there.data * other.slope + other.inter)
        for here, there in zip(read_slabs(first), read_slabs(second), strict=True)
    )


@lru_cache(maxsize=_CHECKED)
def _remembered(
    path: Path, _stamp: tuple[int, ...], *, series: bool | None, whole_head: bool
) -> tuple[Finding, ...]:
    header = read_header(path)
    finding = _data_type(header) or _shape(header, series=series)
    if finding and finding.refused:
        return (finding,)
    noted = (finding,) if finding else ()
    return (*noted, *_contents(path, header, series=series, whole_head=whole_head))


def _file(path: Path) -> Finding | None:
    if path.is_symlink() and not path.exists():
        return Finding("its content is not present (a link without target)", "run: datalad get")
    if not path.exists():
        return Finding("there is no such file", _AGAIN)
    if path.is_file() and path.stat().st_size == 0:
        return Finding("it is an empty file", "copy or convert the file again; it may be cut off")
    return None


def _data_type(header: Header) -> Finding | None:
    dtype = header.dtype
    if dtype.fields or dtype.kind not in "iuf":
        what = "colours" if dtype.fields else f"values of type {dtype}"
        return Finding(f"it holds {what}, no plain numbers", "use the magnitude image")
    return None


def _shape(header: Header, *, series: bool | None) -> Finding | None:
    shape = header.shape
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
    path: Path, header: Header, *, series: bool | None, whole_head: bool
) -> Iterator[Finding]:
    yield from geometry_findings(header, whole_head=whole_head)
    if series:
        yield from gradient_findings(path, n_volumes=header.shape[3])
    values = measure_values(header, read_slabs(path))
    yield from value_findings(values, header, series=series is not False)

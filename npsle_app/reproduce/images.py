"""Compare two images voxel by voxel."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from npsle_app.reproduce.difference import Difference, Kind
from npsle_app.reproduce.tolerances import Rule

_UNREADABLE = (OSError, EOFError, ImageFileError, ValueError, zlib.error)


def compare_images(recorded: Path, reproduced: Path, *, name: str, rule: Rule) -> list[Difference]:
    """Compare grids, then voxels: labels and masks by how many differ, others by how much.

    A voxel without a number agrees with one without a number alone.

    Returns
    -------
    list of Difference
        Empty if voxels and grid are the same (bytes may differ by the packing).
    """
    (first, wrong), (second, wrong_now) = _read(recorded), _read(reproduced)
    if first is None or second is None:
        return [
            Difference(
                kind=Kind.IMAGE, file=name, part="file", recorded=wrong, reproduced=wrong_now
            )
        ]
    if differing := [*_compare_grids(first, second, name=name)]:
        return differing
    before, now = (_as_numbers(np.asarray(image.dataobj)) for image in (first, second))
    if all(one.dtype.kind in "iub" for one in (before, now)):
        return _compare_labels(before, now, name=name, rule=rule)
    return _compare_values(before, now, name=name, rule=rule)


def _read(path: Path) -> tuple[nib.Nifti1Image | None, str]:
    """Read an image whole; None and what is wrong, where it cannot be read."""
    try:
        image = nib.Nifti1Image.from_filename(path)
        np.asarray(image.dataobj)  # a file that is cut off shows only here
    except _UNREADABLE as error:
        return None, f"cannot be read: {' '.join(str(error).split())[:200]}"
    return image, ""


def _as_numbers(data: NDArray[Any]) -> NDArray[Any]:
    """Return colours, which are records of three bytes, as bytes."""
    return np.ascontiguousarray(data).view(np.uint8) if data.dtype.kind == "V" else data


def _compare_grids(
    first: nib.Nifti1Image, second: nib.Nifti1Image, *, name: str
) -> Iterator[Difference]:
    if first.shape != second.shape:
        before, now = (" × ".join(map(str, image.shape)) for image in (first, second))
        yield Difference(kind=Kind.IMAGE, file=name, part="shape", recorded=before, reproduced=now)
    elif not np.array_equal(first.affine, second.affine):
        apart = float(np.abs(first.affine - second.affine).max())
        yield Difference(kind=Kind.IMAGE, file=name, part="affine", largest=apart)


def _compare_labels(
    before: NDArray[Any], now: NDArray[Any], *, name: str, rule: Rule
) -> list[Difference]:
    differ = before != now
    count = int(differ.sum())
    if not count:
        return []
    allowed = rule.share * before.size
    apart = np.abs(before[differ].astype(np.float64) - now[differ])
    return [
        Difference(
            kind=Kind.IMAGE,
            file=name,
            part="voxels",
            largest=float(apart.max()),
            n_different=count,
            n_compared=before.size,
            tolerance=rule.text,
            agrees=count <= allowed or rule.allows(float(apart.max()), size=0.0),
        )
    ]


def _compare_values(
    before: NDArray[Any], now: NDArray[Any], *, name: str, rule: Rule
) -> list[Difference]:
    missing, gone = np.isnan(before), np.isnan(now)
    # infinite where both are alike would else come out as no number
    differ = (before != now) & ~(missing & gone)
    count = int(differ.sum())
    if not count:
        return []
    unknown = int((missing ^ gone).sum())
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(before[differ].astype(np.float64) - now[differ])
    largest = float(np.nanmax(apart, initial=0.0))
    finite = before[np.isfinite(before)]
    size = float(np.abs(finite).max(initial=0))
    return [
        Difference(
            kind=Kind.IMAGE,
            file=name,
            part="voxels",
            recorded=f"{int(missing.sum())} without a number" if unknown else "",
            reproduced=f"{int(gone.sum())} without a number" if unknown else "",
            largest=largest,
            n_different=count,
            n_compared=before.size,
            tolerance=rule.text,
            agrees=not unknown and rule.allows(largest, size=size),
        )
    ]

"""Read image files written by strangers: whatever is wrong with one is one kind of error.

Nothing is read but what a header can honestly ask for: neither a pipe, nor the gigabytes that a
small file may unpack to. Values come slab by slab, so that memory does not grow with the file.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from nibabel.imageglobals import logger as nibabel_log
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from numpy.typing import NDArray

from npsle_app.arrays import Floats

_Stream: TypeAlias = BinaryIO | gzip.GzipFile
_SIZES: dict[int, type[Nifti1Header]] = {348: Nifti1Header, 540: Nifti2Header}
_MAX_HEAD_BYTES = 64 * 2**20  # extensions hold at most a DICOM header or two
MAX_AXIS = 2048
MAX_VOXELS = 2**29  # 0.3 mm in each direction
MAX_BYTES = 16 * 2**30  # of all volumes
_SLAB_VOXELS = 2 * 2**20
_PIECE_BYTES = 2**20
_MAX_REST_BYTES = 64 * 2**20
_FETCH_AGAIN = "copy or convert the file again; it may be cut off"
_CONVERT = "convert the scan from DICOM again (dcm2niix)"
_RIGHTS = "give the user that runs the app the right to read"
_REGULAR = "put the image itself in its place"


class UnreadableImageError(ValueError):
    """An image file that cannot be used: the message says why, `advice` what to do."""

    def __init__(self, message: str, *, advice: str = _FETCH_AGAIN) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of an image says.

    `zooms` are the edges of a voxel that it names beside those of the affine; `slope` and
    `inter` take stored numbers to values; `raw` is nibabel's.
    """

    shape: tuple[int, ...]
    affine: Floats
    zooms: tuple[float, ...]
    dtype: np.dtype[Any]
    slope: float
    inter: float
    offset: int
    raw: Nifti1Header

    @property
    def n_volumes(self) -> int:
        """How many volumes of three dimensions it holds."""
        return math.prod(self.shape[3:])

    @property
    def n_bytes(self) -> int:
        """How many bytes its values take."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Slab:
    """Neighbouring slices of one volume: stored numbers, (I, J, n)."""

    volume: int
    first_slice: int
    data: NDArray[np.number]


def read_header(path: Path) -> Header:
    """Read the header of a NIfTI file and nothing else.

    Raises
    ------
    UnreadableImageError
        Whatever is wrong: a file that may not be read, is no regular file or no NIfTI image,
        or a header of which no sense can be made.
    """
    with _explained(), _open(path) as stream:
        return _parse(stream)[0]


def read_slabs(path: Path) -> Iterator[Slab]:
    """Read the values of a file in pieces, and what is behind them, so that damage shows.

    Raises
    ------
    UnreadableImageError
        If the file ends early, is damaged, goes on for long behind its image, or if its header
        asks for more than a scan of a head holds.
    """
    with _explained(), _open(path) as stream:
        header, head = _parse(stream)
        if _is_too_large(header):
            size = " × ".join(map(str, header.shape))
            msg = f"its header tells of {size} values, which no scan of a head has"
            raise UnreadableImageError(msg, advice=_CONVERT)
        _skip(stream, header.offset - len(head))
        rest = head[header.offset :]
        yield from _slabs(stream, header, read_before=rest)
        _check_end(stream)


def _is_too_large(header: Header) -> bool:
    grid = header.shape[:3]
    return header.n_bytes > MAX_BYTES or max(grid) > MAX_AXIS or math.prod(grid) > MAX_VOXELS


def _slabs(stream: _Stream, header: Header, *, read_before: bytes) -> Iterator[Slab]:
    columns, rows, slices = (*header.shape, 1, 1)[:3]
    slice_bytes = columns * rows * header.dtype.itemsize
    step = max(_SLAB_VOXELS // max(columns * rows, 1), 1)
    for volume in range(header.n_volumes):
        for first in range(0, slices, step):
            count = min(step, slices - first)
            wanted = count * slice_bytes
            have, read_before = read_before[:wanted], read_before[wanted:]
            raw = have + _read(stream, wanted - len(have))
            data = np.frombuffer(raw, header.dtype).reshape((columns, rows, count), order="F")
            yield Slab(volume, first, data)


def _parse(stream: _Stream) -> tuple[Header, bytes]:
    """Return the header, and the bytes that were read for it."""
    try:
        head = stream.read(max(_SIZES) + 4)
    except gzip.BadGzipFile as error:
        msg = f"it cannot be read as NIfTI ({_plain(error)})"
        raise UnreadableImageError(msg) from error
    kind = next((k for size, k in _SIZES.items() if _begins_with(head, size)), None)
    if kind is None or len(head) < kind.sizeof_hdr:
        msg = "it cannot be read as NIfTI (it does not begin as such a file does)"
        raise UnreadableImageError(msg)
    block = kind(head[: kind.sizeof_hdr], check=False)
    if not math.isfinite(offset := float(block["vox_offset"])) or offset > _MAX_HEAD_BYTES:
        msg = f"its header looks for the values at byte {offset:g}"
        raise UnreadableImageError(msg)
    head += _read(stream, max(int(offset) - len(head), 0))
    with _silenced():
        raw = kind.from_fileobj(BytesIO(head))
    slope, inter = raw.get_slope_inter()
    header = Header(
        shape=tuple(map(int, raw.get_data_shape())),
        affine=np.asarray(raw.get_best_affine(), dtype=float),
        zooms=tuple(map(float, raw.get_zooms())),
        dtype=raw.get_data_dtype(),
        slope=1.0 if slope is None else float(slope),
        inter=0.0 if inter is None else float(inter),
        offset=int(raw.get_data_offset()),
        raw=raw,
    )
    return header, head


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep nibabel from printing what it thinks of a header: it names no file."""
    before, nibabel_log.disabled = nibabel_log.disabled, True
    try:
        yield
    finally:
        nibabel_log.disabled = before


def _begins_with(head: bytes, size: int) -> bool:
    return head[:4] in (size.to_bytes(4, "little"), size.to_bytes(4, "big"))


@contextmanager
def _open(path: Path) -> Iterator[_Stream]:
    if not path.is_file():  # a pipe would be waited for
        msg = "it is no regular file"
        raise UnreadableImageError(msg, advice=_REGULAR)
    with path.open("rb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield unpacked


@contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever a strange file makes a library raise into one kind of error."""
    try:
        yield
    except UnreadableImageError:
        raise
    except PermissionError as error:
        msg = "it may not be read"
        raise UnreadableImageError(msg, advice=_RIGHTS) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"its compressed data are damaged ({_plain(error)})"
        raise UnreadableImageError(msg) from error
    except Exception as error:
        msg = f"it cannot be read as NIfTI ({_plain(error)})"
        raise UnreadableImageError(msg) from error


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _read(stream: _Stream, count: int) -> bytes:
    raw = stream.read(count) if count > 0 else b""
    if len(raw) < count:
        msg = f"it cannot be read as NIfTI (it ends {count - len(raw)} bytes or more too early)"
        raise UnreadableImageError(msg)
    return raw


def _skip(stream: _Stream, count: int) -> None:
    while count > 0:
        count -= len(_read(stream, min(count, _PIECE_BYTES)))


def _check_end(stream: _Stream) -> None:
    """Read to the end, where the checksum stands; but not for ever."""
    behind = 0
    while piece := stream.read(_PIECE_BYTES):
        behind += len(piece)
        if behind > _MAX_REST_BYTES:
            msg = "it goes on for more than 64 MB behind the image that its header tells of"
            raise UnreadableImageError(msg, advice=_CONVERT)

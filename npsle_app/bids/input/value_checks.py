"""Whether the values of an image are those of a picture, and in each of its volumes.

Values are looked at as they are stored, slab by slab: a scale factor changes nothing of most of
this and costs time.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Floats
from npsle_app.bids.input.images import Header, Slab
from npsle_app.bids.input.problem import Finding

MIN_SIGNAL = 0.01
NEGATIVE, MAX_NEGATIVE = 0.1, 0.05
_SAMPLE = 1_000_000
_LARGEST, _SMALLEST = 1e12, 1e-9
_OFFSET = 0.1
_WRAPPED_PAIRS = 12  # one voxel has six neighbours
_UNSIGNED_BITS = (8, 12, 16)
_NEAR_END = 0.98  # of the range, which the brightest voxel reaches where others have outgrown it
_DIRECT = 0.5  # of the surface of a dark piece; fluid and air have grey voxels around them
_STREWN = 0.01  # of the neighbours at the sides; even noise of a whole range has 0.06
_ABOVE_CHANCE = 4  # noise has as many such pieces as its voxels have in any order
_PHASE_SPANS = (2.0, 2 * math.pi, 360.0, 4096.0, 2000 * math.pi, 8192.0, 65536.0)
_SAME_SPAN = 0.02
_PHASE_QUARTER = 0.08  # of a magnitude image less than 2 % lie in the highest quarter
_EXPORT = "export the scan again"
_WIDER = "convert the scan from DICOM again with a wider type of numbers (unsigned, or float32)"
_MAGNITUDE = "use the magnitude image as it was acquired: not normalized, and nothing subtracted"
_SHOWN = 8


@dataclass(slots=True)
class VolumeValues:
    """What one volume holds, in stored numbers."""

    lowest: float = math.inf
    highest: float = -math.inf
    n_lowest: int = 0
    n_missing: int = 0
    n_wrapped: int = 0
    size: int = 0

    def add(self, data: NDArray[np.number]) -> None:
        """Take in the next slab."""
        self.size += data.size
        if data.dtype.kind == "f":
            missing = data.size - int(np.count_nonzero(np.isfinite(data)))
            self.n_missing += missing
            if missing:
                return
        lowest = float(data.min())
        if lowest <= self.lowest:
            count = int(np.count_nonzero(data == data.min()))
            self.n_lowest = count + (self.n_lowest if lowest == self.lowest else 0)
            self.lowest = lowest
        self.highest = max(self.highest, float(data.max()))
        self.n_wrapped += _count_wrapped(data) if lowest < 0 else _count_fallen(data)

    @property
    def is_blank(self) -> bool:
        """Whether it holds nothing but one value, or hardly more, or mostly no numbers."""
        return (
            self.is_lost
            or self.lowest == self.highest
            or self.n_lowest > (1 - MIN_SIGNAL) * self.size
        )

    @property
    def is_lost(self) -> bool:
        """Whether most of its values are no numbers."""
        return 2 * self.n_missing > self.size


@dataclass(slots=True)
class Values:
    """What an image holds: each volume, and a sample of the numbers of all."""

    volumes: list[VolumeValues]
    sample: NDArray[np.number]


def measure_values(header: Header, slabs: Iterable[Slab]) -> Values:
    """Look at all numbers of an image once."""
    step = max(math.prod(header.shape) // _SAMPLE, 1)
    volumes = [VolumeValues() for _ in range(header.n_volumes)]
    sample: list[NDArray[np.number]] = []
    for slab in slabs:
        volumes[slab.volume].add(slab.data)
        sample.append(slab.data.ravel(order="F")[::step].copy())
    return Values(volumes, np.concatenate(sample))


def value_findings(values: Values, header: Header, *, series: bool) -> Iterator[Finding]:
    """Judge the numbers of an image; the first that makes it useless is the only one."""
    volumes = values.volumes
    kept = [volume for volume in volumes if not volume.is_lost]
    missing = sum(volume.n_missing for volume in (kept or volumes))
    if missing:
        yield Finding(
            f"{missing} of its {math.prod(header.shape)} voxels are NaN or infinite",
            "replace them, by 0 if they lie outside the head",
        )
        return
    numbers = _real(values.sample, header)
    refused = (
        _blank(kept),
        _scaled(kept, header),
        _phase(numbers) if series else None,
        _wrapped(volumes, header),
        _negative(numbers),
    )
    if finding := next(filter(None, refused), None):
        yield finding
        return
    yield from _blank_volumes(volumes)


def _real(sample: NDArray[np.number], header: Header) -> Floats:
    real = sample.astype(np.float64) * header.slope + header.inter
    finite: Floats = real[np.isfinite(real)]
    return finite


def _blank(volumes: list[VolumeValues]) -> Finding | None:
    lowest = min(volume.lowest for volume in volumes)
    if lowest == max(volume.highest for volume in volumes):
        return Finding(f"all its voxels have the value {lowest:g}", _EXPORT)
    background = sum(volume.n_lowest for volume in volumes if volume.lowest == lowest)
    signal = 1 - background / sum(volume.size for volume in volumes)
    if signal < MIN_SIGNAL:
        return Finding(f"only {signal:.2%} of its voxels differ from the background", _EXPORT)
    return None


def _scaled(volumes: list[VolumeValues], header: Header) -> Finding | None:
    """Look for values that no scanner writes: mostly a broken scale factor."""
    ends = np.array([[volume.lowest, volume.highest] for volume in volumes])
    largest = float(np.abs(ends * header.slope + header.inter).max())
    if _SMALLEST < largest < _LARGEST:
        return None
    return Finding(
        f"its values reach {largest:.3g}, with scale factor {header.slope:.3g} and offset "
        f"{header.inter:.3g}",
        "convert the scan from DICOM again (dcm2niix): scl_slope and scl_inter of its header "
        "cannot be right",
    )


def _phase(values: Floats) -> Finding | None:
    """Look for values that fill a whole turn evenly, as angles do and brightness does not."""
    signal = values[values != 0]
    span = float(np.ptp(signal)) if signal.size else 0.0
    if not any(abs(span / turn - 1) < _SAME_SPAN for turn in _PHASE_SPANS):
        return None
    shares = np.histogram(signal, bins=4)[0] / signal.size
    if shares.min() < _PHASE_QUARTER:
        return None
    return Finding(
        f"its values fill {signal.min():.4g} to {signal.max():.4g} evenly, as those of a phase "
        "image do",
        "use the magnitude image, and name this one part-phase",
    )


def _count_wrapped(data: NDArray[Any]) -> int:
    """Count neighbours of which one lies at the upper and one at the lower end of the range.

    Only a number that outgrew its signed type does that: what was too large became as negative.
    """
    half = _half_range(data)
    if half is None:
        return 0
    high, low = data > half / 2, data < -half / 2
    return sum(int(np.count_nonzero(one & other)) for one, other in _neighbours(high, low))


def _count_fallen(data: NDArray[Any]) -> int:
    """Count dark voxels inside bright ones where the range of an unsigned type is used up.

    What outgrew it began at 0 again, so that the brightest tissue has dark pieces without grey
    around them. Full-range images of heads have none, clipped ones neither, and noise has no
    more than its voxels in any other order. Where the air holds noise of the whole range, as in
    ratios of two images (MP2RAGE), such pieces tell nothing.
    """
    whole = _full_range(float(data.max()))
    if whole is None or (found := _count_dark_inside(data, whole)) < _WRAPPED_PAIRS:
        return 0
    if _has_noise_at_rim(data, whole):
        return 0
    shuffled = np.random.default_rng(0).permutation(data.ravel()).reshape(data.shape)
    return found if found > _ABOVE_CHANCE * _count_dark_inside(shuffled, whole) else 0


def _full_range(highest: float) -> float | None:
    """Return the range of whole bits whose end is reached, None where none is."""
    ranges = (2.0**bits for bits in _UNSIGNED_BITS)
    return next((one for one in ranges if _NEAR_END * one <= highest < one), None)


def _count_dark_inside(data: NDArray[Any], whole: float) -> int:
    from scipy import ndimage  # a third of a second: a plan need not wait for it

    low, high = data < whole / 4, data >= whole * 3 / 4
    pieces, count = ndimage.label(low)
    surface, direct = np.zeros(count + 1), np.zeros(count + 1)
    for here, there in _neighbours(pieces, np.where(high, 2, low)):
        edge = (here > 0) & (there != 1)
        surface += np.bincount(here[edge], minlength=count + 1)
        direct += np.bincount(here[edge], there[edge] == 2, minlength=count + 1)
    inside = direct > _DIRECT * np.maximum(surface, 1)
    for axis in range(data.ndim):  # what lies at the rim may go on beyond it
        for end in (0, -1):
            inside[np.unique(np.take(pieces, end, axis=axis))] = False
    inside[0] = False
    return int(np.bincount(pieces.ravel(), minlength=count + 1)[inside].sum())


def _has_noise_at_rim(data: NDArray[Any], whole: float) -> bool:
    """Say whether bright voxels beside dark ones are strewn over the sides of the image.

    The sides of a head scan show air; its neck and what is folded over are bright in pieces.
    """
    strewn, size = 0, 0
    for axis, end in itertools.product(range(min(data.ndim, 2)), (0, -1)):
        side = np.take(data, end, axis=axis)
        low, high = side < whole / 4, side >= whole * 3 / 4
        strewn += sum(int(np.count_nonzero(one & other)) for one, other in _neighbours(high, low))
        size += 2 * side.ndim * side.size
    return strewn > _STREWN * size


def _neighbours(
    first: NDArray[Any], second: NDArray[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield each voxel of one array beside its neighbours, along each axis, in another."""
    for axis in range(first.ndim):
        before, after = (
            tuple(part if a == axis else slice(None) for a in range(first.ndim))
            for part in (slice(None, -1), slice(1, None))
        )
        yield first[before], second[after]
        yield first[after], second[before]


def _half_range(data: NDArray[Any]) -> float | None:
    """Return half of the signed range whose both ends are reached, None where none is.

    16 bits are looked for in wider numbers and fractions too: a later program may have copied
    what an earlier one spoilt.
    """
    lowest, highest = float(data.min()), float(data.max())
    bits = 8 * data.dtype.itemsize if data.dtype.kind == "i" else 16
    for size in sorted({16, bits}):
        half = 2.0 ** (size - 1)
        if -half <= lowest < -half / 2 and half / 2 < highest < half:
            return half
    return None


def _wrapped(volumes: list[VolumeValues], header: Header) -> Finding | None:
    spoilt = [number for number, volume in enumerate(volumes) if volume.n_wrapped >= _WRAPPED_PAIRS]
    if not spoilt:
        return None
    where = f" (in volumes {name_volumes(spoilt)})" if len(volumes) > 1 else ""
    lowest = min(volumes[number].lowest for number in spoilt)
    highest = max(volumes[number].highest for number in spoilt)
    if abs(header.inter) > _OFFSET * abs(header.slope) * highest:
        return None  # fractions that were spread over the whole range: its lower end is the air
    became = "negative" if lowest < 0 else "dark"
    return Finding(
        f"overflow: its brightest voxels have become {became}, from {lowest:g} to {highest:g} "
        f"side by side{where}",
        _WIDER,
    )


def _negative(values: Floats) -> Finding | None:
    """Look for a background below 0, which bias correction and ratios of intensities forbid.

    Interpolation leaves values below 0 beside edges, but few and small.
    """
    bright = max(float(np.percentile(values, 99)), 0.0)
    share = float((values < -NEGATIVE * bright).mean())
    if share > MAX_NEGATIVE:
        return Finding(f"{share:.0%} of its voxels are clearly negative", _MAGNITUDE)
    return None


def _blank_volumes(volumes: list[VolumeValues]) -> Iterator[Finding]:
    blank = [number for number, volume in enumerate(volumes) if volume.is_blank]
    if not blank:
        return
    count = f"{len(blank)} of its {len(volumes)} volumes"
    which = f"{count} {'is' if len(blank) == 1 else 'are'} blank ({name_volumes(blank)}, from 0)"
    if 2 * len(blank) > len(volumes):
        yield Finding(which, _EXPORT)
    else:
        yield Finding(which, "left out; the scan may have been stopped", refused=False)


def name_volumes(numbers: list[int]) -> str:
    """Name volumes by their numbers.

    Examples
    --------
    >>> name_volumes([3, 29, 30])
    '3, 29, 30'
    """
    told = ", ".join(map(str, numbers[:_SHOWN]))
    return f"{told} and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else told

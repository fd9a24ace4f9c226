"""Whether a brain mask or tissues of another program can be used: grid, values, and whose they are.

All of it before anything is computed, by the T1w image as it was acquired.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.bids.input.brain_maps import BRAIN_MASK, PART_NAMES, TABLE, TISSUE_MAPS, is_own_space
from npsle_app.bids.input.images import Header, UnreadableImageError, read_header
from npsle_app.bids.input.lesion_masks import is_same_grid, read_grid, read_values, tell_grid
from npsle_app.bids.input.problem import Problem
from npsle_app.bids.input.scans import GivenMap, Part, Scan, Session
from npsle_app.bids.input.segmentation_labels import name_unknown, read_labels

_Fault: TypeAlias = tuple[str, str]  # what is wrong, and what to do

_ROUNDED = 0.01  # programs store shares in 255 steps, and add them up
_LEAST_ML, _MOST_ML = 300.0, 2600.0  # a brain, with room for the youngest and for fluid around it
_MANY = 6  # unknown labels that are named
# Of maps of the T1w image itself 0.8 to 0.9; of another head brought to the same place, or of the
# own one mirrored, at most 0.2 (three people, 1 mm and 3 mm slices).
_LEAST_LIKENESS = 0.35
_APART_MM = 4.0  # of voxels that are compared: beyond the cortex, within shading
_MIRRORED = (
    "left and right are swapped: look at the orientation in its header, and write it again as "
    "the program made it"
)
_BRING = (
    "give it in the space and on the grid of the T1w image as acquired (CAT12: native space, "
    "`p1` and not `mwp1`; SynthSeg, FreeSurfer: bring the labels back, `mri_vol2vol --regheader "
    "--nearest`), or take it away"
)


def brain_map_problems(session: Session) -> Iterator[Problem]:
    """Check a brain mask and tissues that were given: one source, grid, values, likeness."""
    scans = session.scans
    for kind in (BRAIN_MASK, TISSUE_MAPS):
        maps = scans[kind].maps if kind in scans else ()
        if maps and "t1w" not in scans:
            found = "it is not used: what is given in its place lies on a T1w image"
            yield Problem(kind, maps[0].path, found, "there is no T1w image", refused=False)
        elif maps:
            yield from _check(kind, maps, t1w=scans["t1w"])


def _check(kind: str, maps: Sequence[GivenMap], *, t1w: Scan) -> Iterator[Problem]:
    if fault := _sources(kind, maps):
        yield Problem(kind, maps[0].path, *fault, refused=True)
        return
    try:
        header = read_header(t1w.path)
        faults = [(one, _space(one, header=header, t1w=t1w)) for one in maps]
        if any(fault for _, fault in faults):
            yield from (Problem(kind, one.path, *it, refused=True) for one, it in faults if it)
            return
        values = {one.part: _read_on(header, one) for one in maps}
        faults = [(one, _values(one, values[one.part], header=header)) for one in maps]
        yield from (Problem(kind, one.path, *fault, refused=True) for one, fault in faults if fault)
        if kind == TISSUE_MAPS and not any(fault for _, fault in faults):
            fault = _tissues(maps, values, t1w=t1w, header=header)
            if fault:
                yield Problem(kind, maps[0].path, *fault, refused=True)
    except UnreadableImageError as error:
        yield Problem(kind, maps[0].path, str(error), error.advice, refused=True)


def _sources(kind: str, maps: Sequence[GivenMap]) -> _Fault | None:
    """Say which two offer the same: neither is taken in silence."""
    datasets = sorted({one.dataset for one in maps})
    if len(datasets) > 1:
        found = f"{' and '.join(datasets)} both hold {_what(kind)}: they are not mixed"
        ways = " or ".join(f'{{"{kind}": {{"dataset": "{one}"}}}}' for one in datasets)
        return found, f"leave one out of --derivatives, or choose in a --bids-filter-file: {ways}"
    counts = Counter(one.part for one in maps)
    if twice := [part for part, count in counts.items() if count > 1]:
        names = " and ".join(one.path.name for one in maps if one.part == twice[0])
        return (
            f"{names} of {datasets[0]} are both a {PART_NAMES[twice[0]]}",
            f"name the one of this T1w image in {datasets[0]}/{TABLE}",
        )
    parts = set(counts)
    if kind == TISSUE_MAPS and "labels" not in parts and not {"gm", "wm"} <= parts:
        lacking = " and ".join(PART_NAMES[one] for one in _maps_needed() if one not in parts)
        return f"{datasets[0]} has no map of {lacking}", "give maps of grey and of white matter"
    if "labels" in parts and len(parts) > 1:
        return (
            f"{datasets[0]}/{TABLE} names maps of tissues and a segmentation as well",
            "name one of both",
        )
    return None


def _maps_needed() -> tuple[Part, ...]:
    return ("gm", "wm")


def _what(kind: str) -> str:
    return "a brain mask" if kind == BRAIN_MASK else "maps of tissues"


def _space(given: GivenMap, *, header: Header, t1w: Scan) -> _Fault | None:
    if not is_own_space(given.space):
        return f"it lies in the space {given.space}: nothing is resampled", _BRING
    shape, affine = read_grid(given.path)
    if find_reorientation(shape, affine, onto=header) is not None:
        return None
    own = tell_grid(header.shape, header.affine)
    told = f"its grid is {tell_grid(shape, affine)}, that of {t1w.path.name} {own}"
    return f"{told}: nothing is resampled", _BRING


def find_reorientation(shape: tuple[int, ...], affine: Floats, *, onto: Header) -> Ints | None:
    """Return how the axes of a grid have to be put and turned so that it is that of a scan.

    Voxels in another order are the same voxels: nothing is interpolated. None where any other
    grid would be needed.
    """
    order: Ints = nib.io_orientation(np.linalg.inv(onto.affine) @ affine)
    if np.isnan(order).any():
        return None
    turned = affine @ nib.orientations.inv_ornt_aff(order, shape)
    places = order[:, 0].astype(int)
    sizes = tuple(shape[int(np.flatnonzero(places == axis)[0])] for axis in range(3))
    return order if is_same_grid(sizes, turned, onto) else None


def _read_on(header: Header, given: GivenMap) -> Volume:
    """Read values in the order of the scan's voxels, (I, J, K)."""
    shape, affine = read_grid(given.path)
    values = np.concatenate([slab.astype(np.float32) for slab in read_values(given.path)], axis=2)
    order = find_reorientation(shape, affine, onto=header)
    turned: Volume = nib.apply_orientation(values.reshape(shape), order)
    return turned


def _values(given: GivenMap, values: Volume, *, header: Header) -> _Fault | None:
    if not np.isfinite(values).all():
        return "it has voxels that are NaN or infinite", "replace them by 0"
    if given.part == "labels":
        return _label_values(given, values)
    lowest, highest = float(values.min()), float(values.max())
    told = f"it holds values from {lowest:g} to {highest:g}"
    if given.part == "brain":
        if lowest < 0 or (highest > 1 and len(np.unique(values)) > 2):
            return f"{told}: neither a mask (0 and one other) nor a share (0 to 1)", (
                "give the mask itself, not the image of the brain"
            )
        inside = values > (0.5 if highest <= 1 else 0)
        ml = float(np.count_nonzero(inside)) * _voxel_ml(header)
        if not _LEAST_ML <= ml <= _MOST_ML:
            return f"it marks {ml:.0f} mL: no brain is of that size", "look at the mask"
        return None
    if lowest < -_ROUNDED or highest > 1 + _ROUNDED:
        scale = next((top for top in (100, 255) if highest <= top), 0)
        advice = f"divide it by {scale}" if lowest >= 0 and scale else "give a map of shares"
        return f"{told}: shares of tissue go from 0 to 1", advice
    return None if highest > 0 else ("it is 0 everywhere", "look at the segmentation")


def _label_values(given: GivenMap, values: Volume) -> _Fault | None:
    numbers = np.unique(values)
    if not np.array_equal(numbers, np.round(numbers)):
        return "it holds values between whole numbers: labels were interpolated", (
            "bring labels over by nearest neighbour"
        )
    try:
        labels = read_labels(given)
    except ValueError as error:
        return str(error), "mend the table, or take it away"
    unknown = name_unknown((int(number) for number in numbers), labels)
    if unknown:
        more = " and others" if len(unknown) > _MANY else ""
        return (
            f"no table tells of which tissue the labels {', '.join(unknown[:_MANY])}{more} are",
            (
                f"put a dseg.tsv beside it (index, name, mapping), or say in the column labels of "
                f"{TABLE} whose they are (FreeSurfer, BIDS)"
            ),
        )
    tissues = {labels[int(number)].tissue for number in numbers if number}
    if not {"GM", "WM"} <= tissues:
        return "it has no label of grey or none of white matter", "give a segmentation of tissues"
    return None


def _tissues(
    maps: Sequence[GivenMap], values: Mapping[Part, Volume], *, t1w: Scan, header: Header
) -> _Fault | None:
    """Judge the tissues together: what they add up to, and whether they are of this head."""
    gm, wm = _grey_and_white(maps, values)
    whole = gm + wm + values["csf"] if "csf" in values else gm + wm
    if (most := float(whole.max())) > 1 + 2 * _ROUNDED:
        return (
            f"{' and '.join(one.path.name for one in maps)} add up to {most:.2f} in a voxel",
            "give maps of one segmentation, whose shares add up to 1 at most",
        )
    ml = float((gm + wm).sum()) * _voxel_ml(header)
    if not _LEAST_ML <= ml <= _MOST_ML:
        return f"grey and white matter are {ml:.0f} mL: no brain is of that size", "look at them"
    image = np.concatenate([slab.astype(np.float32) for slab in read_values(t1w.path)], axis=2)
    image = image.reshape(gm.shape)
    brain, steps = gm + wm > 0.5, _steps(header)
    own = likeness(image, white=wm, brain=brain, steps=steps)
    side = int(nib.io_orientation(header.affine)[:, 0].tolist().index(0))
    mirrored = likeness(image, white=np.flip(wm, side), brain=np.flip(brain, side), steps=steps)
    if mirrored > max(own, _LEAST_LIKENESS):
        return f"mirrored it fits {t1w.path.name} (r = {mirrored:.2f}), as it is not ({own:.2f})", (
            _MIRRORED
        )
    if own < _LEAST_LIKENESS:
        told = f"(r = {own:.2f}, expected above {_LEAST_LIKENESS})"
        return (
            f"white matter is not where {t1w.path.name} shows it {told}",
            "look whether it is of this person and session, and of this T1w image",
        )
    return None


def _grey_and_white(
    maps: Sequence[GivenMap], values: Mapping[Part, Volume]
) -> tuple[Volume, Volume]:
    if "labels" not in values:
        return values["gm"], values["wm"]
    labels = read_labels(maps[0])
    grey, white = (
        np.isin(values["labels"], [n for n, one in labels.items() if one.tissue == tissue])
        for tissue in ("GM", "WM")
    )
    return grey.astype(np.float32), white.astype(np.float32)


def likeness(image: Volume, *, white: Volume, brain: Mask, steps: tuple[int, int, int]) -> float:
    """Correlate local differences of an image with those of white matter.

    Parameters
    ----------
    image, white : (I, J, K) array
        T1w image in any unit, and shares of white matter.
    brain : (I, J, K) array of bool
        Where both voxels of a pair must lie.
    steps
        How many voxels along each axis the two of a pair lie apart: shading does not count.

    Returns
    -------
    float
        Pearson's r over all pairs; 0 where there are none.
    """
    pairs: list[tuple[Volume, Volume]] = []
    for axis, step in enumerate(steps):
        first = tuple(slice(None, -step) if one == axis else slice(None) for one in range(3))
        second = tuple(slice(step, None) if one == axis else slice(None) for one in range(3))
        both = brain[first] & brain[second]
        pairs.append(((image[second] - image[first])[both], (white[second] - white[first])[both]))
    shown, expected = (np.concatenate(part) for part in zip(*pairs, strict=True))
    if not shown.size or not np.ptp(shown) or not np.ptp(expected):
        return 0.0
    shown = np.clip(shown, *np.percentile(shown, (1, 99)))
    return float(np.corrcoef(shown, expected)[0, 1])


def _steps(header: Header) -> tuple[int, int, int]:
    edges = np.linalg.norm(header.affine[:3, :3], axis=0)
    i, j, k = (max(round(_APART_MM / edge), 1) for edge in edges)
    return i, j, k


def _voxel_ml(header: Header) -> float:
    return float(abs(np.linalg.det(header.affine[:3, :3]))) / 1000

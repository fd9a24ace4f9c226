"""Compare two output folders file by file."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from npsle_app.reproduce.difference import Difference, Kind, Outcome
from npsle_app.reproduce.images import compare_images
from npsle_app.reproduce.tables import compare_json, compare_tables
from npsle_app.reproduce.tolerances import Compared, Rule, Tolerances

_CHUNK = 1 << 20
_PICTURES = (".webp", ".png")
# in the folders of participants, and yet by the group level
OF_GROUP = ("*_sessions.*", "*_deviations*", "*_population*", "*_stage-deviations*")


def compare_folders(
    recorded: Path,
    reproduced: Path,
    *,
    tolerances: Tolerances,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Outcome:
    """Compare what two output folders hold; the first is that which was recorded.

    Files of the same bytes agree; of others, images are compared voxel by voxel, tables cell by
    cell, JSON key by key, pictures pixel by pixel, and all else does not agree.

    Parameters
    ----------
    wanted
        Says of a path within the output whether it is looked at.
    """
    outcome = Outcome()
    for name in sorted({*_list_files(recorded), *_list_files(reproduced)}):
        if not wanted(name):
            continue
        rule = tolerances.of_file(name)
        if rule.compared is Compared.NOT:
            outcome.not_compared += 1
            continue
        one, other = recorded / name, reproduced / name
        if lost := [*_tell_lost(one, other, name=name)]:
            outcome.take(lost, identical=False)
        elif rule.compared is Compared.THERE:
            outcome.not_compared += 1
        elif _same_bytes(one, other):
            outcome.take([], identical=True)
        else:
            found = _compare(one, other, name=name, rule=rule, tolerances=tolerances)
            outcome.take(found, identical=False)
    return outcome


def owner_of(name: str) -> str | None:
    """Return the participant whose folder or page a path is; None for files of the study.

    Examples
    --------
    >>> owner_of("sub-01/anat/sub-01_T1w.json"), owner_of("sub-01.html"), owner_of("group/a.tsv")
    ('01', '01', None)
    """
    first = name.split("/")[0]
    return first.removeprefix("sub-").removesuffix(".html") if first.startswith("sub-") else None


def is_of_group(name: str) -> bool:
    """Say whether a file in a participant's folder is one that the group level writes."""
    return any(fnmatchcase(name.split("/")[-1], pattern) for pattern in OF_GROUP)


def _list_files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() or path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _tell_lost(one: Path, other: Path, *, name: str) -> Iterator[Difference]:
    told = ["there" if path.is_file() else "missing" for path in (one, other)]
    if "missing" in told:
        yield Difference(kind=Kind.FILE, file=name, recorded=told[0], reproduced=told[1])


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        chunks = zip_longest(_chunks(first.read), _chunks(second.read))
        return all(a == b for a, b in chunks)


def _chunks(read: Callable[[int], bytes]) -> Iterable[bytes]:
    return iter(lambda: read(_CHUNK), b"")


def _compare(
    one: Path, other: Path, *, name: str, rule: Rule, tolerances: Tolerances
) -> list[Difference]:
    if name.endswith((".nii", ".nii.gz")):
        return compare_images(one, other, name=name, rule=rule)
    if name.endswith(".tsv"):
        return compare_tables(one, other, name=name, tolerances=tolerances)
    if name.endswith(".json"):
        return compare_json(one, other, name=name, tolerances=tolerances)
    if name.endswith(_PICTURES):
        return _compare_pictures(one, other, name=name, rule=rule)
    return [Difference(kind=Kind.BYTES, file=name, part="bytes")]


def _compare_pictures(one: Path, other: Path, *, name: str, rule: Rule) -> list[Difference]:
    try:
        first, second = _read_pixels(one), _read_pixels(other)
    except (OSError, ValueError, UnidentifiedImageError) as error:
        return [Difference(kind=Kind.PICTURE, file=name, part="file", recorded=str(error)[:200])]
    if first.shape != second.shape:
        before, now = (f"{image.shape[1]} × {image.shape[0]}" for image in (first, second))
        return [
            Difference(kind=Kind.PICTURE, file=name, part="size", recorded=before, reproduced=now)
        ]
    apart = np.abs(first.astype(int) - second)
    if not (count := int((apart > 0).any(axis=-1).sum())):
        return []
    largest = float(apart.max())
    return [
        Difference(
            kind=Kind.PICTURE,
            file=name,
            part="pixels",
            largest=largest,
            n_different=count,
            n_compared=first.shape[0] * first.shape[1],
            tolerance=rule.text,
            agrees=rule.allows(largest, size=0.0),
        )
    ]


def _read_pixels(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))

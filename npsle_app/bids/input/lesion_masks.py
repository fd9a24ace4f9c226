"""Masks of lesions that other programs or hands have left in other derivatives.

How they are found, and whether they can be used with the scans of their session.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import get_args

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.bids.input.images import Header, UnreadableImageError, read_header, read_slabs
from npsle_app.bids.input.problem import Problem
from npsle_app.bids.input.scans import Choice, GivenMask, LeftOut, Role, Scan, Session
from npsle_app.bids.input.sidecars import read_metadata
from npsle_app.documents import read_text

KIND = "wmh_mask"
TABLE = "lesion_masks.tsv"
SAMSEG_LABEL = 99
SPACES = {"t1w": "t1w", "t1": "t1w", "flair": "flair"}  # as names say them: kinds of scans
GRID_MM = 0.01  # programs write the numbers of a grid with few digits

_COLUMNS = ("participant_id", "session_id", "file", "role", "space", "label")
_ENDS = (".nii.gz", ".nii", ".mgz")
_LESION_LABELS = ("l", "lesion", "lesions", "wmh")
_ROLES: Mapping[str, Role] = {
    "added": "added",
    "wmhadded": "added",
    "removed": "removed",
    "wmhremoved": "removed",
}
_NOT_SAID = ("", "n/a", "orig")
_DRAW_ANEW = "bring it to the grid of the T1w image or of FLAIR, or take it away"


def find_lesion_masks(
    derivatives: Mapping[str, Path], *, participant: str, session: str | None
) -> Choice | None:
    """Find what was given in the place of lesions that would be sought.

    In each dataset its table `lesion_masks.tsv` is asked first, then the names of files in the
    session's folder and its `anat`: BIDS masks and maps (`label-L` or `desc-wmh…`), those of
    LST-AI (`space-flair_seg-lst`) and the labels of SAMSEG (`seg.mgz`).

    Returns
    -------
    Choice or None
        Of all datasets, by name, the first that has any; None where none has. Of several whole
        masks the first counts: those of the table, then masks before probabilities, by name.

    Raises
    ------
    ValueError
        If a table has other columns, or names a role or a file that is none.
    """
    chosen: list[GivenMask] = []
    others: list[LeftOut] = []
    for name, root in sorted(derivatives.items()):
        found = [*_tabled(root, name, participant=participant, session=session)]
        found = found or [*_named(root, name, participant=participant, session=session)]
        for role in get_args(Role) if not chosen else ():
            chosen += [one for one in found if one.role == role][:1]
        others += [
            LeftOut(one.path, f"{chosen[0].path.name} of {chosen[0].dataset} comes first")
            for one in found
            if one not in chosen
        ]
    if not chosen:
        return None
    scan = Scan(chosen[0].path, read_metadata(chosen[0].path), given=tuple(chosen))
    what = " and ".join(_say(one) for one in chosen)
    return Choice(KIND, scan, f"{what}, by --derivatives {chosen[0].dataset}", tuple(others))


def _say(mask: GivenMask) -> str:
    return "all lesions" if mask.role == "whole" else f"lesions {mask.role} by hand"


def _tabled(root: Path, name: str, *, participant: str, session: str | None) -> Iterator[GivenMask]:
    table = root / TABLE
    if not table.is_file():
        return
    rows = csv.DictReader(StringIO(read_text(table)), delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = set(rows.fieldnames or ())
    if unknown := sorted(columns - set(_COLUMNS)) or not {"participant_id", "file"} <= columns:
        msg = f"{table}: expected columns participant_id and file, and if wanted session_id, "
        msg += f"role, space and label; got {unknown or sorted(columns)}"
        raise ValueError(msg)
    for row in rows:
        if _is_of(row, participant=participant, session=session):
            yield _from_row(row, root=root, name=name)


def _is_of(row: Mapping[str, str | None], *, participant: str, session: str | None) -> bool:
    told = (row["participant_id"] or "").removeprefix("sub-")
    visit = _said(row.get("session_id"))
    same_visit = visit is None or visit.removeprefix("ses-") == session
    return told == participant and same_visit


def _from_row(row: Mapping[str, str | None], *, root: Path, name: str) -> GivenMask:
    file, role = row["file"] or "", _said(row.get("role")) or "whole"
    path = root / file
    if role not in get_args(Role) or not path.is_file() or ".." in Path(file).parts:
        msg = f"{root / TABLE}: expected files inside {name} that are whole, added or removed; "
        msg += f"got {file!r} that is {role!r}"
        raise ValueError(msg)
    label, space = _said(row.get("label")), _said(row.get("space"))
    known: Role = next(one for one in get_args(Role) if one == role)
    return GivenMask(
        path=path,
        dataset=name,
        role=known,
        space=space.lower() if space else None,
        label=int(label) if label else None,
    )


def _said(cell: str | None) -> str | None:
    return None if cell is None or cell.strip().lower() in _NOT_SAID else cell.strip()


def _named(root: Path, name: str, *, participant: str, session: str | None) -> Iterator[GivenMask]:
    folder = root.joinpath(f"sub-{participant}", *([f"ses-{session}"] if session else []))
    files = [path for place in (folder, folder / "anat") for path in sorted(place.glob("*"))]
    found = [mask for path in files if (mask := _from_name(path, dataset=name)) is not None]
    yield from sorted(found, key=lambda one: "probseg" in one.path.name)


def _from_name(path: Path, *, dataset: str) -> GivenMask | None:
    if not path.name.endswith(_ENDS):
        return None
    stem = path.name.split(".")[0]
    parts = stem.split("_")
    told = dict(part.lower().split("-", 1) for part in parts if "-" in part)
    space = _said(told.get("space"))
    description = told.get("desc", "")
    if stem == "seg":
        return GivenMask(path=path, dataset=dataset, label=SAMSEG_LABEL)
    if told.get("seg") == "lst" and not description:
        return GivenMask(path=path, dataset=dataset, space=space)
    lesion = told.get("label") in _LESION_LABELS or description.startswith("wmh")
    if not lesion or parts[-1] not in ("mask", "probseg") or not _is_plain(told):
        return None
    role = _ROLES.get(description, "whole")
    return GivenMask(path=path, dataset=dataset, space=space, role=role)


def _is_plain(entities: Iterable[str]) -> bool:
    """Tell whether a name is that of one image, and not of a vessel or one label of many."""
    return not {"hemi", "from", "to"} & set(entities)


def given_problems(session: Session) -> Iterator[Problem]:
    """Check space, grid and values of each mask that was given, before anything is computed."""
    scans = session.scans
    given = scans[KIND].given if KIND in scans else ()
    if given and "t1w" not in scans:
        found = "it is not used: lesions that are given are measured on a T1w image"
        yield Problem(KIND, given[0].path, found, "there is no T1w image", refused=False)
        return
    if "flair" not in scans and given and all(mask.role != "whole" for mask in given):
        yield _refuse(
            given[0],
            "it corrects lesions, and there is neither FLAIR to find them in nor a mask of all",
            "give a mask of all lesions",
        )
    for mask in given:
        yield from _check(mask, scans=scans)


def _check(mask: GivenMask, *, scans: dict[str, Scan]) -> Iterator[Problem]:
    try:
        shape, affine = read_grid(mask.path)
        fault = _space(mask, shape, affine, scans=scans) or _values(mask)
    except UnreadableImageError as error:
        yield _refuse(mask, str(error), error.advice)
        return
    if fault:
        yield _refuse(mask, *fault)


def _refuse(mask: GivenMask, found: str, advice: str) -> Problem:
    return Problem(KIND, mask.path, found, advice, refused=True)


def _space(
    mask: GivenMask, shape: tuple[int, ...], affine: Floats, *, scans: dict[str, Scan]
) -> tuple[str, str] | None:
    """Say what is wrong with where it lies."""
    if mask.space is not None and mask.space not in SPACES:
        return f"it lies in the space {mask.space}: only T1w and FLAIR are taken", _DRAW_ANEW
    kinds = [SPACES[mask.space]] if mask.space else ["t1w", "flair"]
    there = {kind: read_header(scans[kind].path) for kind in kinds if kind in scans}
    if not there:
        return f"it lies in the space {mask.space}, of which the session has no scan", _DRAW_ANEW
    if any(is_same_grid(shape, affine, header) for header in there.values()):
        return None
    told = " and ".join(
        f"{scans[kind].path.name} {tell_grid(header.shape, header.affine)}"
        for kind, header in there.items()
    )
    return f"its grid is {tell_grid(shape, affine)}, that of {told}", _DRAW_ANEW


def is_same_grid(shape: tuple[int, ...], affine: Floats, header: Header) -> bool:
    """Tell whether a grid is that of a scan, orientation included."""
    return shape == header.shape[:3] and np.allclose(affine, header.affine, atol=GRID_MM)


def tell_grid(shape: tuple[int, ...], affine: Floats) -> str:
    """Describe a grid: size, orientation and where it begins."""
    origin = ", ".join(f"{value:.1f}" for value in affine[:3, 3])
    axes = "".join(str(one) for one in nib.aff2axcodes(affine))
    return f"{' × '.join(map(str, shape[:3]))}, {axes}, from ({origin}) mm"


def read_grid(path: Path) -> tuple[tuple[int, ...], Floats]:
    """Return shape and affine of an image, NIfTI or FreeSurfer's `.mgz`.

    Raises
    ------
    UnreadableImageError
        If it is no image of one volume.
    """
    if path.suffix == ".mgz":
        image = _read_mgz(path)
        shape, affine = image.shape, image.affine
    else:
        header = read_header(path)
        shape, affine = header.shape, header.affine
    if len(shape) < 3 or any(size != 1 for size in shape[3:]):
        msg = f"it is {' × '.join(map(str, shape))}, expected one volume"
        raise UnreadableImageError(msg, advice="give a mask of three dimensions")
    return tuple(int(size) for size in shape[:3]), np.asarray(affine, dtype=float)


def _read_mgz(path: Path) -> nib.MGHImage:
    try:
        return nib.MGHImage.from_filename(path)
    except Exception as error:
        msg = f"it cannot be read ({' '.join(str(error).split())[:200]})"
        raise UnreadableImageError(msg) from error


def _values(mask: GivenMask) -> tuple[str, str] | None:
    """Say what is wrong with its values: two, or shares from 0 to 1, or labels."""
    ends, marks = [0.0], {0.0}
    for values in read_values(mask.path):
        if not np.isfinite(values).all():
            return "it has voxels that are NaN or infinite", "replace them by 0"
        ends += [float(values.min()), float(values.max())]
        marks |= set(np.unique(values)[:3].tolist())
    lowest, highest = min(ends), max(ends)
    if mask.label is not None or (lowest >= 0 and (highest <= 1 or len(marks) <= 2)):
        return None
    found = f"it holds values from {lowest:g} to {highest:g}: neither a mask (0 and one other) "
    return (
        f"{found}nor a probability (0 to 1)",
        "if they are labels, say in lesion_masks.tsv which is that of lesions",
    )


def read_values(path: Path) -> Iterator[Floats]:
    """Read the values of an image of one volume, some slices at once: (I, J, n) arrays."""
    if path.suffix == ".mgz":
        yield np.asarray(_read_mgz(path).dataobj, dtype=float)
        return
    header = read_header(path)
    for slab in read_slabs(path):
        yield slab.data.astype(float) * header.slope + header.inter

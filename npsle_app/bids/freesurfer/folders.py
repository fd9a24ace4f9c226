"""What FreeSurfer, FastSurfer or SynthSeg left of a session in other derivatives.

A dataset of `--derivatives` may be a subjects folder (one folder per participant or per session,
`sub-01`, `sub-01_ses-1`, `sub-01_ses-1_run-1_T1w`), hold one in `sourcedata/freesurfer`, as
fMRIPrep leaves it, or be a folder with SynthSeg's `vol.csv`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from npsle_app.bids.freesurfer.tables import (
    UNKNOWN,
    Imported,
    find_row,
    is_of_unit,
    list_names,
    read_aparc,
    read_aseg,
    read_source,
    read_synthseg,
)
from npsle_app.bids.input.problem import Problem
from npsle_app.bids.input.scans import Choice, LeftOut, Scan

KIND = "freesurfer"
ASEG = ("aseg.stats", "aseg+DKT.stats", "aseg+DKT.VINN.stats")
APARC = ("lh.aparc.stats", "rh.aparc.stats")
SYNTHSEG_TABLES = ("vol.csv", "synthseg.vol.csv", "volumes.csv")
_NAMES = ("freesurfer", "fastsurfer", "synthseg")
_ADVICE = "run the program again for this scan, or take its folder away"
_NOT_FETCHED = (
    "its content is not here: a link of git-annex that leads nowhere; fetch it (`datalad get`)"
)


_Tables: TypeAlias = tuple[Path, ...]  # of one scan: those of a folder, or one of many rows


def find_freesurfer(
    derivatives: Mapping[str, Path],
    *,
    participant: str,
    session: str | None,
    sessions: Sequence[str | None],
) -> Choice | None:
    """Find the tables of a session.

    Parameters
    ----------
    sessions
        All sessions of the participant: a folder that names none is that of the only one.

    Returns
    -------
    Choice or None
        None where no dataset can be one of FreeSurfer; without a scan, and with the reason, where
        one is and has nothing of this session. Of several the first counts, by the names of
        datasets.
    """
    unit = f"sub-{participant}" + (f"_ses-{session}" if session else "")
    places: list[tuple[str, _Tables]] = []
    left_out: list[LeftOut] = []
    searched: list[str] = []
    for name, root in sorted(derivatives.items()):
        found, others = _search(root, unit=unit, participant=participant, sessions=sessions)
        places += [(name, tables) for tables in found]
        left_out += others
        if found or others or name.lower() in _NAMES:
            searched.append(name)
    if not searched:
        return None
    if not places:
        told = left_out[0].reason if left_out else f"{' and '.join(searched)} has no stats of it"
        return Choice(KIND, None, told, tuple(left_out))
    (dataset, first), *rest = places
    left_out += [LeftOut(paths[0], f"that of {dataset} comes first") for _, paths in rest]
    scan = Scan(first[0], tables=first[1:])
    return Choice(KIND, scan, f"{_tell(scan)}, by --derivatives {dataset}", tuple(left_out))


def _tell(scan: Scan) -> str:
    """Name the source of a scan; what cannot be read is told by the check of scans."""
    try:
        return tell_source(scan)
    except (OSError, ValueError):
        return "regions"


def list_participants_with_stats(derivatives: Mapping[str, Path]) -> list[str]:
    """List the labels of participants that have tables.

    Only folders whose names begin with `sub-` count, and such rows of SynthSeg's tables: others
    may be templates.
    """
    return sorted(
        {
            label
            for root in derivatives.values()
            for base in _bases(root)
            for label in (*_list_folders(base), *(label for label, _ in _list_rows(base)))
        }
    )


def list_sessions_with_stats(
    derivatives: Mapping[str, Path], *, participant: str
) -> list[str | None]:
    """List the sessions of a participant that have tables; None for a folder that names none."""
    found: set[str] = set()
    for base in (base for root in derivatives.values() for base in _bases(root)):
        whole = base / f"sub-{participant}"
        nested = (one for one in whole.glob("ses-*") if _has_tables(one))
        found |= {one.name.removeprefix("ses-") for one in nested}
        found |= {session for label, session in _list_rows(base) if label == participant}
        found |= _list_sibling_sessions(base, participant)
    return [session or None for session in sorted(found) if session.isalnum() or not session]


def read_imported(scan: Scan, *, unit: str) -> Imported:
    """Read all tables of a scan as one.

    Raises
    ------
    ValueError
        With the name of the table and what is wrong with it.
    """
    if scan.path.suffix == ".csv":
        of_many = _has_row(scan.path, unit=unit)
        return read_synthseg(scan.path, unit=unit if of_many else None)
    first = read_aseg(scan.path)
    volumes = dict(first.volumes)
    for path in scan.tables:
        volumes |= read_aparc(path).volumes
    return replace(first, volumes=volumes)


def table_problems(scan: Scan, *, unit: str) -> Iterator[Problem]:
    """Say what is wrong with the tables of a scan before anything is computed."""
    try:
        read_imported(scan, unit=unit)
    except (OSError, ValueError) as error:
        yield Problem(KIND, scan.path, " ".join(str(error).split()), _ADVICE, refused=True)


def tell_source(scan: Scan) -> str:
    """Say what measured a session's regions, and of which folder.

    `regions: FreeSurfer 7.4.1 of sub-01_ses-1`.

    Raises
    ------
    ValueError
        If the table is no text.
    """
    software, version = read_source(scan.path)
    told = "of unknown version" if version == UNKNOWN else version
    return f"regions: {software} {told} of {_folder_of(scan.path)}"


def _folder_of(path: Path) -> str:
    """Name the folder of a subject, or of a table of many."""
    folder = path.parent.parent if path.parent.name == "stats" else path.parent
    if folder.name.startswith("ses-"):
        return f"{folder.parent.name}_{folder.name}"
    return folder.name


def _bases(root: Path) -> tuple[Path, ...]:
    nested = root / "sourcedata" / "freesurfer"
    return (root, nested) if nested.is_dir() else (root,)


def _search(
    root: Path, *, unit: str, participant: str, sessions: Sequence[str | None]
) -> tuple[list[_Tables], list[LeftOut]]:
    found: list[_Tables] = []
    others: list[LeftOut] = []
    for base in _bases(root):
        folders = _folders(base, unit=unit)
        found += filter(None, map(_tables, folders))
        others += [LeftOut(one, _NOT_FETCHED) for folder in folders for one in _broken(folder)]
        if longitudinal := _tables(base / f"{unit}.long.sub-{participant}"):
            if found:
                others.append(LeftOut(longitudinal[0], "the cross-sectional run is taken"))
            else:
                found.append(longitudinal)
        found += [(path,) for path in _synthseg(base, unit=unit)]
        whole = base / f"sub-{participant}"
        if found or unit == whole.name or not (tables := _tables(whole)):
            continue
        if len([one for one in sessions if one]) > 1:
            told = f"its folder {whole.name} names no session, of which there are several"
            others.append(LeftOut(tables[0], told))
        else:
            found.append(tables)
    return found, others


def _folders(base: Path, *, unit: str) -> tuple[Path, ...]:
    label, _, session = unit.partition("_")
    siblings = _subject_folders(base, _changed(base)).get(label.removeprefix("sub-"), ())
    return (
        base / unit,
        *((base / label / session,) if session else ()),
        base / unit.removeprefix("sub-"),
        # named by the image: `sub-01_ses-1_run-1_T1w`
        *(one for one in siblings if one.name != unit and is_of_unit(one.name, unit=unit)),
    )


def _broken(folder: Path) -> Iterator[Path]:
    """Yield tables that are links to nothing."""
    tables = (folder / "stats" / name for name in ASEG)
    yield from (one for one in tables if one.is_symlink() and not one.exists())


def _tables(folder: Path) -> _Tables:
    """Return the tables of a subject's folder; none of the base of all sessions, no scan."""
    stats = folder / "stats"
    if not stats.is_dir() or (folder / "base-tps").exists():
        return ()
    aseg = next((stats / name for name in ASEG if (stats / name).is_file()), None)
    if aseg is None:
        return ()
    return (aseg, *(stats / name for name in APARC if (stats / name).is_file()))


def _synthseg(base: Path, *, unit: str) -> Iterator[Path]:
    for folder in _folders(base, unit=unit):
        for name in SYNTHSEG_TABLES:
            for path in (folder / name, folder / "stats" / name):
                if path.is_file() and not _tables(folder):
                    yield path
    for name in SYNTHSEG_TABLES:
        if (base / name).is_file() and _has_row(base / name, unit=unit):
            yield base / name


def _has_row(path: Path, *, unit: str) -> bool:
    """Tell whether a table has a row of the unit; one that cannot be read is told of later."""
    try:
        return find_row(path, unit=unit) is not None
    except (OSError, ValueError):
        return True


def _list_folders(base: Path) -> Iterator[str]:
    for label, folders in _subject_folders(base, _changed(base)).items():
        if any(_has_tables(one) for folder in folders for one in (folder, *folder.glob("ses-*"))):
            yield label


def _list_sibling_sessions(base: Path, participant: str) -> set[str]:
    folders = _subject_folders(base, _changed(base)).get(participant, ())
    labels = {one: one.name.partition("_ses-")[2].partition("_")[0] for one in folders}
    return {session for one, session in labels.items() if _has_tables(one)}


def _changed(folder: Path) -> int:
    return folder.stat().st_mtime_ns if folder.is_dir() else 0


@lru_cache(maxsize=8)  # listed once, and not anew for each of ten thousand participants
def _subject_folders(base: Path, _changed: int) -> Mapping[str, tuple[Path, ...]]:
    found: dict[str, list[Path]] = {}
    for folder in sorted(base.glob("sub-*")):
        label = folder.name.removeprefix("sub-").partition("_")[0]
        if label.isalnum() and ".long." not in folder.name:
            found.setdefault(label, []).append(folder)
    return {label: tuple(folders) for label, folders in found.items()}


def _has_tables(folder: Path) -> bool:
    if (folder / "base-tps").exists():
        return False
    stats = (folder / "stats" / name for name in (*ASEG, *SYNTHSEG_TABLES))
    return any(path.is_file() for path in (*stats, *(folder / name for name in SYNTHSEG_TABLES)))


def _list_rows(base: Path) -> Iterator[tuple[str, str]]:
    for path in (base / name for name in SYNTHSEG_TABLES if (base / name).is_file()):
        for cell in list_names(path):
            name = cell.replace("\\", "/").rpartition("/")[2].split(".")[0]
            parts = dict(part.partition("-")[::2] for part in name.split("_"))
            if parts.get("sub", "").isalnum():
                session = parts.get("ses", "")
                yield parts["sub"], session if session.isalnum() else ""

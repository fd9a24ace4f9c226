"""Read the tables of FreeSurfer, FastSurfer and SynthSeg: volumes and thicknesses by measure.

Columns are found by their names, which have moved between versions. A table that is broken,
empty, or written with decimal commas is refused by its name: half a table is no table.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from pathlib import Path

from npsle_app.documents import read_text
from npsle_app.measures.names_of_freesurfer import (
    DESIKAN,
    ETIV,
    VOLUMES_GIVEN,
    thickness_name,
    volume_name,
)

FREESURFER, FASTSURFER, SYNTHSEG = "FreeSurfer", "FastSurfer", "SynthSeg"
UNKNOWN = "unknown"
_FASTSURFER_VERSION = re.compile(r"^# FastSurfer_version\s+(\S+)", re.MULTILINE)
_SEMANTIC = re.compile(r"\d+\.\d+[-+.0-9A-Za-z]*")
_STAMP = re.compile(r"-v?(\d+\.\d+(?:\.\d+)?)(?:-|$)", re.MULTILINE)
# What FreeSurfer up to 6 puts in the place of its version: the revision of one source file.
# Each stands beside the folder of its version in the command line of a published table: 5.1 in
# ABIDE's (`freesurfer51`), 5.3 in the Human Connectome Project's (`freesurfer-5.3-HCP`), 6.0 in
# many of `stable6`.
_REVISION = re.compile(r"\$Id: mri_segstats\.c,v ([\d.]+)")
_VERSION_OF_REVISION = {"1.75.2.2": "5.1", "1.75.2.9": "5.3", "1.121": "6.0"}
# FastSurfer has FreeSurfer's own program write `aseg.stats`; what lies beside tells it apart.
_ASEG_OF_FASTSURFER = ("stats/aseg+DKT.VINN.stats", "stats/aseg+DKT.stats")
_SIGNS_OF_FASTSURFER = (
    *_ASEG_OF_FASTSURFER,
    "stats/lh.aparc.DKTatlas.mapped.stats",
    "mri/aparc.DKTatlas+aseg.deep.mgz",
    "scripts/deep-seg.log",
)
_ONLY_IN_DESIKAN = {"bankssts", "frontalpole", "temporalpole"}  # DKT drew them into neighbours
_ETIV_NAMES = ("EstimatedTotalIntraCranialVol", "IntraCranialVol")
_FIRST_RIGHT = 40  # of the labels of aseg: those of the left end at 31
_CSF = "fs_csf_ml"
_SIDES = {"lh": "left", "rh": "right"}
_SYNTHSEG_ETIV = ("total intracranial", "total-intracranial", "estimatedtotalintracranialvol")
_DECIMAL_COMMA = re.compile(r"\d+,\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a table says.

    Attributes
    ----------
    volumes
        By measure: mL, and mm for thicknesses. What the table lacks is not there.
    software, version
        What wrote it; the version is `unknown` where the table does not tell.
    holes
        Holes of the surfaces before they were mended, by side: Euler number = 2 − 2 · holes.
    cortex_ml
        Volume of the cortex by side, where the table of the whole brain tells it.
    """

    volumes: Mapping[str, float]
    software: str
    version: str
    holes: Mapping[str, float] = field(default_factory=dict)
    cortex_ml: Mapping[str, float] = field(default_factory=dict)


def read_source(path: Path) -> tuple[str, str]:
    """Say which program wrote a table, and which version of it (`unknown` if it does not tell).

    Raises
    ------
    ValueError
        If it is no text.
    """
    return (SYNTHSEG, UNKNOWN) if path.suffix == ".csv" else _software(_read(path), path=path)


def read_aseg(path: Path) -> Imported:
    """Read `aseg.stats` of FreeSurfer or FastSurfer, or `aseg+DKT.stats` of the latter.

    Labels of the cortex in `aseg+DKT.stats` are not read: DKT draws other borders than
    Desikan-Killiany.

    Raises
    ------
    ValueError
        With the name of the file and what is wrong with it.
    """
    text = _read(path)
    volumes: dict[str, float] = {}
    header = dict(_measures(text, path=path))
    for given in _ETIV_NAMES:
        if given in header:
            volumes.setdefault(ETIV, _volume_ml(header[given], path=path))
    sums = {VOLUMES_GIVEN[name]: one for name, one in header.items() if name in VOLUMES_GIVEN}
    volumes |= {name: _volume_ml(value, path=path) for name, value in sums.items()}
    found = False
    for row in _rows(text, path=path, needed=("StructName", "Volume_mm3")):
        name = _measure_of(row["StructName"])
        if name is not None and not row["StructName"].startswith("ctx"):
            _refuse_other_side(row, path=path)
            volumes[name] = _volume_ml(_number(row["Volume_mm3"], path=path), path=path)
            found = True
    if not found:
        msg = f"{path.name}: it has no volume of a structure, such as Left-Caudate"
        raise ValueError(msg)
    software, version = _software(text, path=path)
    return Imported(
        volumes=volumes,
        software=software,
        version=version,
        holes=_by_side(header, "SurfaceHoles"),
        cortex_ml={side: mm3 / 1000 for side, mm3 in _by_side(header, "CortexVol").items()},
    )


def _by_side(header: Mapping[str, float], name: str) -> dict[str, float]:
    names = {side: f"{hemi}{name}" for hemi, side in _SIDES.items()}
    return {side: header[one] for side, one in names.items() if one in header}


def read_aparc(path: Path) -> Imported:
    """Read `lh.aparc.stats` or `rh.aparc.stats`: volume and thickness of 34 gyri.

    Raises
    ------
    ValueError
        With the name of the file and what is wrong with it.
    """
    text = _read(path)
    hemi = path.name.split(".")[0]
    told = re.search(r"^# hemi (\w+)", text, re.MULTILINE)
    if told and told.group(1) != hemi:
        msg = f"{path.name}: its header tells {told.group(1)}, its name {hemi}: sides are swapped"
        raise ValueError(msg)
    if hemi not in _SIDES:
        msg = f"{path.name}: its name tells no side, lh or rh"
        raise ValueError(msg)
    known, side = {one.given for one in DESIKAN}, _SIDES[hemi]
    volumes: dict[str, float] = {}
    for row in _rows(text, path=path, needed=("StructName", "GrayVol", "ThickAvg")):
        name = row["StructName"].lower()
        if name in known:
            volumes[volume_name(name, side=side)] = _volume_ml(
                _number(row["GrayVol"], path=path), path=path
            )
            volumes[thickness_name(name, side=side)] = _number(row["ThickAvg"], path=path)
    if not volumes:
        msg = f"{path.name}: it has no gyrus of Desikan-Killiany, such as insula"
        raise ValueError(msg)
    if not any(volume_name(one, side=side) in volumes for one in _ONLY_IN_DESIKAN):
        msg = (
            f"{path.name}: it has no {', '.join(sorted(_ONLY_IN_DESIKAN))}: gyri of the DKT atlas, "
            "whose borders are not those of Desikan-Killiany"
        )
        raise ValueError(msg)
    software, version = _software(text, path=path)
    return Imported(volumes=volumes, software=software, version=version)


def read_synthseg(path: Path, *, unit: str | None) -> Imported:
    """Read a row of SynthSeg's table of volumes (`vol.csv`).

    Parameters
    ----------
    unit
        `sub-01_ses-1`, whose row is read; None for a table of one scan, whatever its row is
        called: `orig.mgz`, `T1w`.

    Raises
    ------
    ValueError
        With the name of the file and what is wrong with it.
    """
    row = find_row(path, unit=unit)
    if row is None:
        msg = f"{path.name}: it has no row of {unit}"
        raise ValueError(msg)
    volumes: dict[str, float] = {}
    for given, text in row.items():
        # its CSF is all fluid around the brain, that of aseg a little between the hemispheres
        name = _measure_of(given)
        if name is not None and name not in (_CSF, *volumes):
            volumes[name] = _volume_ml(_number(text, path=path), path=path)
    if not any(name != ETIV for name in volumes):
        msg = f"{path.name}: it has no volume of a structure, such as left caudate"
        raise ValueError(msg)
    return Imported(volumes=volumes, software=SYNTHSEG, version=UNKNOWN)


def find_row(path: Path, *, unit: str | None) -> dict[str, str] | None:
    """Return the row of a unit in a table of volumes; None if it has none.

    Raises
    ------
    ValueError
        If the table is empty, has semicolons, or names the unit twice.
    """
    state = path.stat()
    heads, rows = _parse_table(path, state.st_mtime_ns, state.st_size)
    own = rows if unit is None else [row for row in rows if is_of_unit(row[0], unit=unit)]
    if len(own) > 1:
        msg = f"{path.name}: it has {len(own)} rows of {unit or 'one scan'}, expected one"
        raise ValueError(msg)
    if not own:
        return None
    if len(own[0]) != len(heads):
        msg = f"{path.name}: a row has {len(own[0])} cells, its header {len(heads)}"
        raise ValueError(msg)
    return dict(zip(heads[1:], own[0][1:], strict=True))


@lru_cache(maxsize=4)  # a table of ten thousand is asked once for each of them
def _parse_table(path: Path, _changed: int, _size: int) -> tuple[list[str], list[list[str]]]:
    text = _read(path)
    if ";" in text.split("\n", 1)[0]:
        msg = (
            f"{path.name}: its cells are parted by semicolons, as a spreadsheet writes them where "
            "the decimal sign is a comma: take the file as SynthSeg wrote it"
        )
        raise ValueError(msg)
    table = list(csv.reader(StringIO(text)))
    heads = [head.strip() for head in table[0]]
    return heads, [row for row in table[1:] if any(cell.strip() for cell in row)]


def list_names(path: Path) -> list[str]:
    """List what a table of volumes calls its rows; nothing where it cannot be read."""
    try:
        state = path.stat()
        return [row[0] for row in _parse_table(path, state.st_mtime_ns, state.st_size)[1]]
    except (OSError, ValueError):
        return []


def is_of_unit(cell: str, *, unit: str) -> bool:
    """Tell whether a name of a file or a folder is that of a scan of a participant and session.

    Examples
    --------
    >>> is_of_unit("sub-01_ses-1_T1w.nii.gz", unit="sub-01_ses-1")
    True
    >>> is_of_unit("sub-011_T1w.nii.gz", unit="sub-01")
    False
    """
    name = cell.strip().replace("\\", "/").rstrip("/").rpartition("/")[2].split(".")[0]
    if "_ses-" not in unit and "_ses-" in name:
        return False
    return name == unit or name.startswith(f"{unit}_")


def _read(path: Path) -> str:
    try:
        text = read_text(path)
    except ValueError as error:
        msg = f"{path.name}: {error}"
        raise ValueError(msg) from error
    if not text.strip():
        msg = f"{path.name}: it is empty"
        raise ValueError(msg)
    return text


def _measure_of(given: str) -> str | None:
    """Return the measure that a structure's name stands for, as any version writes it."""
    return _SPELLINGS.get(_fold(given))


def _fold(given: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", given.lower())


def _spellings() -> dict[str, str]:
    found = {_fold(given): name for given, name in VOLUMES_GIVEN.items()}
    for side in ("left", "right"):
        found |= {
            # renamed in FreeSurfer 7; 6 has a star behind it in places
            f"{side}thalamus": volume_name("thalamus", side=side),
            f"{side}inferiorlateralventricle": volume_name("inferior_lateral_ventricle", side=side),
        }
    for hemi, side in _SIDES.items():
        found |= {
            f"ctx{hemi}{one.given}": volume_name(one.name, side=side) for one in DESIKAN
        }  # SynthSeg's cortex; FastSurfer's own labels are DKT and are not in aseg.stats
    return found | {_fold(name): ETIV for name in _SYNTHSEG_ETIV}


_SPELLINGS = _spellings()


def _measures(text: str, *, path: Path) -> Iterator[tuple[str, float]]:
    """Yield what the header measures, under the second name of each."""
    for line in text.splitlines():
        if not line.startswith("# Measure "):
            continue
        parts = [part.strip() for part in line.removeprefix("# Measure ").split(",")]
        if len(parts) < 5:
            msg = f"{path.name}: a line of its header is cut off: {line[:80]!r}"
            raise ValueError(msg)
        value = parts[-2]
        if len(parts) > 5 and parts[-3].isdigit() and value.isdigit():
            _refuse_comma(f"{parts[-3]},{value}", path=path)
        for name in (parts[0], parts[1]):
            yield name, _number(value, path=path)


def _rows(text: str, *, path: Path, needed: Iterable[str]) -> Iterator[dict[str, str]]:
    heads: list[str] = []
    promised = re.search(r"^# NRows\s+(\d+)", text, re.MULTILINE)
    there = sum(1 for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if promised and int(promised.group(1)) != there:
        msg = f"{path.name}: it has {there} rows, its header promises {promised.group(1)}: cut off"
        raise ValueError(msg)
    for line in text.splitlines():
        if line.startswith("# ColHeaders"):
            heads = line.removeprefix("# ColHeaders").split()
        if line.startswith("#") or not line.strip():
            continue
        if missing := [name for name in needed if name not in heads]:
            msg = f"{path.name}: it has no column {missing[0]}; it has {heads}"
            raise ValueError(msg)
        cells = line.split()
        if len(cells) != len(heads):
            msg = f"{path.name}: a row has {len(cells)} cells, its header {len(heads)}: {line:.60}"
            raise ValueError(msg)
        yield dict(zip(heads, cells, strict=True))


def _refuse_other_side(row: Mapping[str, str], *, path: Path) -> None:
    """Refuse a row whose label is that of the other side: 4 to 31 are left, 43 to 63 right."""
    side, label = row["StructName"].partition("-")[0], row.get("SegId", "")
    if side not in ("Left", "Right") or not label.isdecimal():
        return
    if (int(label) >= _FIRST_RIGHT) != (side == "Right"):
        msg = f"{path.name}: {row['StructName']} has the label {label} of the other side"
        raise ValueError(msg)


def _number(text: str, *, path: Path) -> float:
    if _DECIMAL_COMMA.fullmatch(text.strip()):
        _refuse_comma(text.strip(), path=path)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"{path.name}: it holds {text.strip()[:40]!r}, where a number is expected"
        raise ValueError(msg)
    return value


def _refuse_comma(text: str, *, path: Path) -> None:
    msg = (
        f"{path.name}: it holds {text}: numbers with a decimal comma, as a foreign locale writes "
        "them; run the program with LC_ALL=C"
    )
    raise ValueError(msg)


def _volume_ml(mm3: float, *, path: Path) -> float:
    if mm3 < 0:
        msg = f"{path.name}: it holds a volume of {mm3:g} mm³"
        raise ValueError(msg)
    return mm3 / 1000


def _software(text: str, *, path: Path) -> tuple[str, str]:
    """Say what wrote a table, and which version."""
    if told := _FASTSURFER_VERSION.search(text):
        return FASTSURFER, told.group(1)
    program = re.search(r"^# generating_program\s+(\S+)", text, re.MULTILINE)
    if program and program.group(1) == "segstats.py":
        return FASTSURFER, UNKNOWN
    folder = path.parent.parent
    if any((folder / sign).exists() for sign in _SIGNS_OF_FASTSURFER):
        return FASTSURFER, _version_beside(folder)
    return FREESURFER, _stamped(folder) or _version(text)


def _version_beside(folder: Path) -> str:
    """Return FastSurfer's version from a table that it wrote itself."""
    for name in _ASEG_OF_FASTSURFER:
        try:
            told = _FASTSURFER_VERSION.search(read_text(folder / name))
        except (OSError, ValueError):
            continue
        if told:
            return told.group(1)
    return UNKNOWN


def _stamped(folder: Path) -> str:
    """Return the version in the stamp that recon-all leaves beside the folder of tables."""
    try:
        text = read_text(folder / "scripts" / "build-stamp.txt")
    except (OSError, ValueError):
        return ""
    match = _STAMP.search(text.strip())
    return match.group(1) if match else ""


def _version(text: str) -> str:
    told = re.search(r"^# cvs_version\s+(.+)$", text, re.MULTILINE)
    if told is None:
        return UNKNOWN
    if revision := _REVISION.search(told.group(1)):
        return _VERSION_OF_REVISION.get(revision.group(1), UNKNOWN)
    match = _SEMANTIC.match(told.group(1))
    return match.group(0) if match else UNKNOWN

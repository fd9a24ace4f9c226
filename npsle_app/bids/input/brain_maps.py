"""Brain masks and tissues that other programs or hands have left in other derivatives.

How they are found. `brain_map_checks` says whether they can be used with the scans of a session.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple, get_args

from npsle_app.bids.input.filters import Filters, Wanted, matches
from npsle_app.bids.input.scans import Choice, GivenMap, LeftOut, Part, Scan, Scheme
from npsle_app.bids.input.sidecars import inherited, read_metadata
from npsle_app.documents import read_text

BRAIN_MASK, TISSUE_MAPS = "brain_mask", "tissue_maps"
KINDS = (BRAIN_MASK, TISSUE_MAPS)
TABLE = "brain_maps.tsv"
OWN_SPACES = ("t1w", "t1", "individual")
PART_NAMES: Mapping[Part, str] = {
    "brain": "brain mask",
    "gm": "grey matter",
    "wm": "white matter",
    "csf": "fluid",
    "labels": "segmentation",
}

_COLUMNS = ("participant_id", "session_id", "file", "map", "space", "labels")
_IN_TABLE: Mapping[str, Part] = {
    "brain": "brain",
    "gm": "gm",
    "wm": "wm",
    "csf": "csf",
    "segmentation": "labels",
}
_ENDS = (".nii.gz", ".nii", ".mgz")
_NOT_SAID = ("", "n/a", "orig")
_BRAIN_MASKS = frozenset({"brain", "synthstrip", "hdbet", "bet"})
_OTHER_SCANS = frozenset({"flair", "t2w", "t2star", "pdw", "dwi", "bold", "sbref", "epi", "angio"})
_REGIONAL = frozenset({"aseg", "aparcaseg", "aparc+aseg", "synthseg"})
_PLAIN = frozenset({"", "tissue", "tissues", "braintissues", "dseg"})
_ANOTHER = frozenset({"hemi", "from", "to", "den", "atlas"})
_SPM = re.compile(r"(?P<moved>[a-z0-9]*?)[pc](?P<tissue>[123])sub-(?P<rest>.+)", re.IGNORECASE)
_SPM_PARTS: Mapping[str, Part] = {"1": "gm", "2": "wm", "3": "csf"}
_SPM_SPACE = "the template of SPM"
_FASTSURFER = "aparc.dktatlas+aseg"


class _Offer(NamedTuple):
    """Maps that belong together: a mask, a map of each tissue, or one image of labels."""

    rank: int  # maps before labels of tissue before those of regions
    key: str
    maps: tuple[GivenMap, ...]


def find_brain_maps(
    derivatives: Mapping[str, Path],
    *,
    participant: str,
    session: str | None,
    filters: Filters | None = None,
) -> list[Choice]:
    """Find what was given in the place of the brain mask, and of the tissues.

    Each dataset's table `brain_maps.tsv` tells; where it has none, the names of files in the
    session's folder, its `anat` and `mri`, and what is named after the session in `PATH/mri`:
    those of BIDS, fMRIPrep, CAT12, SPM, SynthSeg, SynthStrip and HD-BET.

    Returns
    -------
    list of Choice
        One of each kind that any dataset offers. What several datasets offer, or one twice, all
        stands in the scan's `maps`: nothing is chosen in silence, and the check refuses it.
        Of maps, labels of tissue and labels of regions in one dataset the first counts, those in
        the space of a template come last, and the others are named.

    Raises
    ------
    ValueError
        If a table has other columns, or names a file or a map that is none.
    """
    found: list[Choice] = []
    unit = _Unit(participant, session)
    all_maps = [
        one for name, root in sorted(derivatives.items()) for one in _of_dataset(root, name, unit)
    ]
    for kind in KINDS:
        of_kind = [one for one in all_maps if (one.part == "brain") == (kind == BRAIN_MASK)]
        wanted = (filters or {}).get(kind, {})
        if of_kind:
            found.append(_choose(kind, of_kind, wanted=wanted))
    return found


class _Unit(NamedTuple):
    participant: str
    session: str | None

    @property
    def folder(self) -> Path:
        return Path(f"sub-{self.participant}", *([f"ses-{self.session}"] if self.session else []))

    def has(self, name: str) -> bool:
        """Tell whether a name without its prefix (`01_ses-1_T1w.nii`) is that of the session."""
        told = dict(part.partition("-")[::2] for part in f"sub-{name}".split(".")[0].split("_"))
        return told.get("sub") == self.participant and (told.get("ses") or None) == self.session


def _choose(kind: str, maps: Sequence[GivenMap], *, wanted: Mapping[str, Wanted]) -> Choice:
    taken: list[GivenMap] = []
    others: list[LeftOut] = []
    for dataset in sorted({one.dataset for one in maps}):
        own = [one for one in maps if one.dataset == dataset]
        if not matches({"dataset": dataset}, wanted):
            others += [
                LeftOut(one.path, "the filter file wants none of its dataset") for one in own
            ]
            continue
        offers = sorted(_group(own), key=lambda offer: (offer.rank, offer.key))
        best = [offer for offer in offers if offer.rank == offers[0].rank]
        taken += [one for offer in best for one in offer.maps]
        told = ", ".join(one.path.name for one in best[0].maps)
        others += [
            LeftOut(one.path, f"{told} of {dataset} comes first")
            for offer in offers
            if offer not in best
            for one in offer.maps
        ]
    if not taken:
        return Choice(kind, None, "the filter file wants none of what was given", tuple(others))
    scan = Scan(taken[0].path, read_metadata(taken[0].path), maps=tuple(taken))
    datasets = " and ".join(sorted({one.dataset for one in taken}))
    what = " and ".join(dict.fromkeys(PART_NAMES[one.part] for one in taken))
    return Choice(kind, scan, f"{what}, by --derivatives {datasets}", tuple(others))


def _group(maps: Iterable[GivenMap]) -> Iterator[_Offer]:
    """Put the tissues of one program and run together; all else stands alone."""
    sets: dict[tuple[str, bool], list[GivenMap]] = {}
    for one in maps:
        alone = one.part in ("brain", "labels")
        sets.setdefault((str(one.path) if alone else _without_tissue(one.path), alone), []).append(
            one
        )
    for (key, _), members in sets.items():
        moved = any(not is_own_space(one.space) for one in members)
        regional = any(one.part == "labels" and one.scheme == "freesurfer" for one in members)
        labels = any(one.part == "labels" for one in members)
        order = sorted(members, key=lambda one: get_args(Part).index(one.part))
        yield _Offer(4 * moved + 2 * regional + (labels and not regional), key, tuple(order))


def is_own_space(space: str | None) -> bool:
    """Tell whether a map is said to lie where the T1w image does, or nothing is said."""
    return space is None or space in OWN_SPACES


def _without_tissue(path: Path) -> str:
    if match := _SPM.fullmatch(path.name):
        return f"{path.parent}/{match['moved']}{match['rest']}"
    bare = re.sub(r"_label-[A-Za-z]+", "", path.name)
    return f"{path.parent}/{bare}"


def _of_dataset(root: Path, name: str, unit: _Unit) -> list[GivenMap]:
    if (root / TABLE).is_file():
        return [*_tabled(root, name, unit)]
    places = [root / unit.folder / place for place in ("", "anat", "mri", "anat/mri")]
    found = [
        made
        for place in places
        for path in sorted(place.glob("*"))
        if (made := _from_name(path, dataset=name)) is not None
    ]
    flat = (made for path in sorted((root / "mri").glob("*")) if (made := _spm(path, dataset=name)))
    return [*found, *(one for one in flat if unit.has(_SPM.fullmatch(one.path.name)["rest"]))]  # type: ignore[index] # it matched


def _tabled(root: Path, name: str, unit: _Unit) -> Iterator[GivenMap]:
    table = root / TABLE
    rows = csv.DictReader(StringIO(read_text(table)), delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = set(rows.fieldnames or ())
    needed = {"participant_id", "file", "map"}
    if unknown := sorted(columns - set(_COLUMNS)) or not needed <= columns:
        msg = f"{table}: expected columns participant_id, file and map, and if wanted session_id, "
        msg += f"space and labels; got {unknown or sorted(columns)}"
        raise ValueError(msg)
    for row in rows:
        told = (row["participant_id"] or "").removeprefix("sub-")
        visit = _said(row.get("session_id"))
        if told == unit.participant and (
            visit is None or visit.removeprefix("ses-") == unit.session
        ):
            yield _from_row(row, root=root, name=name)


def _from_row(row: Mapping[str, str | None], *, root: Path, name: str) -> GivenMap:
    file, part = row["file"] or "", _IN_TABLE.get((row["map"] or "").strip().lower())
    path = root / file
    if part is None or not path.is_file() or ".." in Path(file).parts:
        msg = f"{root / TABLE}: expected files inside {name} whose map is {', '.join(_IN_TABLE)}; "
        msg += f"got {file!r} that is {row['map']!r}"
        raise ValueError(msg)
    scheme, lookup = _told_labels(_said(row.get("labels")), root=root, path=path)
    space = _said(row.get("space"))
    return GivenMap(
        path=path,
        dataset=name,
        part=part,
        space=space.lower() if space else None,
        scheme=scheme,
        lookup=lookup if part == "labels" else None,
    )


def _told_labels(told: str | None, *, root: Path, path: Path) -> tuple[Scheme, Path | None]:
    """Find what the column `labels` says: numbers of a program or of BIDS, or a table."""
    if told is not None and told.lower() in ("freesurfer", "fastsurfer", "synthseg"):
        return "freesurfer", None
    if told is None or told.lower() == "bids":
        return "bids", _lookup(path)
    if not (root / told).is_file() or ".." in Path(told).parts:
        msg = f"{root / TABLE}: expected FreeSurfer, BIDS or a table of labels, got {told!r}"
        raise ValueError(msg)
    return "bids", root / told


def _lookup(path: Path) -> Path | None:
    """Find the table of labels that belongs to an image, by the inheritance of BIDS."""
    tables = inherited(path, extension=".tsv")
    return tables[-1] if tables else None


def _said(cell: str | None) -> str | None:
    return None if cell is None or cell.strip().lower() in _NOT_SAID else cell.strip()


def _from_name(path: Path, *, dataset: str) -> GivenMap | None:
    if not path.name.lower().endswith(_ENDS):
        return None
    if (made := _spm(path, dataset=dataset)) is not None or path.parent.name == "mri":
        return made
    if path.name.lower().startswith(_FASTSURFER):
        return GivenMap(path=path, dataset=dataset, part="labels", scheme="freesurfer")
    parts = path.name.split(".")[0].lower().split("_")
    told = dict(part.split("-", 1) for part in parts if "-" in part)
    bare = {part for part in parts if "-" not in part}
    if _ANOTHER & set(told) or _OTHER_SCANS & bare:
        return None
    part, scheme = _meaning(parts[-1], told=told, bare=bare)
    if part is None:
        return None
    lookup = _lookup(path) if part == "labels" and scheme == "bids" else None
    space = _said(told.get("space"))
    return GivenMap(
        path=path, dataset=dataset, part=part, space=space, scheme=scheme, lookup=lookup
    )


def _meaning(
    suffix: str, *, told: Mapping[str, str], bare: frozenset[str] | set[str]
) -> tuple[Part | None, Scheme]:
    """Say what a name in the manner of BIDS stands for, and whose labels it has."""
    label, kind = told.get("label", ""), told.get("desc", "")
    if suffix == "mask":
        named = {label, kind} & _BRAIN_MASKS or (not label and not kind and bare & _BRAIN_MASKS)
        return ("brain" if named else None), "bids"
    if suffix == "probseg" and not kind and label in ("gm", "wm", "csf"):
        return _IN_TABLE[label], "bids"
    if suffix == "synthseg" and "sub" in told:
        return "labels", "freesurfer"
    if suffix == "dseg" and not label:
        whose = {kind, told.get("seg", "")} - {""}
        if whose and whose <= _REGIONAL:
            return "labels", "freesurfer"
        if whose <= _PLAIN:
            return "labels", "bids"
    return None, "bids"


def _spm(path: Path, *, dataset: str) -> GivenMap | None:
    """Tell the maps of CAT12 (`p1`, `p2`, `p3`) and SPM (`c1` …); others are not of this head."""
    match = _SPM.fullmatch(path.name)
    if match is None or not path.name.lower().endswith(_ENDS):
        return None
    return GivenMap(
        path=path,
        dataset=dataset,
        part=_SPM_PARTS[match["tissue"]],
        space=_SPM_SPACE if match["moved"] else None,
    )

"""The `--bids-filter-file`: which scans the user wants, in fMRIPrep's format."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from npsle_app.documents import read_json

Wanted: TypeAlias = str | int | list[str | int | None] | None
Filters: TypeAlias = Mapping[str, Mapping[str, Wanted]]

ANY = "*"

# The long names that pybids and fMRIPrep use.
ENTITIES = (
    "subject", "session", "sample", "task", "tracksys", "acquisition", "ceagent", "staining",
    "tracer", "reconstruction", "direction", "run", "modality", "echo", "flip", "inv",
    "mt", "part", "recording", "proc", "space", "chunk", "suffix", "datatype", "extension",
)  # fmt: skip
_SHORT_NAMES = {
    "sub": "subject", "ses": "session", "acq": "acquisition", "ce": "ceagent", "trc": "tracer",
    "rec": "reconstruction", "dir": "direction", "mod": "modality",
}  # fmt: skip
# What other programs have made is told apart by the name of its dataset alone.
GIVEN_KINDS = ("brain_mask", "tissue_maps")
_BY_DATASET = ("dataset",)
# One filter file may serve several apps: what only the others ask for is passed over.
FOREIGN_KINDS = frozenset({"bold", "sbref", "fmap", "t2w", "roi", "asl", "m0scan", "pet", "anat"})


def read_filters(path: Path, *, kinds: tuple[str, ...]) -> Filters:
    """Read and check a filter file; kinds of other apps are left out.

    Parameters
    ----------
    kinds
        The kinds of scans that this app asks for.

    Raises
    ------
    ValueError
        If the file is no JSON of the form `{"t1w": {"session": "02"}}`, or names a kind
        or an entity that does not exist.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        msg = f"the filter file {path} cannot be read: {error}"
        raise ValueError(msg) from error
    if not isinstance(content, dict):
        msg = f'{path}: expected {{"t1w": {{"session": "02"}}}}, got a {type(content).__name__}'
        raise ValueError(msg)  # noqa: TRY004 - a fault of the file, not of the caller
    kinds = (*kinds, *GIVEN_KINDS)
    for kind, query in content.items():
        _check_kind(kind, kinds=kinds, path=path)
        _check_query(query, kind=kind, path=path)
    return {kind: query for kind, query in content.items() if kind in kinds}


def matches(entities: Mapping[str, object], query: Mapping[str, Wanted]) -> bool:
    """Tell whether a file's entities are what a query wants.

    None wants the entity to be absent, `*` wants it to be there, a list wants any of its
    members. Numbers match with and without leading zeros.

    Examples
    --------
    >>> matches({"suffix": "T1w", "run": 1}, {"run": "01", "acquisition": None})
    True
    >>> matches({"suffix": "T1w"}, {"run": "*"})
    False
    """
    return all(_is_wanted(entities.get(name), wanted) for name, wanted in query.items())


def _is_wanted(value: object, wanted: Wanted) -> bool:
    if isinstance(wanted, list):
        return any(_is_wanted(value, one) for one in wanted)
    if wanted is None or value is None:
        return wanted is None and value is None
    return wanted == ANY or _plain(value) == _plain(wanted)


def _plain(value: object) -> str:
    text = str(value)
    return str(int(text)) if text.isdecimal() else text


def _check_kind(kind: str, *, kinds: tuple[str, ...], path: Path) -> None:
    if kind not in kinds and kind not in FOREIGN_KINDS:
        msg = f"{path}: no kind of scan is called {kind!r}; there are {', '.join(kinds)}"
        raise ValueError(msg)


def _check_query(query: object, *, kind: str, path: Path) -> None:
    if not isinstance(query, dict):
        msg = f"{path}: the filter of {kind!r} must be an object, got {query!r}"
        raise ValueError(msg)  # noqa: TRY004 - a fault of the file, not of the caller
    known = _BY_DATASET if kind in GIVEN_KINDS else ENTITIES
    for name in query:
        if name not in known:
            hint = _SHORT_NAMES.get(name)
            say = f"write {hint!r}" if hint in known else f"there are {', '.join(known)}"
            msg = f"{path}: {kind!r} filters by {name!r}, which is no entity; {say}"
            raise ValueError(msg)

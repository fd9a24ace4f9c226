"""Ids of tables and ids of folders: the same person under spellings that differ by nothing real."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedIds:
    """By the id of a table, that of the folders (or its own with `sub-`); and what differed."""

    ids: dict[str, str]
    notes: tuple[str, ...] = ()


def clean_id(text: object) -> str:
    """Write an id as folders are called: no blanks around, one `sub-` in lower case.

    A whole number that a spreadsheet wrote with a decimal (`7.0`) loses it.

    Examples
    --------
    >>> clean_id(" SUB-01 "), clean_id("7.0"), clean_id("P 3")
    ('sub-01', 'sub-7', 'sub-P 3')
    """
    label = re.sub(r"^sub-", "", str(text).strip(), flags=re.IGNORECASE)
    return "sub-" + re.sub(r"^(\d+)\.0+$", r"\1", label)


def match_ids(theirs: Iterable[str], *, known: Iterable[str], where: str) -> MatchedIds:
    """Find the folder that an id of a table means.

    In turn by the same id, by the same letters and digits in any case (`p_01` for `sub-P01`),
    and by the same number without leading zeros (`1` for `sub-0001`); the latter two only where
    no other id of the table or of the folders could be meant.

    Parameters
    ----------
    theirs, known
        Ids of a table, and of the folders.
    where
        Name of the table, for the notes.
    """
    cleaned = {one: clean_id(one) for one in theirs}
    folders = set(known)
    ids = {one: clean for one, clean in cleaned.items() if clean in folders}
    notes = []
    for told, key in (("case, blanks or marks", _letters), ("leading zeros", _number)):
        open_ids = [one for one in cleaned if one not in ids]
        free = sorted(folders - set(ids.values()))
        more = _pair(open_ids, cleaned, free, key=key)
        ids |= more
        if more:
            notes.append(
                f"{len(more)} ids of {where} differ from the folders by {told} only "
                f"({_example(more)}): taken as the same"
            )
    return MatchedIds(ids=cleaned | ids, notes=tuple(notes))


def _pair(
    theirs: Sequence[str],
    cleaned: dict[str, str],
    free: Sequence[str],
    *,
    key: Callable[[str], str | None],
) -> dict[str, str]:
    """Pair ids with folders of the same key, where each side has one alone."""
    keys = {one: key(cleaned[one]) for one in theirs}
    often = Counter(keys.values())
    folders: dict[str | None, list[str]] = {}
    for name in free:
        folders.setdefault(key(name), []).append(name)
    return {
        one: folders[found][0]
        for one, found in keys.items()
        if found is not None and often[found] == 1 and len(folders.get(found, [])) == 1
    }


def _letters(label: str) -> str | None:
    return re.sub(r"[\W_]+", "", label.removeprefix("sub-")).casefold() or None


def _number(label: str) -> str | None:
    """Return letters and number without the zeros before it; None without a number."""
    letters = _letters(label) or ""
    parts = re.fullmatch(r"(\D*)0*(\d+)", letters)
    return f"{parts[1]}{parts[2]}" if parts else None


def _example(pairs: dict[str, str]) -> str:
    shown = [f"{theirs!r} for {ours}" for theirs, ours in list(pairs.items())[:_SHOWN]]
    return ", ".join(shown) + (", …" if len(pairs) > _SHOWN else "")

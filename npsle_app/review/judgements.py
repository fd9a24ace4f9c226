"""What a reader says of scans and maps: one table per session and reader, as the group level reads.

`rating`, `exclude` and `stages` are what the statistics follow; `item`, `judgement` and `reasons`
are what the reader said, from which the agreement of readers is computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from npsle_app.bids.output.writer import write_tsv
from npsle_app.bids.tables import read_texts
from npsle_app.review.cases import Case
from npsle_app.review.items import BY_NAME, ITEMS, SESSION

Verdict = Literal["usable", "acceptable", "exclude"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)  # the best first
REASONS = ("motion", "coverage", "registration", "mask")
MOST_LETTERS = 2000
COLUMNS = (
    *("participant_id", "session_id", "rater", "rating", "exclude", "stages", "measures"),
    *("comment", "item", "judgement", "reasons", "judged_on"),
)
_RATINGS = {"usable": "good", "acceptable": "acceptable", "exclude": "exclude"}
_MISSING = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a reader says of one item; without a verdict there are reasons or a note alone."""

    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()
    note: str = ""
    on: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in (None, *VERDICTS) or set(self.reasons) - set(REASONS):
            msg = f"a judgement is one of {list(VERDICTS)}, with reasons of {list(REASONS)}; "
            msg += f"got {self.verdict!r} with {list(self.reasons)}"
            raise ValueError(msg)
        if len(self.note) > MOST_LETTERS:
            msg = f"a note has at most {MOST_LETTERS} letters, got {len(self.note)}"
            raise ValueError(msg)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return self.verdict is None and not self.reasons and not self.note


def path_of(case: Case, reader: str) -> Path:
    """Return where a reader's judgements of a session stand."""
    return case.root / "qc" / f"{case.id}_reader-{reader}_qc.tsv"


def write_judgements(
    case: Case,
    reader: str,
    judgements: Mapping[str, Judgement],
    *,
    measures: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write all that a reader said of a session, in one step; nothing said takes the table away.

    Parameters
    ----------
    judgements
        By the name of the item.
    measures
        Single measures that are not to be used, by the name of the item: of a rejected sphere.
    """
    path = path_of(case, reader)
    rejected = measures or {}
    rows = [
        _row(case, reader, item.name, judgement, measures=rejected.get(item.name, ()))
        for item in ITEMS
        if not (judgement := judgements.get(item.name, Judgement())).is_empty
        or rejected.get(item.name)
    ]
    if rows:
        write_tsv(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    else:
        path.unlink(missing_ok=True)
    return path


def _row(
    case: Case, reader: str, item: str, judgement: Judgement, *, measures: Sequence[str]
) -> tuple[str | None, ...]:
    whole, excluded = item == SESSION, judgement.verdict == "exclude"
    return (
        f"sub-{case.participant}",
        f"ses-{case.session}" if case.session else None,
        reader,
        _RATINGS[judgement.verdict] if whole and judgement.verdict else None,
        "yes" if whole and excluded else "no",
        ",".join(BY_NAME[item].excluded) if excluded and not whole else None,
        ",".join(measures) or None,
        judgement.note or None,
        item,
        judgement.verdict,
        ",".join(judgement.reasons) or None,
        judgement.on or None,
    )


def read_judgements(case: Case, reader: str) -> dict[str, Judgement]:
    """Read back what a reader said; nothing where they said nothing.

    Raises
    ------
    ValueError
        If the table was changed to something that is no judgement.
    """
    path = path_of(case, reader)
    if not path.is_file():
        return {}
    table = read_texts(path).reindex(columns=list(COLUMNS)).fillna("")
    try:
        return {
            row["item"]: Judgement(
                verdict=row["judgement"] or None,
                reasons=tuple(filter(None, row["reasons"].split(","))),
                note=row["comment"],
                on=row["judged_on"],
            )
            for row in table.to_dict("records")
            if row["item"] in BY_NAME
        }
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error

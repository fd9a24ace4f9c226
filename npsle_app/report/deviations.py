"""What a participant's page says of the deviations from a reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.measures import MEASURES
from npsle_app.report.scores import count_shown, read_scores, write_score

_STALE = (
    "The deviations of an earlier run do not belong to these measures and are not shown: "
    "run the group level again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDeviation:
    """One region as the page shows it; all but `z` is text."""

    region: str
    volume: str
    expected: str
    shown_z: str
    z: float | None
    centile: str
    critical: bool
    qc: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDeviations:
    """All regions, critical ones first; `note` says why there are none.

    Of `n_assessed` regions `n_critical` deviate; `chance` says how many would in a healthy
    person. Both numbers are None where no region could be judged.
    """

    rows: tuple[ShownDeviation, ...] = ()
    n_critical: int | None = None
    n_assessed: int | None = None
    chance: str = ""
    note: str = ""

    @property
    def count(self) -> str:
        """Both numbers, and what chance alone gives, as a sentence."""
        if self.n_critical is None:
            return "No region could be judged: see the reasons below."
        text = f"{self.n_critical} of {self.n_assessed} regions that are counted deviate critically"
        return f"{text}; {self.chance}." if self.chance else f"{text}."

    @property
    def first(self) -> tuple[ShownDeviation, ...]:
        """What stands on the page at once: all critical ones, and the largest others."""
        critical = sum(row.critical for row in self.rows)
        return self.rows[: count_shown(critical)]

    @property
    def rest(self) -> tuple[ShownDeviation, ...]:
        """What is folded away."""
        return self.rows[len(self.first) :]


def read_deviations(writer: Writer) -> ShownDeviations | None:
    """Read a session's deviations; None where the group level wrote none.

    Those of other measures than lie there now are not shown: the note says so.
    """
    scores = read_scores(writer, File.DEVIATIONS)
    if scores is None:
        return None
    if scores.stale:
        return ShownDeviations(note=_STALE)
    rows = sorted(map(_show, scores.table.to_dict("records")), key=_order)
    count = scores.count
    known = count.get("n_deviations") is not None
    return ShownDeviations(
        rows=tuple(rows),
        n_critical=int(count["n_deviations"]) if known else None,
        n_assessed=int(count["n_assessed"]) if known else None,
        chance=_tell_chance(count),
    )


def _show(row: Mapping[Any, Any]) -> ShownDeviation:
    z = None if pd.isna(row["z"]) else float(row["z"])
    name = str(row["region"])
    described = MEASURES[name].description if name in MEASURES else name
    return ShownDeviation(
        region=described.removeprefix("Volume of the ").split(",")[0],
        volume=write_score(row["volume"], "{:.2f}"),
        expected=f"{write_score(row['expected'], '{:.2f}')} ± {write_score(row['sd'], '{:.2f}')}",
        shown_z=write_score(row["z"], "{:+.2f}"),
        z=z,
        centile=write_score(row["centile"], "{:.1f}"),
        critical=row["critical"] is True,
        qc=str(row["qc"]),
        reason="" if pd.isna(row["reason"]) else str(row["reason"]),
    )


def _order(row: ShownDeviation) -> tuple[bool, float]:
    return not row.critical, -abs(row.z) if row.z is not None else float("inf")


def _tell_chance(count: Mapping[str, Any]) -> str:
    if count.get("n_deviations") is None or count.get("n_expected") is None:
        return ""
    text = f"in a healthy person chance alone gives {count['n_expected']:.1f}"
    if count.get("expected_low") is None:
        return text
    low, high = count["expected_low"], count["expected_high"]
    return f"{text} ({low:.1f} to {high:.1f}, as the cut rests on few people)"

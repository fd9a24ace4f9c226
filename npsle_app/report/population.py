"""What a participant's page says of FreeSurfer volumes beside a population."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.measures import MEASURES
from npsle_app.report.scores import count_shown, read_scores, write_score

_STALE = (
    "The scores of an earlier run do not belong to these measures and are not shown: run the "
    "group level again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownScore:
    """One volume as the page shows it; all but `far` is text."""

    region: str
    volume: str
    expected: str
    z: str
    interval: str
    z_age_sex: str
    given: str
    centile: str
    deviation: str
    qc: str
    reason: str
    far: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPopulation:
    """All volumes, those that deviate first; `note` says why there are none.

    `n_deviations` of `n_assessed` that are counted lie beyond the cut, None where none could be
    judged; `n_critical` of all do with both limits.
    """

    rows: tuple[ShownScore, ...] = ()
    reference: str = ""
    n_deviations: int | None = None
    n_assessed: int = 0
    n_critical: int = 0
    chance: str = ""
    note: str = ""

    @property
    def count(self) -> str:
        """How many volumes deviate, in a sentence."""
        if self.n_deviations is None:
            return "No volume could be judged: see the reasons below."
        text = (
            f"{self.n_deviations} of {self.n_assessed} volumes that are counted lie beyond the "
            f"cut; of all, {self.n_critical} do so with both limits"
        )
        return f"{text}. In a healthy person {self.chance}." if self.chance else f"{text}."

    @property
    def first(self) -> tuple[ShownScore, ...]:
        """What stands on the page at once: all that deviate, and the largest others."""
        deviating = sum(bool(row.deviation) for row in self.rows)
        return self.rows[: count_shown(deviating)]

    @property
    def rest(self) -> tuple[ShownScore, ...]:
        """What is folded away."""
        return self.rows[len(self.first) :]


def read_population(writer: Writer) -> ShownPopulation | None:
    """Read a session's scores; None where the group level wrote none.

    Those of other measures than lie there now are not shown: the note says so.
    """
    scores = read_scores(writer, File.POPULATION)
    if scores is None:
        return None
    if scores.stale:
        return ShownPopulation(note=_STALE)
    rows = sorted(map(_show, scores.table.to_dict("records")), key=_order)
    return ShownPopulation(
        rows=tuple(rows),
        reference=_tell_reference(scores.table),
        **_read_count(scores.count),
    )


def _show(row: Mapping[Any, Any]) -> ShownScore:
    name = str(row["region"])
    described = MEASURES[name].description if name in MEASURES else name
    z = float(row["z"])
    low, high = (write_score(row[name], "{:+.2f}") for name in ("z_low", "z_high"))
    return ShownScore(
        region=described.removeprefix("Volume of the ").split(", as ")[0],
        volume=write_score(row["volume"], "{:.2f}"),
        expected=f"{write_score(row['expected'], '{:.2f}')} ± {write_score(row['sd'], '{:.2f}')}",
        z=write_score(z, "{:+.2f}"),
        interval=f"{low} to {high}",
        z_age_sex=write_score(row["z_age_sex"], "{:+.2f}"),
        given=str(row["given"]),
        centile=write_score(row["centile"], "{:.1f}"),
        deviation="" if pd.isna(row["deviation"]) else str(row["deviation"]),
        qc=str(row["qc"]),
        reason="" if pd.isna(row["reason"]) else str(row["reason"]),
        far=-1.0 if pd.isna(z) else abs(z),
    )


def _order(row: ShownScore) -> tuple[bool, float]:
    return not row.deviation, -row.far


def _tell_reference(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    software = "" if pd.isna(first["measured_by"]) else str(first["measured_by"])
    controls = int(table["n_controls"].max())
    measured = f" This scan was measured by {software}." if software else ""
    return f"{first['reference']}.{measured} The site's term is told by up to {controls} controls."


def _read_count(count: Mapping[str, Any]) -> dict[str, Any]:
    if count.get("n_deviations") is None:
        return {}
    told: dict[str, Any] = {
        name: int(count[name]) for name in ("n_deviations", "n_assessed", "n_critical")
    }
    if count.get("expected_low") is not None:
        told["chance"] = (
            f"chance alone gives {count['n_expected']:.1f} ({count['expected_low']:.1f} to "
            f"{count['expected_high']:.1f}, as the scanner is known)"
        )
    return told

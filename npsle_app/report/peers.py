"""Where a person's number lies among the people of the study, once the group level ran."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.tables import read_table
from npsle_app.documents import read_json
from npsle_app.report.layout import LAYOUT
from npsle_app.report.strips import axis_of, round_ticks, write_tick

WIDTH, LANE, AXIS = 260, 17, 18  # units of the drawing: all, a group's lane, the axis below
_LEFT, _RIGHT = 8, 252
_MOST_DOTS = 60  # of a group; the words beside it count all
_JITTER = (0, -4, 4, -2, 2)  # so that near dots do not hide each other
ALL = "Others of the study"
_REST = "No group"
_NAMES = tuple(card.measure for card in LAYOUT.card if card.measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerGroup:
    """One group's dots, x and y in units of the drawing, and how many lie on which side."""

    label: str
    n: int
    below: int
    middle: float
    y: float
    dots: tuple[tuple[float, float], ...]

    @property
    def text(self) -> str:
        """What the eye sees, in words."""
        return f"{self.label}: {self.below} of {self.n} lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStrip:
    """A person's number, drawn through the dots of each group."""

    groups: tuple[PeerGroup, ...]
    own: float
    height: int
    ticks: tuple[tuple[float, str], ...]

    @property
    def text(self) -> str:
        """All groups in words."""
        return "; ".join(group.text for group in self.groups)


@dataclass(frozen=True, kw_only=True)
class Peers:
    """Numbers of all people at their first session, by `sub-01`, and the groups in order.

    `values` has one column per measure of a card, and `group`. Numbers whose checks failed and
    people whom a rating excludes are not among them.
    """

    values: pd.DataFrame = field(default_factory=pd.DataFrame)
    groups: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that a page takes from here; empty where there is nothing."""
        if self.values.empty:
            return ""
        text = self.values.to_csv(lineterminator="\n") + "\n".join(self.groups)
        return sha256(text.encode("utf-8")).hexdigest()

    def draw(self, measure: str, value: float | None, *, participant: str) -> PeerStrip | None:
        """Lay a person's value out among the others; None where there is no value or nobody."""
        if value is None or measure not in self.values:
            return None
        others = self.values.drop(index=participant, errors="ignore")
        known = others.loc[others[measure].notna(), [measure, "group"]]
        if known.empty:
            return None
        low, high = axis_of(pd.Series([value, *known[measure]], dtype=float))
        scale = (_RIGHT - _LEFT) / (high - low)
        parts = [(label, known.loc[known["group"] == label, measure]) for label in self.groups]
        shown = [(label, numbers) for label, numbers in parts if len(numbers)]
        height = len(shown) * LANE + AXIS
        return PeerStrip(
            groups=tuple(
                _draw_group(label, numbers, value, low=low, scale=scale, lane=lane)
                for lane, (label, numbers) in enumerate(shown)
            ),
            own=_place(value, low, scale),
            height=height,
            ticks=tuple(
                (_place(tick, low, scale), write_tick(tick)) for tick in round_ticks(low, high)[::2]
            ),
        )


def read_peers(output_dir: Path) -> Peers:
    """Read what the group level wrote; nothing where it did not run."""
    try:
        wide = read_table(output_dir / "npsle_app_measures.tsv")
        first = wide.drop_duplicates("participant_id").set_index("participant_id")
        values = _choose(first)
    except (OSError, ValueError, KeyError):
        return Peers()
    labels, members = _read_groups(output_dir)
    values["group"] = [members.get(str(one), _REST if labels else ALL) for one in values.index]
    present = set(values["group"])
    return Peers(
        values=values.sort_index(),
        groups=tuple(label for label in (*labels, _REST, ALL) if label in present),
    )


def _choose(wide: pd.DataFrame) -> pd.DataFrame:
    """Take the numbers of the cards, but for people whom a rating excludes and failed checks."""
    if "qc_exclude" in wide:
        wide = wide[wide["qc_exclude"] != "yes"]
    names = [name for name in _NAMES if name in wide]
    values: pd.DataFrame = wide[names].apply(pd.to_numeric, errors="coerce")
    for name in names:
        if f"{name}_qc" in wide:
            values[name] = values[name].mask(wide[f"{name}_qc"] == "fail")
    return values


def _read_groups(output_dir: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read the labels of the study's groups, and who belongs to which."""
    try:
        summary = read_json(output_dir / GroupFile.STATISTICS.path)
        frame = read_table(output_dir / GroupFile.ANALYSIS_FRAME.path).set_index("participant_id")
        by_name = {str(one["name"]): one for one in summary["populations"]}
        groups = [by_name[name] for name in summary["groups"] if name in by_name]
    except (OSError, ValueError, KeyError, TypeError):
        return (), {}
    members = {
        str(person): str(group["label"])
        for group in reversed(groups)
        for person in _select(frame, group["where"])
    }
    return tuple(dict.fromkeys(str(group["label"]) for group in groups)), members


def _select(frame: pd.DataFrame, where: Mapping[str, Sequence[Any]]) -> Iterable[object]:
    chosen = pd.Series(data=True, index=frame.index)
    for column, levels in where.items():
        if column not in frame:
            return []
        chosen &= frame[column].astype(str).isin([str(level) for level in levels])
    return list(frame.index[chosen])


def _draw_group(
    label: str, numbers: pd.Series, value: float, *, low: float, scale: float, lane: int
) -> PeerGroup:
    ranked = numbers.sort_values(kind="stable").to_numpy(dtype=float)
    drawn = ranked[:: -(-len(ranked) // _MOST_DOTS)]
    middle = lane * LANE + LANE / 2
    return PeerGroup(
        label=label,
        n=len(ranked),
        below=int((ranked < value).sum()),
        middle=_place(float(numbers.median()), low, scale),
        y=middle,
        dots=tuple(
            (_place(float(number), low, scale), middle + _JITTER[rank % len(_JITTER)])
            for rank, number in enumerate(drawn)
        ),
    )


def _place(value: float, low: float, scale: float) -> float:
    return round(_LEFT + (value - low) * scale, 1)

"""The numbers behind the figures of deviations: who is where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats
from npsle_app.cohort.deviations.associations import ACROSS, ADJUSTED, OVER_TIME
from npsle_app.cohort.deviations.associations import PUBLISHED as PUBLISHED_MODEL
from npsle_app.cohort.deviations.deviations import N_DEVIATIONS, Deviations
from npsle_app.cohort.deviations.events import GROUPS, FollowUp, follow_up
from npsle_app.cohort.deviations.groups import PUBLISHED, ROBUST
from npsle_app.cohort.estimators.survival import count_at_risk, estimate_survival
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.visits import index_scans
from npsle_app.formatting import ESTIMATED, equals_p, format_interval

MOST_REGIONS = 20
_MOST_DOTTED = 100  # people; of more the dots would be too small to see


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Scores by person (rows, in order of groups) and region: (n, k) arrays."""

    z: Floats
    critical: Bools
    people: tuple[str, ...]
    regions: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]


def tabulate_scores(deviations: Deviations) -> ScoreTable | None:
    """Lay out the baseline scores of the study's groups; None if no one has one.

    Within a group those with most deviations come first. Of more than 100 people no critical
    score is marked: the colours tell.
    """
    parts: list[tuple[str, pd.DataFrame]] = []
    for name in dict.fromkeys((deviations.study.normative.reference, *deviations.study.groups)):
        population = deviations.study.populations[name]
        rows = deviations.baseline[members(deviations.baseline, population=population)]
        ordered = rows.sort_values(
            [N_DEVIATIONS, "participant_id"], ascending=[False, True], na_position="last"
        )
        parts.append((population.label, ordered[~_seen(ordered, parts)]))
    groups = tuple((label, len(rows)) for label, rows in parts if len(rows))
    if not groups:
        return None
    people = pd.concat([rows for _, rows in parts])
    there = set(deviations.scores["region"])
    order = [name for name in deviations.study.normative.scored_regions if name in there]
    z = _spread(deviations, "z", people, order).to_numpy(dtype=float)
    critical = _spread(deviations, "critical", people, order)
    marked = critical.eq(True).to_numpy(dtype=bool)
    if not np.isfinite(z).any():
        return None
    return ScoreTable(
        z=z,
        critical=marked if len(people) <= _MOST_DOTTED else np.zeros_like(marked),
        people=tuple(people["participant_id"]),
        regions=tuple(order),
        groups=groups,
    )


def list_ratios(table: pd.DataFrame, deviations: Deviations) -> Iterator[dict[str, Any]]:
    """Give each contrast's ratio as a line of a forest plot."""
    method = PUBLISHED if deviations.study.mode == "paper" else ROBUST
    own = table[(table["status"] == ESTIMATED) & (table["method"] == method)]
    for row in own.to_dict("records"):
        shown = format_interval(row["irr"], row["irr_low"], row["irr_high"], decimals=2)
        yield {
            "name": str(row["contrast_label"]),
            "value": float(row["irr"]),
            "low": float(row["irr_low"]),
            "high": float(row["irr_high"]),
            "shown": f"{shown}, permutation {equals_p(row['permutation_p'])}",
            "emphasised": bool(row["permutation_p"] < deviations.study.alpha),
        }


def list_associations(table: pd.DataFrame, deviations: Deviations) -> Iterator[dict[str, Any]]:
    """Give each score's association with the number of deviations as a line of a forest."""
    model = PUBLISHED_MODEL if deviations.study.mode == "paper" else ADJUSTED
    own = table[(table["status"] == ESTIMATED) & (table["model"] == model)]
    own = own[(own["predictor"] == N_DEVIATIONS) & own["std_b"].notna()]
    for row in own.to_dict("records"):
        where = f"over time, {row['effect']}" if row["design"] == OVER_TIME else row["design"]
        yield _line(row, f"{row['score_label']}, {where}", alpha=deviations.study.alpha)


def list_regional(table: pd.DataFrame, *, alpha: float = 0.05) -> Iterator[dict[str, Any]]:
    """Give the regional associations with the smallest p-values, the strongest first."""
    own = table[(table["status"] == ESTIMATED) & (table["predictor"] != N_DEVIATIONS)]
    own = own[own["design"] == ACROSS].astype({"p": float})
    least = own.sort_values("p", kind="stable").head(MOST_REGIONS)
    for row in least.sort_values("std_b", key=abs, ascending=False).to_dict("records"):
        yield _line(row, f"{row['score_label']}, {row['predictor_label']}", alpha=alpha)


def list_curves(deviations: Deviations, *, ticks: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Give each risk's Kaplan-Meier curve, with the numbers at risk at the ticks."""
    followed = _followed(deviations)
    if followed is None:
        return
    for risk in GROUPS:
        own = (followed.risk == risk).to_numpy()
        time, event = followed.time[own], followed.event[own]
        if not len(time) or not (time > 0).all():
            continue
        curve = estimate_survival(time, event=event)
        yield {
            "name": f"{risk} risk",
            **{name: curve[name].to_numpy(dtype=float) for name in _CURVE},
            "ends": float(time.max()),
            "censored": np.sort(time[~event]),
            "at_risk": tuple(count_at_risk(time, at=ticks)),
        }


def longest_follow_up(deviations: Deviations) -> float:
    """Return the longest follow-up in years; 0 if no one is followed."""
    followed = _followed(deviations)
    return 0.0 if followed is None else float(followed.time.max())


_CURVE = ("time", "survival", "low", "high")


def _followed(deviations: Deviations) -> FollowUp | None:
    try:
        return follow_up(deviations)
    except ValueError:
        return None


def _line(row: dict[Any, Any], name: str, *, alpha: float) -> dict[str, Any]:
    shown = format_interval(row["std_b"], row["std_low"], row["std_high"], decimals=2)
    return {
        "name": name,
        "value": float(row["std_b"]),
        "low": float(row["std_low"]),
        "high": float(row["std_high"]),
        "shown": f"{shown}, {equals_p(row['q'], name='q')}, n = {row['n']:.0f}",
        "emphasised": bool(row["q"] < alpha),
    }


def _seen(rows: pd.DataFrame, parts: list[tuple[str, pd.DataFrame]]) -> pd.Series:
    before = {person for _, part in parts for person in part["participant_id"]}
    return rows["participant_id"].isin(before)


def _spread(
    deviations: Deviations, column: str, people: pd.DataFrame, order: list[str]
) -> pd.DataFrame:
    own = deviations.scores[index_scans(deviations.scores).isin(index_scans(people))]
    wide = own.pivot(  # noqa: PD010 - no values merge
        index="participant_id", columns="region", values=column
    )
    return wide.reindex(index=people["participant_id"], columns=order)

"""How deviations come and go from visit to visit, by region and group."""

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.deviations import Deviations
from npsle_app.cohort.deviations.states import (
    IMPROVED,
    STABLE,
    WORSENED,
    describe_states,
    list_transitions,
)
from npsle_app.cohort.study.normative_question import say_region
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.visits import SCAN, YEARS
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

COLUMNS = [
    *("population", "population_label", "region", "region_label", "n", "pairs", "worsened"),
    *("improved", "stable", "share_visits", "entropy_bits", "status", "reason"),
]
ALL = "all counted regions"


def tabulate_transitions(deviations: Deviations) -> pd.DataFrame:
    """Count transitions between visits, of each counted region and of all together.

    Returns
    -------
    DataFrame
        One row per group and region: `n` people with two labelled visits, `pairs` of visits,
        of which `worsened`, `improved` and `stable`; `share_visits` (%, of a person's visits
        that are critical) and Shannon `entropy_bits`, both mean over people.
    """
    visits = _order(deviations.visits)
    scores = deviations.counted.merge(visits[[*SCAN, "visit"]], on=SCAN)
    rows = [
        row
        for name in dict.fromkeys(deviations.study.groups)
        for row in _tabulate(deviations, scores, name)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _order(visits: pd.DataFrame) -> pd.DataFrame:
    """Add each visit's number: by time; where it is not known, in the order of labels."""
    ordered = visits.assign(row=np.arange(len(visits)))
    ordered = ordered.sort_values(["participant_id", YEARS, "row"], na_position="last")
    return ordered.assign(visit=ordered.groupby("participant_id").cumcount())


def _tabulate(deviations: Deviations, scores: pd.DataFrame, name: str) -> list[dict[str, object]]:
    population = deviations.study.populations[name]
    told = {"population": name, "population_label": population.label}
    people = deviations.visits.loc[
        members(deviations.visits, population=population), "participant_id"
    ]
    own = scores[scores["participant_id"].isin(people)]
    changes = list_transitions(own)
    if changes.empty:
        reason = f"{population.label}: no one has two visits with labels"
        gap = {"region": "", "region_label": ALL, "n": 0, "status": NOT_ESTIMABLE}
        return [told | gap | {"reason": reason}]
    states = describe_states(own[own["participant_id"].isin(changes["participant_id"])])
    rows = [told | {"region": "", "region_label": ALL} | _count(changes, states)]
    for region in dict.fromkeys(scores["region"]):
        part = changes[changes["region"] == region]
        if len(part):
            named = {"region": region, "region_label": say_region(region)}
            rows.append(told | named | _count(part, states[states["region"] == region]))
    return rows


def _count(changes: pd.DataFrame, states: pd.DataFrame) -> dict[str, object]:
    kinds = changes["transition"].value_counts()
    return {
        "n": int(changes["participant_id"].nunique()),
        "pairs": len(changes),
        "worsened": int(kinds.get(WORSENED, 0)),
        "improved": int(kinds.get(IMPROVED, 0)),
        "stable": int(kinds.get(STABLE, 0)),
        "share_visits": 100 * float(states["share"].mean()),
        "entropy_bits": float(states["entropy_bits"].mean()),
        "status": ESTIMATED,
        "reason": "",
    }

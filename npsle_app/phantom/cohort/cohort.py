"""Simulated cohorts: the tables of a study whose effects are known, without images."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npsle_app.phantom.cohort import paper1, paper2, paper3
from npsle_app.phantom.cohort.clinic import COLUMNS
from npsle_app.phantom.cohort.records import Cohort, Person, Row

PAPERS = ("paper1", "paper2", "paper3")
_STREAM = 200  # apart from the streams of images and of their clinical rows

_MORE: Mapping[str, Mapping[str, object]] = {
    "group": {
        "Description": "Study group",
        "Levels": {
            "HC": "Healthy control",
            "non-NPSLE": "Systemic lupus erythematosus, no neuropsychiatric event attributed to it",
            "NPSLE": "Neuropsychiatric systemic lupus erythematosus",
        },
    },
    "diabetes": {"Description": "Diabetes", "Levels": {"0": "No", "1": "Yes"}},
    "sledai_2k_non_np": {
        "Description": "SLEDAI-2K without its seven neurological items, 0 to 49",
    },
    "total_cholesterol_mmol_l": {"Description": "Total cholesterol", "Units": "mmol/L"},
    "ldl_mmol_l": {"Description": "Low-density lipoprotein cholesterol", "Units": "mmol/L"},
    "iga_g_l": {"Description": "Immunoglobulin A", "Units": "g/L"},
    "edss": {"Description": "Expanded Disability Status Scale, 0 to 10"},
    "time_to_event_days": {
        "Description": "From the first scan to the event or the end of follow-up",
        "Units": "day",
    },
    "event": {"Description": "Whether follow-up ended with the event"},
    "session_id": {"Description": "Session"},
    "acq_time": {"Description": "When the session was, invented"},
}


def simulate_cohort(paper: str, *, participants: int, seed: int) -> Cohort:
    """Draw a cohort with the printed moments of a paper.

    The groups come in blocks as large as the paper's study (80, 155 or 724), in a shuffled order,
    so that a cohort of that size has the paper's group sizes, and a participant stays the
    same in a larger cohort.

    Raises
    ------
    ValueError
        If no paper has that name.
    """
    source = _source(paper)
    profiles = _ordered(source.BLOCK, participants=participants, seed=seed)
    people = [
        _draw(source.make_person, profile, seed=seed, index=index)
        for index, profile in enumerate(profiles, start=1)
    ]
    ids = [f"sub-{index:0{_digits(participants)}d}" for index in range(1, participants + 1)]
    named = [({"participant_id": one}, person) for one, person in zip(ids, people, strict=True)]
    clinical = [identity | person.clinical for identity, person in named]
    visits = [identity | row for identity, person in named for row in _list_visits(person)]
    known = {**COLUMNS, **_MORE}
    return Cohort(
        clinical=clinical,
        measures=[row for identity, person in named for row in _list_measures(identity, person)],
        visits=visits,
        columns={name: known[name] for row in (*clinical[:1], *visits[:1]) for name in row},
        truth={"cohort": paper, "seed": seed, "participants": participants} | source.truth(),
    )


def _list_measures(identity: Row, person: Person) -> list[Row]:
    if not person.visits:
        return [identity | person.measures]
    return [identity | {"session_id": v.session_id} | v.measures for v in person.visits]


def _list_visits(person: Person) -> list[Row]:
    return [{"session_id": visit.session_id} | visit.clinical for visit in person.visits]


def block_of(paper: str) -> int:
    """Return how many participants the paper has."""
    return len(_source(paper).BLOCK)


def _source(paper: str) -> Any:
    if paper not in PAPERS:
        msg = f"no cohort is called {paper!r}; there are {list(PAPERS)}"
        raise ValueError(msg)
    return {"paper1": paper1, "paper2": paper2, "paper3": paper3}[paper]


def _ordered(block: Sequence[Any], *, participants: int, seed: int) -> list[Any]:
    order = np.random.default_rng([seed, 0, _STREAM]).permutation(len(block))
    return [block[order[index % len(block)]] for index in range(participants)]


def _draw(
    make: Callable[[np.random.Generator, Any], Person], profile: Any, *, seed: int, index: int
) -> Person:
    return make(np.random.default_rng([seed, index, _STREAM]), profile)


def _digits(participants: int) -> int:
    return max(4, len(str(participants)))


def tidy(measures: Row) -> Row:
    """Round as the app's tables do: six digits."""
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value
        for name, value in measures.items()
    }

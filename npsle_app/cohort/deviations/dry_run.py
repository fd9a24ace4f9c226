"""Who would make a reference, and who would be scored by it: for a dry run."""

from collections.abc import Iterator

import pandas as pd

from npsle_app.cohort.normative.gaps import tell_each
from npsle_app.cohort.normative.model import LEAST_FOR_LABEL
from npsle_app.cohort.normative.people import find_gaps, is_usable
from npsle_app.cohort.normative.sources import GivenReference, take_controls
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.visits import describe_scans, list_visits


def tell_plan(cohort: Cohort, *, given: GivenReference | None) -> Iterator[str]:
    """Say who makes the reference, who is scored, and why others are not; nothing is fitted."""
    study, visits = cohort.study, list_visits(cohort)
    try:
        frame, regions, notes = describe_scans(visits, study=study)
    except ValueError as error:
        yield f"normative modelling: not estimable: {error}"
        return
    controls = take_controls(visits, frame, study=study)
    if given is None:
        label = study.label(study.normative.reference)
        yield f"normative modelling: the reference would be {label}: {_tell_people(controls)}"
    elif given.table is not None:
        yield f"normative modelling: the reference is {given.name}: {_tell_people(given.table)}"
    else:
        yield f"normative modelling: the reference is the model {given.name}"
    inside = frame[visits[EXCLUDED].isna()]
    scored = inside[is_usable(inside)]
    yield (
        f"normative modelling: {len(scored)} sessions of {scored['participant_id'].nunique()} "
        f"people would be scored in {len(regions)} regions"
    )
    for reason, count in pd.Series(tell_each(find_gaps(inside))).value_counts().items():
        yield f"normative modelling: {count} sessions without a score: {reason}"
    yield from (f"normative modelling: {note}" for note in notes)


def _tell_people(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "no one: there would be no score"
    usable = frame[is_usable(frame)]
    counts = usable["sex"].value_counts().sort_index()
    told = [
        f"{n} of sex {sex}" + ("" if n >= LEAST_FOR_LABEL else " (too few to call a z critical)")
        for sex, n in counts.items()
    ]
    if lost := len(frame) - len(usable):
        told.append(f"{lost} without age, sex or TIV")
    return ", ".join(told)

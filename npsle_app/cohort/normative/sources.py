"""The reference of a study: its own controls, a table of healthy people, or a fitted model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.normative.model import RECOMMENDED, NormativeModel, Provenance
from npsle_app.cohort.normative.people import is_usable
from npsle_app.cohort.normative.reference import HELD_OUT, fit_reference
from npsle_app.cohort.normative.sites import add_sites
from npsle_app.cohort.normative.validity import check_reference
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.populations import explain_empty, members
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.visits import IS_BASELINE, describe_scans, index_scans

UNIT = "mL"
OWN, TABLE, MODEL = "the study's own controls", "a table of healthy people", "a fitted model"
_DIGITS = 5
_NO_CONTROLS = (
    "the study has no controls with a site: whether its scanner measures as those of the "
    "reference do is not known"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenReference:
    """A reference from elsewhere: a table of people, or a model fitted to them.

    `name` is that of its file, `provenance` what measured it.
    """

    name: str
    provenance: Provenance
    table: pd.DataFrame | None = None
    model: NormativeModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReference:
    """The model that people are scored by, and what is known of it.

    Attributes
    ----------
    source
        One of `OWN`, `TABLE`, `MODEL`; `name` is that of a file that was given.
    held_out
        Of scans of this study that made the model: scores by models without them.
    people
        Who made the model, as `fit_reference` takes them; None for a fitted model.
    labels
        What each figure must carry.
    controls
        The study's controls, as `take_controls` gives them.
    learned_sites
        Sites whose offset the study's controls taught the model.
    """

    source: str
    name: str
    model: NormativeModel
    held_out: pd.DataFrame
    people: pd.DataFrame | None
    outliers: pd.DataFrame
    labels: tuple[str, ...]
    controls: pd.DataFrame
    learned_sites: tuple[str, ...]


def describe_given(given: GivenReference) -> NormativeModel:
    """Return the model, or what is known of it before a table is fitted: to be checked."""
    if given.model is not None:
        return given.model
    table = pd.DataFrame() if given.table is None else given.table
    regions = tuple(str(name) for name in table if str(name).startswith("region_"))
    return NormativeModel(
        sexes={},
        regions=regions,
        unit=UNIT,
        method=RECOMMENDED,
        provenance=given.provenance,
    )


def make_reference(
    visits: pd.DataFrame,
    *,
    cohort: Cohort,
    own: Provenance,
    given: GivenReference | None,
    allow_foreign: bool,
    seed: int,
) -> tuple[StudyReference, tuple[str, ...]]:
    """Fit or take the reference of a study; return it with notes for the reader.

    Raises
    ------
    ValueError
        If there are no controls, or the reference does not fit the study's volumes.
    """
    study = cohort.study
    frame, regions, notes = describe_scans(visits, study=study)
    controls = take_controls(visits, frame, study=study)
    if given is None:
        return _fit_own(controls, regions, cohort=cohort, own=own, seed=seed), notes
    if given.model is not None:
        model, held_out, people = given.model, pd.DataFrame(columns=HELD_OUT), None
        outliers = pd.DataFrame(columns=["participant_id", "column", "distance", "reason"])
    elif given.table is not None:
        fitted = fit_reference(
            given.table,
            regions=_shared(given.table, regions),
            unit=UNIT,
            provenance=given.provenance,
            seed=seed,
        )
        model, people, outliers = fitted.model, given.table, fitted.outliers
        held_out = rename_held_out(fitted.held_out, table=given.table, scans=frame)
    else:
        msg = f"{given.name} holds neither people nor a model"
        raise ValueError(msg)
    labels = check_reference(
        model, measured_by=own, regions=regions, unit=UNIT, allow_foreign=allow_foreign
    )
    taught, more = _teach_sites(model, controls)
    found = StudyReference(
        source=MODEL if people is None else TABLE,
        name=given.name,
        model=taught,
        held_out=held_out,
        people=people,
        outliers=outliers,
        labels=labels,
        controls=controls,
        learned_sites=tuple(sorted(set(_sites(taught)) - set(_sites(model)))),
    )
    return found, (*notes, *more)


def rename_held_out(
    held_out: pd.DataFrame, *, table: pd.DataFrame, scans: pd.DataFrame
) -> pd.DataFrame:
    """Keep the scores of those scans of a table that are scans of the study too.

    They are the same if sex, TIV and all shared volumes are, to five digits, whatever their
    ids. A scan must not be scored by a model that has seen it.
    """
    there = [str(name) for name in scans if name in table]
    shared = ["tiv_ml", *(name for name in there if name.startswith("region_"))]
    known = dict(zip(_fingerprints(scans, shared), index_scans(scans), strict=True))
    own = zip(table["participant_id"].astype(str), _fingerprints(table, shared), strict=True)
    found = {person: known[scan] for person, scan in own if scan in known}
    kept = held_out[held_out["participant_id"].isin(list(found))]
    scans_of = [found[person] for person in kept["participant_id"]]
    return kept.assign(
        participant_id=[participant for participant, _ in scans_of],
        session_id=[session for _, session in scans_of],
    )


def take_controls(visits: pd.DataFrame, frame: pd.DataFrame, *, study: Study) -> pd.DataFrame:
    """Return the baseline scans of the reference population, as `describe_scans` lays them out."""
    population = study.populations[study.normative.reference]
    inside = members(visits, population=population) & visits[IS_BASELINE].astype(bool)
    return frame[inside & visits[EXCLUDED].isna()]


def _fit_own(
    controls: pd.DataFrame,
    regions: tuple[str, ...],
    *,
    cohort: Cohort,
    own: Provenance,
    seed: int,
) -> StudyReference:
    study = cohort.study
    asked = study.populations[study.normative.reference]
    if controls.empty:
        why = explain_empty(cohort, population=asked)
        msg = (
            f"there are no controls to make a reference of ({why}): name them in [normative] "
            "reference of the study file, or give a reference with --normative-reference"
        )
        raise ValueError(msg)
    fitted = fit_reference(controls, regions=regions, unit=UNIT, provenance=own, seed=seed)
    return StudyReference(
        source=OWN,
        name=study.label(study.normative.reference),
        model=fitted.model,
        held_out=fitted.held_out,
        people=controls.drop(columns="session_id"),
        outliers=fitted.outliers,
        labels=(),
        controls=controls,
        learned_sites=(),
    )


def _shared(table: pd.DataFrame, regions: tuple[str, ...]) -> tuple[str, ...]:
    shared = tuple(name for name in regions if name in table)
    if not shared:
        there = [str(name) for name in table if str(name).startswith("region_")]
        msg = f"the reference has other regions: {there[:4]}, not {list(regions[:4])}"
        raise ValueError(msg)
    return shared


def _teach_sites(
    model: NormativeModel, controls: pd.DataFrame
) -> tuple[NormativeModel, tuple[str, ...]]:
    """Let the study's controls teach the offsets of its sites, where that can be done."""
    usable = controls[is_usable(controls)] if len(controls) else controls
    if "site" not in controls or usable.empty:
        return model, (_NO_CONTROLS,)
    try:
        return add_sites(model, controls=usable), ()
    except ValueError as error:
        return model, (f"offsets of this study's sites were not learned: {error}",)


def _sites(model: NormativeModel) -> list[str]:
    return [site for sex in model.sexes.values() for site in sex.sites]


def _fingerprints(frame: pd.DataFrame, columns: list[str]) -> list[str]:
    numbers = frame[columns].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    sexes = frame["sex"].astype(str)
    return [
        " ".join([sex, *(f"{value:.{_DIGITS}g}" for value in row)])
        for sex, row in zip(sexes, np.nan_to_num(numbers, nan=-1.0), strict=True)
    ]

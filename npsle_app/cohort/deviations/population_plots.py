"""The numbers behind centile curves of a population: the study's people, and one person."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.deviations import Deviations
from npsle_app.cohort.deviations.population_study import PopulationStudy
from npsle_app.cohort.normative.population import MAN, WOMAN, Population
from npsle_app.cohort.normative.population_curves import (
    place_volumes,
    span_ages,
    trace_centiles,
)
from npsle_app.cohort.normative.population_scores import AGE, SCALE, SEX, SHIFT
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.visits import index_scans
from npsle_app.measures.names_of_freesurfer import say_volume, volume_name
from npsle_app.measures.names_of_regions import SIDES

_OF_STUDY = ("thalamus", "hippocampus", "caudate", "putamen", "lateral_ventricle")
_OF_PERSON = (*_OF_STUDY, "pallidum", "amygdala", "accumbens")
_SEXES = {WOMAN: "women", MAN: "men"}


def list_study_curves(modelled: PopulationStudy) -> Iterator[dict[str, Any]]:
    """Give each volume and sex as a panel: curves of all heads, and the study's people by group.

    Everyone stands where a middling site would have measured the same z, for a head of middling
    size where z is given the intracranial volume.
    """
    rows = modelled.traced[modelled.traced["z"].notna()]
    groups, order = _label_groups(modelled.found)
    rows = rows.assign(group=groups.reindex(index_scans(rows)).to_numpy())
    rows = rows[rows["group"].notna() & rows[SEX].isin(list(_SEXES))]
    for name in _OF_STUDY:
        for sex, people in _SEXES.items():
            for side in SIDES:
                region = volume_name(name, side=side)
                own = rows[(rows["region"] == region) & (rows[SEX] == sex)]
                if own.empty:
                    continue
                title = f"{say_volume(region)}, {people}"
                yield _lay_out(own, modelled.population, region, title=title, order=order, sex=sex)


def list_person_curves(
    traced: pd.DataFrame, *, population: Population, session_id: str
) -> Iterator[dict[str, Any]]:
    """Give each volume of a session as a panel: curves for this head and site, and all scans.

    Parameters
    ----------
    traced
        All rows of one participant; `session_id` is empty where there are no sessions.
    """
    mine = traced[(traced["session_id"].fillna("") == session_id) & traced["z"].notna()]
    rows = {str(row["region"]): row for row in mine.to_dict("records")}
    shown = [volume_name(name, side=side) for name in _OF_PERSON for side in SIDES]
    beyond = [region for region, row in rows.items() if row["deviation"] and region not in shown]
    for region in (*(one for one in shown if one in rows), *beyond):
        row = rows[region]
        visits = traced[(traced["region"] == region) & traced["z"].notna()]
        ages = span_ages(population, visits[AGE].to_numpy(dtype=float))
        yield {
            "region": region,
            "z": float(row["z"]),
            "ages_years": ages,
            "curves": trace_centiles(
                population,
                region=region,
                is_man=row[SEX] == MAN,
                ages_years=ages,
                shift=float(row[SHIFT]),
                scale=float(row[SCALE]),
            ),
            "visits": [_place(one, population) for one in visits.to_dict("records")],
            "shown": float(row[AGE]),
        }


def _place(row: Mapping[Any, Any], population: Population) -> dict[str, Any]:
    """Place a scan with the volumes at the limits of its z."""
    at = np.array([row["z_low"], row["z_high"]], dtype=float)
    low, high = place_volumes(
        population,
        region=str(row["region"]),
        z=row[SHIFT] + row[SCALE] * at,
        is_man=np.full(2, float(row[SEX] == MAN)),
        ages_years=np.full(2, float(row[AGE])),
    )
    return {
        "age_years": float(row[AGE]),
        "volume": float(row["volume"]),
        "critical": bool(row["critical"] is True),
        "low": float(low),
        "high": float(high),
    }


def _lay_out(
    rows: pd.DataFrame,
    population: Population,
    region: str,
    *,
    title: str,
    order: list[str],
    sex: str,
) -> dict[str, Any]:
    ages, is_man = rows[AGE].to_numpy(dtype=float), np.full(len(rows), float(sex == MAN))
    volumes, low, high = (
        place_volumes(
            population,
            region=region,
            z=rows[name].to_numpy(dtype=float),
            is_man=is_man,
            ages_years=ages,
        )
        for name in ("z", "z_low", "z_high")
    )
    beyond = rows["deviation"].ne("").to_numpy(dtype=bool)
    span = span_ages(population, ages)
    groups = [(label, rows["group"].eq(label).to_numpy(dtype=bool)) for label in order]
    return {
        "title": title,
        "ages_years": span,
        "curves": trace_centiles(population, region=region, is_man=sex == MAN, ages_years=span),
        "groups": [
            {
                "name": label,
                "ages_years": ages[own],
                "volumes": volumes[own],
                "low": np.where(beyond, low, np.nan)[own],
                "high": np.where(beyond, high, np.nan)[own],
                "people": tuple(rows.loc[own, "participant_id"]),
            }
            for label, own in groups
        ],
    }


def _label_groups(deviations: Deviations) -> tuple[pd.Series, list[str]]:
    """Name the group of each baseline scan, everyone once; and the groups, the reference first."""
    study, baseline = deviations.study, deviations.baseline
    labels = pd.Series(None, index=baseline.index, dtype=object)
    order = []
    for name in dict.fromkeys((study.normative.reference, *study.groups)):
        population = study.populations[name]
        labels[members(baseline, population=population) & labels.isna()] = population.label
        order.append(population.label)
    known = labels.notna()
    return labels[known].set_axis(index_scans(baseline.loc[known])), order

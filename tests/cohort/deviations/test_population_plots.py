"""Centile curves of a population agree with its scores."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.deviations.population_plots import list_person_curves
from npsle_app.cohort.normative.curves import CENTILES
from npsle_app.cohort.normative.population_curves import (
    place_volumes,
    span_ages,
    trace_centiles,
)
from npsle_app.cohort.normative.population_scores import (
    AGE,
    SCALE,
    SEX,
    SHIFT,
    Scans,
    score_population,
)
from npsle_app.measures.names_of_freesurfer import ETIV
from tests.cohort.normative.test_population import POPULATION, THALAMUS, draw


@pytest.fixture
def scores(rng):
    people = draw(rng, 60)
    controls = np.arange(60) < 40
    scans = Scans(frame=people, controls=controls, left_out=[None] * 60)
    return score_population(POPULATION, scans)


def test_curves_of_a_person_pass_through_the_volume_at_its_centile(scores):
    """A site's term, its spread and the head are in the curves, not in the dot."""
    for row in scores[scores["region"] == THALAMUS].to_dict("records"):
        curves = trace_centiles(
            POPULATION,
            region=THALAMUS,
            is_man=row[SEX] == "M",
            ages_years=np.array([row[AGE]]),
            shift=row[SHIFT],
            scale=row[SCALE],
        )
        volumes = [float(curves[one][0]) for one in CENTILES]
        assert np.interp(row["volume"], volumes, CENTILES) == pytest.approx(
            np.clip(row["centile"], 2.5, 97.5), abs=2.0
        )
        assert curves[50.0][0] == pytest.approx(row["expected"])


def test_curves_do_not_cross_and_the_middle_one_is_what_the_population_expects():
    ages = span_ages(POPULATION, np.array([12.0, 95.0]))
    assert (ages[0], ages[-1]) == (12.0, 95.0)
    for name in (THALAMUS, ETIV, "fs_lateral_ventricle_left_ml"):
        curves = trace_centiles(POPULATION, region=name, is_man=False, ages_years=ages)
        assert (np.diff(np.array(list(curves.values())), axis=0) > 0).all()
        z = np.zeros(len(ages))
        middle = place_volumes(POPULATION, region=name, z=z, is_man=z, ages_years=ages)
        assert np.allclose(curves[50.0], middle)


def test_ages_of_curves_end_where_the_population_ends():
    population = SimpleNamespace(age_range_years=(20.0, 80.0))
    ages = span_ages(population, np.array([10.0, np.nan, 90.0]))  # type: ignore[arg-type]
    assert (ages[0], ages[-1]) == (20.0, 80.0)


def test_a_person_has_the_shown_volumes_first_and_others_beyond_the_cut(scores):
    own = scores[scores["participant_id"] == "sub-00050"].copy()
    (panel,) = list_person_curves(own, population=POPULATION, session_id="")
    assert panel["region"] == THALAMUS
    (visit,) = panel["visits"]
    assert visit["low"] < visit["volume"] < visit["high"]
    own.loc[own["region"] == ETIV, "deviation"] = "critical"
    regions = [one["region"] for one in list_person_curves(own, population=POPULATION,
                                                           session_id="")]  # fmt: skip
    assert regions == [THALAMUS, ETIV]


def test_a_scan_without_a_score_has_no_curves(scores):
    own = scores[scores["participant_id"] == "sub-00050"].assign(z=np.nan)
    assert not list(list_person_curves(own, population=POPULATION, session_id=""))
    nobody = pd.DataFrame(columns=scores.columns)
    assert not list(list_person_curves(nobody, population=POPULATION, session_id="ses-1"))

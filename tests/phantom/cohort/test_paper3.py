"""Regional volumes deviate as planted, and visits lie on disk as the app reads them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from npsle_app.bids.input.study_tables import read_clinical
from npsle_app.cohort.estimators.cox import fit_cox
from npsle_app.measures import MEASURES
from npsle_app.phantom.__main__ import main
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.paper3 import COUNTED, RATIO, REGIONS, shifts
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group.measures import run


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort("paper3", participants=724, seed=2)


@pytest.fixture(scope="module")
def first(cohort):
    """The first visit of each, with the clinical columns."""
    measures = pd.DataFrame(cohort.measures)
    wide = measures[measures["session_id"] == "ses-1"]
    return pd.DataFrame(cohort.clinical).merge(wide, on="participant_id")


def test_the_groups_are_as_large_as_in_the_paper(first):
    assert first["group"].value_counts().to_dict() == {"HC": 362, "non-NPSLE": 181, "NPSLE": 181}


def test_the_shifts_give_the_printed_ratio_and_share_of_thalami():
    shares = {name: stats.norm.cdf(-1.96 + shift) for name, shift in shifts().items()}
    assert sum(shares.values()) / len(COUNTED) == pytest.approx(RATIO * 0.025, rel=1e-3)
    assert shares["region_thalamus_left_ml"] == pytest.approx(0.25)
    assert len(COUNTED) == 92


def test_volumes_of_patients_are_smaller_by_the_planted_shift(first):
    volume = first["region_thalamus_left_ml"]
    controls = first["group"] == "HC"
    design = np.column_stack([np.ones(724), first["age"], first["tiv_ml"]]).astype(float)
    fitted = design @ np.linalg.lstsq(design[controls], volume[controls], rcond=None)[0]
    z = (volume - fitted) / (volume - fitted)[controls].std()
    planted = shifts()["region_thalamus_left_ml"]
    assert z[~controls].mean() == pytest.approx(-planted, abs=0.2)
    assert (z[~controls] < -1.96).mean() == pytest.approx(0.25, abs=0.08)


def test_every_region_of_the_app_is_measured_and_positive(first):
    assert set(REGIONS) <= set(MEASURES)
    assert (first[list(REGIONS)] > 0).all(axis=None)


def test_patients_come_up_to_three_times_and_controls_once(cohort):
    measures = pd.DataFrame(cohort.measures)
    visits = measures.groupby("participant_id").size()
    groups = pd.DataFrame(cohort.clinical).set_index("participant_id")["group"]
    assert set(visits[groups == "HC"]) == {1}
    assert set(visits[groups != "HC"]) == {1, 2, 3}
    assert len(cohort.visits) == len(measures)


def test_those_who_deviate_more_have_events_sooner(first):
    ill = first.dropna(subset="event")
    design = np.column_stack([np.ones(len(ill)), ill["age"], ill["tiv_ml"]]).astype(float)
    total = ill[list(COUNTED)].sum(axis=1).to_numpy(dtype=float)
    left = total - design @ np.linalg.lstsq(design, total, rcond=None)[0]
    found = fit_cox(
        ill["time_to_event_days"].to_numpy(dtype=float),
        event=ill["event"].to_numpy(dtype=float) == 1,
        design=pd.DataFrame({"volume": left / left.std()}),
    )
    assert found.effects["high"].iloc[0] < 1


def test_sessions_lie_on_disk_with_their_dates_and_scores(tmp_path):
    assert main([str(tmp_path / "c"), "--cohort", "paper3", "--participants", "12"]) == 0
    root = tmp_path / "c"
    dates = read_clinical(root).dates
    assert all(session.startswith("ses-") for _, session in dates)
    table = pd.read_csv(root / "sub-0002" / "sub-0002_sessions.tsv", sep="\t")
    assert list(table) == ["session_id", "acq_time", "edss", "sledai_2k"]
    assert "edss" in json.loads((root / "sessions.json").read_text())
    assert "edss" not in json.loads((root / "participants.json").read_text())
    out = root / "derivatives" / "npsle_app"
    wide = pd.read_csv(run(output_dir=out, settings=MeasuresSettings()).measures, sep="\t")
    assert len(wide) == len(dates)
    assert not (root / "phenotype").exists()

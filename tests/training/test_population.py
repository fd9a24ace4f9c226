"""The population that the app ships is what the script makes of the published coefficients."""

import json
from pathlib import Path

import pandas as pd
import pytest

from npsle_app.cohort.normative.population_json import population_from_plain
from npsle_app.resources import DATA
from training.normative.__main__ import make_population

SHIPPED = Path(str(DATA / "reference_freesurfer.json"))


def test_the_shipped_population_is_made_anew(shared_data):
    model = json.loads((shared_data / "tables" / "braincharts_aseg.json").read_text())
    volumes = pd.read_csv(shared_data / "tables" / "freesurfer_volumes.csv")
    made = make_population(model, volumes=volumes)
    shipped = population_from_plain(json.loads(SHIPPED.read_text()))
    assert made.text == shipped.text
    assert made.site_spread_sd == pytest.approx(shipped.site_spread_sd)
    for name, region in shipped.regions.items():
        assert made.regions[name].rho == pytest.approx(region.rho, abs=1e-3)
        assert made.regions[name].spline == pytest.approx(region.spline)
        assert made.regions[name].intercept == pytest.approx(region.intercept)

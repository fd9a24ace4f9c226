"""A population of others: z by age, sex and head size, with what a site's controls tell."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from npsle_app.cohort.normative.gaps import Gap, has_gap
from npsle_app.cohort.normative.population import Population, given_tiv
from npsle_app.cohort.normative.population_json import population_from_plain, population_to_plain
from npsle_app.cohort.normative.population_scores import (
    BY_AGE_SEX,
    BY_TIV,
    CRITICAL,
    IF_SCANNER_AGREES,
    Scans,
    describe_sites,
    score_population,
)
from npsle_app.cohort.normative.population_sites import find_site_terms
from npsle_app.documents import read_json
from npsle_app.measures.names_of_freesurfer import ETIV, VOLUMES_GIVEN
from npsle_app.resources import DATA

pytestmark = pytest.mark.long

REFERENCE = Path(str(DATA / "reference_freesurfer.json"))
POPULATION = population_from_plain(read_json(REFERENCE))
THALAMUS = "fs_thalamus_left_ml"
ORACLE = Path(__file__).parents[2] / "oracles" / "pcntoolkit_z.py"
ROOT = Path(__file__).parents[3]


def draw(
    rng: np.random.Generator,
    n: int,
    *,
    sites: int = 1,
    shift: float = 0.0,
    site_sd: float | None = None,
    names: tuple[str, ...] = (THALAMUS, ETIV),
) -> pd.DataFrame:
    """Draw people of the population whose z is known: `true` is that of the first volume."""
    ages, men = rng.uniform(18, 75, n), rng.integers(0, 2, n).astype(float)
    place = rng.integers(0, sites, n)
    design = POPULATION.design(ages, is_man=men)
    frame = pd.DataFrame(
        {
            "participant_id": [f"sub-{number:05d}" for number in range(n)],
            "session_id": "",
            "age": ages,
            "sex": np.where(men > 0, "M", "F"),
            "site": [f"site {one}" for one in place],
            "fs_measured_by": "FreeSurfer 7.4.1",
        }
    )
    z_tiv, own = rng.standard_normal(n), rng.standard_normal(n)
    of_tiv = rng.standard_normal(sites)
    for name in names:
        region = POPULATION.regions[name]
        together = 1.0 if name == ETIV else region.site_with_tiv
        term = together * of_tiv + np.sqrt(1 - together**2) * rng.standard_normal(sites)
        term = (region.site_sd if site_sd is None else site_sd) * term[place]
        rho = 0.0 if name == ETIV else POPULATION.rho(name, is_man=men)
        conditioned = own + shift
        z = z_tiv if name == ETIV else rho * z_tiv + np.sqrt(1 - rho**2) * conditioned
        frame[name] = region.to_volume_ml(z + term, design=design)
    return frame.assign(true=own + shift)


def score(frame: pd.DataFrame, *, controls: np.ndarray | None = None, **more) -> pd.DataFrame:
    chosen = np.zeros(len(frame), dtype=bool) if controls is None else controls
    left_out = more.pop("left_out", [None] * len(frame))
    return score_population(
        POPULATION, Scans(frame=frame, controls=chosen, left_out=left_out), **more
    )


def of(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["region"] == name].reset_index(drop=True)


def test_the_population_that_is_shipped_says_who_it_is():
    assert len(POPULATION.regions) == 37
    assert POPULATION.text == (
        "Rutherford 2022: 58,831 healthy people of 82 sites, 2 to 100 years, FreeSurfer 5.3 to 7, "
        "mixed"
    )
    assert len(POPULATION.conditioned) == 21


def test_volumes_and_z_are_inverse_to_each_other(rng):
    design = POPULATION.design(rng.uniform(2, 100, 50), is_man=rng.integers(0, 2, 50) * 1.0)
    z = rng.normal(0, 2, 50)
    for name, region in POPULATION.regions.items():
        volume = region.to_volume_ml(z, design=design)
        assert np.allclose(region.to_z(volume, design=design), z, atol=1e-6), name


def test_of_nobody_there_is_no_volume_and_no_error():
    nobody = np.empty(0)
    design = POPULATION.design(nobody, is_man=nobody)
    assert POPULATION.regions[THALAMUS].to_volume_ml(nobody, design=design).shape == (0,)


def test_a_population_is_read_as_it_was_written():
    plain = population_to_plain(POPULATION, licence="GPL-3.0-or-later")
    assert population_from_plain(json.loads(json.dumps(plain))) == POPULATION


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"form": "other"}, "its form is 'other'"),
        ({"knots": [5.0, 1.0, 2.0, 3.0, 4.0]}, "its knots do not rise"),
        ({"knots": [1.0, 2.0]}, "7 spline coefficients, its knots need 4"),
        ({"regions": {}}, "it has no fs_etiv_ml"),
        ({"regions": {"thalamus": {}}}, "thalamus"),
        ({"sites": 1}, "sites"),
    ],
)
def test_a_population_that_makes_no_sense_is_refused(change, told):
    plain = json.loads(REFERENCE.read_text())
    with pytest.raises(ValueError, match=told):
        population_from_plain({**plain, **change})


def test_z_given_head_size_does_not_go_with_it(rng):
    people = draw(rng, 4000, site_sd=0.0)
    thalamus = of(score(people), THALAMUS)
    assert set(thalamus["given"]) == {BY_TIV}
    assert np.allclose(thalamus["z"], people["true"], atol=1e-6)
    assert abs(np.corrcoef(thalamus["z"], people[ETIV])[0, 1]) < 0.05
    assert np.corrcoef(thalamus["z_age_sex"], people[ETIV])[0, 1] > 0.3
    assert given_tiv(np.array([1.0]), z_tiv=np.array([1.0]), rho=np.array([0.0])) == 1.0


def test_a_sites_term_is_shrunken_by_how_many_controls_tell_it():
    z = np.array([0.5, 0.7, 0.9, 9.0, 1.0, 0.2])
    sites = np.array([0, 0, 0, 0, 1, 1])
    controls = np.array([True, True, True, False, True, False])
    terms = find_site_terms(z, sites=sites, controls=controls, site_sd=0.5)
    assert terms.n.tolist() == [2, 2, 2, 3, 0, 1]
    assert terms.offset[3] == pytest.approx(3 * 0.7 / (3 + 1 / 0.25))
    assert terms.offset[0] == pytest.approx(2 * 0.8 / (2 + 4))  # without himself
    assert terms.offset[4:].tolist() == [0.0, 0.0]  # one control tells nothing
    assert terms.spread.tolist() == [1.0] * 6


def test_thirty_controls_tell_the_spread_too(rng):
    z = np.concatenate([rng.normal(1.0, 1.3, 60), [2.3]])
    controls = np.arange(61) < 60
    terms = find_site_terms(z, sites=np.zeros(61, dtype=int), controls=controls, site_sd=0.5)
    assert terms.spread[-1] == pytest.approx(z[:60].std(ddof=1))
    few = find_site_terms(z, sites=np.zeros(61, dtype=int), controls=np.arange(61) < 29,
                          site_sd=0.5)  # fmt: skip
    assert few.spread[-1] == 1.0


def test_a_control_that_cannot_be_right_tells_nothing_of_the_site():
    z, sites = np.array([0.1, 0.0, -0.1, 40.0, 0.0]), np.zeros(5, dtype=int)
    controls = np.array([True, True, True, True, False])
    terms = find_site_terms(z, sites=sites, controls=controls, site_sd=0.5)
    assert terms.n[-1] == 3
    assert terms.offset[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("n_controls", [0, 5, 20, 60])
def test_intervals_cover_the_z_that_a_middling_scanner_would_give(n_controls, rng):
    hit, widths = [], []
    for _ in range(250):
        people = draw(rng, n_controls + 4)
        controls = np.arange(len(people)) < n_controls
        table = of(score(people, controls=controls), THALAMUS)[n_controls:]
        true = people["true"][n_controls:].to_numpy()
        hit += list((table["z_low"] <= true) & (true <= table["z_high"]))
        widths += list(table["z_high"] - table["z_low"])
    assert 0.92 <= np.mean(hit) <= 1.0
    assert np.mean(widths) < {0: 6.0, 5: 2.4, 20: 1.6, 60: 0.9}[n_controls]


def test_critical_is_told_where_the_interval_allows(rng):
    people = draw(rng, 300, shift=-2.5)
    alone = of(score(people), THALAMUS)
    known = of(score(draw(rng, 400, shift=0.0), controls=np.arange(400) < 300), THALAMUS)
    assert (alone["deviation"] == IF_SCANNER_AGREES).sum() > 100
    assert set(alone["deviation"]) <= {"", CRITICAL, IF_SCANNER_AGREES}
    for table in (alone, known):
        told = table[table["critical"].eq(True)]
        assert (told["z_high"] < -1.96).all()
        assert (told["deviation"] == CRITICAL).all()
        assert table["beyond"].eq(True).equals(table["z"] < -1.96)
    assert has_gap(alone["remarks"], Gap.NO_CONTROLS).all()
    assert not has_gap(known["remarks"], Gap.NO_CONTROLS).any()


def test_both_tails_are_told_where_they_are_asked_for(rng):
    table = of(score(draw(rng, 200, shift=3.0, site_sd=0.0), tail="both"), THALAMUS)
    assert table["beyond"].eq(True).equals(table["z"].abs() > 1.96)
    assert (table["share_low"] >= 0.0499).all()


def test_what_is_missing_takes_the_label_and_says_why(rng):
    people = draw(rng, 8, site_sd=0.0, shift=-3.0)
    people.loc[0, ETIV] = np.nan
    people.loc[1, "age"] = np.nan
    people.loc[2, "sex"] = None
    people.loc[3, THALAMUS] = 0.0
    people.loc[4, "age"] = 101.0
    people.loc[5, "fs_measured_by"] = "SynthSeg"
    left_out = [None] * 6 + ["excluded by a rater", None]
    table = of(score(people, left_out=left_out), THALAMUS)
    assert table.loc[0, "given"] == BY_AGE_SEX
    assert table.loc[[0, 1, 2, 3, 4, 6], "critical"].isna().all()
    assert table.loc[[1, 2, 3, 6], "z"].isna().all()
    reasons = ["intracranial volume is missing", "age is missing", "sex is missing",
               "volume is missing", "outside the reference's ages", "measured by SynthSeg",
               "left out: excluded by a rater", "site term from 0 controls"]  # fmt: skip
    for row, text in enumerate(reasons):
        assert text in table.loc[row, "reason"]
    assert table.loc[7, "critical"] is not None


def test_each_score_says_what_it_rests_on(rng):
    table = of(score(draw(rng, 30), controls=np.arange(30) < 20), THALAMUS)
    last = table.iloc[-1]
    assert last["reference"] == POPULATION.text
    assert last["measured_by"] == "FreeSurfer 7.4.1"
    assert last["n_controls"] == 20
    assert last["n_reference"] == POPULATION.regions[THALAMUS].n
    assert last["z_low"] < last["z"] < last["z_high"]
    assert last["centile"] == pytest.approx(100 * stats.norm.cdf(last["z"]))


def test_two_programs_of_one_scanner_are_two_sites(rng):
    people = draw(rng, 40)
    people.loc[20:, "fs_measured_by"] = "FreeSurfer 6.0"
    table = of(score(people, controls=np.arange(40) < 20), THALAMUS)
    assert set(table["n_controls"][20:]) == {0.0}


def test_a_population_that_fits_the_controls_badly_is_seen(rng):
    good, bad = draw(rng, 40, site_sd=0.0), draw(rng, 40, site_sd=0.0)
    bad[THALAMUS] *= 1.2
    everyone = np.ones(40, dtype=bool)
    for frame, told in ((good, "good"), (bad, "bad")):
        scans = Scans(frame=frame, controls=everyone, left_out=[None] * 40)
        sites = describe_sites(POPULATION, scans)
        assert sites.set_index("region").loc[THALAMUS, "fit"] == told


def test_ten_thousand_people_are_scored_in_less_than_20_s(rng):
    people = draw(rng, 10_000, names=tuple(POPULATION.regions))
    began = time.process_time()
    table = score(people, controls=np.arange(10_000) < 1000)
    assert time.process_time() - began < 20
    assert len(table) == 370_000


def test_real_volumes_of_many_sites_are_calibrated_by_twenty_controls(shared_data, rng):
    frame = pd.read_csv(shared_data / "tables" / "freesurfer_volumes.csv")
    volumes = {VOLUMES_GIVEN[name]: frame[name] / 1000 for name in frame if name in VOLUMES_GIVEN}
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{row:03d}" for row in frame.index],
            "session_id": "",
            "sex": frame["sex"].map({0: "F", 1: "M"}),
            **{name: frame[name] for name in ("age", "site")},
            **volumes,
        }
    )
    large = people.groupby("site")["age"].transform("size") > 22
    people = people[large].reset_index(drop=True)
    tables = []
    for _ in range(4):
        order = pd.Series(rng.permutation(len(people)))
        controls = (order.groupby(people["site"]).rank() <= 20).to_numpy()
        table = score(people, controls=controls)
        rest = set(people.loc[~controls, "participant_id"])
        tables.append(table[table["participant_id"].isin(rest)])
    table = pd.concat(tables)
    assert 0.85 <= table["z_age_sex"].std() <= 1.15
    assert 0.015 <= (table["z_age_sex"] < -1.96).mean() <= 0.04
    assert 0.015 <= (table["z_age_sex"] > 1.96).mean() <= 0.04
    given = table[table["given"] == BY_TIV]
    tiv = given["participant_id"].map(people.set_index("participant_id")[ETIV])
    assert abs(np.corrcoef(given["z"], tiv)[0, 1]) < 0.05


def toolkit_python() -> Path:
    """Return a Python that has PCNtoolkit 0.35; make its environment where there is none."""
    if given := os.environ.get("NPSLE_PCNTOOLKIT_PYTHON"):
        return Path(given)
    folder = ROOT / "build" / "pcntoolkit"
    python = folder / "bin" / "python"
    if (folder / "ready").is_file():
        return python
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "pcntoolkit==0.35"],
        [str(python), "-c", "import pcntoolkit.model.bayesreg"],
    )
    for command in commands:
        done = subprocess.run(  # noqa: S603 - Python and its pip, with a fixed package
            command, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"PCNtoolkit 0.35 cannot be installed: {done.stderr[-300:]}")
    (folder / "ready").touch()
    return python


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [THALAMUS, ETIV, "fs_lateral_ventricle_right_ml"])
def test_z_is_that_of_the_published_software(name, rng, tmp_path):
    population: Population = POPULATION
    region = population.regions[name]
    ages, men = rng.uniform(3, 99, 100), rng.integers(0, 2, 100).astype(float)
    design = population.design(ages, is_man=men)
    volumes = region.to_volume_ml(rng.normal(0, 2, 100), design=design)
    names = ("intercept", "age", "sex", "spline", "residual_sd", "warp_b", "warp_epsilon")
    told = {one: getattr(region, one) for one in names}
    told |= {"knots": population.knots, "ages": ages.tolist(), "men": men.tolist()}
    told["volumes_mm3"] = (1000 * volumes).tolist()
    paths = tmp_path / "in.json", tmp_path / "out.json"
    paths[0].write_text(json.dumps(told))
    command = [str(toolkit_python()), str(ORACLE), *map(str, paths)]
    done = subprocess.run(  # noqa: S603 - a script of the tests
        command, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs = np.array(json.loads(paths[1].read_text()))
    assert len(theirs) == 100
    assert np.max(np.abs(region.to_z(volumes, design=design) - theirs)) < 1e-6

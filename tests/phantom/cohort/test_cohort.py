import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from npsle_app.measures import MEASURES
from npsle_app.phantom.__main__ import main
from npsle_app.phantom.cohort import paper1 as wang2026
from npsle_app.phantom.cohort import paper2 as inglese2021
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.draws import bounded, count, positive
from npsle_app.report.participant import DICTIONARY
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group.measures import run


@pytest.fixture(scope="module")
def paper1() -> pd.DataFrame:
    return _frame("paper1", 8000)


@pytest.fixture(scope="module")
def paper2() -> pd.DataFrame:
    return _frame("paper2", 9300)


def _frame(paper: str, participants: int) -> pd.DataFrame:
    cohort = simulate_cohort(paper, participants=participants, seed=3)
    measures = pd.DataFrame(cohort.measures).drop(columns="participant_id")
    return pd.concat([pd.DataFrame(cohort.clinical), measures], axis=1)


def _ols(frame: pd.DataFrame, outcome, columns) -> np.ndarray:
    design = np.column_stack([np.ones(len(frame)), *columns])
    return np.linalg.lstsq(design, np.asarray(outcome, float), rcond=None)[0]


@pytest.mark.parametrize(("mean", "sd"), [(10, 9), (4, 2), (1.3, 1.0)])
def test_counts_have_the_moments_asked_for(mean, sd):
    rng = np.random.default_rng(1)
    drawn = [count(rng, (mean, sd)) for _ in range(20_000)]
    assert np.mean(drawn) == pytest.approx(mean, abs=4 * sd / np.sqrt(20_000))
    assert np.std(drawn) == pytest.approx(sd, rel=0.04)


def test_bounded_and_positive_numbers_have_the_moments_asked_for():
    rng = np.random.default_rng(1)
    ages = [bounded(rng, (39, 15), low=16, high=79) for _ in range(20_000)]
    years = [positive(rng, (8, 8)) for _ in range(20_000)]
    assert (np.mean(ages), np.std(ages)) == pytest.approx((39, 15), rel=0.02)
    assert (np.mean(years), np.std(years)) == pytest.approx((8, 8), rel=0.04)
    assert min(ages) >= 16
    assert max(ages) <= 79


def test_a_spread_too_wide_for_its_bounds_is_refused():
    with pytest.raises(ValueError, match="no spread of 40 around 39 fits between 16 and 79"):
        bounded(np.random.default_rng(0), (39, 40), low=16, high=79)


def test_a_cohort_as_large_as_the_paper_has_its_groups():
    clinical = pd.DataFrame(simulate_cohort("paper2", participants=155, seed=5).clinical)
    assert clinical["group"].value_counts().to_dict() == {"non-NPSLE": 117, "NPSLE": 38}
    assert clinical["np_phenotype"].value_counts().to_dict() == {"inflammatory": 26, "ischemic": 12}


def test_a_participant_stays_the_same_in_a_larger_cohort():
    small = simulate_cohort("paper1", participants=7, seed=5)
    large = simulate_cohort("paper1", participants=20, seed=5)
    assert small.clinical == large.clinical[:7]
    assert small.measures == large.measures[:7]


def test_another_seed_is_another_cohort():
    one, two = (simulate_cohort("paper2", participants=9, seed=seed) for seed in (1, 2))
    assert one.measures != two.measures


@pytest.mark.parametrize(
    ("phenotype", "column", "mean", "sd"),
    [
        (None, "age", 42, 13),
        (None, "wm_ml", 482, 57),
        (None, "gm_ml", 560, 61),
        (None, "tbv_ml", 1042, 111),
        (None, "sledai_2k", 4, 4),
        ("inflammatory", "age", 39, 15),
        ("inflammatory", "wm_ml", 468, 56),
        ("inflammatory", "gm_ml", 555, 69),
        ("inflammatory", "sledai_2k", 10, 9),
        ("ischemic", "wm_ml", 485, 51),
        ("ischemic", "disease_duration_years", 10, 10),
    ],
)
def test_paper_2_has_the_printed_means_and_spreads(paper2, phenotype, column, mean, sd):
    label = paper2["np_phenotype"].fillna("") == (phenotype or "")
    values = paper2.loc[label, column]
    error = values.std() / np.sqrt(len(values))
    # the printed figures are rounded, and standard deviations of volumes follow from the model
    assert values.mean() == pytest.approx(mean, abs=0.5 + 3.5 * error + 0.005 * mean)
    assert values.std() == pytest.approx(sd, rel=0.18)


def test_paper_2_has_the_printed_lesion_volumes_in_non_npsle(paper2):
    wmh = paper2.loc[paper2["group"] == "non-NPSLE", "wmh_ml"]
    assert wmh.median() == pytest.approx(0.60, rel=0.08)
    low, high = wmh.quantile([0.1, 0.9])
    assert high / low == pytest.approx(5.04 / 0.11, rel=0.15)


def test_regression_recovers_the_planted_differences(paper2):
    truth = inglese2021.truth()["differences"]
    infl = (paper2["np_phenotype"] == "inflammatory").astype(float)
    isch = (paper2["np_phenotype"] == "ischemic").astype(float)
    columns = [infl, isch, paper2["age"], (paper2["sex"] == "M").astype(float), paper2["tiv_ml"]]
    paper2 = paper2.assign(ln_wmh=np.log(paper2["wmh_ml"]))
    for name, sd in truth["residual_sd"].items():
        found = _ols(paper2, paper2[name], columns)
        for number, who in ((1, "inflammatory_v_non"), (2, "ischaemic_v_non")):
            error = sd / np.sqrt((infl if number == 1 else isch).sum())
            assert found[number] == pytest.approx(truth[who][name], abs=3 * error), (who, name)


def test_paper_1_has_the_printed_partial_correlations_in_patients(paper1):
    patients = paper1[paper1["group"] != "HC"]
    for (measure, column), r in wang2026.PARTIAL_R.items():
        rows = patients.dropna(subset=[column])
        covariates = [rows["age"], (rows["sex"] == "M").astype(float), rows["bmi"]]
        design = np.column_stack([np.ones(len(rows)), *covariates])
        residuals = [
            rows[name].to_numpy(float)
            - design @ np.linalg.lstsq(design, rows[name].to_numpy(float), rcond=None)[0]
            for name in (measure, column)
        ]
        found = np.corrcoef(*residuals)[0, 1]
        assert found == pytest.approx(r, abs=3 / np.sqrt(len(rows))), (measure, column)


def test_paper_1_orders_the_groups_as_printed(paper1):
    means = paper1.groupby("group")[["alps_mean", "vw_lumen_area_mm2", "vw_nwi"]].mean()
    assert means.loc["NPSLE", "alps_mean"] < means.loc["non-NPSLE", "alps_mean"]
    assert means.loc["NPSLE", "vw_lumen_area_mm2"] < means.loc["non-NPSLE", "vw_lumen_area_mm2"]
    assert means.loc["NPSLE", "vw_nwi"] > means.loc["non-NPSLE", "vw_nwi"]


def test_the_stated_auc_is_that_of_the_best_linear_rule(paper1):
    patients = paper1[paper1["group"] != "HC"].assign(ln_wmh=lambda t: np.log(t["wmh_ml"]))
    truth = wang2026.truth()
    spread = truth["standard_deviations_inside_a_group"]
    score = np.zeros(len(patients))
    for name in truth["auc_npsle_v_non_of"]:
        means = truth["group_means"]
        step = means["NPSLE"][name] - means["non-NPSLE"][name]
        score += step / spread[name] ** 2 * patients[name].to_numpy()
    ranks = pd.Series(score).rank().to_numpy()
    ill = (patients["group"] == "NPSLE").to_numpy()
    pairs = ill.sum() * (~ill).sum()
    auc = (ranks[ill].sum() - ill.sum() * (ill.sum() + 1) / 2) / pairs
    assert auc == pytest.approx(truth["auc_npsle_v_non"], abs=0.015)
    assert truth["auc_npsle_v_non"] == pytest.approx(0.80, abs=0.01)


def test_an_unknown_paper_is_refused():
    with pytest.raises(ValueError, match=r"no cohort is called 'paper4'; there are \['paper1'"):
        simulate_cohort("paper4", participants=2, seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "study"
    assert main([str(folder), "--cohort", "paper1", "--participants", "5", "--seed", "2"]) == 0
    return folder


def test_the_group_level_reads_a_cohort_as_it_lies(folder):
    out = folder / "derivatives" / "npsle_app"
    run(output_dir=out, raw=folder, settings=MeasuresSettings())
    wide = pd.read_csv(out / "npsle_app_measures.tsv", sep="\t")
    assert len(wide) == 5
    assert wide["alps_mean"].notna().all()
    people = pd.read_csv(out / "participants.tsv", sep="\t")
    assert list(people["participant_id"]) == [f"sub-{number:04d}" for number in range(1, 6)]


def test_measures_are_written_as_the_participant_level_writes_them(folder):
    table = pd.read_csv(folder / "derivatives/npsle_app/sub-0001/sub-0001_measures.tsv", sep="\t")
    assert list(table) == list(DICTIONARY)
    assert set(table["measure"]) <= set(MEASURES)


def test_every_column_of_a_cohort_is_explained(folder):
    columns = pd.read_csv(folder / "participants.tsv", sep="\t").columns
    assert list(json.loads((folder / "participants.json").read_text())) == list(columns)


def test_the_same_call_makes_the_same_tables(folder, tmp_path):
    main([str(tmp_path / "b"), "--cohort", "paper1", "--participants", "5", "--seed", "2"])
    files = sorted(path for path in folder.rglob("*.*") if "group" not in path.name)
    ours = [path for path in files if path.is_file() and "sub-" in str(path)]
    assert ours
    for path in ours:
        assert (tmp_path / "b" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_a_cohort_has_as_many_participants_as_its_paper_unless_told(tmp_path, capsys):
    assert main([str(tmp_path / "c"), "--cohort", "paper1"]) == 0
    assert "80 participants" in capsys.readouterr().out


def test_a_cohort_has_no_images_to_say_anything_of(tmp_path, capsys):
    words = ("--cohort", "paper1", "--voxel-mm", "2", "--no-diffusion")
    assert main([str(tmp_path / "d"), *words]) == 2
    assert "leave out --voxel-mm and --no-diffusion" in capsys.readouterr().err


def test_with_a_head_the_first_participant_has_images_and_no_table(tmp_path):
    out = tmp_path / "study"
    words = ["--cohort", "paper1", "--participants", "4", "--head", "--voxel-mm", "4"]
    assert main([str(out), *words]) == 0
    derivative = out / "derivatives" / "npsle_app"
    assert sorted(path.name for path in out.glob("sub-*")) == ["sub-0001"]
    assert (out / "sub-0001" / "anat" / "sub-0001_T1w.nii.gz").is_file()
    assert len(list((out / "sub-0001" / "dwi").glob("*.nii.gz"))) > 0
    assert [path.name for path in sorted(derivative.glob("sub-*"))] == [
        f"sub-000{number}" for number in (2, 3, 4)
    ]
    people = pd.read_csv(out / "participants.tsv", sep="\t")
    assert len(people) == 4
    truth = pd.read_csv(out / "sourcedata" / "truth.tsv", sep="\t")
    assert list(truth["participant_id"]) == ["sub-0001"]
    drawn = simulate_cohort("paper1", participants=4, seed=0).measures[0]
    assert truth["vw_nwi"][0] == pytest.approx(drawn["vw_nwi"], abs=0.05)


def test_a_head_is_for_a_cohort(tmp_path, capsys):
    assert main([str(tmp_path / "a"), "--head"]) == 2
    assert "--head is for --cohort" in capsys.readouterr().err

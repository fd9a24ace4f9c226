"""The stage writes what the page reads, applies a model, and says why where it cannot."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.tables import read_table
from npsle_app.group_tables import group_files
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.files import DERIVATIVE, write_cohort
from npsle_app.report.references import WORKS
from npsle_app.settings import ClassifierSettings, MeasuresSettings
from npsle_app.stages.group import classifier
from npsle_app.stages.group.classifier import run
from npsle_app.stages.group.measures import run as gather
from tests.stages.described_tables import assert_tables_are_as_described

pytestmark = pytest.mark.long

QUICK = ClassifierSettings(
    repeats=1, bootstrap_samples=10, permutations=19, permutation_repeats=1, large_from=2
)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, cohort=simulate_cohort("paper1", participants=80, seed=1))
    gather(output_dir=folder / DERIVATIVE, settings=MeasuresSettings())
    run(output_dir=folder / DERIVATIVE, settings=QUICK)
    return folder / DERIVATIVE


@pytest.fixture
def copied(out, tmp_path):
    """Return a copy of the study, to be run again otherwise."""
    shutil.copytree(out.parents[1], tmp_path / "study")
    return tmp_path / "study" / DERIVATIVE


def _summary(out):
    return json.loads((out / GroupFile.CLASSIFIER.path).read_text())


def test_every_table_and_figure_of_the_summary_is_there_and_explained(out):
    assert _summary(out)["status"] == "estimated"
    (told,) = _summary(out)["analyses"]
    for path in told["tables"].values():
        columns = pd.read_csv(out / path, sep="\t").columns
        meanings = json.loads((out / path).with_suffix(".json").read_text())
        assert list(meanings) == list(columns)
    assert all((out / one["path"]).is_file() for one in told["figures"])
    assert all((out / one["path"]).with_suffix(".pdf").is_file() for one in told["figures"])
    assert set(told["citations"]) <= set(WORKS)


def test_every_table_is_as_described(out):
    assert_tables_are_as_described(out, "classifier", but=["classifier_applied"])


def test_the_three_aucs_stand_side_by_side_with_their_intervals(out):
    table = pd.read_csv(out / GroupFile.CLASSIFIER_PERFORMANCE.path, sep="\t").set_index("figure")
    for name in ("auc_apparent", "auc_optimism_corrected", "auc_nested"):
        row = table.loc[name]
        assert row["low"] < row["value"] < row["high"]
    assert table.loc["auc_apparent", "value"] > table.loc["auc_nested", "value"]
    assert 0 < table.loc["permutation_p", "value"] <= 1


def test_models_of_wmh_status_and_of_lumen_area_stand_beside_the_primary_one(out):
    table = read_table(out / GroupFile.CLASSIFIER_ALTERNATIVES.path).set_index("model")
    for name in ("wmh_status for wmh_ml", "vw_lumen_area_mm2 for vw_nwi"):
        assert 0.5 < table.loc[name, "auc"] < 1
        assert table.loc[name, "participants"] == 60
    assert table.loc["wmh_status for wmh_ml", "parameters"] == 4


def test_the_checklist_has_every_item_of_tripod_ai(out):
    table = pd.read_csv(out / GroupFile.CLASSIFIER_CHECKLIST.path, sep="\t", dtype=str)
    items = table.loc[table["guideline"] == "TRIPOD+AI", "item"].str.extract(r"(\d+)")[0]
    assert set(items.astype(int)) == set(range(1, 28))
    filled = table["status"] == "filled by the app"
    assert table.loc[filled, "text"].notna().all()
    assert (~filled).any()
    assert (
        table["text"]
        .str.contains(
            r"In most repeats \d+ of NPSLE are missed and \d+ of non-NPSLE called NPSLE", na=False
        )
        .any()
    )


def test_a_model_is_applied_to_the_participants_it_fits(out, copied):
    model = out / GroupFile.CLASSIFIER_MODEL.path
    made = run(output_dir=copied, settings=replace(QUICK, model_file=str(model)))
    table = pd.read_csv(made.tables[0], sep="\t", keep_default_na=False, na_values=["n/a"])
    assert len(table) == 80
    # controls have no SLEDAI-2K, hence no prediction
    assert (table["qc"] == "not assessable").sum() == 20
    assert "sledai_2k_non_np" in set(table["reason"].dropna()).pop()
    assert _summary(copied)["status"] == "applied"
    assert not (copied / GroupFile.CLASSIFIER_MODEL.path).exists()
    assert not list((copied / GROUP_FIGURES).glob("*")), "of the fit that was"
    others = [name for name in group_files()["classifier"].tables if name != "classifier_applied"]
    assert_tables_are_as_described(copied, "classifier", but=others)


def test_a_model_of_another_version_is_refused_by_the_name_of_its_file(out, copied, tmp_path):
    content = json.loads((out / GroupFile.CLASSIFIER_MODEL.path).read_text())
    model = tmp_path / "model.json"
    model.write_text(json.dumps(content | {"app_version": "0.0.1"}))
    with pytest.raises(ValueError, match=r"model\.json: .*of version 0\.0\.1"):
        run(output_dir=copied, settings=replace(QUICK, model_file=str(model)))


def test_a_study_without_one_of_the_classes_is_not_estimable(tmp_path):
    write_cohort(tmp_path, cohort=simulate_cohort("paper1", participants=3, seed=1))
    out = tmp_path / DERIVATIVE
    gather(output_dir=out, settings=MeasuresSettings())
    made = run(output_dir=out, settings=QUICK)
    assert made.tables == ()
    assert _summary(out)["status"] == "not estimable"
    assert "not estimable" in _summary(out)["analyses"][0]["results"][0]


def test_the_same_study_gives_the_same_bytes(out, copied, monkeypatch):
    monkeypatch.setattr(classifier, "_draw", lambda *_: iter(()))
    run(output_dir=copied, settings=QUICK)
    path = GroupFile.CLASSIFIER_PERFORMANCE.path
    assert (copied / path).read_bytes() == (out / path).read_bytes()


@pytest.mark.fault(
    "Tables",
    "a predictor that separates the classes perfectly",
    "AUC 1 with its caution, no limits",
)
def test_perfect_separation_gives_an_auc_of_one_with_its_caution_and_no_limits(copied):
    people = pd.read_csv(copied / "npsle_app_measures.tsv", sep="\t")
    groups = pd.read_csv(copied.parents[1] / "participants.tsv", sep="\t").set_index(
        "participant_id"
    )
    ill = people["participant_id"].map(groups["group"]) == "NPSLE"
    people["alps_mean"] = 1.5 - 0.5 * ill + 1e-4 * people.index
    people.to_csv(copied / "npsle_app_measures.tsv", sep="\t", index=False, na_rep="n/a")
    run(output_dir=copied, settings=QUICK)
    summary = _summary(copied)
    assert any(text.startswith("predictors tell the classes apart") for text in summary["warnings"])
    (told,) = summary["analyses"]
    assert "nested cross-validation 1.00 (no interval)" in told["results"][0]
    assert "nan" not in " ".join(told["results"])
    model = json.loads((copied / GroupFile.CLASSIFIER_MODEL.path).read_text())
    assert model["performance"]["auc_nested"] == 1.0
    assert model["performance"]["auc_nested_low"] is None

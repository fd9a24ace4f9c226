"""The normative reference on the command line."""

import json

import pytest

from npsle_app.cli.config import resolve
from npsle_app.cli.parser import parse
from npsle_app.engine.executors import limit_threads
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.files import DERIVATIVE, write_cohort


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, cohort=simulate_cohort("paper3", participants=12, seed=1))
    return folder


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    for name, value in limit_threads(1).items():  # the app sets them; restored after the test
        monkeypatch.setenv(name, value)


def _call(study, capsys, *words):
    from npsle_app.__main__ import main

    code = main([str(study), str(study / DERIVATIVE), "group", *words])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_flags_reach_the_settings_of_the_stage(tmp_path):
    words = ("--normative-reference", "r.tsv", "--deviation-tail", "both")
    flag = "--allow-foreign-reference"
    _, settings = resolve(parse([str(tmp_path), str(tmp_path), "group", *words, flag]))
    assert settings.normative.reference_file.endswith("/r.tsv")
    assert (settings.normative.tail, settings.normative.allow_foreign) == ("both", True)


def test_a_dry_run_says_who_makes_the_reference_and_who_is_scored(study, capsys):
    code, told = _call(study, capsys, "--dry-run")
    assert code == 0
    assert "normative modelling: the reference would be Controls: " in told
    assert "(too few to call a z critical)" in told
    assert "would be scored in 102 regions" in told
    assert not (study / DERIVATIVE / "group").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("participant_id\tage\n", "has no column sex, tiv_ml"),
        (
            "participant_id\tage\tsex\ttiv_ml\tregion_thalamus_left_ml\nx\t30\tF\t1400\t7\n",
            "the reference is foreign: it was measured by unknown software",
        ),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused_before_anything_is_computed(
    study, capsys, tmp_path, content, message
):
    table = tmp_path / "r.tsv"
    table.write_text(content)
    code, told = _call(study, capsys, "--normative-reference", str(table))
    assert code == 2
    assert message in told
    assert not (study / DERIVATIVE / "group").exists()


def test_a_model_of_another_version_is_refused_with_both_versions(study, capsys, tmp_path):
    model = tmp_path / "m.json"
    content = {
        "format": "npsle_app normative model",
        "format_version": 1,
        "software": "npsle_app",
        "app_version": "0.0.1",
        "templates": {},
        "unit": "mL",
        "regions": ["region_thalamus_left_ml"],
        "method": {
            "site_term": True,
            "changing_spread": True,
            "shaped_tails": True,
            "predictive": True,
            "alpha": 0.05,
        },
        "sexes": [
            {
                "sex": "F",
                "n": 0,
                "age_range_years": [20, 30],
                "tiv_range_ml": [1200, 1300],
                "tiv_centre_ml": 1250,
                "sites": [],
                "gaps": {},
                "regions": {},
            }
        ],
    }
    model.write_text(json.dumps(content))
    code, told = _call(study, capsys, "--normative-reference", str(model))
    assert code == 2
    assert "it was measured by version 0.0.1, this is" in told

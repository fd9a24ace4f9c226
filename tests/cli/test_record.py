"""The record of a run holds all that it rested on, and nothing of whose machine it was."""

import getpass
import hashlib
import json
import os
import re
import socket
from pathlib import Path

import pytest

from npsle_app.cli.config import resolve
from npsle_app.cli.options import Request
from npsle_app.cli.record import FORM, read_record
from npsle_app.cli.version import REVISION_VARIABLE, get_version
from npsle_app.engine.surroundings import IMAGE_VARIABLE

pytestmark = pytest.mark.long


def records(out):
    paths = sorted(
        out.glob("logs/*/run.json"), key=lambda path: json.loads(path.read_text())["started"]
    )
    return [read_record(path) for path in paths]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def texts(content):
    if isinstance(content, dict):
        return [text for pair in content.items() for one in pair for text in texts(one)]
    if isinstance(content, list):
        return [text for one in content for text in texts(one)]
    return [content] if isinstance(content, str) else []


@pytest.fixture
def recorded(app, dataset, tmp_path):
    (dataset.root / "participants.tsv").write_text("participant_id\tage\nsub-01\t31\nsub-02\t40\n")
    (dataset.root / "task_T1w.json").write_text("{}")
    (dataset.root / "T1w.json").write_text('{"Manufacturer": "x"}')
    assert app("participant", "group", "--wmh-threshold", "0.35", "--random-seed", "7").code == 0
    (record,) = records(tmp_path / "out")
    return record


def test_it_names_the_code_and_how_the_run_ended(recorded):
    assert recorded.form == FORM
    assert recorded.surroundings.version == get_version()
    assert re.fullmatch("[0-9a-f]*", recorded.surroundings.commit)
    assert recorded.levels == ("participant", "group")
    assert recorded.exit_code == 0
    assert recorded.started <= recorded.ended


def test_it_names_who_was_measured(recorded):
    assert recorded.sessions == {"01": (None,), "02": (None,)}


def test_every_file_that_was_read_has_its_hash(recorded, dataset):
    read = {
        uri.removeprefix("bids:raw:"): value
        for uri, value in recorded.inputs.items()
        if uri.startswith("bids:raw:")
    }
    images = {f"sub-01/anat/sub-01_{suffix}" for suffix in ("T1w", "FLAIR")} | {
        "sub-02/anat/sub-02_T1w"
    }
    wanted = {f"{stem}{end}" for stem in images for end in (".nii.gz", ".json")}
    assert set(read) == wanted | {"participants.tsv", "T1w.json"}
    assert all(sha256(dataset.root / name) == value for name, value in read.items())


def test_every_setting_is_written_out_and_seeds_are_seeds_of_settings(recorded):
    assert recorded.settings["wmh"]["threshold"] == 0.35
    assert recorded.settings["anat"]["bias_sampling_mm"] == 6.0
    assert set(recorded.seeds.values()) == {7}
    assert "tissue" not in recorded.seeds


def test_templates_models_libraries_threads_and_host_are_named(recorded):
    around = recorded.surroundings
    assert re.fullmatch("[0-9a-f]{64}", around.templates["package:head.nii.gz"])
    assert {"wmh_model.onnx", "wmh_flair_model.onnx"} <= set(around.models)
    assert {"numpy", "scipy", "antspyx", "nibabel", "pandas"} <= set(around.libraries)
    assert {
        "system",
        "machine",
        "processor",
        "cores",
        "memory_mb",
        "python",
        "blas",
        "simd",
    } == set(around.host)
    assert recorded.threads == {"processes": 1, "threads": 1, "cluster": False}


def test_it_holds_no_path_of_the_machine_no_user_and_no_variable(app, monkeypatch, tmp_path):
    planted = "kept-to-oneself-4711"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", planted)
    study = tmp_path / "secret folder" / "study.toml"
    study.parent.mkdir()
    study.write_text("")
    words = ("--study", str(study), "--work-dir", str(tmp_path / "work"))
    assert app("participant", "group", *words).code == 0
    (path,) = (tmp_path / "out").glob("logs/*/run.json")
    said = path.read_text()
    assert planted not in said
    for text in (str(tmp_path), str(Path.home()), socket.gethostname(), os.environ["PATH"]):
        assert len(text) < 3 or text not in said, text
    values = texts(json.loads(said))
    assert getpass.getuser() not in values
    assert [text for text in values if Path(text).is_absolute()] == []


def test_what_the_user_named_is_hashed_and_found_from_the_output_folder(app, tmp_path):
    study, filters = tmp_path / "study.toml", tmp_path / "filters.json"
    study.write_text("# defaults\n")
    filters.write_text("{}")
    words = ("--study", str(study), "--bids-filter-file", str(filters))
    assert app("participant", "group", *words).code == 0
    (record,) = records(tmp_path / "out")
    assert record.given == {"../study.toml": sha256(study), "../filters.json": sha256(filters)}
    assert record.filter_file == "../filters.json"
    assert record.settings["statistics"]["study_file"] == "../study.toml"
    assert record.datasets == {"raw": "../raw"}


def test_its_settings_are_settings(recorded, tmp_path):
    config = tmp_path / "again.toml"
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
        for name, section in recorded.settings.items()
    ]
    config.write_text("".join(lines))
    request = Request(
        bids_dir=tmp_path,
        output_dir=tmp_path,
        levels=("participant",),
        given={},
        config_file=config,
    )
    assert resolve(request).settings.wmh.threshold == 0.35


def test_an_interrupted_or_failed_run_says_so(app, dataset, tmp_path):
    dataset.add("00", "T1w", sidecar={"Crash": True})
    assert app("participant").code == 1
    (record,) = records(tmp_path / "out")
    assert record.exit_code == 1
    assert record.inputs["bids:raw:sub-00/anat/sub-00_T1w.nii.gz"]


def test_runs_that_compute_nothing_leave_no_record(app, tmp_path):
    app("participant")
    app("participant", "--reports-only")
    app("participant", "--boilerplate-only")
    app("participant", "--dry-run")
    assert len(records(tmp_path / "out")) == 1


def test_a_run_of_one_session_names_that_alone(app, dataset, tmp_path):
    dataset.add("03", "T1w", session="1")
    dataset.add("03", "T1w", session="2")
    app("participant", "--participant-label", "03", "--session-label", "2")
    (record,) = records(tmp_path / "out")
    assert record.sessions == {"03": ("2",)}
    assert not any("ses-1_" in uri for uri in record.inputs)


@pytest.mark.parametrize("told", ["lab/npsle_app@sha256:" + "a" * 64, "npsle_app:1.0"])
def test_whoever_starts_a_container_may_say_which(app, monkeypatch, tmp_path, told):
    monkeypatch.setenv(IMAGE_VARIABLE, told)
    monkeypatch.setenv(REVISION_VARIABLE, "0123abc")
    app("participant", "--participant-label", "02")
    (record,) = records(tmp_path / "out")
    assert record.surroundings.container["image"] == told
    assert record.surroundings.container["digest"] == told.partition("@")[2]
    assert record.surroundings.commit == "0123abc"


@pytest.mark.parametrize("text", ["{", "[]", '{"form": 2}', '{"form": 1, "levels": 3}'])
def test_what_is_no_record_is_refused_by_the_name_of_its_file(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"run\.json is no record of a run"):
        read_record(tmp_path / "run.json")

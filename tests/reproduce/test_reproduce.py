"""From the record of a run to the same files, and what is told where they are not the same."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from npsle_app.__main__ import main as run_app
from npsle_app.cli.errors import TerminatedError
from npsle_app.reproduce import __main__ as program

pytestmark = pytest.mark.long


def record_of(out):
    (path,) = out.glob("logs/*/run.json")
    return path


def rewrite(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_same_command_gives_the_same_bytes(reproduce, study):
    told = reproduce()
    assert told.code == 0, told.out + told.err
    assert "version, libraries, templates and host are those of the record" in told.out
    assert "0 within tolerance, 0 different" in told.out.splitlines()[-1]
    assert told.table.empty
    assert told.summary["agrees"] is True
    assert told.summary["files"]["identical"] > 20
    again = study / "out-reproduced"
    assert (again / "npsle_app_measures.tsv").is_file()
    (mask,) = again.glob("sub-01/anat/*_mask.nii.gz")
    assert np.asarray(nib.load(mask).dataobj)[0, 0, 0] == pytest.approx(0.35)


def test_a_changed_voxel_is_found(reproduce, study):
    (mask,) = (study / "out").glob("sub-01/anat/*_desc-wmh_mask.nii.gz")
    image = nib.load(mask)
    data = np.asarray(image.dataobj).copy()
    data[1, 1, 1] += 0.25
    mask.unlink()
    nib.save(nib.Nifti1Image(data, image.affine, image.header), mask)

    told = reproduce()

    assert told.code == 1
    (row,) = told.table.to_dict("records")
    assert row["file"] == mask.relative_to(study / "out").as_posix()
    assert (row["kind"], row["part"], row["n_different"]) == ("image", "voxels", 1)
    assert row["largest"] == pytest.approx(0.25)
    assert row["agrees"] == "no"
    assert "1 different" in told.out
    assert reproduce("--into", str(study / "b"), "--absolute", "0.3").code == 0


def test_a_missing_file_and_one_too_many_are_found(reproduce, study):
    (mask,) = (study / "out").glob("sub-01/anat/*_desc-wmh_mask.nii.gz")
    mask.unlink()
    (study / "out" / "group" / "extra.tsv").write_text("a\n1\n")
    told = reproduce()
    assert told.code == 1
    sides = {row["file"]: (row["recorded"], row["reproduced"]) for _, row in told.table.iterrows()}
    assert sides == {
        mask.relative_to(study / "out").as_posix(): ("missing", "there"),
        "group/extra.tsv": ("there", "missing"),
    }


@pytest.mark.parametrize(("old", "new"), [("1401.5", "1402.5"), ("1401.5", "n/a")])
def test_a_changed_cell_is_found_in_the_table_of_measures(reproduce, study, old, new):
    table = study / "out" / "sub-01" / "sub-01_measures.tsv"
    table.write_text(table.read_text().replace(old, new))
    told = reproduce("--level", "participant")
    assert told.code == 1
    (row,) = told.table.to_dict("records")
    assert (row["part"], str(row["recorded"])) == ("value, row 1 (tiv_ml)", new)


@pytest.mark.parametrize("kind", ["image", "sidecar", "table"])
def test_changed_inputs_are_named_and_nothing_is_run(reproduce, study, kind):
    path = {
        "image": study / "raw" / "sub-01" / "anat" / "sub-01_T1w.nii.gz",
        "sidecar": study / "raw" / "sub-01" / "anat" / "sub-01_T1w.json",
        "table": study / "raw" / "participants.tsv",
    }[kind]
    path.write_bytes(path.read_bytes() + b"\n")

    told = reproduce(app=lambda words: pytest.fail(f"ran {words}"))

    assert told.code == 2
    name = path.relative_to(study / "raw").as_posix()
    assert f"input bids:raw:{name} is not what it was" in told.out
    assert "1 inputs have changed" in told.err
    assert not (study / "out-reproduced").exists()


def test_a_missing_input_is_named(reproduce, study):
    (study / "raw" / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz").unlink()
    told = reproduce()
    assert told.code == 2
    assert "input bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz is missing" in told.out


def test_with_leave_it_goes_on_and_the_input_is_a_difference(reproduce, study):
    sidecar = study / "raw" / "sub-01" / "anat" / "sub-01_T1w.json"
    sidecar.write_text('{"EchoTime":0.1}')
    told = reproduce("--despite-changes")
    assert told.code == 1
    (row,) = told.table.to_dict("records")
    assert (row["kind"], row["file"]) == ("input", "bids:raw:sub-01/anat/sub-01_T1w.json")


def test_a_dataset_that_was_moved_is_asked_for_and_given(reproduce, study):
    (study / "raw").rename(study / "elsewhere")
    told = reproduce()
    assert told.code == 2
    assert "the dataset 'raw' is not at" in told.err
    assert "--bids" in told.err
    assert reproduce("--bids", str(study / "elsewhere")).code == 0


def test_a_study_file_that_was_moved_is_asked_for_and_given(reproduce, study):
    toml = study / "study.toml"
    toml.write_text("# nothing but the defaults\n")
    shutil.rmtree(study / "out")
    words = [str(study / "raw"), str(study / "out"), "participant", "group"]
    assert run_app([*words, "--skip-bids-validation", "--study", str(toml)]) == 0
    toml.rename(study / "moved.toml")
    told = reproduce()
    assert told.code == 2
    assert "--file study.toml=PATH" in told.err
    assert reproduce("--file", f"study.toml={study / 'moved.toml'}").code == 0


def test_another_version_and_other_libraries_are_told_and_hidden_from_nobody(reproduce, study):
    def older(told):
        told["surroundings"]["version"] = "0.0.1+gabc"
        told["surroundings"]["libraries"]["numpy"] = "1.0"
        told["surroundings"]["templates"] = dict.fromkeys(told["surroundings"]["templates"], "0")
        told["surroundings"]["host"]["blas"] = "openblas 0.1 Prescott"

    rewrite(record_of(study / "out"), older)
    told = reproduce()
    assert told.code == 0
    assert "version of the app: 0.0.1+gabc then, " in told.out
    assert "library numpy: 1.0 then, " in told.out
    assert "host blas: openblas 0.1 Prescott then, " in told.out
    assert "template package:head.nii.gz: 0 then, " in told.out
    assert "note: sub-01: no single run has the code and settings" in told.out
    names = {one["name"] for one in told.summary["surroundings"]}
    assert {"version of the app", "library numpy"} <= names


def test_settings_that_this_version_does_not_know_are_refused_by_name(reproduce, study):
    rewrite(record_of(study / "out"), lambda told: told["settings"]["wmh"].update(magic=1))
    told = reproduce()
    assert told.code == 2
    assert "the app refused" in told.err
    assert "magic" in told.err


@pytest.mark.parametrize("text", ["{", "[]", '{"form": 99}', '{"form": 1}'])
def test_a_record_that_cannot_be_read_is_refused(reproduce, study, text):
    record_of(study / "out").write_text(text)
    told = reproduce()
    assert told.code == 2
    assert "is no record of a run that can be read" in told.err


def test_a_folder_without_records_or_of_nobody_is_refused(reproduce, study, tmp_path):
    record_of(study / "out").unlink()
    assert "holds no record of a run" in reproduce().err
    assert "holds no output of npsle_app" in reproduce(out=tmp_path / "none").err


def test_a_new_folder_that_holds_something_else_is_not_touched(reproduce, study):
    (study / "mine").mkdir()
    (study / "mine" / "precious").write_text("x")
    told = reproduce("--into", str(study / "mine"))
    assert told.code == 2
    assert "is not empty" in told.err
    assert [path.name for path in (study / "mine").iterdir()] == ["precious"]
    assert "lies in the output folder" in reproduce("--into", str(study / "out" / "new")).err


def test_a_place_that_cannot_be_written_is_told(reproduce, study):
    (study / "file").write_text("")
    told = reproduce("--into", str(study / "file" / "new"))
    assert told.code == 2
    assert "cannot read or write" in told.err


@pytest.mark.parametrize(
    ("signal", "code"), [(KeyboardInterrupt, 130), (TerminatedError, 143)], ids=str
)
def test_interrupted_it_goes_on_from_where_it_was(reproduce, signal, code):
    def stop(words):
        if "group" in words:
            raise signal
        return run_app(words)

    told = reproduce(app=stop)
    assert told.code == code
    assert "the same command goes on from here" in told.out
    calls = []
    again = reproduce(app=lambda words: calls.append(words) or run_app(words))
    assert again.code == 0
    assert len(calls) == 2


def test_a_run_that_was_killed_is_told(reproduce, study):
    rewrite(
        record_of(study / "out"), lambda told: told.update(ended=None, exit_code=None, inputs={})
    )
    told = reproduce()
    assert "did not end: what it read is not known" in told.out
    assert told.code == 0


def test_of_two_runs_that_which_made_the_files_is_repeated(reproduce, study):
    words = [str(study / "raw"), str(study / "out"), "participant", "--skip-bids-validation"]
    assert run_app([*words, "--participant-label", "01", "--wmh-threshold", "0.5"]) == 0
    calls = []
    told = reproduce("--level", "participant", app=lambda own: calls.append(own) or run_app(own))
    assert told.code == 0, told.out
    assert [call[call.index("--participant-label") + 1] for call in calls] == ["02", "01"]


def test_one_participant_is_reproduced_alone(reproduce, study):
    assert "has no participant 99" in reproduce("--participant-label", "02", "99").err
    told = reproduce("--participant-label", "sub-02")
    assert told.code == 0
    assert not (study / "out-reproduced" / "sub-01").exists()


def test_the_group_level_is_reproduced_from_measures_as_they_lie(reproduce, study):
    calls = []
    told = reproduce("--level", "group", app=lambda own: calls.append(own) or run_app(own))
    assert told.code == 0, told.out
    assert [call[2] for call in calls] == ["group"]
    table = study / "out" / "group" / "table1.tsv"
    table.write_text(table.read_text().replace("\t1", "\t2", 1))
    told = reproduce("--level", "group", "--into", str(study / "b"))
    assert told.code == 1
    assert set(told.table["file"]) == {"group/table1.tsv"}


def test_two_folders_are_compared_without_a_run(reproduce, study):
    shutil.copytree(study / "out", study / "other")
    told = reproduce(
        "--compare-only", str(study / "other"), app=lambda words: pytest.fail(f"ran {words}")
    )
    assert told.code == 0
    table = study / "other" / "sub-01" / "sub-01_measures.tsv"
    table.write_text(table.read_text().replace("1401.5", "1401.6"))
    told = reproduce("--compare-only", str(study / "other"), "--report", str(study / "r.tsv"))
    assert told.code == 1
    assert told.path == study / "r.tsv"
    assert told.table["largest"].tolist() == [pytest.approx(0.1)]
    assert "holds no output" in reproduce("--compare-only", str(study / "raw")).err


def test_empty_folders_do_not_agree(reproduce, tmp_path):
    description = {"Name": "x", "GeneratedBy": [{"Name": "npsle_app", "Version": "1"}]}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset_description.json").write_text(json.dumps(description))
    rules = tmp_path / "rules.tsv"
    rules.write_text(
        "files\tpart\tcompared\tabsolute\trelative\tshare\treason\n*\tn/a\tno\t0\t0\t0\tx\n"
    )
    words = ("--compare-only", str(tmp_path / "b"), "--tolerances", str(rules))
    assert reproduce(*words, out=tmp_path / "a").code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--absolute", "-1"], "expected a number from 0 on"),
        (["--nprocs", "0"], "expected a whole number from 1 on"),
        (["--file", "x"], "expected NAME=PATH"),
        (["--level", "all"], "invalid choice"),
    ],
)
def test_words_that_make_no_sense_are_refused(study, capsys, words, told):
    with pytest.raises(SystemExit, match="2"):
        program.main([str(study / "out"), *words])
    assert told in capsys.readouterr().err

"""What is refused with exit code 2, and what the user is told to do."""

import pytest


def test_an_unknown_participant_is_refused_with_those_that_there_are(app, tmp_path):
    call = app("participant", "--participant-label", "sub-1")

    assert call.code == 2
    assert "no participant 1 in" in call.err
    assert "there are 01, 02" in call.err
    assert "mounted" in call.err
    assert not (tmp_path / "out").exists()


def test_an_unknown_session_is_refused_with_those_that_there_are(app, dataset):
    dataset.add("03", "T1w", session="a")

    call = app("participant", "--session-label", "b")

    assert call.code == 2
    assert "no session b among these participants; there are a" in call.err


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("{", "is no valid JSON"),
        ("[]", "must be an object with Name and BIDSVersion"),
        ('{"Name": "x"}', "must be an object with Name and BIDSVersion"),
    ],
)
def test_a_broken_description_is_refused(app, dataset, description, told):
    dataset.describe(description)

    call = app("participant")

    assert call.code == 2
    assert told in call.err


def test_a_folder_that_is_no_dataset_is_refused(app, dataset):
    (dataset.root / "dataset_description.json").unlink()

    assert "is no BIDS dataset" in app("participant").err


def test_the_dataset_is_no_place_for_output_but_its_derivatives_are(app, dataset):
    assert "OUTPUT_DIR is the dataset itself" in app("participant", out=dataset.root).err
    assert "lies among the raw data" in app("participant", out=dataset.root / "new").err
    assert app("participant", out=dataset.root / "derivatives" / "npsle_app").code == 0


def test_a_work_dir_inside_the_dataset_is_refused(app, dataset):
    call = app("participant", "--work-dir", str(dataset.root / "work"))

    assert call.code == 2
    assert "lies inside the dataset" in call.err


def test_output_of_another_app_is_not_written_over(app, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dataset_description.json").write_text('{"Name": "precious"}')

    call = app("participant")

    assert call.code == 2
    assert "holds a dataset that is not of this app" in call.err


def test_derivatives_that_are_not_there_are_refused(app):
    call = app("participant", "--derivatives", "fmriprep=/nowhere")

    assert call.code == 2
    assert "--derivatives fmriprep: there is no folder /nowhere" in call.err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--nprocs", "0"], "--nprocs must be at least 1, got 0"),
        (["--wmh-threshold", "2"], "between 0 and 1, got 2.0"),
        (["--derivatives", "nothing"], "expected NAME=PATH, got 'nothing'"),
        (["--participant-label", "0_1"], "'0_1' is no BIDS label"),
        (["--no-such-flag"], "unrecognized arguments: --no-such-flag"),
        (["--random-seed", "-1"], "--random-seed must be from 0 to 2147483647, got -1"),
        (["--config-file", "/nowhere.toml"], "cannot read the config file /nowhere.toml"),
    ],
)
def test_flags_that_make_no_sense_are_refused(app, flags, told):
    call = app("participant", *flags)

    assert call.code == 2
    assert told in call.err


def test_an_unknown_level_is_refused(app):
    assert app("everything").code == 2


def test_a_filter_file_that_makes_no_sense_is_refused(app, tmp_path):
    (tmp_path / "filters.json").write_text('{"t3w": {}}')

    call = app("participant", "--bids-filter-file", str(tmp_path / "filters.json"))

    assert call.code == 2
    assert "t3w" in call.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tissue]\nprior_weight = -1", "tissue.prior_weight must be from 0 to 10, got -1"),
        ("[normative]\nbootstrap_samples = 1000000000000", "from 0 to 100000, got 1000000000000"),
        ("[alps]\nradius_mm = nan", "alps.radius_mm must be above 0 and at most 20, got nan"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_anything_is_computed(app, tmp_path, text, told):
    (tmp_path / "c.toml").write_text(text)

    call = app("participant", "--config-file", str(tmp_path / "c.toml"))

    assert call.code == 2
    assert told in call.err
    assert not (tmp_path / "out").exists()

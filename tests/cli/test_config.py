"""Settings from defaults, a TOML file and the command line; the last one wins."""

from pathlib import Path

import pytest

from npsle_app.cli.config import convert, resolve, to_toml
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options
from npsle_app.cli.parser import parse
from npsle_app.settings import Settings


def request(*words):
    return parse(["raw", "out", "participant", *words])


def from_file(tmp_path, text, *words):
    (tmp_path / "c.toml").write_text(text)
    return resolve(request("--config-file", str(tmp_path / "c.toml"), *words))


def test_without_anything_all_is_default():
    assert resolve(request()) == (Options(), Settings())


def test_a_file_fills_sections_and_flags(tmp_path):
    text = "[run]\nnprocs = 3\n[anat]\nwarp_iterations = [5, 5]\nbias_spline_mm = 100"

    options, settings = from_file(tmp_path, text)

    assert options.nprocs == 3
    assert settings.anat.warp_iterations == (5, 5)
    assert settings.anat.bias_spline_mm == 100.0


def test_the_command_line_wins_over_the_file(tmp_path):
    text = "[run]\nnprocs = 3\nrandom_seed = 1\n[wmh]\nthreshold = 0.3"

    options, settings = from_file(
        tmp_path, text, "--n_cpus", "2", "--wmh-threshold=0.4", "--random_seed", "9"
    )

    assert options.nprocs == 2
    assert settings.wmh.threshold == 0.4
    assert settings.wmh.random_seed == settings.anat.random_seed == 9


def test_a_section_wins_over_the_flags_of_the_same_file(tmp_path):
    _, settings = from_file(tmp_path, "[run]\nsloppy = true\n[anat]\nwarp_sampling_mm = 3.0")

    assert settings.anat.warp_sampling_mm == 3.0
    assert settings.anat.warp_iterations == (20, 2, 0)


def test_what_is_written_is_read_back_the_same(tmp_path):
    words = ["--sloppy", "--random-seed", "4", "--participant-label", "sub-01", "02", "-vv"]
    words += ["--derivatives", "fp=/data/fp", "--work-dir", "/scratch", "--mem-mb", "8000"]
    before = resolve(request(*words))

    after = from_file(tmp_path, to_toml(*before, environment={"packages": {"numpy": "2"}}))

    assert after == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[lumps]", "no section is called 'lumps'; there are run, environment, anat"),
        ("[wmh]\nlimit = 1", r"no key of \[wmh\] is called 'limit'; there are random_seed"),
        ("[wmh]\nthreshold = 'high'", r"\[wmh\]: expected float, got 'high'"),
        ("[wmh]\nthreshold = 1.5", r"\[wmh\]: the WMH threshold must lie between 0 and 1"),
        ("[run]\nnprocs = true", r"\[run\]: expected int, got True"),
        ("[run]\nsloppy = 1", r"\[run\]: expected bool, got 1"),
        ("wmh = 3", r"\[wmh\] must be a section"),
        ("[wmh", "cannot read the config file"),
    ],
)
def test_what_is_unknown_or_of_another_type_is_named(tmp_path, text, told):
    with pytest.raises(RefusedError, match=told):
        from_file(tmp_path, text)


@pytest.mark.parametrize(
    ("value", "hint", "result"),
    [
        (None, int | None, None),
        (3, int | None, 3),
        ("a", Path, Path("a")),
        (["1", "2"], tuple[str, ...], ("1", "2")),
    ],
)
def test_values_become_what_the_hint_says(value, hint, result):
    assert convert(value, hint) == result


def test_labels_come_with_or_without_prefix_and_flags_several_times():
    found = request("--participant_label", "sub-01", "02", "--participant-label", "03")

    assert found.given["participant_label"] == ("01", "02", "03")


def test_session_label_and_session_id_are_one():
    assert request("--session-id", "ses-a").given == request("--session_label", "a").given


def test_levels_stand_in_their_order_and_once():
    assert parse(["raw", "out", "group", "participant", "group"]).levels == ("participant", "group")


def test_accepted_flags_change_nothing():
    _, settings = resolve(request("--notrack", "--resource-monitor", "--md-only-boilerplate"))

    assert settings == Settings()

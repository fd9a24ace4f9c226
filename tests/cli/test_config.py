"""Settings from defaults, a TOML file and the command line; the last one wins."""

import pytest

from npsle_app.cli.config import make_sloppy, resolve, to_toml
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


def test_what_is_typed_wins_over_what_the_file_set_in_a_section(tmp_path):
    written = to_toml(*resolve(request("--nprocs", "4")), environment={})

    options, settings = from_file(tmp_path, written, "--nprocs", "1")

    assert options.nprocs == settings.classifier.processes == 1


def test_coarse_settings_are_those_of_the_flag():
    assert resolve(request("--sloppy")).settings == make_sloppy() != Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[wmhs]", r"it has no key 'wmhs'; there are \['alps', .*: is it 'wmh'\?"),
        ("[wmh]\nlimit = 1", "wmh has no key 'limit'; there are .*'random_seed', 'threshold'"),
        ("[wmh]\ntreshold = 1", r"there are .*'random_seed', 'threshold'\]: is it 'threshold'\?"),
        ("[wmh]\nthreshold = 'high'", r"wmh\.threshold: expected a number, got 'high'"),
        ("[wmh]\nthreshold = 1.5", r"wmh\.threshold must lie between 0 and 1, got 1\.5"),
        ("[run]\nnprocs = true", r"run\.nprocs: expected a whole number, got True"),
        ("[run]\nsloppy = 1", r"run\.sloppy: expected true or false, got 1"),
        ("[run]\nstudi = 'x'", r"run has no key 'studi'; .*: is it 'study'\?"),
        ("[run]\nderivatives = 'x'", r"run\.derivatives: expected a list of texts, got 'x'"),
        ("[run]\ndeviation_tail = 'x'", r"run\.deviation_tail: expected 'lower' or 'both', got"),
        ("wmh = 3", "wmh: expected a table, got 3"),
        ("[wmh", "cannot read the config file"),
    ],
)
def test_what_is_unknown_or_of_another_type_is_named(tmp_path, text, told):
    with pytest.raises(RefusedError, match=rf"the config file .*c\.toml.*{told}|^{told}"):
        from_file(tmp_path, text)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(RefusedError, match=r"wmh\.threshold must .*; tissue\.iterations must be"):
        from_file(tmp_path, "[wmh]\nthreshold = 2\n[tissue]\niterations = -5")


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

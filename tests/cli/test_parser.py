"""Every flag is an option, and every option a flag."""

import dataclasses
import subprocess
import sys

import pytest

from npsle_app.cli.options import Options
from npsle_app.cli.parser import build_parser, parse
from npsle_app.cli.version import get_version

FLAGS = {action.dest: action for action in build_parser()._actions}


def test_each_option_can_be_typed_and_each_flag_is_an_option():
    options = {field.name for field in dataclasses.fields(Options)}
    positionals = {"bids_dir", "output_dir", "analysis_level"}

    assert set(FLAGS) - options == positionals | {"help", "version", "config_file"}
    assert options <= set(FLAGS)


def test_each_flag_has_help():
    assert all(action.help for action in FLAGS.values())


@pytest.mark.parametrize(
    "flag",
    [
        *("--participant-label", "--session-label", "--session-id", "--bids-filter-file"),
        *("--skip-bids-validation", "--derivatives", "-d", "--work-dir", "-w", "--nprocs"),
        *("--n-cpus", "--nthreads", "--omp-nthreads", "--mem-mb", "--config-file"),
        *("--stop-on-first-crash", "--reports-only", "--boilerplate-only", "--dry-run"),
        *("--random-seed", "--sloppy", "--version", "--verbose", "-v"),
    ],
)
def test_the_flags_of_other_bids_apps_are_known(flag):
    assert any(flag in action.option_strings for action in FLAGS.values())


def test_version_is_printed_with_what_tells_this_code_from_any_other(capsys):
    with pytest.raises(SystemExit, match="0"):
        parse(["--version"])

    assert capsys.readouterr().out == f"npsle_app {get_version()}\n"
    assert "+" in get_version()


def test_help_is_there_at_once_for_nothing_that_computes_is_imported():
    code = (
        "import atexit, sys, npsle_app.__main__ as app\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'nibabel', 'ants', 'bids', 'matplotlib'}\n"
        "atexit.register(lambda: print('imported:', sorted(heavy & set(sys.modules))))\n"
        "app.main(['--help'])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("usage: npsle_app")
    assert done.stdout.endswith("imported: []\n")

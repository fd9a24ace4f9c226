"""boutiques.json describes the command line as it is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from npsle_app.cli.parser import build_parser, parse

ROOT = Path(__file__).parents[1]
DESCRIPTOR = ROOT / "boutiques.json"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.fixture(scope="module")
def bosh() -> str:
    found = shutil.which("bosh", path=Path(sys.executable).parent)
    assert found is not None, "boutiques is not installed beside this Python"
    return found


def test_the_committed_descriptor_is_made_from_the_parser() -> None:
    done = run(sys.executable, "scripts/make_boutiques.py", "--check")
    assert done.returncode == 0, done.stderr


def test_every_flag_of_the_parser_is_described() -> None:
    content = json.loads(DESCRIPTOR.read_text(encoding="utf-8"))
    described = {known.get("command-line-flag") for known in content["inputs"]}
    flags = [set(action.option_strings) for action in build_parser()._actions]
    left_out = [names for names in flags if names and not names & described]
    assert left_out == [{"-h", "--help"}, {"--version"}]


def test_boutiques_accepts_it_as_a_bids_app(bosh: str) -> None:
    done = run(bosh, "validate", "--bids", DESCRIPTOR)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BIDS validation OK" in done.stdout + done.stderr


def test_the_command_that_boutiques_builds_is_understood(bosh: str, tmp_path: Path) -> None:
    invocation = tmp_path / "invocation.json"
    wishes = {
        "bids_dir": str(tmp_path),
        "output_dir_name": "out",
        "analysis_level": ["participant", "group"],
        "participant_label": ["01", "02"],
        "nprocs": 2,
        "wmh_threshold": 0.3,
        "sloppy": True,
    }
    invocation.write_text(json.dumps(wishes), encoding="utf-8")
    done = run(bosh, "exec", "simulate", DESCRIPTOR, "-i", invocation)
    line = next(line for line in done.stdout.splitlines() if "npsle_app" in line)
    prepare, _, command = line.partition("; ")
    request = parse(command.split()[1:])
    assert prepare.split() == ["mkdir", "-p", "out"]
    assert request.levels == ("participant", "group")
    assert request.given == {
        "participant_label": ("01", "02"),
        "nprocs": 2,
        "wmh_threshold": 0.3,
        "sloppy": True,
    }

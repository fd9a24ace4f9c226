"""`pip install .` makes a wheel that runs in a place of its own, beside its libraries."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # it builds and installs

ROOT = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "npsle_app")
VERSION = "9.8.7"
_LOOK = """
from npsle_app.resources import DATA
from npsle_app.templates import Template, locate
import npsle_app
print("package:", npsle_app.__file__)
print("data:", *sorted(path.name for path in DATA.iterdir()))
for template in Template:
    try:
        print("found:", template.name, locate(template))
    except FileNotFoundError as told:
        print("told:", template.name, told)
"""


def call(*words: object, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no variable of this process but those given."""
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder)}
    return subprocess.run(  # noqa: S603 - our own commands
        [str(word) for word in words],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy: the build writes the version into its source."""
    source = tmp_path_factory.mktemp("source")
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "_version.py")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    words = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", source / "dist")
    done = call(*words, folder=source, SETUPTOOLS_SCM_PRETEND_VERSION=VERSION)
    assert done.returncode == 0, done.stderr
    (made,) = (source / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs a program of the wheel; libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("bare")
    assert (
        call(sys.executable, "-m", "venv", "--without-pip", "venv", folder=folder).returncode == 0
    )
    own = folder / "venv" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", own / "python", "install")
    done = call(*pip, "--no-index", "--no-deps", wheel, folder=folder)
    assert done.returncode == 0, done.stderr
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    libraries = sysconfig.get_path("purelib")
    (packages / "libraries.pth").write_text(f"{libraries}\n")

    def run(program: str, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return call(own / program, *words, folder=folder, **variables)

    return run


def test_the_version_is_that_of_the_build(installed) -> None:
    done = installed("npsle_app", "--version")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"npsle_app {VERSION}\+(g|src\.)[0-9a-f]+\n", done.stdout)


@pytest.mark.parametrize(
    "program", ["npsle_app", "npsle_phantom", "npsle_review", "npsle_reproduce"]
)
def test_every_program_explains_itself(installed, program: str) -> None:
    done = installed(program, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {program}")


def test_data_lies_in_the_wheel_and_templates_are_found_or_told(installed) -> None:
    done = installed("python", "-c", _LOOK)
    assert done.returncode == 0, done.stderr
    lines = [line.partition(": ")[::2] for line in done.stdout.splitlines()]
    assert next(text for key, text in lines if key == "package").count("site-packages") == 1
    (data,) = (text.split() for key, text in lines if key == "data")
    assert {path.name for path in (ROOT / "npsle_app" / "data").iterdir()} == set(data)
    told = [text for key, text in lines if key == "told"]
    assert all("NPSLE_APP_TEMPLATES" in text for text in told)
    assert {text.split()[0] for text in told} <= {"COLIN27", "COLIN27_BRAIN", "AAL", "JHU"}


def test_it_writes_a_study_and_plans_its_analyses(installed, tmp_path: Path) -> None:
    study = tmp_path / "study"
    words = ("--cohort", "paper1", "--participants", "6")
    done = installed("npsle_phantom", study, *words)
    assert done.returncode == 0, done.stderr
    out = study / "derivatives" / "npsle_app"
    done = installed("npsle_app", study, out, "group", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "group: will gather 6 participants processed so far" in done.stdout

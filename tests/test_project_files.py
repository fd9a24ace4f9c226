"""Files that speak of the project to others: workflows, citation, notes of a release."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIBLIOGRAPHY = (ROOT / "npsle_app" / "data" / "references.bib").read_text(encoding="utf-8")


def steps(workflow: Path) -> list[dict[str, object]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_does_its_work_by_our_own_scripts(workflow: Path) -> None:
    commands = [str(step["run"]) for step in steps(workflow) if "run" in step]
    ours = [name for command in commands for name in re.findall(r"scripts/[\w.-]+", command)]
    assert ours
    for name in ours:
        assert (ROOT / name).is_file(), f"{workflow.name} calls {name}, which is not there"
        assert name.endswith(".py") or os.access(ROOT / name, os.X_OK)
    others = [one for one in commands if "scripts/" not in one and not one.startswith("gh ")]
    assert others == []


def test_the_workflow_of_checks_runs_what_the_own_script_of_checks_runs() -> None:
    own = set(re.findall(r"^\s*(scripts/[\w-]+)", (ROOT / ".ci" / "run").read_text("utf-8"), re.M))
    checks = next(path for path in WORKFLOWS if path.name == "checks.yml").read_text("utf-8")
    assert {name for name in own if name != "scripts/setup"} <= set(
        re.findall(r"scripts/[\w-]+", checks)
    )


def test_a_workflow_may_write_only_where_it_releases() -> None:
    for workflow in WORKFLOWS:
        allowed = yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"]
        assert allowed == {"contents": "write" if workflow.name == "release.yml" else "read"}


def test_the_citation_agrees_with_the_package_and_the_bibliography() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "abstract"} <= set(citation)
    assert citation["license"] == PROJECT["license"]
    assert set(PROJECT["keywords"]) <= set(citation["keywords"])
    for work in citation["references"]:
        assert work["doi"] in BIBLIOGRAPHY
        assert work["title"] in BIBLIOGRAPHY


def notes_of(version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, ROOT / "scripts" / "release_notes.py", version],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_notes_of_a_release_are_those_of_its_version_alone() -> None:
    done = notes_of("Unreleased")
    assert done.returncode == 0
    assert done.stdout.startswith("### ")
    assert "## [" not in done.stdout.replace("### [", "")


def test_a_version_without_notes_is_no_release() -> None:
    done = notes_of("99.0.0")
    assert done.returncode == 1
    assert "has no notes of version 99.0.0; there are Unreleased" in done.stderr

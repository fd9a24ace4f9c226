from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from npsle_app import pipeline
from npsle_app.__main__ import main
from npsle_app.engine.executors import limit_threads
from tests.cli.plan import PLAN, Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Return a dataset of two participants, the second without FLAIR."""
    dataset = Dataset(tmp_path / "raw")
    dataset.describe()
    dataset.add("01", "T1w", "FLAIR")
    dataset.add("02", "T1w")
    return dataset


@dataclass
class Call:
    """How a call of the app ended."""

    code: int
    out: str
    err: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.out.splitlines()


@pytest.fixture
def app(dataset, tmp_path, monkeypatch, capsys) -> Callable[..., Call]:
    """Return the app with quick stages: `app("participant", "--dry-run")`."""
    monkeypatch.setattr(pipeline, "PARTICIPANT", PLAN)
    for name, value in limit_threads(1).items():  # the app sets them; restored after the test
        monkeypatch.setenv(name, value)

    def call(*words: str, out: Path = tmp_path / "out", validate: bool = False) -> Call:
        skip = [] if validate else ["--skip-bids-validation"]
        capsys.readouterr()
        try:
            code = main([str(dataset.root), str(out), *words, *skip])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return Call(code, printed.out, printed.err)

    return call

"""A finished output folder of quick stages, and `npsle_reproduce` on it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from npsle_app import pipeline
from npsle_app.__main__ import main as run_app
from npsle_app.documents import read_json
from npsle_app.engine.executors import limit_threads
from npsle_app.reproduce.__main__ import main
from tests.cli.plan import PLAN, Dataset


@dataclass(frozen=True)
class Told:
    """How a call of `npsle_reproduce` ended, and the table that it left."""

    code: int
    out: str
    err: str
    path: Path

    @property
    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.path, sep="\t", keep_default_na=False)

    @property
    def summary(self) -> dict[str, object]:
        return read_json(self.path.with_suffix(".json"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two participants, the second without FLAIR, measured and gathered; `raw` and `out`."""
    folder = tmp_path_factory.mktemp("made")
    dataset = Dataset(folder / "raw")
    dataset.describe()
    dataset.add("01", "T1w", "FLAIR", sidecar={"EchoTime": 0.1})
    dataset.add("02", "T1w")
    table = "participant_id\tgroup\tage\nsub-01\tHC\t31\nsub-02\tNPSLE\t44\n"
    (dataset.root / "participants.tsv").write_text(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "PARTICIPANT", PLAN)
        for name, value in limit_threads(1).items():
            patch.setenv(name, value)
        words = ["participant", "group", "--skip-bids-validation", "--wmh-threshold", "0.35"]
        assert run_app([str(dataset.root), str(folder / "out"), *words]) == 0
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished folder to spoil: `raw` and `out` in a folder."""
    shutil.copytree(made, tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def reproduce(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Told]:
    """Return `npsle_reproduce OUT` with further words, and the app in this process."""
    monkeypatch.setattr(pipeline, "PARTICIPANT", PLAN)
    for name, value in limit_threads(1).items():
        monkeypatch.setenv(name, value)

    def call(*words: str, out: Path = study / "out", app=run_app) -> Told:
        capsys.readouterr()
        code = main([str(out), *words], call=lambda own: app([*own]))
        printed = capsys.readouterr()
        at = printed.out.partition("Table of differences: ")[2].splitlines()
        path = Path(at[0]) if at else study / "none.tsv"
        return Told(code=code, out=printed.out, err=printed.err, path=path)

    return call

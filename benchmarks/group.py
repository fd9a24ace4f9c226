"""How long the group level takes with many participants and measures, and how large its page is.

    python -m benchmarks.group [--participants 10000] [--measures 60] [--folder FOLDER]

A cohort is simulated (`npsle_phantom --cohort paper1`), each participant with further measures
of noise, every measure in every analysis. Gathering, statistics and page run in processes of
their own. Statistics and page together must take less than 60 s and 2 GB; the page must stay
below 8 MB.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import numpy as np  # noqa: E402

from npsle_app.engine.cost import Meter  # noqa: E402
from npsle_app.measures import MEASURES  # noqa: E402
from npsle_app.phantom.cohort.cohort import simulate_cohort  # noqa: E402
from npsle_app.phantom.cohort.files import DERIVATIVE, write_cohort  # noqa: E402
from npsle_app.settings import MeasuresSettings, StatisticsSettings  # noqa: E402

MAX_SECONDS, MAX_GB, MAX_PAGE_MB = 60.0, 2.0, 8.0
_STUDY = """\
title = "A large cohort"
[group_tests]
measures = ["*"]
[correlations]
measures = ["*"]
[regressions]
outcomes = ["*"]
secondary = ["bmi", "disease_duration_years"]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--participants", type=int, default=10000)
    parser.add_argument("--measures", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="kept and used again; else a temporary one")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "study.toml").exists():
            write_study(folder, participants=options.participants, measures=options.measures)
        return report(folder)


def write_study(folder: Path, *, participants: int, measures: int) -> None:
    """Write the cohort as the participant level leaves it, and its study file."""
    drawn = simulate_cohort("paper1", participants=participants, seed=1)
    rng = np.random.default_rng(2)
    own = [name for name in drawn.measures[0] if name in MEASURES]
    others = [name for name in MEASURES if name not in own][: measures - len(own)]
    noise = rng.normal(5, 1, (participants, len(others)))
    rows = [
        {**row, **dict(zip(others, map(float, more), strict=True))}
        for row, more in zip(drawn.measures, noise, strict=True)
    ]
    write_cohort(folder, cohort=replace(drawn, measures=rows))
    (folder / "study.toml").write_text(_STUDY, encoding="utf-8")


def report(folder: Path) -> int:
    """Run the three parts, each in a process of its own, and say what they took."""
    took = measure_parts(folder)
    page_mb = (folder / DERIVATIVE / "group.html").stat().st_size / 1e6
    for part, (seconds, gb) in took.items():
        print(f"{part}: {seconds:.1f} s of one core, {gb:.2f} GB at most")
    print(f"page: {page_mb:.1f} MB")
    seconds = took["statistics"][0] + took["page"][0]
    gb = max(took["statistics"][1], took["page"][1])
    missed = seconds > MAX_SECONDS or gb > MAX_GB or page_mb > MAX_PAGE_MB
    print(f"statistics and page: {seconds:.1f} s, {gb:.2f} GB:", "missed" if missed else "reached")
    return int(missed)


def measure_parts(folder: Path) -> dict[str, tuple[float, float]]:
    """Run the three parts; seconds of processor time and peak memory in GB of each."""
    return {part: _measure(part, folder) for part in ("measures", "statistics", "page")}


def _measure(part: str, folder: Path) -> tuple[float, float]:
    """Return seconds of processor time and the peak of resident memory in GB."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_run, args=(part, folder, theirs))
    process.start()
    theirs.close()
    found: tuple[float, float] = mine.recv()
    process.join()
    return found


def _run(part: str, folder: Path, pipe: "multiprocessing.connection.Connection") -> None:
    meter = Meter()
    run(part, folder)
    pipe.send((time.process_time(), meter.peak_mb * 2**20 / 1e9))


def run(part: str, folder: Path) -> None:
    """Run one part of the group level."""
    from npsle_app.report.group import write_report
    from npsle_app.stages.group import measures, statistics

    out = folder / DERIVATIVE
    settings = StatisticsSettings(study_file=str(folder / "study.toml"))
    calls: dict[str, Callable[[], object]] = {
        "measures": lambda: measures.run(output_dir=out, settings=MeasuresSettings(), raw=folder),
        "statistics": lambda: statistics.run(output_dir=out, settings=settings, raw=folder),
        "page": lambda: write_report(out),
    }
    calls[part]()


if __name__ == "__main__":
    sys.exit(main())

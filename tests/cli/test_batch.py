"""Scripts for batch systems: who is in them, what they ask for, and what they do alone."""

import os
import subprocess
from pathlib import Path

import pytest

from npsle_app.cli.batch import EXAMPLE_FILES, Resources, learn_resources
from npsle_app.cli.parser import build_parser
from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import Row, to_row, write_rows
from scripts.make_hpc import EXAMPLE, HPC, render
from tests.cli.plan import Dataset

SCRIPTS = ("slurm", "sge", "datalad")


def row(label: str, stage: str, seconds: float, peak_mb: float, session: str = "ses-1") -> Row:
    outcome = Outcome(Status.DONE, seconds=seconds, peak_mb=peak_mb)
    return to_row(f"sub-{label}", session, stage=stage, outcome=outcome)


def bash(script: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a script that the app has just printed
        ["/bin/bash", str(script), *words],
        capture_output=True, text=True, check=False, env=os.environ | variables,
    )  # fmt: skip


@pytest.fixture
def printed(app, tmp_path):
    """Return the script that a call prints: `printed("slurm", "--failed-only")`."""

    def call(system: str, *words: str) -> Path:
        done = app("participant", "--print-job", system, *words)
        assert done.code == 0, done.err
        script = tmp_path / f"job.{system}"
        script.write_text(done.out)
        return script

    return call


@pytest.mark.parametrize("system", EXAMPLE_FILES)
def test_hpc_holds_what_the_option_prints(system: str) -> None:
    text = (HPC / EXAMPLE_FILES[system]).read_text(encoding="utf-8")
    assert text == render(EXAMPLE, system=system), "run python scripts/make_hpc.py"
    assert set(EXAMPLE_FILES) == set(
        next(one.choices for one in build_parser()._actions if one.dest == "print_job") or ()
    )


@pytest.mark.parametrize("system", SCRIPTS)
def test_a_script_is_one_that_bash_understands(printed, system: str) -> None:
    assert subprocess.run(["/bin/bash", "-n", printed(system)], check=False).returncode == 0  # noqa: S603


def test_linked_participants_count_and_labels_stand_in_natural_order(
    printed, dataset: Dataset, tmp_path: Path
) -> None:
    elsewhere = Dataset(tmp_path / "elsewhere")
    elsewhere.describe()
    elsewhere.add("10", "T1w")
    (dataset.root / "sub-10").symlink_to(elsewhere.root / "sub-10")
    assert "participants=(\n  01\n  02\n  10\n)" in printed("slurm").read_text()


@pytest.mark.parametrize(("system", "index"), [("slurm", "SLURM_ARRAY_TASK_ID"),
                                               ("sge", "SGE_TASK_ID")])  # fmt: skip
def test_an_index_beyond_the_last_participant_is_told(printed, system: str, index: str) -> None:
    done = bash(printed(system), "participant", **{index: "3"})
    assert done.returncode == 2
    assert done.stderr == "there is no participant number 3: this file lists 2\n"


def test_failed_ones_and_those_that_left_nothing_are_submitted_again(
    printed, app, dataset: Dataset
) -> None:
    dataset.add("03", "T1w", sidecar={"Crash": True})
    assert app("participant").code == 1
    dataset.add("04", "T1w")
    assert "participants=(\n  03\n  04\n)" in printed("slurm", "--failed-only").read_text()
    asked = printed("slurm", "--failed-only", "--participant-label", "04").read_text()
    assert "participants=(\n  04\n)" in asked


def test_where_nobody_is_left_nothing_is_submitted(app) -> None:
    assert app("participant").code == 0
    call = app("participant", "--print-job", "slurm", "--failed-only")
    assert call.code == 2
    assert "is left to be submitted" in call.err
    assert call.out == ""


def test_a_job_asks_for_what_earlier_runs_took_and_room_to_spare() -> None:
    rows = [
        row("01", "anat", 600, 1600), row("01", "wmh", 300, 900), row("02", "anat", 900, 1500),
        row("02", "anat", 100, 800, "ses-2"), row("03", "anat", 0, 0),
    ]  # fmt: skip
    # two sessions of 900 + 300 s each, and twice that; 1.25 * 1600 + 500 MB
    assert learn_resources(rows) == Resources(memory_mb=2500, minutes=80)
    assert learn_resources([]) == Resources()
    assert Resources(minutes=80).time == "01:20:00"


def test_the_script_asks_for_what_stands_in_the_table_of_the_output_folder(
    printed, tmp_path: Path
) -> None:
    (tmp_path / "out" / "logs").mkdir(parents=True)
    write_rows(tmp_path / "out" / "logs" / "status.tsv", [row("01", "anat", 3000, 4000)])
    text = printed("slurm").read_text()
    assert "#SBATCH --mem=5500M\n" in text
    assert "#SBATCH --time=01:40:00\n" in text


def test_options_go_with_the_jobs_and_their_files_into_the_container(
    printed, tmp_path: Path
) -> None:
    study = tmp_path / "my study.toml"
    study.touch()
    made = tmp_path / "made"
    made.mkdir()
    text = printed(
        "slurm", "--image", "a b.sif", "--study", str(study), "--derivatives", f"x={made}",
        "--nprocs", "2", "--participant-label", "01",
    ).read_text()  # fmt: skip
    assert f"image='{Path('a b.sif').absolute()}'" in text
    assert f"--study '{study}'" in text
    assert f"--bind '{study}:{study}:ro'" in text
    assert f"--bind {made}:{made}:ro" in text
    assert "--nprocs 2" in text
    assert "#SBATCH --cpus-per-task=2" in text
    assert text.count("--participant-label") == 1


def test_names_of_folders_are_quoted(app, tmp_path: Path) -> None:
    out = tmp_path / "$(touch hurt)"
    call = app("participant", "--print-job", "sge", out=out)
    script = tmp_path / "job.sge"
    script.write_text(call.out)
    bash(script, "nonsense", PWD=str(tmp_path))
    assert f"out='{out}'" in call.out
    assert not Path("hurt").exists()

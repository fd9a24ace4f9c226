"""Time and memory to plan a large dataset, whole and one participant, beside pybids' own index.

    python benchmarks/indexing.py --participants 10000 --skip-full

The files are empty: only their names are read. A plan is a whole dry run: scans chosen and
checked, jobs made, and all told. Each figure is that of a new Python process, imports included,
as a job of a cluster would spend it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SESSIONS = ("1", "2")
IMAGES = ("anat/{}_T1w", "anat/{}_FLAIR", "dwi/{}_dwi", "func/{}_task-rest_bold")

PLAN = """
import sys
from npsle_app.__main__ import main
sys.exit(main([{root!r}, {out!r}, "participant", "--dry-run", *{asked}]))
"""
# A process counts the memory of the one that began it for its own, so that this one is small.
_WATCH = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
took = [time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]
with open(sys.argv[1], "w") as told:
    json.dump(took, told)
process.returncode = os.waitstatus_to_exitcode(status)
sys.exit(process.returncode != 0)
"""
FULL = """
from bids import BIDSLayout
layout = BIDSLayout({root!r}, validate=False)
print(len(layout.get(subject={label!r}, suffix=["T1w", "FLAIR"], extension=".nii.gz")))
"""
NO_METADATA = """
from bids.layout import BIDSLayout, BIDSLayoutIndexer
indexer = BIDSLayoutIndexer(validate=False, index_metadata=False)
layout = BIDSLayout({root!r}, validate=False, indexer=indexer)
print(len(layout.get(subject={label!r}, suffix=["T1w", "FLAIR"], extension=".nii.gz")))
"""


def make_dataset(root: Path, *, participants: int) -> int:
    """Write the empty files; return how many."""
    root.mkdir(parents=True, exist_ok=True)
    description = {"Name": "empty", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    n_files = 1
    for number in range(1, participants + 1):
        for session in SESSIONS:
            folder = root / f"sub-{number:04d}" / f"ses-{session}"
            for image in IMAGES:
                stem = folder / image.format(f"sub-{number:04d}_ses-{session}")
                stem.parent.mkdir(parents=True, exist_ok=True)
                stem.with_name(f"{stem.name}.nii.gz").touch()
                stem.with_name(f"{stem.name}.json").write_text("{}")
                n_files += 2
    return n_files


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the clock and of the processor, and its largest memory."""

    clock_s: float
    cpu_s: float
    peak_mb: float
    lines: int


def measure(*words: str) -> Cost:
    """Run Python with these arguments in a new process; count the lines that it prints.

    Time and memory are those of the process and of all that it waited for.
    """
    with tempfile.TemporaryFile() as printed, tempfile.NamedTemporaryFile() as told:
        watch = [sys.executable, "-I", "-S", "-c", _WATCH, told.name, sys.executable, *words]
        subprocess.run(watch, stdout=printed, stderr=subprocess.DEVNULL, check=True)  # noqa: S603
        clock_s, cpu_s, peak_mb = json.loads(told.read())
        printed.seek(0)
        return Cost(clock_s, cpu_s, peak_mb, sum(1 for _ in printed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=1000)
    parser.add_argument("--skip-full", action="store_true", help="leave pybids' indexes out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder) / "raw")
        n_files = make_dataset(Path(root), participants=options.participants)
        label = f"{options.participants // 2 + 1:04d}"
        one = ["--participant-label", label]
        out = str(Path(folder) / "out")
        ways = {
            "npsle_app: plan of all": PLAN.format(root=root, out=out, asked=[]),
            "npsle_app: plan of one participant": PLAN.format(root=root, out=out, asked=one),
        }
        if not options.skip_full:
            ways["pybids: index without sidecars"] = NO_METADATA.format(root=root, label=label)
            ways["pybids: index"] = FULL.format(root=root, label=label)
        print(f"{options.participants} participants, {n_files} files, participant {label}\n")
        print(f"| {'what':36} | seconds | CPU s | peak MB | lines |")
        print(f"|{'-' * 38}|--------:|------:|--------:|------:|")
        for name, code in ways.items():
            cost = measure("-c", code)
            print(
                f"| {name:36} | {cost.clock_s:7.2f} | {cost.cpu_s:5.2f} | {cost.peak_mb:7.0f} "
                f"| {cost.lines:5d} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

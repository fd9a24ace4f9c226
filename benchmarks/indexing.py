"""Time to find the scans of one participant in a large dataset, against a full pybids index.

    python benchmarks/indexing.py --participants 1000

The files are empty: only their names are read. Each time is that of a new Python process,
imports included, as a job of a cluster would spend it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SESSIONS = ("1", "2")
IMAGES = ("anat/{}_T1w", "anat/{}_FLAIR", "dwi/{}_dwi", "func/{}_task-rest_bold")

OURS = """
from pathlib import Path
from npsle_app.bids.dataset import find_sessions
print(sum(len(session.scans) for session in find_sessions(Path({root!r}), {label!r})))
"""
LIST = """
from pathlib import Path
from npsle_app.bids.dataset import list_participants
print(len(list_participants(Path({root!r}))))
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


def timed(code: str, *, root: Path, label: str) -> tuple[float, float, int]:
    """Run code in a new process; return seconds, seconds of processor, and what it prints."""
    start, start_cpu = time.perf_counter(), _children_cpu_s()
    command = [sys.executable, "-c", code.format(root=str(root), label=label)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return time.perf_counter() - start, _children_cpu_s() - start_cpu, int(done.stdout)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=1000)
    parser.add_argument("--skip-full", action="store_true", help="leave the slow indexes out")
    options = parser.parse_args()
    ways = {"npsle_app: list participants": LIST, "npsle_app: sessions of one participant": OURS}
    if not options.skip_full:
        ways |= {"pybids: all, without sidecars": NO_METADATA, "pybids: all": FULL}
    with tempfile.TemporaryDirectory() as folder:
        n_files = make_dataset(Path(folder), participants=options.participants)
        label = f"{options.participants // 2 + 1:04d}"
        print(f"{options.participants} participants, {n_files} files, participant {label}\n")
        print(f"| {'what':40} | seconds | CPU s | found |")
        print(f"|{'-' * 42}|--------:|------:|------:|")
        for name, code in ways.items():
            seconds, cpu, found = timed(code, root=Path(folder), label=label)
            print(f"| {name:40} | {seconds:7.2f} | {cpu:5.2f} | {found:5d} |", flush=True)


if __name__ == "__main__":
    main()

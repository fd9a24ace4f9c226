"""The whole app on one participant: each branch, one worker and two, and the right answer.

`python -m benchmarks` calls it. Every run is a new process into a new folder, as a user starts it.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from benchmarks.anat import dice
from benchmarks.indexing import Cost, measure
from benchmarks.lines import Line, is_undisturbed
from npsle_app.arrays import Bools
from npsle_app.bids.output.names import File
from npsle_app.engine.status import Row, read_rows
from npsle_app.imaging.space.volumes import voxel_mm3

BRANCHES = (
    "anat", "tissue", "filling", "regions", "wmh", "lesions", "dwi", "alps", "vessel_wall",
)  # fmt: skip
T1W, T1W_AND_FLAIR = ("anat", "tissue"), ("anat", "tissue", "filling", "regions", "wmh", "lesions")
OTHER = "benchmarkcopy"  # the second participant
_REACH_MM = 5.0
_TEXT = (".json", ".tsv", ".bval", ".bvec")


@dataclass(frozen=True)
class Truth:
    """What is brain, grey and white matter, on the grid of the T1w image."""

    brain: Bools
    gm: Bools
    wm: Bools

    def agreement(self, brain: Bools, *, gm: Bools, wm: Bools) -> dict[str, float]:
        """Dice of masks with the truth."""
        pairs = {
            "brain": (brain, self.brain),
            "grey matter": (gm, self.gm),
            "white matter": (wm, self.wm),
        }
        return {name: dice(*pair) for name, pair in pairs.items()}


def read_truth(gm: Path, wm: Path) -> Truth:
    """Read true fractions; a brain is its tissues with what they enclose within 5 mm.

    So ventricles and narrow sulci are brain, as they are in masks of brains; the same truth
    stands beside every program.
    """
    first, second = (nib.Nifti1Image.from_filename(path) for path in (gm, wm))
    grey, white = (image.get_fdata(dtype=np.float32) for image in (first, second))
    tissue = grey + white >= 0.5
    reach = round(_REACH_MM / voxel_mm3(first) ** (1 / 3))
    padded = np.pad(tissue, reach)
    grown = ndimage.distance_transform_edt(~padded) <= reach
    closed = ndimage.distance_transform_edt(grown) > reach
    inner = (slice(reach, -reach),) * 3
    return Truth(
        brain=ndimage.binary_fill_holes(closed | padded)[inner],
        gm=tissue & (grey >= white),
        wm=tissue & (white > grey),
    )


@dataclass(frozen=True)
class Person:
    """A participant of a BIDS folder, and where its outputs go."""

    bids: Path
    label: str
    folder: Path
    sloppy: bool = False

    @property
    def truth(self) -> Truth | None:
        """The right answer, for a head of `npsle_phantom`."""
        stem = self.bids / "sourcedata" / f"sub-{self.label}" / f"sub-{self.label}_"
        gm, wm = (Path(f"{stem}{name}.nii.gz") for name in ("gm", "wm"))
        return read_truth(gm, wm) if gm.is_file() and wm.is_file() else None

    @property
    def out(self) -> Path:
        """Outputs of the run on one core."""
        return self.folder / "out"

    def image(self, name: str) -> Path | None:
        """Find a scan by the end of its name, such as `_T1w.nii.gz`."""
        plain = rf"sub-{self.label}(_ses-[^_]+)?(_run-[^_]+|_dir-[^_]+)*{re.escape(name)}"
        found = sorted((self.bids / f"sub-{self.label}").rglob(f"*{name}"))
        return next((path for path in found if re.fullmatch(plain, path.name)), None)

    def run(self, out: Path, *, bids: Path, labels: Sequence[str], workers: int) -> Cost:
        """Run the app on participants, and say what it cost."""
        shutil.rmtree(out, ignore_errors=True)
        words = ["-m", "npsle_app", str(bids), str(out), "participant", "--skip-bids-validation"]
        words += ["--participant-label", *labels, "--nprocs", str(workers)]
        return measure(*words, *(["--sloppy"] if self.sloppy else []))


def measure_participant(person: Person) -> Iterator[Line]:
    """All branches on one core, and each of them, by the table that the app leaves."""
    cost = person.run(person.out, bids=person.bids, labels=[person.label], workers=1)
    yield to_line("participant", "all branches, one core", cost)
    rows = {row.stage: row for row in read_rows(person.out / "logs" / "status.tsv")}
    done = {name: rows[name] for name in BRANCHES if name in rows and rows[name].status == "done"}
    yield _sum("T1w and FLAIR alone", done, stages=T1W_AND_FLAIR)
    for name in done:
        yield _sum(f"branch {name}", done, stages=[name])


def _sum(what: str, rows: dict[str, Row], *, stages: Sequence[str]) -> Line:
    chosen = [rows[name] for name in stages if name in rows]
    cpu_s, clock_s = (
        sum(float(getattr(row, name)) for row in chosen) for name in ("cpu_seconds", "seconds")
    )
    return Line(
        part="participant",
        what=what,
        cpu_s=cpu_s,
        clock_s=clock_s,
        peak_mb=max((float(row.peak_mb) for row in chosen), default=None),
        undisturbed=is_undisturbed(cpu_s=cpu_s, clock_s=clock_s),
    )


def branch_cpu_s(person: Person, *, stages: Sequence[str]) -> float:
    """Seconds of the processor that stages of the run on one core took."""
    rows = read_rows(person.out / "logs" / "status.tsv")
    return sum(float(row.cpu_seconds) for row in rows if row.stage in stages)


def measure_workers(person: Person) -> Iterator[Line]:
    """One participant by one worker, and two of the same images by two, at the same time."""
    both = person.folder / "two"
    shutil.rmtree(both, ignore_errors=True)
    both.mkdir(parents=True)
    shutil.copyfile(person.bids / "dataset_description.json", both / "dataset_description.json")
    for label in (person.label, OTHER):
        copy_participant(person.bids, person.label, both, label)
    one = person.run(person.folder / "one-out", bids=both, labels=[person.label], workers=1)
    labels = [person.label, OTHER]
    two = person.run(person.folder / "two-out", bids=both, labels=labels, workers=2)
    alone = is_undisturbed(cpu_s=one.cpu_s, clock_s=one.clock_s) and is_undisturbed(
        cpu_s=two.cpu_s, clock_s=2 * two.clock_s
    )
    yield to_line("workers", "one participant, one worker", one)
    yield to_line("workers", "two participants, two workers", two)
    yield Line(
        part="workers",
        what="one worker over two, by the clock",
        ratio=2 * one.clock_s / two.clock_s,
        undisturbed=alone,
    )


def copy_participant(bids: Path, label: str, other: Path, new: str) -> None:
    """Copy a participant's folder under another label, in names and in sidecars."""
    old_name, new_name = f"sub-{label}", f"sub-{new}"
    for path in sorted((bids / old_name).rglob("*")):
        if path.is_dir():
            continue
        place = str(path.relative_to(bids)).replace(old_name, new_name)
        target = other / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in _TEXT:
            text = path.read_text(encoding="utf-8").replace(old_name, new_name)
            target.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(path, target)


def to_line(part: str, what: str, cost: Cost) -> Line:
    """Put what a process cost into a line."""
    return Line(
        part=part,
        what=what,
        cpu_s=cost.cpu_s,
        clock_s=cost.clock_s,
        peak_mb=cost.peak_mb,
        undisturbed=is_undisturbed(cpu_s=cost.cpu_s, clock_s=cost.clock_s),
    )


def agreement_of_app(person: Person, *, truth: Truth) -> dict[str, float]:
    """Dice of the app's masks, which the run on one core left, with the truth."""
    stem = person.out / f"sub-{person.label}" / "anat" / f"sub-{person.label}_"
    brain, labels = (
        np.asarray(nib.Nifti1Image.from_filename(f"{stem}{name.value.tail}").dataobj)
        for name in (File.BRAIN_MASK, File.TISSUE_LABELS)
    )
    return truth.agreement(brain > 0, gm=labels == 1, wm=labels == 2)

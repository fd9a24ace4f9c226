"""All that is claimed of the app's speed, in one table: its branches, their peers, large studies.

    python -m benchmarks [--only PART ...] [--quick] [--bids BIDS --label LABEL] [--write]

Parts:

* participant: T1w, FLAIR, diffusion and vessel wall on one core, and each branch of it
* workers: two participants by two workers, against one by one
* t1w: the T1w branch beside N4, SyN (quick) and Atropos by ANTs, on the same image; beside the full
  recipe, which was run once (`benchmarks/ants_recipe.py`); both against the truth
* diffusion: denoising and tensor beside dipy and, if they are on PATH, MRtrix3's
* planning: a dataset of 10,000 participants planned, and one of them
* group: statistics and page of 10,000 participants with 60 measures

The participant is the first of `npsle_phantom`, or one of your own. Parts that look at what the app
left of the participant need the part `participant` in the same folder. The table is kept in
`build/benchmarks.tsv`; parts that are run again take the place of what they were. `--write` writes
`docs/speed.md` from it.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks import group, indexing, peers  # noqa: E402
from benchmarks.ants_recipe import STORED  # noqa: E402
from benchmarks.lines import Line, keep_others, to_markdown, to_table  # noqa: E402
from benchmarks.machine import describe_machine  # noqa: E402
from benchmarks.whole import (  # noqa: E402
    T1W,
    Person,
    Truth,
    agreement_of_app,
    branch_cpu_s,
    measure_participant,
    measure_workers,
    to_line,
)
from npsle_app.phantom.study import Study, write_study  # noqa: E402

ROOT = Path(__file__).parents[1]
TABLE, DOCUMENT = ROOT / "build" / "benchmarks.tsv", ROOT / "docs" / "speed.md"
PROGRAMS = {
    "denoise": {"ours": "denoise", "dipy": "denoise-dipy", "MRtrix3": "denoise-mrtrix"},
    "tensor": {"ours": "tensor", "dipy": "tensor-dipy", "MRtrix3": "tensor-mrtrix"},
}
BINARIES = {"denoise-mrtrix": "dwidenoise", "tensor-mrtrix": "dwi2tensor"}
NAMES = {"denoise": "noise by MP-PCA", "tensor": "tensor"}


@dataclass(frozen=True)
class Size:
    """How large the parts are."""

    voxel_mm: float = 1.0
    planned: int = 10_000
    people: int = 10_000
    measures: int = 60


QUICK = Size(voxel_mm=3.0, planned=100, people=300, measures=20)


def measure_t1w(person: Person) -> Iterator[Line]:
    """The T1w branch beside ANTs, and both beside the truth."""
    folder = person.folder / "t1w"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(_scan(person, "_T1w.nii.gz"), folder / peers.T1W)
    cost = indexing.measure("-m", "benchmarks.peers", "t1w-ants", str(folder))
    own_s, truth = branch_cpu_s(person, stages=T1W), person.truth
    yield Line(part="t1w", what="T1w branch (anat, tissue)", cpu_s=own_s)
    yield to_line("t1w", "N4 + SyN (quick) + Atropos by ANTs", cost)
    yield Line(part="t1w", what="ANTs (quick) over ours, in CPU seconds", ratio=cost.cpu_s / own_s)
    if truth is not None:
        yield from _tell_agreement(person, truth, folder=folder)
    yield from _tell_recipe(own_s)


def _tell_agreement(person: Person, truth: Truth, *, folder: Path) -> Iterator[Line]:
    for name, dice in agreement_of_app(person, truth=truth).items():
        yield Line(part="t1w", what=f"{name}: Dice against the truth", ratio=dice)
    brain, labels = (
        np.asarray(nib.Nifti1Image.from_filename(folder / name).dataobj)
        for name in (peers.BRAIN, peers.LABELS)
    )
    found = truth.agreement(brain > 0, gm=labels == 1, wm=labels == 2)
    for name, dice in found.items():
        yield Line(part="t1w", what=f"{name} by ANTs (quick): Dice", ratio=dice)


def _tell_recipe(own_s: float) -> Iterator[Line]:
    if not STORED.is_file():
        return
    told = json.loads(STORED.read_text(encoding="utf-8"))
    yield Line(part="t1w", what="full ANTs recipe (stored)", cpu_s=told["cpu_s"])
    what = "full ANTs recipe over ours, in CPU seconds"
    yield Line(part="t1w", what=what, ratio=told["cpu_s"] / own_s)
    for name, dice in told["dice"].items():
        yield Line(part="t1w", what=f"{name} by the full ANTs recipe: Dice", ratio=dice)


def measure_diffusion(person: Person) -> Iterator[Line]:
    """Denoising and tensor beside other programs; one that is not there is left out."""
    folder = person.folder / "diffusion"
    peers.prepare_diffusion(_scan(person, "_dwi.nii.gz"), folder)
    for step, programs in PROGRAMS.items():
        costs = {}
        for name, program in programs.items():
            if program in BINARIES and not shutil.which(BINARIES[program]):
                print(f"{BINARIES[program]} is not on PATH: left out", file=sys.stderr)
                continue
            costs[name] = indexing.measure("-m", "benchmarks.peers", program, str(folder))
            yield to_line("diffusion", f"{NAMES[step]}, {name}", costs[name])
        for name in [one for one in costs if one != "ours"]:
            ratio = costs[name].cpu_s / costs["ours"].cpu_s
            what = f"{NAMES[step]}: {name} over ours, in CPU seconds"
            yield Line(part="diffusion", what=what, ratio=ratio)


def _scan(person: Person, ending: str) -> Path:
    found = person.image(ending)
    if found is None:
        msg = f"sub-{person.label} of {person.bids} has no image that ends in {ending}"
        raise FileNotFoundError(msg)
    return found


def measure_planning(folder: Path, *, participants: int) -> Iterator[Line]:
    """A dry run over all participants of a large dataset, and over one of them."""
    root, out = folder / "large", str(folder / "large-out")
    indexing.make_dataset(root, participants=participants)
    one = ["--participant-label", f"{participants // 2 + 1:04d}"]
    for what, asked in (("all participants", []), ("one participant of them", one)):
        code = indexing.PLAN.format(root=str(root), out=out, asked=asked)
        yield to_line("planning", what, indexing.measure("-c", code))


def measure_group(folder: Path, *, size: Size) -> Iterator[Line]:
    """The group level, each part of it in a process of its own."""
    study = folder / "study"
    if not (study / "study.toml").exists():
        group.write_study(study, participants=size.people, measures=size.measures)
    took = group.measure_parts(study)
    for part, (cpu_s, gb) in took.items():
        yield Line(part="group", what=part, cpu_s=cpu_s, peak_mb=1000 * gb)
    both = took["statistics"], took["page"]
    yield Line(
        part="group",
        what="statistics and page",
        cpu_s=sum(cpu_s for cpu_s, _ in both),
        peak_mb=1000 * max(gb for _, gb in both),
    )


def find_person(options: argparse.Namespace, folder: Path, *, size: Size) -> Person:
    """Take the user's participant, or make a synthetic one where it is not yet."""
    if options.bids:
        return Person(options.bids, options.label, folder, sloppy=options.quick)
    bids = folder / "bids"
    if not (bids / "sub-01").is_dir():
        write_study(bids, study=Study(participants=1, voxel_mm=size.voxel_mm))
    return Person(bids, "01", folder, sloppy=options.quick)


def list_parts(
    options: argparse.Namespace, folder: Path
) -> dict[str, Callable[[], Iterator[Line]]]:
    """Name the parts, in the order of the table."""
    size = QUICK if options.quick else Size()

    def person() -> Person:
        return find_person(options, folder, size=size)

    return {
        "participant": lambda: measure_participant(person()),
        "workers": lambda: measure_workers(person()),
        "t1w": lambda: measure_t1w(person()),
        "diffusion": lambda: measure_diffusion(person()),
        "planning": lambda: measure_planning(folder, participants=size.planned),
        "group": lambda: measure_group(folder, size=size),
    }


PARTS = ("participant", "workers", "t1w", "diffusion", "planning", "group")
_PAGE = """\
# Speed

What the app took on one machine, and other programs beside it on the same input. Written by
`python -m benchmarks --write`; run it on your own: seconds hang on the machine, ratios hardly.

{facts}

The participant is {whose}. Every line of *participant*, *workers*, *t1w*, *diffusion* and
*planning* is a process of its own from its start to its end, on one thread; branches are told by
the app's own `logs/status.tsv`. *peak MB* is the largest process. Seconds that miss a goal are held
against the app only where nobody else was computing. {recipe} A brain's truth is its tissue with
what it encloses within 5 mm; synthetic heads flatter ([what was measured](accuracy.md)).

{table}
{missing}"""
_RECIPE = {
    True: "The full ANTs recipe (`benchmarks/ants_recipe.py`) was run once; its steps and machine "
    "stand in `benchmarks/ants_recipe.json`.",
    False: "The full ANTs recipe (`benchmarks/ants_recipe.py`) was not run.",
}


def write_page(table: pd.DataFrame, *, whose: str) -> None:
    """Write the document from the table, with the facts of this machine."""
    facts = "\n".join(f"- {name}: {text}" for name, text in describe_machine().items())
    left = [part for part in PARTS if part not in set(table["part"])]
    missing = f"\nNot run: {', '.join(left)}.\n" if left else ""
    text = _PAGE.format(
        facts=facts,
        whose=whose,
        recipe=_RECIPE[STORED.is_file()],
        table=to_markdown(table),
        missing=missing,
    )
    DOCUMENT.write_text(text, encoding="utf-8")


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    head, _, rest = str(__doc__).partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=head, epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    parser.add_argument(
        "--quick", action="store_true", help="small and coarse: to see that it runs"
    )
    parser.add_argument("--bids", type=Path, help="BIDS folder of your own")
    parser.add_argument("--label", help="the participant of it")
    parser.add_argument("--folder", type=Path, help="kept and used again; else a temporary one")
    parser.add_argument("--table", type=Path, default=TABLE, help="where the table is kept")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md")
    options = parser.parse_args(words)
    if bool(options.bids) != bool(options.label):
        parser.error("--bids and --label go together")
    if options.write and options.quick:
        parser.error("what --quick measures is not to be written down")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Run the parts, print and keep the table."""
    options = _parse(words)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        lines = []
        for part, run in list_parts(options, folder).items():
            if part not in options.only:
                continue
            for line in run():
                print(f"{line.part}: {line.what} ...", file=sys.stderr, flush=True)
                lines.append(line)
    table = to_table(lines)
    print(to_markdown(table))
    if not options.quick:
        table = keep_others(table, before=options.table, parts=PARTS)
    options.table.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.table, sep="\t", index=False)
    if options.write:
        whose = "one of a study's own" if options.bids else "the first of `npsle_phantom`"
        write_page(table, whose=whose)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Found against true volumes on synthetic heads, and what lesion filling leaves behind.

    python benchmarks/phantom.py --participants 3

The whole app runs on the synthetic study, from T1w and FLAIR to measures. For the filling law the
same head is made with and without lesions: filled with the true lesions and segmented, grey and
white matter should have the volumes that they have without lesions. Prints one table of each.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app import templates
from npsle_app.__main__ import main as run_app
from npsle_app.bids.output.names import File
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.imaging.tissue.filling import fill
from npsle_app.imaging.tissue.intensity import find_bounds
from npsle_app.imaging.tissue.segmentation import TissueMaps, TissuePriors, segment, volume_ml
from npsle_app.measures.names_of_regions import MAIN_REGIONS, SIDES, measure_name
from npsle_app.phantom.participant import Request, make_participant
from npsle_app.phantom.study import Study, write_study
from npsle_app.settings import FillingSettings, TissueSettings
from npsle_app.stages.participant.shared import tissue_priors
from npsle_app.templates import Template

MEASURES = (
    "tiv_ml", "tbv_ml", "gm_ml", "wm_ml", "csf_ml", "wm_without_wmh_ml", "wmh_ml", "wmh_soft_ml",
)  # fmt: skip
REGIONS = tuple(measure_name(region.name, side=side) for region in MAIN_REGIONS for side in SIDES)
LESIONS_ML = (1.0, 5.0, 20.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of one head."""

    participant: str
    measure: str
    truth: float
    found: float

    @property
    def error_percent(self) -> float:
        return 100 * (self.found / self.truth - 1) if self.truth else float("nan")


@dataclass(frozen=True, slots=True)
class Filled:
    """Change of tissue volumes by lesions after filling, in per cent of the lesion-free head."""

    lesion_ml: float
    gm_percent: float
    wm_percent: float
    unfilled_gm_percent: float
    unfilled_wm_percent: float


def run_study(
    folder: Path, *, study: Study, labels: tuple[str, ...] = (), sloppy: bool = False
) -> Path:
    """Make the study, run the app on it and return the folder of derivatives."""
    raw, out = folder / "bids", folder / "out"
    if not raw.exists():
        write_study(raw, study=study)
    words = [str(raw), str(out), "participant", "--skip-bids-validation"]
    words += ["--sloppy"] if sloppy else []
    words += ["--participant-label", *labels] if labels else []
    if run_app(words):
        msg = f"the app failed on the synthetic study: see {out}/logs"
        raise RuntimeError(msg)
    return out


def compare(raw: Path, derivatives: Path) -> Iterator[Comparison]:
    """Put the measures of every participant that was run beside the truth."""
    for row in _rows(raw / "sourcedata" / "truth.tsv"):
        label = row["participant_id"]
        table = derivatives / label / "anat" / f"{label}_measures.tsv"
        tables = [table] if table.exists() else sorted((derivatives / label).rglob("*measures.tsv"))
        for path in tables:
            found = {line["measure"]: line["value"] for line in _rows(path)}
            for name in (*MEASURES, *REGIONS):
                yield Comparison(label, name, float(row[name]), float(found[name]))


def filling_law(
    derivatives: Path,
    *,
    raw: Path,
    index: int,
    study: Study,
    loads_ml: Sequence[float] = LESIONS_ML,
    iterations: int | None = None,
) -> Iterator[Filled]:
    """Compare tissue with filled lesions to tissue without lesions, same head and transforms."""
    head = _Head.read(derivatives, raw=raw, label=f"{index:02d}")
    iterations = iterations or TissueSettings().iterations
    free = make_participant(Request(index, seed=study.seed, voxel_mm=study.voxel_mm, lesion_ml=0))
    gm, wm = _volumes(head.segmented(head.corrected(free.t1w), iterations=iterations))
    for lesion_ml in loads_ml:
        person = make_participant(
            Request(index, seed=study.seed, voxel_mm=study.voxel_mm, lesion_ml=lesion_ml)
        )
        lesions = on_grid_of(head.t1w, person.maps["lesions"].get_fdata(dtype=np.float32) >= 0.5)
        t1w = head.corrected(person.t1w)
        filled = head.segmented(head.filled(t1w, lesions), iterations=iterations)
        changed = _volumes(filled)
        left = _volumes(head.segmented(t1w, iterations=iterations))
        yield Filled(
            person.truth.wmh_ml,
            *(100 * (after / before - 1) for after, before in zip(changed, (gm, wm), strict=True)),
            *(100 * (after / before - 1) for after, before in zip(left, (gm, wm), strict=True)),
        )


@dataclass(frozen=True, slots=True)
class _Head:
    """What the app found of one head; used alike with and without lesions."""

    t1w: nib.Nifti1Image
    gain: NDArray[np.float32]
    brain: nib.Nifti1Image
    intracranial: nib.Nifti1Image
    field: nib.Nifti1Image
    priors: TissuePriors

    @classmethod
    def read(cls, derivatives: Path, *, raw: Path, label: str) -> "_Head":
        def read(tail: str) -> nib.Nifti1Image:
            return nib.Nifti1Image.from_filename(
                derivatives / f"sub-{label}" / "anat" / f"sub-{label}_{tail}"
            )

        t1w = read(File.T1W.value.tail)
        scan = nib.Nifti1Image.from_filename(raw / f"sub-{label}/anat/sub-{label}_T1w.nii.gz")
        before, after = (image.get_fdata(dtype=np.float32) for image in (scan, t1w))
        field = read(File.TEMPLATE_TO_T1W.value.tail)
        gm, wm, deep = (
            warp(fraction(templates.load(name)), reference=t1w, field=field)
            for name in (Template.GM, Template.WM, Template.DEEP_GM)
        )
        gain = np.divide(after, before, out=np.ones_like(after), where=before > 0)
        return cls(
            t1w=t1w,
            gain=gain,
            brain=read(File.BRAIN_MASK.value.tail),
            intracranial=read(File.INTRACRANIAL_MASK.value.tail),
            field=field,
            priors=TissuePriors(gm=gm, wm=wm, deep_gm=deep),
        )

    def corrected(self, scan: nib.Nifti1Image) -> nib.Nifti1Image:
        return on_grid_of(self.t1w, scan.get_fdata(dtype=np.float32) * self.gain)

    def filled(self, t1w: nib.Nifti1Image, lesions: nib.Nifti1Image) -> nib.Nifti1Image:
        values, brain = t1w.get_fdata(dtype=np.float32), np.asarray(self.brain.dataobj) > 0
        settings = FillingSettings()
        bounds = find_bounds(
            values,
            brain=brain,
            priors=tissue_priors(t1w, field=self.field),
            csf_sd=settings.csf_sd,
        )
        return on_grid_of(
            t1w,
            fill(values, lesions=np.asarray(lesions.dataobj) > 0, brain=brain, bounds=bounds),
        )

    def segmented(self, t1w: nib.Nifti1Image, *, iterations: int) -> TissueMaps:
        settings = TissueSettings()
        return segment(
            t1w,
            mask=self.intracranial,
            brain=self.brain,
            priors=self.priors,
            prior_weight=settings.prior_weight,
            mrf_weight=settings.mrf_weight,
            iterations=iterations,
        )


def _volumes(maps: TissueMaps) -> tuple[float, float]:
    return volume_ml(maps.gm), volume_ml(maps.wm)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def print_comparison(found: list[Comparison]) -> None:
    print("\n| participant | measure           |    truth |    found | error % |")
    print("|-------------|-------------------|---------:|---------:|--------:|")
    for row in found:
        print(
            f"| {row.participant:11} | {row.measure:17} | {row.truth:8.2f} | {row.found:8.2f} "
            f"| {row.error_percent:7.2f} |"
        )


def print_filling(participant: str, found: Iterator[Filled]) -> None:
    print(f"\nFilling of the true lesions, sub-{participant}: change in % of the head without")
    print("| lesions (mL) | ΔGM filled | ΔWM filled | ΔGM unfilled | ΔWM unfilled |")
    print("|-------------:|-----------:|-----------:|-------------:|-------------:|")
    for row in found:
        print(
            f"| {row.lesion_ml:12.2f} | {row.gm_percent:10.3f} | {row.wm_percent:10.3f} "
            f"| {row.unfilled_gm_percent:12.3f} | {row.unfilled_wm_percent:12.3f} |",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--voxel-mm", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, help="keep the study and what was found there")
    parser.add_argument("--sloppy", action="store_true", help="only to see that it runs")
    parser.add_argument("--skip-filling", action="store_true")
    options = parser.parse_args()
    study = Study(
        participants=options.participants,
        seed=options.seed,
        voxel_mm=options.voxel_mm,
        diffusion=False,
        vessel_wall=False,
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        out = run_study(folder, study=study, sloppy=options.sloppy)
        print_comparison(list(compare(folder / "bids", out)))
        if not options.skip_filling:
            for index in range(1, study.participants + 1):
                law = filling_law(out, raw=folder / "bids", index=index, study=study)
                print_filling(f"{index:02d}", law)
    print(f"\n{time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

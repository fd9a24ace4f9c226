"""The T1w branch as ANTs' own scripts do it, in full: what it takes, and how well it does.

    nice -n 19 python -m benchmarks.ants_recipe --folder FOLDER [--write]

Brain extraction, segmentation with the template's priors, and registration at full resolution,
with the settings of `antsBrainExtraction.sh`, `antsAtroposN4.sh` and `antsCorticalThickness.sh`
(ANTs 2.5; Tustison 2014, doi:10.1016/j.neuroimage.2014.05.044) on one thread. Left out is the
thickness of the cortex (DiReCT) and the second registration, to a template of a study: the app
has neither. What a step leaves stays in the folder and is not made again. It takes an hour or
more, so that its figures are stored with the command and the machine (`ants_recipe.json`), and
`python -m benchmarks` prints them beside its own.

The head is that of the synthetic study's first participant, whose tissues are known.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app.cli.environment import set_threads

set_threads(1)  # before ITK is loaded, or it takes as many as there are

import ants  # noqa: E402
import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.machine import describe_machine  # noqa: E402
from benchmarks.whole import read_truth  # noqa: E402
from npsle_app import templates  # noqa: E402
from npsle_app.imaging.space.registration import at_spacing, resample  # noqa: E402
from npsle_app.imaging.space.volumes import fraction, on_grid_of  # noqa: E402
from npsle_app.phantom.participant import Request, make_participant  # noqa: E402
from npsle_app.stages.participant.anat import read_template  # noqa: E402
from npsle_app.templates import Template  # noqa: E402

WINSORIZE = "[0.005,0.995]"
LINEAR = ["[1000x500x250x100,1e-8,10]", "8x4x2x1", "4x2x1x0"]
N4 = {
    "shrink_factor": 4,
    "convergence": {"iters": [50, 50, 50, 50], "tol": 1e-7},
    "spline_param": 200,  # mm between knots
}
PRIOR_WEIGHT, ROUNDS = 0.25, 3
STEPS = (
    "extraction-n4", "extraction-registration", "extraction-mask", "prior-registration",
    "segmentation",
)  # fmt: skip
GM, WM = 2, 3  # labels, in the order of the priors
STORED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Work:
    """A folder of the recipe's files, and what each step of it took."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def read(self, name: str) -> Any:
        return ants.image_read(self.path(f"{name}.nii.gz"))

    def write(self, image: Any, name: str) -> None:
        ants.image_write(image, self.path(f"{name}.nii.gz"))

    def step(self, name: str, work: Callable[[], None]) -> None:
        """Do a step that was not done yet, and write down what it took."""
        told = self.folder / f"{name}.json"
        if told.exists():
            return
        print(f"{time.strftime('%H:%M:%S')} {name} ...", flush=True)
        clock, cpu = time.perf_counter(), time.process_time()
        work()
        took = {"clock_s": time.perf_counter() - clock, "cpu_s": time.process_time() - cpu}
        told.write_text(json.dumps(took), encoding="utf-8")
        print(f"{time.strftime('%H:%M:%S')} {name}: {took['cpu_s']:.0f} CPU s", flush=True)


def run(work: Work) -> None:
    """Do all steps, in the order of the scripts."""
    steps = (_correct, _register_head, _extract, _register_brain, _segment)
    for name, step in zip(STEPS, steps, strict=True):
        work.step(name, lambda step=step: step(work))


def _correct(work: Work) -> None:
    image = ants.iMath(work.read("t1w"), "TruncateIntensity", 0.01, 0.999, 256)
    work.write(ants.n4_bias_field_correction(image, **N4), "corrected")


def _register_head(work: Work) -> None:
    """Register the head to the template by cross-correlation of images and of their edges."""
    for name in ("template", "corrected"):
        work.write(ants.iMath(work.read(name), "Laplacian", 1.5, 1), f"{name}-edges")
    _register(
        work,
        fixed="template",
        moving="corrected",
        metrics=[
            ("template", "corrected", 0.5),
            ("template-edges", "corrected-edges", 0.5),
        ],
        levels=["[50x10x0,1e-9,15]", "4x2x1", "2x1x0"],
        out="extraction-",
    )


def _extract(work: Work) -> None:
    """Take the template's brain over, and mend its edge by the tissues found in it."""
    image = work.read("corrected")
    prior = ants.apply_transforms(
        image,
        work.read("template-brain"),
        [work.path("extraction-0GenericAffine.mat"), work.path("extraction-1InverseWarp.nii.gz")],
        whichtoinvert=[True, False],
    )
    mask = _morph(ants.threshold_image(prior, 0.5, 10), ("MD", 2), ("GetLargestComponent",))
    classes = ants.atropos(a=image, x=mask, i="kmeans[3]", m="[0.1,1x1x1]", c="[3,0]")
    labels = classes["segmentation"]
    tissue = ants.threshold_image(labels, 2, 3)
    brain = _morph(
        tissue, ("ME", 2), ("GetLargestComponent",), ("MD", 4), ("FillHoles",), ("MD", 5), ("ME", 5)
    )
    work.write(ants.threshold_image(brain * mask, 0.5, 10), "brain")


def _morph(mask: Any, *operations: tuple[Any, ...]) -> Any:
    for operation in operations:
        mask = ants.iMath(mask, *operation)
    return mask


def _register_brain(work: Work) -> None:
    """Register the template's brain to this one, down to full resolution."""
    work.write(work.read("corrected") * work.read("brain"), "extracted")
    _register(
        work,
        fixed="extracted",
        moving="template-extracted",
        metrics=[("extracted", "template-extracted", 1)],
        levels=["[100x100x70x20,1e-9,15]", "6x4x2x1", "3x2x1x0"],
        out="prior-",
    )


def _segment(work: Work) -> None:
    """N4 and Atropos in turns, N4 weighted by the white matter that was found."""
    mask, image = work.read("brain"), work.read("t1w")
    image = ants.iMath(image, "TruncateIntensity", 0.01, 0.999, 256)
    transforms = [work.path("prior-1Warp.nii.gz"), work.path("prior-0GenericAffine.mat")]
    csf, gm, wm = (
        ants.apply_transforms(mask, work.read(f"template-{name}"), transforms)
        for name in ("csf", "gm", "wm")
    )
    weight = wm
    for _ in range(ROUNDS):
        corrected = ants.n4_bias_field_correction(image, mask=mask, weight_mask=weight, **N4)
        made = ants.atropos(
            a=corrected,
            x=mask,
            i=[csf, gm, wm],
            m="[0.1,1x1x1]",
            c="[5,0]",
            priorweight=PRIOR_WEIGHT,
        )
        weight = made["probabilityimages"][2]
    work.write(made["segmentation"], "labels")


def _register(
    work: Work,
    *,
    fixed: str,
    moving: str,
    metrics: list[tuple[str, str, float]],
    levels: list[str],
    out: str,
) -> None:
    """Rigid, affine, SyN, as one call of antsRegistration."""
    pair = [work.path(f"{name}.nii.gz") for name in (fixed, moving)]
    steps, factors, sigmas = LINEAR
    command = ["-d", "3", "--float", "1", "--verbose", "1", "-u", "0", "-z", "1"]
    command += ["--random-seed", "1", "-w", WINSORIZE, "-o", work.path(out)]
    command += ["-r", f"[{pair[0]},{pair[1]},1]"]
    for kind in ("Rigid[0.1]", "Affine[0.1]"):
        command += ["-t", kind, "-m", f"MI[{pair[0]},{pair[1]},1,32,Regular,0.25]"]
        command += ["-c", steps, "-f", factors, "-s", sigmas]
    command += ["-t", "SyN[0.1,3,0]"]
    for one, other, weight in metrics:
        files = ",".join(work.path(f"{name}.nii.gz") for name in (one, other))
        command += ["-m", f"CC[{files},{weight},4]"]
    command += ["-c", levels[0], "-f", levels[1], "-s", levels[2]]
    ants.registration(command, None)


def prepare(work: Work, *, seed: int, voxel_mm: float) -> None:
    """Write the head, its truth, and the template at 1 mm, if they are not there."""
    if Path(work.path("truth-wm.nii.gz")).exists():
        return
    work.folder.mkdir(parents=True, exist_ok=True)
    person = make_participant(Request(1, seed=seed, voxel_mm=voxel_mm))
    template = read_template()
    head = at_spacing(template.head, spacing_mm=voxel_mm)
    brain, gm, wm = (
        resample(image, reference=head, matrix=np.eye(4), order=1)
        for image in (template.brain, *(fraction(templates.load(t)) for t in _TISSUES))
    )
    csf = np.clip(1 - gm.get_fdata() - wm.get_fdata(), 0, 1).astype(np.float32)
    images = {
        "t1w": person.t1w,
        "template": head,
        "template-brain": brain,
        "template-extracted": on_grid_of(head, head.get_fdata() * (brain.get_fdata() > 0.5)),
        "template-gm": gm,
        "template-wm": wm,
        "template-csf": on_grid_of(head, csf),
        "truth-gm": person.maps["gm"],
        "truth-wm": person.maps["wm"],
    }
    for name, image in images.items():
        nib.save(image, work.path(f"{name}.nii.gz"))


_TISSUES = (Template.GM, Template.WM)


def tell(work: Work, *, voxel_mm: float) -> dict[str, Any]:
    """Put together what the steps took, and how far they agree with the truth."""
    steps = {name: json.loads((work.folder / f"{name}.json").read_text()) for name in STEPS}
    brain, labels = (
        np.asarray(nib.load(work.path(f"{name}.nii.gz")).dataobj).round()
        for name in ("brain", "labels")
    )
    truth = read_truth(*(Path(work.path(f"truth-{name}.nii.gz")) for name in ("gm", "wm")))
    return {
        "command": f"nice -n 19 python -m benchmarks.ants_recipe --voxel-mm {voxel_mm:g} --write",
        "voxel_mm": voxel_mm,
        "machine": describe_machine(),
        "steps": steps,
        "cpu_s": round(sum(step["cpu_s"] for step in steps.values()), 1),
        "dice": truth.agreement(brain > 0, gm=labels == GM, wm=labels == WM),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where its files stay")
    parser.add_argument("--voxel-mm", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"store its figures in {STORED.name}")
    options = parser.parse_args()
    work = Work(options.folder)
    prepare(work, seed=options.seed, voxel_mm=options.voxel_mm)
    run(work)
    told = tell(work, voxel_mm=options.voxel_mm)
    print(text := json.dumps(told, indent=2) + "\n")
    if options.write:
        STORED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

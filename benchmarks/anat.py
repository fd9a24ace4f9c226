"""The T1w branch against the usual ANTs recipe: time, and agreement of masks and tissue.

    python benchmarks/anat.py --t1w sub-01_T1w.nii.gz

The recipe: N4 as it comes, `antsRegistrationSyN[s]` of the whole-head template at 1 mm, the
template's brain mask warped back, Atropos with three classes and the template's priors. Both ways
get the same image and the same template on one thread, in one run. The recipe takes the better
part of an hour: every step says when it begins and ends. Without `--t1w` the image is that of
the synthetic study's first participant.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npsle_app.cli.environment import set_threads

set_threads(1)  # before ITK is loaded, or it takes as many as there are

import ants  # noqa: E402
import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from npsle_app import templates  # noqa: E402
from npsle_app.bids.output.reader import read_image  # noqa: E402
from npsle_app.cli.config import make_sloppy  # noqa: E402
from npsle_app.imaging.head.head import HeadTemplate, PreparedHead, prepare_head  # noqa: E402
from npsle_app.imaging.space.itk import from_ants, make_deterministic, to_ants  # noqa: E402
from npsle_app.imaging.space.registration import at_spacing, warp  # noqa: E402
from npsle_app.imaging.space.volumes import fraction, on_grid_of  # noqa: E402
from npsle_app.imaging.tissue.segmentation import TissueMaps, TissuePriors, segment  # noqa: E402
from npsle_app.phantom.participant import Request, make_participant  # noqa: E402
from npsle_app.settings import AnatSettings, Settings, TissueSettings  # noqa: E402
from npsle_app.stages.participant.anat import head_steps, read_template  # noqa: E402
from npsle_app.templates import Template  # noqa: E402

FULL, QUICK = "antsRegistrationSyN[s]", "antsRegistrationSyNQuick[s]"
AFFINE = "antsRegistrationSyNQuick[a]"  # useless, but quick


@dataclass
class Clock:
    """Seconds of each step, printed as they pass.

    Both ways run on one thread, so that seconds of processor are those of an idle machine.
    """

    way: str
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        print(f"{time.strftime('%H:%M:%S')} {self.way}: {step} ...", flush=True)
        start, cpu_start = time.perf_counter(), time.process_time()
        result = work()
        self.cpu_seconds[step] = time.process_time() - cpu_start
        self.seconds[step] = time.perf_counter() - start
        print(
            f"{time.strftime('%H:%M:%S')} {self.way}: {step}: {self.seconds[step]:.1f} s, "
            f"{self.cpu_seconds[step]:.1f} CPU s",
            flush=True,
        )
        return result

    @property
    def total(self) -> tuple[float, float]:
        """Seconds, and seconds of processor."""
        return sum(self.seconds.values()), sum(self.cpu_seconds.values())


@dataclass(frozen=True)
class Found:
    """Masks on the grid of the T1w image; labels 1 GM, 2 WM, 3 CSF."""

    brain: NDArray[np.bool_]
    labels: NDArray[np.integer]


def run_ours(
    scan: nib.Nifti1Image, *, template: HeadTemplate, clock: Clock, settings: Settings
) -> Found:
    """Prepare and segment as the stages `anat` and `tissue` do."""
    steps = head_steps(settings.anat)
    head: PreparedHead = clock.time(
        "register, correct, strip",
        lambda: prepare_head(scan, template=template, stripped=False, steps=steps),
    )
    maps: TissueMaps = clock.time("segment", lambda: _segment(head, settings.tissue))
    return Found(brain=_inside(head.brain), labels=np.asarray(maps.labels.dataobj))


def _segment(head: PreparedHead, settings: TissueSettings) -> TissueMaps:
    gm, wm, deep = (
        warp(fraction(templates.load(name)), reference=head.image, field=head.fit.to_native)
        for name in (Template.GM, Template.WM, Template.DEEP_GM)
    )
    return segment(
        head.image,
        mask=head.intracranial or head.brain,
        brain=head.brain,
        priors=TissuePriors(gm=gm, wm=wm, deep_gm=deep),
        prior_weight=settings.prior_weight,
        mrf_weight=settings.mrf_weight,
        iterations=settings.iterations,
    )


def run_recipe(
    scan: nib.Nifti1Image,
    *,
    template: HeadTemplate,
    clock: Clock,
    kind: str = FULL,
    spacing_mm: float = 1.0,
) -> Found:
    """Do as ANTs' own scripts do; `kind` is antspyx' name of the registration."""
    make_deterministic(AnatSettings().random_seed)
    image = clock.time("N4", lambda: ants.n4_bias_field_correction(to_ants(scan)))
    moving = to_ants(at_spacing(template.head, spacing_mm=spacing_mm))
    found = clock.time(kind, lambda: ants.registration(image, moving, type_of_transform=kind))
    brain, gm, wm = clock.time(
        "mask and priors",
        lambda: [
            ants.apply_transforms(image, to_ants(part), found["fwdtransforms"])
            for part in (
                template.brain,
                *(fraction(templates.load(name)) for name in (Template.GM, Template.WM)),
            )
        ],
    )
    mask = ants.threshold_image(brain, 0.5, 10)
    csf = image.new_image_like(np.clip(1 - gm.numpy() - wm.numpy(), 0, 1).astype(np.float32))
    made = clock.time(
        "Atropos", lambda: ants.atropos(a=image, x=mask, i=[gm, wm, csf], m="[0.2,1x1x1]")
    )
    return Found(
        brain=_inside(from_ants(mask, scan)),
        labels=np.asarray(from_ants(made["segmentation"], scan).dataobj).round().astype(np.uint8),
    )


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float(2 * (first & second).sum() / max(first.sum() + second.sum(), 1))


def print_table(ours: Found, theirs: Found, *, clocks: tuple[Clock, Clock]) -> None:
    print("\n| way       | step                       | seconds |  CPU s |")
    print("|-----------|----------------------------|--------:|-------:|")
    for clock in clocks:
        rows = [(step, s, clock.cpu_seconds[step]) for step, s in clock.seconds.items()]
        for step, seconds, cpu in (*rows, ("all", *clock.total)):
            print(f"| {clock.way:9} | {step:26} | {seconds:7.1f} | {cpu:6.1f} |")
    ratio, cpu_ratio = (b / a for a, b in zip(*(clock.total for clock in clocks), strict=True))
    print(f"\nTime ratio: {ratio:.1f} by the clock, {cpu_ratio:.1f} in CPU seconds")
    print("\n| Dice between the two |       |\n|----------------------|------:|")
    print(f"| brain mask           | {dice(ours.brain, theirs.brain):.3f} |")
    for index, name in ((1, "GM"), (2, "WM")):
        within = ours.brain & theirs.brain  # where both look: the masks have a line of their own
        whole = dice(ours.labels == index, theirs.labels == index)
        inner = dice((ours.labels == index) & within, (theirs.labels == index) & within)
        print(f"| {name}                   | {whole:.3f} |")
        print(f"| {name} inside both masks | {inner:.3f} |")


def _inside(mask: nib.Nifti1Image) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = mask.get_fdata(dtype=np.float32) > 0.5
    return inside


def _scan(options: argparse.Namespace) -> nib.Nifti1Image:
    if options.t1w:
        image = read_image(options.t1w)
        return on_grid_of(image, image.get_fdata(dtype=np.float32))
    return make_participant(Request(1, seed=options.seed, voxel_mm=options.voxel_mm)).t1w


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--t1w", type=Path, help="T1w image (default: a synthetic head)")
    parser.add_argument("--voxel-mm", type=float, default=1.0, help="of the synthetic head")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic head")
    parser.add_argument(
        "--fast-reference", action="store_true", help="both ways coarse, only to see that all runs"
    )
    options = parser.parse_args()
    scan, template = _scan(options), read_template()
    clocks = Clock("npsle_app"), Clock("ANTs")
    settings = make_sloppy() if options.fast_reference else Settings()
    ours = run_ours(scan, template=template, clock=clocks[0], settings=settings)
    coarse = {"kind": AFFINE, "spacing_mm": 4.0} if options.fast_reference else {}
    theirs = run_recipe(scan, template=template, clock=clocks[1], **coarse)
    print_table(ours, theirs, clocks=clocks)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What tissue volumes make of a rescan, of lost brain and of other contrasts, on real heads.

    python benchmarks/tissue.py T1W [T1W ...] [--spacing MM] [--only CARD] [--atropos]

No manual labels are needed: each card changes a head in a known way and runs the whole branch
anew, registration included.

* rescan: the head in another place (turned 4° about each axis, shifted by half voxels) with
  noise of 2 % of white matter. GM, WM and TBV within 0.5 %.
* smaller: the whole head drawn together to 95.5 % of its volume. 0.95 to 1.05 of it found in
  TBV, GM, WM, deep nuclei and CSF.
* central: what lies about the third ventricle widened, what lies around it pressed together
  (σ 25 mm), the skull as it was. What is lost is known from the maps of the head itself, moved
  alike. At least 0.95 of it found in TBV and WM, CSF of the right sign.
* contrast: brightness to the power of 0.8 and 1.25. GM and WM within 2 %.

`--spacing` resamples the head first, as for thick clinical scans; `--atropos` prints Atropos,
given the same corrected image, mask and priors, beside it.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from npsle_app.cli.environment import set_threads

set_threads(1)  # before ITK is loaded, or it takes as many as there are

import ants  # noqa: E402
import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from nibabel.affines import apply_affine  # noqa: E402
from scipy import ndimage  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

from npsle_app import templates  # noqa: E402
from npsle_app.arrays import Floats  # noqa: E402
from npsle_app.bids.output.reader import read_image  # noqa: E402
from npsle_app.imaging.head.head import PreparedHead, prepare_head  # noqa: E402
from npsle_app.imaging.space.itk import from_ants, make_deterministic, to_ants  # noqa: E402
from npsle_app.imaging.space.registration import at_spacing, warp  # noqa: E402
from npsle_app.imaging.space.volumes import fraction, on_grid_of, voxel_mm3  # noqa: E402
from npsle_app.imaging.tissue.segmentation import TissueMaps, TissuePriors, segment  # noqa: E402
from npsle_app.settings import AnatSettings, TissueSettings  # noqa: E402
from npsle_app.stages.participant.anat import head_steps, read_template  # noqa: E402
from npsle_app.templates import Template  # noqa: E402

LEFT, NOISE, TURN_DEG, SEED = 0.955, 0.02, 4.0, 1
WIDENED, REACH_MM = 0.1, 25.0
POWERS = (0.8, 1.25)
CARDS = ("rescan", "contrast", "smaller", "central")
NAMES = ("gm", "wm", "tbv", "deep", "csf")


@dataclass(frozen=True)
class Segmented:
    """A head and its maps, by who made them; each map is GM, WM and CSF."""

    head: PreparedHead
    deep: nib.Nifti1Image  # where the template expects deep nuclei
    maps: dict[str, TissueMaps]

    def volumes_ml(self, way: str) -> dict[str, float]:
        return measure(self.maps[way], deep=self.deep)


def run(scan: nib.Nifti1Image, *, atropos: bool) -> Segmented:
    """Prepare and segment as the stages `anat` and `tissue` do."""
    head = prepare_head(
        scan, template=read_template(), stripped=False, steps=head_steps(AnatSettings())
    )
    gm, wm, deep = (
        warp(fraction(templates.load(name)), reference=head.image, field=head.fit.to_native)
        for name in (Template.GM, Template.WM, Template.DEEP_GM)
    )
    settings, priors = TissueSettings(), TissuePriors(gm=gm, wm=wm, deep_gm=deep)
    mask = head.intracranial or head.brain
    maps = {
        "npsle_app": segment(
            head.image,
            mask=mask,
            brain=head.brain,
            priors=priors,
            prior_weight=settings.prior_weight,
            mrf_weight=settings.mrf_weight,
            iterations=settings.iterations,
        )
    }
    if atropos:
        maps["Atropos"] = run_atropos(head.image, mask=mask, priors=priors)
    return Segmented(head, deep, maps)


def run_atropos(
    image: nib.Nifti1Image, *, mask: nib.Nifti1Image, priors: TissuePriors
) -> TissueMaps:
    """Segment by Atropos with the template's priors at a quarter of their weight."""
    make_deterministic(AnatSettings().random_seed)
    gm, wm = (to_ants(part) for part in (priors.gm, priors.wm))
    csf = gm.new_image_like(np.clip(1 - gm.numpy() - wm.numpy(), 0, 1).astype(np.float32))
    made = ants.atropos(
        a=to_ants(image),
        x=to_ants(mask),
        i=[csf, gm, wm],
        m="[0.1,1x1x1]",
        c="[5,1e-6]",
        priorweight=0.25,
    )["probabilityimages"]
    csf, gm, wm = (from_ants(part, image) for part in made)
    return TissueMaps(gm=gm, wm=wm, csf=csf)


def measure(maps: TissueMaps, *, deep: nib.Nifti1Image) -> dict[str, float]:
    gm, wm, csf = (part.get_fdata(dtype=np.float32) for part in (maps.gm, maps.wm, maps.csf))
    ml = voxel_mm3(maps.gm) / 1000
    inside = deep.get_fdata(dtype=np.float32) > 0.5
    sums = [float(p.sum(dtype=np.float64)) for p in (gm, wm, gm + wm, gm * inside, csf)]
    return {name: ml * value for name, value in zip(NAMES, sums, strict=True)}


def draw_together(base: Segmented) -> Floats:
    """Return from where each voxel of the smaller head is taken, (3, I, J, K) in voxels."""
    return _about_centre(base, lambda _: np.float64(LEFT ** (-1 / 3)))


def widen(base: Segmented) -> Floats:
    """Return from where each voxel is taken if the middle is widened, (3, I, J, K) in voxels."""
    return _about_centre(base, lambda mm: 1 - WIDENED * np.exp(-0.5 * (mm / REACH_MM) ** 2))


def _about_centre(base: Segmented, scale: Callable[[Floats], Floats]) -> Floats:
    """Scale distances from the middle of the deep nuclei, by their length in mm."""
    affine = base.head.image.affine
    points = apply_affine(affine, np.moveaxis(np.indices(base.head.image.shape), 0, -1))
    centre = points[base.deep.get_fdata(dtype=np.float32) > 0.5].mean(axis=0)
    away = points - centre
    moved = centre + scale(np.linalg.norm(away, axis=-1, keepdims=True)) * away
    return np.moveaxis(apply_affine(np.linalg.inv(affine), moved), -1, 0)


def taken(image: nib.Nifti1Image, places: Floats, *, order: int) -> nib.Nifti1Image:
    data = image.get_fdata(dtype=np.float32)
    return on_grid_of(image, ndimage.map_coordinates(data, places, order=order, mode="nearest"))


def move(scan: nib.Nifti1Image, *, rng: np.random.Generator) -> nib.Nifti1Image:
    """Turn and shift the head in its grid, and add noise as magnitude images have it."""
    affine = scan.affine
    middle = apply_affine(affine, (np.array(scan.shape) - 1) / 2)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler(
        "xyz", TURN_DEG * rng.choice((-1, 1), 3), degrees=True
    ).as_matrix()
    half = affine[:3, :3] @ np.full(3, 0.5)
    pose[:3, 3] = middle - pose[:3, :3] @ middle + half
    places = apply_affine(
        np.linalg.inv(affine) @ pose @ affine, np.moveaxis(np.indices(scan.shape), 0, -1)
    )
    moved = taken(scan, np.moveaxis(places, -1, 0), order=3).get_fdata(dtype=np.float32)
    sd = NOISE * np.percentile(moved, 98)
    real, imaginary = (rng.normal(0, sd, moved.shape) for _ in range(2))
    return on_grid_of(scan, np.hypot(np.maximum(moved, 0) + real, imaginary).astype(np.float32))


def look(scan: nib.Nifti1Image, *, only: str | None, atropos: bool) -> Iterator[str]:
    """Yield lines of the table, and what missed its goal as lines that begin with a star."""
    cards = [only] if only else list(CARDS)
    data = np.maximum(scan.get_fdata(dtype=np.float32), 0)
    base = run(scan, atropos=atropos)
    before = {way: base.volumes_ml(way) for way in base.maps}
    for way, volumes in before.items():
        yield f"as scanned     {way:<10}" + "".join(f"{n} {volumes[n]:8.1f}  " for n in NAMES)
    rng = np.random.default_rng(SEED)
    if "rescan" in cards:
        yield from compare("rescan", run(move(scan, rng=rng), atropos=atropos), before, most=0.5)
    if "contrast" in cards:
        top = float(data.max())
        for power in POWERS:
            other = on_grid_of(scan, top * (data / top) ** np.float32(power))
            yield from compare(f"power {power:g}", run(other, atropos=atropos), before, most=2)
    if "smaller" in cards:
        places = draw_together(base)
        yield from recover(
            "smaller",
            run(taken(scan, places, order=3), atropos=atropos),
            base=base,
            places=places,
            least=dict.fromkeys(NAMES, 0.95),
        )
    if "central" in cards:
        places = widen(base)
        yield from recover(
            "central",
            run(taken(scan, places, order=3), atropos=atropos),
            base=base,
            places=places,
            least={"tbv": 0.95, "wm": 0.95, "csf": 0.0},
        )


def compare(
    name: str, found: Segmented, before: dict[str, dict[str, float]], *, most: float
) -> Iterator[str]:
    for way in found.maps:
        after = found.volumes_ml(way)
        change = {n: 100 * (after[n] / before[way][n] - 1) for n in NAMES}
        yield f"{name:<15}{way:<10}" + "".join(f"{n} {change[n]:+7.2f}% " for n in NAMES)
        missed = [n for n in ("gm", "wm", "tbv") if abs(change[n]) > most]
        if missed and way == "npsle_app":
            yield f"* {name}: {', '.join(missed)} differ by more than {most:g} %"


def recover(
    name: str, found: Segmented, *, base: Segmented, places: Floats, least: dict[str, float]
) -> Iterator[str]:
    for way, maps in base.maps.items():
        before, after = base.volumes_ml(way), found.volumes_ml(way)
        parts = (taken(part, places, order=1) for part in (maps.gm, maps.wm, maps.csf))
        true = measure(TissueMaps(*parts), deep=taken(base.deep, places, order=1))
        share = {n: (after[n] - before[n]) / (true[n] - before[n]) for n in NAMES}
        change = {n: 100 * (true[n] / before[n] - 1) for n in NAMES}
        yield f"{name}, true  {way:<10}" + "".join(f"{n} {change[n]:+7.2f}% " for n in NAMES)
        yield f"{name}, found {way:<10}" + "".join(f"{n} {share[n]:8.2f}  " for n in NAMES)
        missed = [n for n, lowest in least.items() if not lowest <= share[n] <= 2 - lowest]
        if missed and way == "npsle_app":
            yield f"* {name}: {', '.join(missed)} not found as they changed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("t1w", type=Path, nargs="+")
    parser.add_argument("--spacing", type=float, metavar="MM")
    parser.add_argument("--only", choices=CARDS)
    parser.add_argument("--atropos", action="store_true")
    options = parser.parse_args()
    missed = 0
    for path in options.t1w:
        image = read_image(path)
        scan = on_grid_of(image, image.get_fdata(dtype=np.float32))
        if options.spacing:
            scan = at_spacing(scan, spacing_mm=options.spacing)
        print(f"{path.name}, {' x '.join(f'{z:g}' for z in scan.header.get_zooms()[:3])} mm")
        for line in look(scan, only=options.only, atropos=options.atropos):
            missed += line.startswith("*")
            print(f"  {line}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

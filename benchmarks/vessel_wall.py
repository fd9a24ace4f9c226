"""Vessel wall on arteries of known lumen and wall: errors, intervals, Dice, search, time.

    python benchmarks/vessel_wall.py [--quick] [--only PART ...] [--picture P.png --mask M.png]

Phantoms of 0.4-0.6 mm voxels and SNR 10-30 (of the wall): arcs with concentric and eccentric
walls in CSF beside brain, some with a side branch. Their point spread is the one that the fit
expects; a table shows what others do. The plain contour's bias stands beside each.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for tests/

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded, or it takes as many as there are

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from scipy import ndimage  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402
from vessel_coverage import coverage  # noqa: E402

from npsle_app.imaging.vessels.centreline import straighten  # noqa: E402
from npsle_app.imaging.vessels.course import Course, lay_course  # noqa: E402
from npsle_app.imaging.vessels.masks import draw_masks, measure_masks  # noqa: E402
from npsle_app.imaging.vessels.measures import section_table, summarise  # noqa: E402
from npsle_app.imaging.vessels.search import EXPECTED, find_vessel  # noqa: E402
from npsle_app.imaging.vessels.tracing import trace_landmarks  # noqa: E402
from npsle_app.imaging.vessels.trunk import trim_to_trunk  # noqa: E402
from npsle_app.imaging.vessels.wall import Vessel, measure_vessel  # noqa: E402
from npsle_app.measures.names_of_vessels import VesselName  # noqa: E402
from npsle_app.phantom.arteries.acquisition import GaussianScanner  # noqa: E402
from npsle_app.phantom.arteries.tubes import Artery, arc, branch  # noqa: E402
from npsle_app.phantom.arteries.vessels import (  # noqa: E402
    BRIGHT_BLOOD,
    Surroundings,
    VesselScan,
    scan_arteries,
    true_masks,
)
from tests.imaging.vessels.picture_section import study_section  # noqa: E402

M1 = VesselName("M1", "left")
FIELD_MM = (12.0, 17.0, 18.0)
IN_BOX = slice(110, -110)  # of the arc's points: 5.5 mm from its ends, inside the field of view
missed: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Case:
    voxel_mm: float = 0.5
    snr: float = 20.0
    radius_mm: float = 1.35
    wall_voxels: float = 2.0
    eccentric: float = 0.25
    branched: bool = False
    tilt_deg: float = 20.0
    bend_mm: float = 20.0
    psf: float = 0.6
    slow_mm: tuple[float, float] | None = None
    seed: int = 0

    @property
    def wall_mm(self) -> float:
        return self.wall_voxels * self.voxel_mm


def expect(name: str, seen: float, limit: float, *, least: bool = False) -> None:
    met = seen >= limit if least else seen <= limit
    if not met:
        missed.append(f"{name}: {seen:.3f}, expected {'at least' if least else 'at most'} {limit}")
    print(f"  {'met   ' if met else 'MISSED'} {name}: {seen:.3f} ({'≥' if least else '≤'} {limit})")


def scanned(case: Case) -> tuple[Artery, VesselScan]:
    artery = Artery(
        points=arc(length_mm=24, bend_radius_mm=case.bend_mm, tilt_deg=case.tilt_deg),
        radius_mm=case.radius_mm,
        wall_mm=case.wall_mm,
        offset_mm=case.eccentric * case.wall_mm,
        slow_mm=case.slow_mm,
    )
    sides = [branch(artery, at=0.5, length_mm=5, radius_mm=0.5)] if case.branched else []
    scan = scan_arteries(
        [artery, *sides],
        voxel_mm=case.voxel_mm,
        snr=case.snr,
        rng=np.random.default_rng(case.seed),
        field_mm=FIELD_MM if case.tilt_deg < 40 else (12.0, 24.0, 24.0),
        surroundings=Surroundings(brain_gap_mm=1.0),
        scanner=GaussianScanner(psf_fwhm_voxels=case.psf),
    )
    return artery, scan


def measured(artery: Artery, scan: VesselScan, *, move_mm: np.ndarray | float = 0.0) -> Vessel:
    ends = artery.points[IN_BOX][[0, -1]] + move_mm
    line = trace_landmarks(scan.image, landmarks=ends)
    return measure_vessel(lay_course(scan.image, line=line, name=M1))


def dice(found: nib.Nifti1Image, true: nib.Nifti1Image, *, where: np.ndarray) -> float:
    first, second = (np.asarray(each.dataobj)[where] > 0 for each in (found, true))
    return float(2 * np.sum(first & second) / (first.sum() + second.sum()))


def overlaps(artery: Artery, scan: VesselScan, *, vessel: Vessel) -> tuple[float, float]:
    """Dice of lumen and of wall alone, along the stretch that was measured."""
    found = draw_masks(
        scan.image, line=vessel.line, inner_mm=vessel.inner_mm, outer_mm=vessel.outer_mm
    )
    true = true_masks([artery], image=scan.image)
    points = np.moveaxis(np.indices(scan.image.shape), 0, -1).reshape(-1, 3)
    along, _, _ = straighten(nib.affines.apply_affine(scan.image.affine, points), line=vessel.line)
    where = np.isfinite(along).reshape(scan.image.shape)
    walls = [
        nib.Nifti1Image(np.asarray(o.dataobj) - np.asarray(i.dataobj), o.affine)
        for i, o in (found, true)
    ]
    return dice(found[0], true[0], where=where), dice(*walls, where=where)


def accuracy(*, quick: bool) -> None:
    print(
        "voxel SNR radius wall(voxels) |  true  contour   fit [95 %]       | LA %   Dice lumen wall"
    )
    rows = []
    voxels, snrs = ((0.5,), (20.0,)) if quick else ((0.4, 0.5, 0.6), (10.0, 20.0, 30.0))
    for number, (voxel_mm, snr, radius_mm, wall) in enumerate(
        (v, s, r, w) for v in voxels for s in snrs for r in (1.0, 1.5) for w in (0.7, 1.0, 1.6, 2.0)
    ):
        case = Case(
            voxel_mm=voxel_mm, snr=snr, radius_mm=radius_mm, wall_voxels=wall, seed=number,
            eccentric=0.3 * (number % 2), branched=number % 3 == 0,
        )  # fmt: skip
        rows.append(one(case))
    judge(rows)


def one(case: Case) -> dict[str, float]:
    artery, scan = scanned(case)
    vessel = measured(artery, scan)
    if vessel.summary is None:
        return {"wall": case.wall_voxels, "lost": 1}
    found, table = vessel.summary, section_table(vessel.sections)
    kept = table[table.accepted]
    lumen, wall = overlaps(artery, scan, vessel=vessel)
    row = {
        "wall": case.wall_voxels,
        "lost": 0,
        "nwi": found.nwi.value - artery.nwi,
        "contour": found.nwi_of_contours - artery.nwi,
        "area": found.lumen_mm2.value / artery.lumen_mm2 - 1,
        "covered": float(found.nwi.low <= artery.nwi <= found.nwi.high),
        "area_covered": float(found.lumen_mm2.low <= artery.lumen_mm2 <= found.lumen_mm2.high),
        "sections": float(((kept.nwi_low <= artery.nwi) & (artery.nwi <= kept.nwi_high)).mean()),
        "width": found.nwi.high - found.nwi.low,
        "lumen": lumen,
        "whole": wall,
    }
    print(f"{case.voxel_mm:5.1f} {case.snr:3.0f} {case.radius_mm:6.2f} {case.wall_voxels:5.1f}"
          f"{' e' if case.eccentric else '  '}{' b' if case.branched else '  '}    | "
          f"{artery.nwi:6.3f} {found.nwi_of_contours:7.3f} {found.nwi.value:7.3f} "
          f"[{found.nwi.low:.3f}, {found.nwi.high:.3f}] | {100 * row['area']:+5.1f} "
          f"{lumen:8.3f} {wall:8.3f}", flush=True)  # fmt: skip
    return row


def judge(rows: list[dict[str, float]]) -> None:
    expect("vessels lost", sum(row["lost"] for row in rows) / len(rows), 0.0)
    rows = [row for row in rows if not row["lost"]]
    classes = {
        "below 1 voxel": [row for row in rows if row["wall"] < 1],
        "1-2 voxels": [row for row in rows if 1 <= row["wall"] < 2],
        "2 voxels and more": [row for row in rows if row["wall"] >= 2],
    }
    for name, part in classes.items():
        print(f"walls of {name}: {len(part)} vessels; ΔNWI of the contour "
              f"{mean(part, 'contour'):+.3f}, of the fit {mean(part, 'nwi'):+.3f}; width of the "
              f"interval {mean(part, 'width'):.3f}")  # fmt: skip
        if name != "2 voxels and more":
            expect(
                "intervals of vessels cover the true NWI", mean(part, "covered"), 0.9, least=True
            )
            expect("intervals of vessels cover LA", mean(part, "area_covered"), 0.9, least=True)
            expect(
                "intervals of sections cover the true NWI", mean(part, "sections"), 0.9, least=True
            )
    expect("1-2 voxels, |ΔNWI|", most(classes["1-2 voxels"], "nwi"), 0.06)
    expect("2 voxels and more, |ΔNWI|", most(classes["2 voxels and more"], "nwi"), 0.02)
    expect("2 voxels and more, |ΔLA| / LA", most(classes["2 voxels and more"], "area"), 0.05)
    shown = [row for row in rows if row["wall"] >= 1]
    expect("lumen Dice, mean of 1 voxel and more", mean(shown, "lumen"), 0.93, least=True)
    expect("wall Dice, mean of 1 voxel and more", mean(shown, "whole"), 0.85, least=True)


def mean(rows: list[dict[str, float]], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def most(rows: list[dict[str, float]], key: str) -> float:
    return float(np.max(np.abs([row[key] for row in rows])))


def tilted() -> None:
    print("a straight tube against one tilted by 45°")
    found = []
    for tilt in (0.0, 45.0):
        case = Case(tilt_deg=tilt, bend_mm=np.inf, seed=5)
        found.append(measured(*scanned(case)).summary)
    for name in ("lumen_mm2", "nwi", "wall_mm2"):
        straight, slant = (value(getattr(each, name)) for each in found)
        expect(f"{name}, relative difference", abs(slant / straight - 1), 0.03)


def value(number: object) -> float:
    return float(getattr(number, "value", number))


def moved_landmarks(*, n: int) -> None:
    print("landmarks moved by 1 mm")
    for wall in (1.2, 2.0):
        artery, scan = scanned(Case(wall_voxels=wall, seed=6))
        rng, still = np.random.default_rng(7), measured(artery, scan).summary
        moves = rng.normal(size=(n, 2, 3))
        moves /= np.linalg.norm(moves, axis=2, keepdims=True)
        changes = [measured(artery, scan, move_mm=move).summary.nwi.value - still.nwi.value
                   for move in moves]  # fmt: skip
        expect(f"wall of {wall} voxels, largest |ΔNWI|", float(np.max(np.abs(changes))), 0.02)


def other_blur() -> None:
    print("a point spread other than the expected 0.6 voxels")
    covered = []
    for psf in (0.4, 0.6, 0.8, 1.0):
        for wall in (1.0, 2.0):
            artery, scan = scanned(Case(psf=psf, wall_voxels=wall, seed=8))
            vessel = measured(artery, scan)
            found = vessel.summary
            covered.append(found.nwi.low <= artery.nwi <= found.nwi.high)
            print(
                f"  {psf} voxels (fitted {vessel.psf_fwhm_voxels:.2f}), wall {wall} voxels: "
                f"ΔNWI {found.nwi.value - artery.nwi:+.3f}"
                f" (contour {found.nwi_of_contours - artery.nwi:+.3f}), "
                f"interval [{found.nwi.low - artery.nwi:+.3f}, {found.nwi.high - artery.nwi:+.3f}]"
            )
    expect("intervals cover the true NWI", float(np.mean(covered)), 0.9, least=True)


def slow_flow() -> None:
    artery, scan = scanned(Case(slow_mm=(10.0, 14.0), seed=9))
    vessel = measured(artery, scan)
    _, place = cKDTree(artery.points).query(vessel.line.points)
    slow = (place * 0.05 > 10.5) & (place * 0.05 < 13.5)
    print("slow flow over 4 mm")
    expect(
        "slow sections rejected", float(np.mean(~vessel.sections.accepted[slow])), 0.9, least=True
    )
    nwi = None if vessel.summary is None else vessel.summary.nwi.value - artery.nwi
    print(f"  ΔNWI of the rest: {nwi}")


def masks_again() -> None:
    print("mode A: true masks as input; their own voxels are what is left of the error")
    for voxel_mm, limit in ((0.25, 0.01), (0.5, 0.03)):
        artery, scan = scanned(Case(seed=10, voxel_mm=voxel_mm, wall_voxels=1 / voxel_mm))
        _, sections, _ = measure_masks(scan.lumen, outer=scan.outer)
        found = summarise(sections, voxel_mm=voxel_mm)
        expect(f"|ΔNWI| at {voxel_mm} mm", abs(found.nwi.value - artery.nwi), limit)
        expect("|ΔLA| / LA", abs(found.lumen_mm2.value / artery.lumen_mm2 - 1), 0.05)


def two_sides(
    rng: np.random.Generator, *, snr: float, wall_mm: float
) -> tuple[list[Artery], VesselScan]:
    """A left and a right artery of different width in one image, 44 mm from left to right."""
    arteries = []
    for sign in (-1, 1):
        along = np.arange(0, 14, 0.05)
        bend = rng.uniform(0.5, 1.5) * np.sin(along / 14 * np.pi)
        points = np.stack([sign * (5 + along), bend, rng.uniform(-0.08, 0.08) * along], axis=1)
        arteries.append(Artery(points=points, radius_mm=rng.uniform(1.0, 1.7), wall_mm=wall_mm))
    sides = [branch_down(each) for each in arteries]
    scan = scan_arteries([*arteries, *sides], voxel_mm=0.5, snr=snr, rng=rng,
                         field_mm=(44, 16, 14))  # fmt: skip
    return arteries, scan


def branch_down(artery: Artery) -> Artery:
    along = np.arange(0, 4, 0.05)[:, None]
    return Artery(points=artery.points[140] - along * [0, 0.3, 0.95], radius_mm=0.4, wall_mm=0.3)


def search(*, n: int) -> None:
    print("mode C: vessels found without landmarks, in boxes of 18 × 12 × 12 mm on each side")
    found, errors, wrong = 0, [], 0
    for seed in range(n):
        rng = np.random.default_rng(100 + seed)
        arteries, scan = two_sides(
            rng, snr=(10, 20, 30)[seed % 3], wall_mm=(0.4, 0.7, 1.0)[seed % 3]
        )
        for artery, sign in zip(arteries, (-1, 1), strict=True):
            try:
                box = side_box(scan.image, sign=sign)
                vessel = measure_vessel(sought(scan.image, box=box))
            except ValueError as error:
                print(f"  {error}")
                continue
            x = vessel.line.points[:, 0]
            wrong += int(np.sign(np.median(x)) != sign)
            inner = np.abs(vessel.line.points[:, 0]) < 18.5
            distance, _ = cKDTree(artery.points).query(vessel.line.points[inner])
            found += 1
            errors.append(float(distance.mean()))
    expect("share found", found / (2 * n), 0.9, least=True)
    expect("centreline error in voxels, largest mean", max(errors) / 0.5, 1.0)
    expect("left taken for right", wrong, 0)


def sought(image: nib.Nifti1Image, *, box: nib.Nifti1Image) -> Course:
    line = find_vessel(image, box=box, expected=EXPECTED["M1"])
    course = lay_course(image, line=line, name=M1)
    trunk = trim_to_trunk(course, least_mm=EXPECTED["M1"].length_mm[0])
    return lay_course(image, line=trunk.line, name=M1)


def side_box(image: nib.Nifti1Image, *, sign: int) -> nib.Nifti1Image:
    x, y, z = (image.affine[k, k] * np.arange(n) + image.affine[k, 3]
               for k, n in enumerate(image.shape))  # fmt: skip
    inside = [(sign * x > 3) & (sign * x < 21), np.abs(y) < 6, np.abs(z) < 6]
    return nib.Nifti1Image(np.uint8(1) * np.einsum("i,j,k->ijk", *inside), image.affine)


def cost() -> None:
    print("eight vessels in an image of 320³ voxels of 0.5 mm")
    small = two_sides(np.random.default_rng(3), snr=20, wall_mm=0.7)[1].image
    data = np.random.default_rng(0).normal(100, 20, (320, 320, 320)).astype(np.float32)
    data[100 : 100 + small.shape[0], 140 : 140 + small.shape[1], 150 : 150 + small.shape[2]] = (
        small.get_fdata()
    )
    affine = small.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ [100, 140, 150]
    image = nib.Nifti1Image(data, affine)
    start, wall = time.process_time(), time.perf_counter()
    for number in range(8):
        box = side_box(image, sign=(-1, 1)[number % 2])
        measure_vessel(sought(image, box=box))
    seconds, waited = time.process_time() - start, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  {waited:.0f} s of wall time; the phantom's drawing counts in the memory")
    expect("seconds of processor", seconds, 120.0)
    expect("peak GB", peak, 3.0)


def bad_input() -> None:
    print("input that must not give a number")
    artery, scan = scanned(Case(seed=11))
    ends, image = artery.points[IN_BOX][[0, -1]], scan.image
    bright = scan_arteries([artery], voxel_mm=0.5, snr=20, rng=np.random.default_rng(1),
                           field_mm=FIELD_MM,
                           surroundings=Surroundings(blood=BRIGHT_BLOOD)).image  # fmt: skip
    coarse = scan_arteries([artery], voxel_mm=2.0, snr=20, rng=np.random.default_rng(1),
                           field_mm=FIELD_MM).image  # fmt: skip
    empty = nib.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine)
    far = image.affine.copy()
    far[0, 3] += 30
    step = [(n - 1) / (2 * n - 1) for n in image.shape]
    finer = nib.Nifti1Image(
        ndimage.zoom(image.get_fdata(dtype=np.float32), 2, order=3),
        image.affine @ np.diag([*step, 1]),
    )
    trials = {
        "landmarks outside": lambda: trace_landmarks(image, landmarks=ends + 40),
        "LPS for RAS": lambda: trace_landmarks(
            nib.Nifti1Image(image.get_fdata(), far),
            landmarks=(ends + np.array([30, 0, 0])) * [-1, -1, 1],
        ),
        "landmarks beside the vessel": lambda: trace_landmarks(
            image, landmarks=ends + np.array([4.5, 0, 0])
        ),
        "bright blood": lambda: trace_landmarks(bright, landmarks=ends),
        "bright blood, searched": lambda: find_vessel(
            bright, box=nib.Nifti1Image(np.ones(bright.shape, np.uint8), bright.affine),
            expected=EXPECTED["M1"],
        ),
        "out of the field of view": lambda: find_vessel(
            image, box=empty, expected=EXPECTED["M1"]
        ),
        "interpolated to twice the voxels": lambda: measure_vessel(
            lay_course(finer, line=trace_landmarks(finer, landmarks=ends), name=M1)
        ),
        "2 mm voxels": lambda: measure_vessel(
            lay_course(coarse, line=trace_landmarks(image, landmarks=ends), name=M1)
        ),
    }  # fmt: skip
    for name, attempt in trials.items():
        try:
            attempt()
        except ValueError as error:
            print(f"  {name}: {error}")
        else:
            missed.append(f"{name}: a result")


def picture(options: argparse.Namespace) -> None:
    from skimage.io import imread

    image, mask = imread(options.picture), imread(options.mask) > 0
    seed = np.argwhere(mask).mean(axis=0)
    found = study_section(image, seed=(float(seed[0]), float(seed[1])))
    overlap = 2 * np.sum(found.whole & mask) / (found.whole.sum() + mask.sum())
    print(f"a real basilar artery: NWI of the contours {found.nwi:.3f}")
    expect("outer wall's Dice", float(overlap), 0.85, least=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="PART", help="of all, those named")
    parser.add_argument("--vessels", type=int, default=200, help="that coverage draws")
    parser.add_argument("--seed", type=int, default=1, help="of coverage")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--mask", type=Path)
    options = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "tilted": tilted,
        "landmarks": lambda: moved_landmarks(n=3 if options.quick else 8),
        "blur": other_blur,
        "flow": slow_flow,
        "masks": masks_again,
        "search": lambda: search(n=3 if options.quick else 12),
        "bad": bad_input,
        "cost": cost,
        "accuracy": lambda: accuracy(quick=options.quick),
        "coverage": lambda: missed.extend(coverage(n=options.vessels, seed=options.seed)),
    }
    if options.picture:
        parts["picture"] = lambda: picture(options)
    for name in options.only or parts:
        parts[name]()
    for text in missed:
        print(f"MISSED {text}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

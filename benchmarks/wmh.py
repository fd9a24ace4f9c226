"""How well the lesion model does on people that it was not fitted on.

    python benchmarks/wmh.py ../shared/data DERIVATIVES

The folders are those of `python -m training.wmh`. Each person is left out in turn, the model
is fitted anew on the others, and judged on the left-out one: on the raters' lesions where
there are some, on drawn lesions of known volume, and with all lesions taken away. Takes about
half an hour on two cores. `--shipped` judges the model in the package instead (in seconds, but
on people that it knows), to see its time and memory.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for training/

from npsle_app.imaging.wmh.wmh import lesion_probability, lesions
from npsle_app.stages.participant.shared import read_lesion_model
from training.wmh.__main__ import SEED, vary_all
from training.wmh.fit import Described, describe, fit
from training.wmh.people import Person, load_all
from training.wmh.score import Score, compare, predict, reliability
from training.wmh.transplant import Head, Look
from training.wmh.variants import (
    Variant,
    as_scanned,
    rescan,
    with_drawn_lesions,
    without_lesions,
)

LOADS_ML = (0.0, 0.3, 1.0, 3.0, 10.0)
THRESHOLDS = (0.1, 0.2, 0.3, 0.5)
EDGES = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
LOOK = Look(flair=0.45, t1w=-0.15, spread=0.2, edge_sigma=0.7, halo=0.1)


@dataclass(frozen=True, kw_only=True)
class Held:
    """One image of a person who was left out, its map's scores and reliability's raw material."""

    person: str
    load: str
    scores: dict[float, Score]
    probability: np.ndarray
    truth: np.ndarray


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("data", type=Path)
    arguments.add_argument("derivatives", type=Path, nargs="?")
    arguments.add_argument("--shipped", action="store_true")
    given = arguments.parse_args()
    people = load_all(given.data, derivatives=None if given.shipped else given.derivatives)
    if given.shipped:
        for person in people:
            time_shipped(person)
        return
    described = vary_all(people)
    with ProcessPoolExecutor(2) as pool:
        work = [(p, [d for d in described if d.variant.person != p.name]) for p in people]
        held = [h for part in pool.map(judge, *zip(*work, strict=True)) for h in part]
    print_rated(held)
    print_drawn(held)
    print_reliability(held)


def judge(person: Person, others: Sequence[Described]) -> list[Held]:
    """Fit on the others, then look at every image of the person."""
    with threadpool_limits(1):
        fitted = fit(others, seed=SEED)
    images = [("raters", as_scanned(person))] if person.truth is not None else []
    clean = without_lesions(person, rng=np.random.default_rng([98, *person.name.encode()]))
    images += [(f"{load:g}", draw(person, load, clean=clean)) for load in LOADS_ML]
    found = []
    for load, variant in images:
        probability = predict(fitted, describe(variant, person=person), person=person)
        scores = {t: compare(probability, variant.truth, threshold=t) for t in THRESHOLDS}
        found.append(
            Held(
                person=person.name,
                load=load,
                scores=scores,
                probability=probability,
                truth=variant.truth,
            )
        )
        print(person.name, load, scores[0.2], flush=True)
    return found


def draw(person: Person, load_ml: float, *, clean: Head) -> Variant:
    """Draw a load into a person; thick slices where the person's scan has them."""
    rng = np.random.default_rng([99, round(10 * load_ml), *person.name.encode()])
    variant = with_drawn_lesions(person, clean=clean, volume_ml=load_ml, rng=rng, look=LOOK)
    if person.slice_mm == 1:
        return variant
    flair = rescan(
        variant.flair,
        slice_mm=person.slice_mm,
        axis=person.slice_axis,
        blur_mm=0,
        noise=0.01,
        rng=rng,
    )
    flair = np.where(person.brain, flair, 0).astype(np.float32)
    return Variant(
        person=person.name, kind=variant.kind, flair=flair, t1w=variant.t1w, truth=variant.truth
    )


def print_rated(held: Sequence[Held]) -> None:
    print("\nRaters' consensus\n")
    print("| person | threshold | true mL | found mL | Dice | lesions found | precision | F1 |")
    print("|---|---|---|---|---|---|---|---|")
    for item in held:
        if item.load == "raters":
            for threshold, s in item.scores.items():
                print(
                    f"| {item.person} | {threshold} | {s.true_ml:.2f} | {s.found_ml:.2f} "
                    f"| {s.dice:.3f} | {s.sensitivity:.2f} | {s.precision:.2f} | {s.f1:.2f} |"
                )


def print_drawn(held: Sequence[Held]) -> None:
    print("\nDrawn lesions, threshold 0.2\n")
    print("| load mL | people | true mL | found mL | found mL, each person | Dice | F1 |")
    print("|---|---|---|---|---|---|---|")
    for load in LOADS_ML:
        rows = [item.scores[0.2] for item in held if item.load == f"{load:g}"]
        each = ", ".join(f"{s.found_ml:.2f}" for s in rows)
        true, found, dice, f1 = (
            np.mean([getattr(s, name) for s in rows])
            for name in ("true_ml", "found_ml", "dice", "f1")
        )
        print(
            f"| {load:g} | {len(rows)} | {true:.2f} | {found:.2f} | {each} "
            f"| {dice:.2f} | {f1:.2f} |"
        )


def print_reliability(held: Sequence[Held]) -> None:
    print("\nReliability (predicted, observed; all images of all people alike)\n")
    groups = {
        "raters": [h for h in held if h.load == "raters"],
        "drawn": [h for h in held if h.load not in ("raters", "0")],
    }
    for name, items in groups.items():
        rows = reliability([h.probability for h in items], [h.truth for h in items], edges=EDGES)
        print(f"{name}: " + ", ".join(f"{a:.2f} → {b:.2f}" for a, b in rows))
        share = [h.probability.sum() / h.truth.sum() for h in items]
        print(f"{name}: soft over true volume, median {np.median(share):.2f}")


def time_shipped(person: Person) -> None:
    start = time.process_time()
    found = lesion_probability(
        person.flair,
        person.t1w,
        brain=person.brain,
        priors=person.priors,
        voxel_sizes_mm=np.ones(3),
        model=read_lesion_model(),
    ).probability
    seconds = time.process_time() - start
    mask = lesions(found, voxel_mm3=1, threshold=0.2, min_lesion_mm3=9)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{person.name}: {seconds:.1f} CPU s, peak {peak_gb:.2f} GB, {mask.sum() / 1000:.2f} mL "
        f"(true {np.sum(person.truth) / 1000:.2f})"
    )


if __name__ == "__main__":
    main()

"""How well the lesion model does on people that it was not fitted on.

    python benchmarks/wmh.py ../shared/data DERIVATIVES WORK [--flair-alone] [--beyond]

The folders are those of `python -m training.wmh`; what that left in WORK is taken. Each person
is left out in turn, the model is fitted anew on the others, and judged on the left-out one: on
the raters' lesions where there are some, on drawn lesions of known volume, and with all
lesions taken away. Takes about a quarter of an hour on one core. `--flair-alone` judges the
model that sees no T1w. `--beyond` judges the shipped model, which knows these people, where it
was not trained: other contrasts, thick slices, five millilitres drawn far away; and prints its
time and memory.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for training/

from npsle_app.arrays import Volume
from npsle_app.imaging.wmh.features import FEATURES, FLAIR_FEATURES
from npsle_app.imaging.wmh.wmh import lesion_probability, lesions
from npsle_app.stages.participant.shared import read_lesion_model
from training.wmh.__main__ import prepare
from training.wmh.images import SEED
from training.wmh.judged import (
    LOADS_ML,
    LOOK,
    in_thick_slices,
    in_unseen_contrast,
    with_a_large_one_far_away,
)
from training.wmh.leave_out import Held, leave_out
from training.wmh.people import Person
from training.wmh.score import compare, reliability
from training.wmh.variants import Variant, with_drawn_lesions, without_lesions
from training.wmh.volume_error import interval_rows

THRESHOLDS = (0.1, 0.2, 0.3, 0.5)
EDGES = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
THICK_MM = 2.0
LIGHT, HEAVY = ("0.3", "1"), ("3", "10")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "derivatives", "work"):
        arguments.add_argument(name, type=Path)
    arguments.add_argument("--flair-alone", action="store_true")
    arguments.add_argument("--beyond", action="store_true")
    given = arguments.parse_args()
    people = prepare(given.data, derivatives=given.derivatives, work=given.work)
    if given.beyond:
        for person in people:
            if person.flair is not None and person.t1w is not None:
                look_beyond(person)
        return
    features = FLAIR_FEATURES if given.flair_alone else FEATURES
    held = []
    for person in people:
        for one in leave_out(person, images=given.work / "images", seed=SEED, features=features):
            print(one.person, one.name, compare(one.probability, one.truth), flush=True)
            held.append(one)
    print_rated(held)
    print_drawn(held)
    print_reliability(held)
    print_errors(held)


def print_rated(held: Sequence[Held]) -> None:
    print("\nRaters' consensus\n")
    print("| person | threshold | true mL | found mL | Dice | lesions found | precision | F1 |")
    print("|---|---|---|---|---|---|---|---|")
    for item in held:
        if item.name == "real":
            for threshold in THRESHOLDS:
                s = compare(item.probability, item.truth, threshold=threshold)
                print(
                    f"| {item.person} | {threshold} | {s.true_ml:.2f} | {s.found_ml:.2f} "
                    f"| {s.dice:.3f} | {s.sensitivity:.2f} | {s.precision:.2f} | {s.f1:.2f} |"
                )


def print_drawn(held: Sequence[Held]) -> None:
    print("\nDrawn lesions, threshold 0.2\n")
    print("| load mL | people | true mL | found mL | found mL, each person | Dice | F1 |")
    print("|---|---|---|---|---|---|---|")
    for load in LOADS_ML:
        rows = {
            item.person: compare(item.probability, item.truth)
            for item in held
            if item.name == f"{load:g}"
        }
        each = ", ".join(f"{name} {s.found_ml:.2f}" for name, s in rows.items())
        true, found, dice, f1 = (
            np.mean([getattr(s, name) for s in rows.values()])
            for name in ("true_ml", "found_ml", "dice", "f1")
        )
        print(
            f"| {load:g} | {len(rows)} | {true:.2f} | {found:.2f} | {each} "
            f"| {dice:.2f} | {f1:.2f} |"
        )


def print_reliability(held: Sequence[Held]) -> None:
    print("\nReliability (predicted, observed; all images of all people alike)\n")
    groups = {"raters": ("real",), "light": LIGHT, "heavy": HEAVY}
    for name, names in groups.items():
        items = [h for h in held if h.name in names]
        rows = reliability([h.probability for h in items], [h.truth for h in items], edges=EDGES)
        print(f"{name}: " + ", ".join(f"{a:.2f} → {b:.2f}" for a, b in rows))


def print_errors(held: Sequence[Held]) -> None:
    """Print what data/wmh_error.tsv holds."""
    print("\nslice_mm_from\tmeasured_ml\tlow_ml\thigh_ml")
    for slice_mm, thick in ((0, False), (THICK_MM, True)):
        found = {
            load: [
                compare(h.probability, h.truth).found_ml
                for h in held
                if (h.slice_mm > THICK_MM) == thick and h.name == f"{load:g}" and not h.made
            ]
            for load in LOADS_ML
        }
        for row in interval_rows(found):
            print(slice_mm, *(f"{value:g}" for value in row), sep="\t")


def look_beyond(person: Person) -> None:
    """Judge the shipped model on images of kinds that it was not trained on."""
    rng = np.random.default_rng([97, *person.name.encode()])
    clean = without_lesions(person, rng=rng)
    drawn = with_drawn_lesions(person, clean=clean, volume_ml=2.0, rng=rng, look=LOOK)
    start = time.process_time()
    found = find(person, drawn)
    seconds = time.process_time() - start
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{person.name}: {seconds:.1f} CPU s, peak {peak_gb:.2f} GB")
    near = drawn.truth
    far = with_a_large_one_far_away(person, drawn, rng=rng)
    moved = find(person, far)
    ball = far.truth & ~near
    before, after = (
        np.count_nonzero(cut(image) & ~_around(ball)) / 1000 for image in (found, moved)
    )
    print(f"  5 mL far away: the rest {before:.2f} → {after:.2f} mL")
    for name, other in (
        ("as drawn", drawn),
        ("contrast ^0.7", in_unseen_contrast(drawn, person=person, stretch=0.7)),
        ("contrast ^1.4", in_unseen_contrast(drawn, person=person, stretch=1.4)),
        ("slices of 6 mm", in_thick_slices(drawn, person=person, slice_mm=6, rng=rng)),
    ):
        print(f"  {name}: {compare(find(person, other), other.truth)}", flush=True)


def find(person: Person, variant: Variant) -> Volume:
    """Run the shipped model."""
    return lesion_probability(
        variant.flair,
        variant.t1w,
        brain=person.brain,
        priors=person.priors,
        voxel_sizes_mm=np.ones(3),
        model=read_lesion_model(),
    ).probability


def cut(probability: Volume) -> np.ndarray:
    return lesions(probability, voxel_mm3=1, threshold=0.2, min_lesion_mm3=9)


def _around(mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask, iterations=5)


if __name__ == "__main__":
    main()

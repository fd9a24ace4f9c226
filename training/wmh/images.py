"""All images that are made of one person, described voxel by voxel, on disk."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npsle_app.arrays import Bools, Floats, Mask, Volume
from npsle_app.imaging.wmh.features import find_candidates
from training.wmh.judged import judged_images
from training.wmh.people import Person
from training.wmh.synthesis import complete, synthesise
from training.wmh.transplant import Head
from training.wmh.variants import (
    LOADS_TO_LEARN_ML,
    Variant,
    as_scanned,
    in_another_scanner,
    with_drawn_lesions,
    with_specks,
    without_lesions,
)

SEED = 0
# A star stands for another scanner, "made" for FLAIR made from tissues, "specks" for small
# lesions of moderate contrast.
_SPECKS = 4 * ("specks*",)
_RATED = ("real", "real*", "real*", "drawn", "drawn*", "drawn*", "none*", *_SPECKS)
_UNRATED = ("drawn*", "drawn*", "drawn*", "made*", "none*", "none*", *_SPECKS)
_FLAIR_ALONE = ("none", "none*", "none*", "none*", "drawn", "drawn*", "drawn*", *_SPECKS)
_T1W_ALONE = ("made-none*", "made-none*", "made*", "made*")
_MOST_LESION, _MOST_OTHER = 8_000, 30_000  # voxels kept of an image to learn from


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Voxels of one image: (n, features), whether lesion, and for how many each stands."""

    person: str
    recipe: str
    healthy: bool
    values: Volume
    labels: Bools
    weights: Floats

    @property
    def share(self) -> str:
        """The group of images with which it shares its weight."""
        if self.recipe == "real":
            return "raters"
        return "healthy" if self.healthy and self.recipe.startswith("none") else "other"


@dataclass(frozen=True, kw_only=True)
class Exam:
    """One whole image whose lesions are known; `where` marks the n candidates of `values`."""

    person: str
    name: str
    values: Volume
    where: Mask
    fluid: Mask
    truth: Mask


def make_images(person: Person, *, folder: Path) -> None:
    """Make the images of a person that are not in the folder yet."""
    rng = np.random.default_rng([SEED, *person.name.encode()])
    scanned = (person.flair is not None, person.t1w is not None)
    whole = complete(person, rng=rng)
    clean = without_lesions(whole, rng=rng)
    recipes = _recipes(scanned, rated=person.truth is not None)
    for number, recipe in enumerate(recipes):
        path = folder / f"{person.name}.train{number}.npz"
        if not path.exists():
            rng = _generator(path, seed=SEED)
            variant = _vary(whole, recipe=recipe, rng=rng, clean=clean)
            _keep_lesson(path, variant, person=whole, recipe=recipe)
    for name, make in judged_images(whole, clean=clean, flair_scanned=scanned[0]):
        path = folder / f"{person.name}.eval{name}.npz"
        if not path.exists():
            _keep_exam(path, make(_generator(path, seed=SEED)), person=whole)


def _recipes(scanned: tuple[bool, bool], *, rated: bool) -> tuple[str, ...]:
    """Choose by what there is of a person: FLAIR, T1w, a consensus."""
    if scanned == (True, False):
        return _FLAIR_ALONE
    if scanned == (False, True):
        return _T1W_ALONE
    return _RATED if rated else _UNRATED


def _vary(person: Person, *, recipe: str, rng: np.random.Generator, clean: Head) -> Variant:
    if recipe.startswith("real"):
        variant = as_scanned(person)
    elif recipe.startswith("specks"):
        variant = with_specks(person, clean=clean, rng=rng)
    else:
        head = synthesise(clean, person=person, rng=rng) if recipe.startswith("made") else clean
        volume_ml = 0.0 if "none" in recipe else np.exp(rng.uniform(*np.log(LOADS_TO_LEARN_ML)))
        variant = with_drawn_lesions(person, clean=head, volume_ml=float(volume_ml), rng=rng)
    if recipe.endswith("*"):
        variant = in_another_scanner(variant, person=person, rng=rng)
    return variant


def _keep_lesson(path: Path, variant: Variant, *, person: Person, recipe: str) -> None:
    found = find_candidates(variant.flair, variant.t1w, brain=person.brain, priors=person.priors)
    labels = variant.truth[found.where]
    rng = _generator(path, seed=1)
    rows, weights = [], []
    for value, most in ((True, _MOST_LESION), (False, _MOST_OTHER)):
        there = np.flatnonzero(labels == value)
        drawn = rng.choice(there, min(most, len(there)), replace=False)
        rows.append(np.sort(drawn))
        weights.append(np.full(len(drawn), len(there) / max(len(drawn), 1)))
    chosen = np.concatenate(rows)
    np.savez(
        path,
        recipe=recipe,
        healthy=person.healthy,
        values=found.values[chosen],
        labels=labels[chosen],
        weights=np.concatenate(weights),
    )
    sys.stderr.write(f"{path.name} {recipe}: {variant.truth.sum() / 1000:.2f} mL\n")


def _keep_exam(path: Path, variant: Variant, *, person: Person) -> None:
    found = find_candidates(variant.flair, variant.t1w, brain=person.brain, priors=person.priors)
    np.savez(
        path,
        shape=variant.truth.shape,
        values=found.values,
        **{
            name: np.packbits(mask)
            for name, mask in (
                ("where", found.where),
                ("fluid", found.fluid),
                ("truth", variant.truth),
            )
        },
    )
    sys.stderr.write(f"{path.name}: {variant.truth.sum() / 1000:.2f} mL\n")


def _generator(path: Path, *, seed: int) -> np.random.Generator:
    """Seed by the name of the image, so that any can be made alone."""
    person, tag = path.name.removesuffix(".npz").split(".", 1)
    return np.random.default_rng([seed, sum(tag.encode()), *person.encode()])


def read_lessons(folder: Path, *, without: str = "") -> Iterator[Lesson]:
    """Read what there is to learn from, but for one person."""
    for path in sorted(folder.glob("*.train*.npz")):
        name = path.name.split(".")[0]
        if name != without:
            kept = np.load(path)
            yield Lesson(
                person=name,
                recipe=str(kept["recipe"]),
                healthy=bool(kept["healthy"]),
                values=kept["values"],
                labels=kept["labels"],
                weights=kept["weights"],
            )


def read_exams(folder: Path, *, person: str) -> Iterator[Exam]:
    """Read the whole images of a person."""
    for path in sorted(folder.glob(f"{person}.eval*.npz")):
        kept = np.load(path)
        where, fluid, truth = (
            np.unpackbits(kept[name], count=int(np.prod(kept["shape"])))
            .reshape(kept["shape"])
            .astype(bool)
            for name in ("where", "fluid", "truth")
        )
        yield Exam(
            person=person,
            name=path.name.removesuffix(".npz").split(".eval")[1],
            values=kept["values"],
            where=where,
            fluid=fluid,
            truth=truth,
        )

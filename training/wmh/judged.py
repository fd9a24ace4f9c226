"""Images of a person whose lesions are known, to judge a model that never saw the person."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import ndimage

from training.wmh.people import Person
from training.wmh.transplant import Head, Look
from training.wmh.variants import Variant, as_scanned, rescan, with_drawn_lesions

LOADS_ML = (0.0, 0.3, 1.0, 3.0, 10.0)
LOADS_ML_OF_MADE = (0.0, 1.0)
LOOK = Look(flair=0.45, t1w=-0.15, spread=0.2, edge_sigma=0.7, halo=0.1)


def judged_images(
    person: Person, *, clean: Head, flair_scanned: bool
) -> Iterator[tuple[str, Callable[[np.random.Generator], Variant]]]:
    """Name the images and how to make each: the raters' own if there are any, one of each load.

    Of a head of which FLAIR was not scanned, one without and one with lesions are enough: they
    would judge the maker.
    """
    if person.truth is not None:
        yield "real", lambda _: as_scanned(person)
    for load_ml in LOADS_ML if flair_scanned else LOADS_ML_OF_MADE:
        yield f"{load_ml:g}", partial(_draw, person, load_ml, clean)


def _draw(person: Person, load_ml: float, clean: Head, rng: np.random.Generator) -> Variant:
    """Draw a load into a person; thick slices where the person's scan has them."""
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
    return replace(variant, flair=np.where(person.brain, flair, 0).astype(np.float32))


def in_unseen_contrast(variant: Variant, *, person: Person, stretch: float) -> Variant:
    """Bend the scale beyond what was trained on: above 1 grey and white move apart."""
    middle = float(np.median(variant.flair[person.brain]))
    bent = middle * np.sign(variant.flair) * np.abs(variant.flair / middle) ** stretch
    return replace(variant, flair=bent.astype(np.float32))


def in_thick_slices(
    variant: Variant, *, person: Person, slice_mm: float, rng: np.random.Generator
) -> Variant:
    """Scan again in axial slices."""
    flair = rescan(variant.flair, slice_mm=slice_mm, axis=2, blur_mm=0, noise=0.01, rng=rng)
    return replace(variant, flair=np.where(person.brain, flair, 0).astype(np.float32))


def with_a_large_one_far_away(
    person: Person, variant: Variant, *, rng: np.random.Generator, volume_ml: float = 5.0
) -> Variant:
    """Draw one ball of lesion into white matter, far from all others."""
    radius = (3000 * volume_ml / (4 * np.pi)) ** (1 / 3)
    far = ndimage.distance_transform_edt(~variant.truth) > 2 * radius
    room = ndimage.distance_transform_edt(person.white_matter)
    places = np.argwhere(far & (room >= np.percentile(room[far & person.white_matter], 90)))
    middle = places[rng.integers(len(places))].reshape(3, 1, 1, 1)
    ball = ((np.indices(person.brain.shape) - middle) ** 2).sum(axis=0) <= radius**2
    ball &= person.white_matter
    shape = ndimage.gaussian_filter(ball.astype(np.float32), LOOK.edge_sigma)
    level = float(np.median(variant.flair[person.white_matter]))
    return replace(
        variant,
        flair=(variant.flair + LOOK.flair * level * shape).astype(np.float32),
        truth=variant.truth | ball,
    )

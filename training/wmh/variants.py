"""The same person with other lesions, in another scanner: an unlimited source of images."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.wmh.normal import CELLS, look_up
from training.wmh.people import Person
from training.wmh.specks import scatter_specks
from training.wmh.transplant import Head, Look, choose_lesions, draw_lesions_into, remove_lesions

LOADS_TO_LEARN_ML = (0.3, 25.0)  # drawn lesions are uniform in the logarithm between these
_AMPLITUDE = (-0.5, 2.0)  # of what is bright in everybody, added to what is there
_GRAIN_CELLS = (1.5, 5.0)
_SYMMETRIC = (0.0, 0.08)  # deviation, in units of grey matter
_WITHOUT_CAPS = 0.3
_CAP, _CAP_MM = (0.05, 0.4), (1.5, 3.5)  # height in units of grey matter, width
_MOST_SPECKS = 4000
_SPECKS_ML = (0.5, 6.0)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One image pair and the lesions that it holds."""

    person: str
    kind: str
    flair: Volume
    t1w: Volume
    truth: Mask


def as_scanned(person: Person) -> Variant:
    """Take the person as he or she is."""
    return Variant(
        person=person.name,
        kind="real",
        flair=person.flair,
        t1w=person.t1w,
        truth=np.asarray(person.truth),
    )


def in_another_scanner(variant: Variant, *, person: Person, rng: np.random.Generator) -> Variant:
    """Change contrast, shading, slices, sharpness and noise; the lesions stay."""
    patterned = variant.flair + patterns(variant.flair, person=person, rng=rng)
    flair = _recontrast(patterned, person=person, rng=rng)
    if person.slice_mm > 1:
        slice_mm, axis = person.slice_mm, person.slice_axis
    else:
        slice_mm = float(rng.choice([1.0, rng.uniform(2, 5), rng.uniform(3, 8)]))
        axis = int(rng.choice([2, 2, 2, 1, 0]))
    thick = float(rng.choice([1.0, slice_mm])) if person.slice_mm == 1 else slice_mm
    images = (
        rescan(image, slice_mm=mm, axis=axis, blur_mm=rng.uniform(0, 0.6), noise=noise, rng=rng)
        for image, mm, noise in (
            (flair, slice_mm, rng.uniform(0, 0.05)),
            (variant.t1w, thick, rng.uniform(0, 0.04)),
        )
    )
    flair, t1w = (np.where(person.brain, image, 0).astype(np.float32) for image in images)
    return Variant(person=person.name, kind=variant.kind, flair=flair, t1w=t1w, truth=variant.truth)


def patterns(flair: Volume, *, person: Person, rng: np.random.Generator) -> Volume:
    """Brighten white matter alike on both sides, as another scanner shows it, without lesions.

    What is bright in everybody, more or less of it; and a smooth pattern that nobody has.
    """
    everybody = rng.uniform(*_AMPLITUDE) * person.priors.normal
    cells = ndimage.gaussian_filter(rng.normal(0, 1, CELLS), rng.uniform(*_GRAIN_CELLS))
    cells += cells[::-1]
    cells *= rng.uniform(*_SYMMETRIC) / cells.std()
    odd = look_up(cells.astype(np.float32), template_mm=person.priors.template_mm)
    white = ndimage.gaussian_filter(person.white_matter.astype(np.float32), 1)
    middle = float(np.median(flair[person.brain]))
    caps = _caps(person, uneven=np.exp(odd / max(float(odd.std()), 1e-6) / 2), rng=rng)
    added: Volume = (middle * white * (everybody + np.maximum(odd, 0) + caps)).astype(np.float32)
    return added


def _caps(person: Person, *, uneven: Volume, rng: np.random.Generator) -> Volume:
    """Brighten the rim of the ventricles, here more and there less: normal caps and bands."""
    ventricles = person.priors.ventricles > 0.5
    if rng.random() < _WITHOUT_CAPS or not ventricles.any():
        return np.zeros(person.brain.shape, dtype=np.float32)
    distance = ndimage.distance_transform_edt(~ventricles)
    width_mm = rng.uniform(*_CAP_MM) * np.clip(uneven, 0.3, 2.5)
    shape = np.exp(-((distance / width_mm) ** 2))
    caps: Volume = (rng.uniform(*_CAP) * shape * np.clip(uneven, 0, 1.5)).astype(np.float32)
    return caps


def without_lesions(person: Person, *, rng: np.random.Generator) -> Head:
    """Paint white matter over all that is, or might be, a lesion."""
    head = Head(
        flair=person.flair,
        t1w=person.t1w,
        brain=person.brain,
        white_matter=person.white_matter | person.suspected,
    )
    clean = remove_lesions(head, lesions=person.suspected, rng=rng)
    return Head(
        flair=clean.flair, t1w=clean.t1w, brain=person.brain, white_matter=person.white_matter
    )


def with_drawn_lesions(
    person: Person,
    *,
    clean: Head,
    volume_ml: float,
    rng: np.random.Generator,
    look: Look | None = None,
) -> Variant:
    """Draw other people's lesions of about this volume into the person's clean head."""
    share = float(rng.choice([0.0, 0.5, 1.0]))
    chosen = choose_lesions(
        [person.library[name] for name in sorted(person.library)],
        white_matter=person.white_matter,
        voxels=round(1000 * volume_ml * (1 - share)),
        rng=rng,
    )
    chosen |= scatter_specks(
        person.white_matter, voxels=min(round(1000 * volume_ml * share), _MOST_SPECKS), rng=rng
    )
    drawn, truth = draw_lesions_into(clean, lesions=chosen, look=look or draw_look(rng), rng=rng)
    kind = "drawn" if volume_ml > 0 else "none"
    return Variant(person=person.name, kind=kind, flair=drawn.flair, t1w=drawn.t1w, truth=truth)


def with_specks(person: Person, *, clean: Head, rng: np.random.Generator) -> Variant:
    """Draw small lesions alone, of moderate contrast: those that are missed most."""
    volume_ml = np.exp(rng.uniform(*np.log(_SPECKS_ML)))
    chosen = scatter_specks(person.white_matter, voxels=round(1000 * volume_ml), rng=rng)
    look = Look(
        flair=rng.uniform(0.3, 0.6),
        t1w=-rng.uniform(0, 0.15),
        spread=0.2,
        edge_sigma=rng.uniform(0.5, 0.9),
        halo=rng.uniform(0, 0.1),
    )
    drawn, truth = draw_lesions_into(clean, lesions=chosen, look=look, rng=rng)
    return Variant(person=person.name, kind="drawn", flair=drawn.flair, t1w=drawn.t1w, truth=truth)


def draw_look(rng: np.random.Generator) -> Look:
    """Draw how lesions look, from faint to bright."""
    return Look(
        flair=rng.uniform(0.15, 0.65),
        t1w=-rng.uniform(0, 0.3),
        spread=0.25,
        edge_sigma=rng.uniform(0.5, 0.9),
        halo=rng.uniform(0, 0.2),
    )


def rescan(
    image: Volume,
    *,
    slice_mm: float,
    axis: int,
    blur_mm: float,
    noise: float,
    rng: np.random.Generator,
) -> Volume:
    """Average over slices, sample them, add noise, and go back to 1 mm cubes.

    `noise` is a share of the image's median inside the head.
    """
    sigma = [blur_mm] * 3
    sigma[axis] = max(blur_mm, slice_mm / np.sqrt(12) if slice_mm > 1 else 0)
    smooth = ndimage.gaussian_filter(image, sigma)
    deviation = noise * float(np.median(image[image > 0]))
    if slice_mm <= 1:
        return (smooth + rng.normal(0, deviation, image.shape)).astype(np.float32)
    count = image.shape[axis]
    places = np.arange(rng.uniform(0, slice_mm), count - 1, slice_mm)
    slices = np.take(smooth, np.round(places).astype(int), axis)
    slices = slices + rng.normal(0, deviation, slices.shape)
    between = np.interp(np.arange(count), places, np.arange(len(places)))
    axes = [between if a == axis else np.arange(n, dtype=float) for a, n in enumerate(image.shape)]
    grid = np.meshgrid(*axes, indexing="ij", sparse=False)
    return ndimage.map_coordinates(slices, grid, order=1, mode="nearest").astype(np.float32)


def _recontrast(flair: Volume, *, person: Person, rng: np.random.Generator) -> Volume:
    """Shade the image, shift white against grey matter, bend the scale."""
    middle = float(np.median(flair[person.brain]))
    nodes = rng.normal(0, 0.05, [4, 4, 4])
    zoom = np.array(flair.shape) / 4
    shading = ndimage.zoom(nodes, zoom, order=3, mode="nearest", grid_mode=True)
    shaded = flair * (1 + shading[tuple(slice(n) for n in flair.shape)])
    white = ndimage.gaussian_filter(person.white_matter.astype(np.float32), 1)
    shifted = shaded + middle * rng.uniform(-0.05, 0.03) * white
    bent = np.sign(shifted) * np.abs(shifted / middle) ** rng.uniform(0.85, 1.2) * middle
    changed: Volume = bent.astype(np.float32)
    return changed

"""Images of no scanner: a person's tissues with signals drawn at random.

The kind of synthesis of Billot 2023, doi:10.1016/j.media.2023.102789, kept to contrasts that
FLAIR can have: fluid dark, white matter below grey matter.
"""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Volume
from npsle_app.imaging.tissue.intensity import fit_tissue
from training.wmh.people import Person
from training.wmh.transplant import Head

_FLUID, _WHITE = (0.05, 0.35), (0.72, 0.95)  # of the signal of grey matter
_T1W_FLUID, _T1W_GREY = (0.2, 0.45), (0.6, 0.82)  # of the signal of white matter
_TEXTURE, _GRAIN_MM = (0.005, 0.03), (1.0, 4.0)
_BLUR_MM = (0.3, 0.8)


def complete(person: Person, *, rng: np.random.Generator) -> Person:
    """Make the image that was not scanned from the tissues of the one that was."""
    nothing = np.zeros(person.brain.shape, dtype=np.float32)
    head = Head(
        flair=nothing if person.flair is None else person.flair,
        t1w=nothing if person.t1w is None else person.t1w,
        brain=person.brain,
        white_matter=person.white_matter,
    )
    if person.t1w is None:
        return replace(person, t1w=synthesise_t1w(head, person=person, rng=rng))
    if person.flair is None:
        return replace(person, flair=synthesise(head, person=person, rng=rng).flair)
    return person


def synthesise(head: Head, *, person: Person, rng: np.random.Generator) -> Head:
    """Make a FLAIR from the tissue fractions of the head's T1w, and keep the T1w.

    Its signals, texture and sharpness are random; nothing that is bright in real FLAIR
    besides lesions (septum, vessels, choroid plexus) is in it.
    """
    inside = person.priors.tissue.at(person.brain)
    scan = head.t1w[person.brain]
    model = fit_tissue(scan, priors=inside, csf_is_dark=False)
    signals = np.array([rng.uniform(*_FLUID), 1.0, rng.uniform(*_WHITE)], dtype=np.float32)
    fractions = model.posteriors(scan / np.float32(model.scale), priors=inside)
    flair = np.zeros(person.brain.shape, dtype=np.float32)
    flair[person.brain] = signals @ fractions
    flair = ndimage.gaussian_filter(flair, rng.uniform(*_BLUR_MM))
    flair = np.where(person.brain, flair * _texture(flair.shape, rng=rng), 0).astype(np.float32)
    return Head(flair=flair, t1w=head.t1w, brain=head.brain, white_matter=head.white_matter)


def synthesise_t1w(head: Head, *, person: Person, rng: np.random.Generator) -> Volume:
    """Make a T1w from the tissue fractions of the head's FLAIR."""
    inside = person.priors.tissue.at(person.brain)
    scan = head.flair[person.brain]
    model = fit_tissue(scan, priors=inside)
    signals = np.array([rng.uniform(*_T1W_FLUID), rng.uniform(*_T1W_GREY), 1.0], dtype=np.float32)
    fractions = model.posteriors(scan / np.float32(model.scale), priors=inside)
    sure = (fractions[0] > 0.5) & (scan < model.means[1] * model.scale)
    stacked = np.stack([inside.csf, inside.gm, inside.wm])
    fractions = np.where(sure, fractions, (fractions + stacked) / 2)
    t1w = np.zeros(person.brain.shape, dtype=np.float32)
    t1w[person.brain] = signals @ (fractions / np.maximum(fractions.sum(axis=0), 1e-3))
    t1w = ndimage.gaussian_filter(t1w, rng.uniform(*_BLUR_MM))
    return np.where(person.brain, t1w * _texture(t1w.shape, rng=rng), 0).astype(np.float32)


def _texture(shape: tuple[int, ...], *, rng: np.random.Generator) -> Volume:
    grain = ndimage.gaussian_filter(rng.normal(0, 1, shape), rng.uniform(*_GRAIN_MM))
    texture: Volume = (1 + rng.uniform(*_TEXTURE) * grain / grain.std()).astype(np.float32)
    return texture

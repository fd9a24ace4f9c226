"""What is bright in the FLAIR of everybody, in template space."""

from collections.abc import Sequence
from dataclasses import replace

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Volume
from npsle_app.imaging.wmh.features import measure_over_white
from npsle_app.imaging.wmh.normal import CELL_MM, LOWEST_MM, gather, look_up
from training.wmh.people import Person

_LEAST_PEOPLE = 0.5
_MOST = 0.5  # over white matter, in units of grey matter: more is skull or fat
_LEAST_SPREAD = 0.02
_PULL = 1.0  # people's worth of the usual spread
_WIDEN = 3  # voxels around a lesion that tell nothing


Pattern = tuple[Volume, Volume]  # means and weights in cells of the template


def pattern_of(person: Person) -> Pattern:
    """Gather one person's brightness over white matter without lesions, with its weights."""
    over = measure_over_white(person.flair, brain=person.brain, priors=person.priors.tissue)
    sound = person.brain & ~ndimage.binary_dilation(person.suspected, iterations=_WIDEN)
    over = np.clip(over, -1, _MOST)
    means, count = gather(over, template_mm=person.priors.template_mm, where=sound)
    weight = np.clip(count / 2, 0, 1)
    return (means * weight + (means * weight)[::-1]) / np.maximum(weight + weight[::-1], 1e-6), (
        weight + weight[::-1]
    ) / 2


def average(patterns: Sequence[Pattern]) -> tuple[Volume, Volume]:
    """Return mean and deviation over people."""
    weights = np.stack([weight for _, weight in patterns])
    values = np.stack([means for means, _ in patterns])
    total = np.maximum(weights.sum(axis=0), 1e-6)
    mean = (weights * values).sum(axis=0) / total
    square = (weights * (values - mean) ** 2).sum(axis=0)
    known = total > _LEAST_PEOPLE
    usual = float(np.median(square[known] / total[known]))
    spread = np.sqrt((square + _PULL * usual) / (total + _PULL))
    return (
        np.where(known, mean, 0).astype(np.float32),
        np.where(known, np.maximum(spread, _LEAST_SPREAD), np.sqrt(usual)).astype(np.float32),
    )


def knowing(person: Person, *, normal: Volume, spread: Volume) -> Person:
    """Give a person's priors what is normal in the others."""
    mean, deviation = (
        look_up(cells, template_mm=person.priors.template_mm) for cells in (normal, spread)
    )
    return replace(person, priors=replace(person.priors, normal=mean, spread=deviation))


def as_image(cells: Volume) -> nib.Nifti1Image:
    affine = np.diag([CELL_MM, CELL_MM, CELL_MM, 1.0])
    affine[:3, 3] = LOWEST_MM
    return nib.Nifti1Image(cells, affine)

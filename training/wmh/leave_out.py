"""Each person judged by a model that never saw him or her."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.wmh.features import FEATURES
from training.wmh.fit import Fitted, fit
from training.wmh.images import Exam, read_exams, read_lessons
from training.wmh.people import Person
from training.wmh.score import predict


@dataclass(frozen=True, kw_only=True)
class Held:
    """A map of an image, by a model fitted on other people; `name` is of the exam.

    `made` tells that the FLAIR was made, not scanned.
    """

    person: str
    name: str
    slice_mm: float
    made: bool
    probability: Volume
    truth: Mask


def leave_out(
    person: Person, *, images: Path, seed: int, features: tuple[str, ...] = FEATURES
) -> Iterator[Held]:
    """Fit without one person, then look at all images of the person."""
    with threadpool_limits(1):
        fitted = fit(read_lessons(images, without=person.name), features=features, seed=seed)
    yield from judge(fitted, person=person, exams=read_exams(images, person=person.name))


def judge(fitted: Fitted, *, person: Person, exams: Iterator[Exam]) -> Iterator[Held]:
    """Find the maps of a person's images."""
    for exam in exams:
        yield Held(
            person=person.name,
            name=exam.name,
            slice_mm=person.slice_mm,
            made=person.flair is None,
            probability=predict(fitted, exam, person=person),
            truth=np.asarray(exam.truth),
        )

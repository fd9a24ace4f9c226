"""Make the lesion models, and what they are told of every place: npsle_app/data/{wmh,flair}_*.

    python -m training.wmh ../shared/data DERIVATIVES WORK

The first folder holds `ms_masks_mni/<person>.nii.gz`, consensus lesion masks in MNI space,
and `ms_mni/<person>/{T1,FLAIR,lesions}.nii.gz` for some of them: the Ljubljana cross-sectional
set of Lesjak et al. 2017 (doi:10.1007/s12021-017-9348-7), CC-BY. DERIVATIVES is this app's
output on the sessions of `bids/` (nobody drew their lesions, so all that stands out of the
normal is painted over and other people's lesions are drawn in) and on the healthy heads of
`flair_healthy/`, arranged as BIDS. WORK takes what is made of each person: a run that was
stopped goes on. Same folders, same files. Prints how well each rated person is found by a
model that never saw him or her. Takes about an hour on two cores.
"""

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from threadpoolctl import threadpool_limits

from npsle_app import templates
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.wmh.features import FEATURES, FLAIR_FEATURES
from npsle_app.templates import Template
from training.wmh.fit import fit
from training.wmh.images import SEED, make_images, read_lessons
from training.wmh.leave_out import leave_out
from training.wmh.normal_atlas import Pattern, as_image, average, knowing, pattern_of
from training.wmh.onnx_file import write_graph
from training.wmh.people import Person, lesion_prior, list_masks, load_all, look_again
from training.wmh.score import compare

DATA = Path(templates.__file__).parent / "data"
MODELS = {
    "wmh_model.onnx": ("npsle-wmh-6", FEATURES),
    "wmh_flair_model.onnx": ("npsle-wmh-flair-2", FLAIR_FEATURES),
}
SOURCES = (
    "Lesjak 2017, doi:10.1007/s12021-017-9348-7, CC-BY; Szczepankiewicz 2019, "
    "doi:10.1016/j.dib.2019.104208; py_synthsr, Apache-2.0; Colin27"
)


def main(data: Path, derivatives: Path, work: Path) -> None:
    """Load, learn what is normal, vary, fit without each rated person, fit with all, write."""
    people = prepare(data, derivatives=derivatives, work=work)
    images = work / "images"
    for person in people:
        if person.truth is not None:
            for held in leave_out(person, images=images, seed=SEED):
                found = compare(held.probability, held.truth)
                sys.stdout.write(f"{person.name} {held.name}, not fitted on: {found}\n")
    names = ",".join(sorted(person.name for person in people))
    for file, (name, features) in MODELS.items():
        facts = {
            "name": name,
            "features": ",".join(features),
            "fitted_on": names,
            "data": SOURCES,
        }
        with threadpool_limits(1):
            fitted = fit(read_lessons(images), features=features, seed=SEED)
        (DATA / file).write_bytes(write_graph(fitted, facts=facts))
    nib.save(lesion_prior(list_masks(data)), DATA / "wmh_prior.nii.gz")
    normal, spread = average([pattern for _, pattern in sorted(read_patterns(work).items())])
    for file, cells in (("flair_normal", normal), ("flair_spread", spread)):
        grid = templates.load(Template.BRAIN)
        values = resample_from_to(as_image(1000 * cells), grid, order=1, mode="nearest")
        thousandths = np.round(values.get_fdata()).astype(np.int16)
        nib.save(on_grid_of(grid, thousandths), DATA / f"{file}.nii.gz")


def prepare(data: Path, *, derivatives: Path, work: Path) -> list[Person]:
    """Make everybody's images, unless they are there, each knowing what is bright in the others.

    What may be lesion in people without a consensus is first guessed, then found as what
    stands out of the normal; with that the normal is gathered again.
    """
    kept = work / "people.pickle"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        people = load_all(data, derivatives=derivatives)
        patterns = {p.name: pattern_of(p) for p in people if p.flair is not None}
        people = [
            person
            if person.healthy or person.truth is not None
            else look_again(_knowing_others(person, patterns))
            for person in people
        ]
        patterns = {p.name: pattern_of(p) for p in people if p.flair is not None}
        people = [_knowing_others(person, patterns) for person in people]
        kept.write_bytes(pickle.dumps((people, patterns)))
    people, _ = pickle.loads(kept.read_bytes())  # noqa: S301
    images = work / "images"
    images.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(partial(make_images, folder=images), people))
    return people


def read_patterns(work: Path) -> dict[str, Pattern]:
    """Return what is bright in each person's FLAIR, by name."""
    _, patterns = pickle.loads((work / "people.pickle").read_bytes())  # noqa: S301
    return patterns


def _knowing_others(person: Person, patterns: dict[str, Pattern]) -> Person:
    others = [pattern for name, pattern in sorted(patterns.items()) if name != person.name]
    normal, spread = average(others)
    return knowing(person, normal=normal, spread=spread)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))

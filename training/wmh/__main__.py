"""Make npsle_app/data/wmh_model.onnx and wmh_prior.nii.gz.

    python -m training.wmh ../shared/data DERIVATIVES

The first folder holds `ms_masks_mni/<person>.nii.gz`, consensus lesion masks in MNI space,
and `ms_mni/<person>/{T1,FLAIR,lesions}.nii.gz` for some of them: the Ljubljana cross-sectional
set of Lesjak et al. 2017 (doi:10.1007/s12021-017-9348-7), CC-BY. DERIVATIVES is this app's
output on the four sessions of `bids/` that have a FLAIR; nobody drew their lesions, so all
that is bright in their white matter is painted over and other people's lesions are drawn in.
Same folders, same files. Prints how well each rated person is found by a model that never saw
him or her. Takes about a quarter of an hour on two cores.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
from threadpoolctl import threadpool_limits

from npsle_app import templates
from npsle_app.imaging.wmh.features import FEATURES
from training.wmh.fit import Described, describe, fit
from training.wmh.onnx_file import write_graph
from training.wmh.people import Person, lesion_prior, list_masks, load_all
from training.wmh.score import compare, predict
from training.wmh.synthesis import synthesise
from training.wmh.transplant import Head
from training.wmh.variants import (
    LOADS_ML,
    Variant,
    as_scanned,
    in_another_scanner,
    with_drawn_lesions,
    without_lesions,
)

DATA = Path(templates.__file__).parent / "data"
SEED = 0
NAME = "npsle-wmh-4"
_RATED = ("real", "real*", "real*", "drawn", "drawn", "drawn*", "drawn*", "drawn*", "made*", "none")
_UNRATED = ("drawn*", "drawn*", "drawn*", "made*", "made*", "none*")


def main(data: Path, derivatives: Path) -> None:
    """Load, vary, fit without each rated person, fit with all, write."""
    people = load_all(data, derivatives=derivatives)
    described = vary_all(people)
    for person in people:
        if person.truth is not None:
            _report_held_out(person, described)
    facts = {
        "name": NAME,
        "features": ",".join(FEATURES),
        "fitted_on": ",".join(person.name for person in people),
        "data": "Lesjak 2017, doi:10.1007/s12021-017-9348-7, CC-BY",
    }
    with threadpool_limits(1):
        content = write_graph(fit(described, seed=SEED), facts=facts)
    (DATA / "wmh_model.onnx").write_bytes(content)
    nib.save(lesion_prior(list_masks(data)), DATA / "wmh_prior.nii.gz")


def vary_all(people: list[Person]) -> list[Described]:
    """Make the variants of everybody, two people at a time."""
    with ProcessPoolExecutor(2) as pool:
        return [item for part in pool.map(vary, people) for item in part]


def vary(person: Person) -> list[Described]:
    """Make the variants of one person; a star stands for another scanner."""
    clean = without_lesions(person, rng=np.random.default_rng([SEED, *person.name.encode()]))
    recipes = _RATED if person.truth is not None else _UNRATED
    return [
        describe(_variant(person, number, recipe, clean=clean), person=person)
        for number, recipe in enumerate(recipes)
    ]


def _variant(person: Person, number: int, recipe: str, *, clean: Head) -> Variant:
    rng = np.random.default_rng([SEED, number, *person.name.encode()])
    if recipe.startswith("real"):
        variant = as_scanned(person)
    else:
        head = synthesise(clean, person=person, rng=rng) if recipe.startswith("made") else clean
        volume_ml = 0 if recipe.startswith("none") else np.exp(rng.uniform(*np.log(LOADS_ML)))
        variant = with_drawn_lesions(person, clean=head, volume_ml=float(volume_ml), rng=rng)
    if recipe.endswith("*"):
        variant = in_another_scanner(variant, person=person, rng=rng)
    sys.stderr.write(f"{person.name} {recipe}: {variant.truth.sum() / 1000:.2f} mL\n")
    return variant


def _report_held_out(person: Person, described: list[Described]) -> None:
    with threadpool_limits(1):
        fitted = fit([d for d in described if d.variant.person != person.name], seed=SEED)
    own = next(d for d in described if d.variant.person == person.name and d.variant.kind == "real")
    found = compare(predict(fitted, own, person=person), own.variant.truth)
    sys.stdout.write(f"{person.name}, not fitted on: {found}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Make npsle_app/data/wmh_prior.nii.gz and wmh_coefficients.json from lesion masks.

    python scripts/fit_wmh.py ../shared/data

The folder holds `ms_masks_mni/<person>.nii.gz`, consensus lesion masks in MNI space, and
`ms_mni/<person>/{T1,FLAIR,lesions}.nii.gz` for some of them: the Ljubljana cross-sectional
set of Lesjak et al. 2017 (doi:10.1007/s12021-017-9348-7), CC-BY. Prints how well each person
is found by a model that never saw him or her. Takes about four minutes.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy import ndimage

from npsle_app import templates
from npsle_app.imaging.lesion_cleanup import clear_borders
from npsle_app.imaging.lesion_features import (
    FEATURES,
    Candidates,
    LesionPriors,
    TissuePriors,
    find_bounds,
    find_candidates,
)
from npsle_app.imaging.registration import register_to_template, warp
from npsle_app.imaging.volumes import like
from npsle_app.imaging.wmh import (
    THRESHOLDS,
    Coefficients,
    count_lesions,
    lesions,
    score_candidates,
    soft_volume_ml,
)
from npsle_app.settings import AnatSettings
from npsle_app.templates import Template

DATA = Path(templates.__file__).parent / "data"
PRIOR_SIGMA_MM = 3.0
RIDGE = 1e-4
OPERATING_POINT = 0.2
VOXEL_MM = np.ones(3)


@dataclass(frozen=True)
class Person:
    """One brain with its truth, on the grid of its T1w image (1 mm³ voxels)."""

    name: str
    brain: np.ndarray
    truth: np.ndarray
    csf: np.ndarray
    priors: LesionPriors
    candidates: Candidates


def main(folder: Path) -> None:
    """Fit, report, write."""
    masks = {path.name.split(".")[0]: path for path in sorted(folder.glob("ms_masks_mni/*.nii.gz"))}
    persons = [load(path, masks=masks) for path in sorted(folder.glob("ms_mni/*/"))]
    fits = {held.name: fit([p for p in persons if p is not held]) for held in persons}
    shift = find_shift(persons, fits)
    for person in persons:
        sys.stdout.write(report(person, weights=shifted(fits[person.name], shift)) + "\n")
    chosen = shifted(fit(persons), shift)
    nib.save(lesion_prior(masks), DATA / "wmh_prior.nii.gz")
    content = {
        "model": "logistic-1",
        "intercept": round(float(chosen[0]), 4),
        "weights": dict(zip(FEATURES, np.round(chosen[1:], 4).tolist(), strict=True)),
        "fitted_on": [person.name for person in persons],
        "data": "Lesjak 2017, doi:10.1007/s12021-017-9348-7, CC-BY",
    }
    (DATA / "wmh_coefficients.json").write_text(json.dumps(content, indent=2) + "\n")


def lesion_prior(masks: dict[str, Path], *, without: str = "") -> nib.Nifti1Image:
    """Average the masks, smooth, mirror; 0-255 on the template's 2 mm grid, nowhere 0."""
    chosen = [nib.load(path) for name, path in masks.items() if name != without]
    total = sum(np.asarray(image.dataobj) > 0 for image in chosen).astype(np.float32)
    smooth = ndimage.gaussian_filter(total / len(chosen), PRIOR_SIGMA_MM)
    grid = templates.load(Template.BRAIN)
    found = resample_from_to(nib.Nifti1Image(smooth, chosen[0].affine), grid, order=1).get_fdata()
    symmetric = (found + found[::-1]) / 2  # the grid is symmetric about x = 0
    return like(grid, np.clip(np.round(symmetric * 255), 1, 255).astype(np.uint8))


def load(folder: Path, *, masks: dict[str, Path]) -> Person:
    """Read one brain and bring the priors to it, the lesion prior made of the others."""
    t1w, flair, truth = (nib.load(folder / f"{name}.nii.gz") for name in ("T1", "FLAIR", "lesions"))
    sys.stderr.write(f"registering {folder.name}\n")
    field = register(t1w)
    prior = lesion_prior(masks, without=folder.name)
    images = [templates.load(t) for t in (Template.GM, Template.WM)]
    images += [prior, templates.load(Template.VENTRICLES)]
    gm, wm, lesion, ventricles = (
        warp(image, reference=t1w, field=field).get_fdata(dtype=np.float32) / 255
        for image in images
    )
    tissue = TissuePriors(gm=gm, wm=wm)
    priors = LesionPriors(tissue=tissue, lesion=lesion, ventricles=ventricles)
    values = flair.get_fdata(dtype=np.float32)
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(values != 0))
    return Person(
        name=folder.name,
        brain=brain,
        truth=np.asarray(truth.dataobj) > 0,
        csf=find_bounds(t1w.get_fdata(dtype=np.float32), brain=brain, priors=tissue).fluid,
        priors=priors,
        candidates=find_candidates(values, brain=brain, priors=priors, voxel_sizes_mm=VOXEL_MM),
    )


def register(t1w: nib.Nifti1Image) -> nib.Nifti1Image:
    """Find the way from the template to a brain without skull."""
    region = templates.load(Template.BRAIN)
    template = resample_from_to(templates.load(Template.T1), region, order=1)
    settings = AnatSettings()
    return register_to_template(
        t1w,
        template=like(template, template.get_fdata(dtype=np.float32)),
        region=like(region, region.get_fdata() > 0),
        seed=settings.random_seed,
        affine_sampling_mm=settings.affine_sampling_mm,
        warp_sampling_mm=settings.warp_sampling_mm,
        warp_iterations=settings.warp_iterations,
    ).to_native


def fit(persons: list[Person]) -> np.ndarray:
    """Fit the logistic model by Newton's method, each person with the same total weight."""
    features = np.concatenate([p.candidates.values for p in persons]).astype(float)
    truth = np.concatenate([p.truth[p.candidates.where] for p in persons]).astype(float)
    weight = np.concatenate(
        [np.full(n, 1 / n) for n in (len(p.candidates.values) for p in persons)]
    )
    centre, spread = features.mean(axis=0), features.std(axis=0)
    design = np.column_stack([np.ones(len(truth)), (features - centre) / spread])
    ridge = RIDGE * np.diag([0.0, *np.ones(len(FEATURES))])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (weight * (truth - p)) - ridge @ weights
        bend = (design * (weight * p * (1 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(bend, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    scaled = weights[1:] / spread
    return np.array([weights[0] - scaled @ centre, *scaled])


def find_shift(persons: list[Person], fits: dict[str, np.ndarray]) -> float:
    """Find the intercept's shift at which held-out volumes at 0.2 are right on average.

    Geometric mean over persons, so that one who is found twice too large and one half too
    large cancel.
    """
    low, high = -3.0, 3.0
    for _ in range(10):
        middle = (low + high) / 2
        ratios = []
        for person in persons:
            probability = predict(person, weights=shifted(fits[person.name], middle))
            mask = at_threshold(probability, OPERATING_POINT)
            ratios.append(np.log(max(mask.sum(), 1) / person.truth.sum()))
        low, high = (low, middle) if np.mean(ratios) > 0 else (middle, high)
    return (low + high) / 2


def shifted(weights: np.ndarray, shift: float) -> np.ndarray:
    """Move the intercept alone."""
    return np.array([weights[0] + shift, *weights[1:]])


def predict(person: Person, *, weights: np.ndarray) -> np.ndarray:
    """Find the probability map, cleaned."""
    model = Coefficients(
        model="trial",
        intercept=weights[0],
        weights=dict(zip(FEATURES, weights[1:], strict=True)),
    )
    return clear_borders(
        score_candidates(person.candidates, coefficients=model),
        brain=person.brain,
        csf=person.csf,
        priors=person.priors,
        voxel_sizes_mm=VOXEL_MM,
    )


def at_threshold(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Cut as the app does."""
    return lesions(probability, voxel_mm3=1, threshold=threshold, min_lesion_mm3=9)


def report(person: Person, *, weights: np.ndarray) -> str:
    """Tell Dice and volume over truth at each threshold."""
    probability, truth = predict(person, weights=weights), person.truth
    lines = [f"{person.name}: {truth.sum() / 1000:.1f} mL in {count_lesions(truth)} lesions"]
    lines[0] += f"; intercept {weights[0]:.2f}, weights {np.round(weights[1:], 2).tolist()}"
    for threshold in THRESHOLDS:
        mask = at_threshold(probability, threshold)
        dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
        ratio = mask.sum() / truth.sum()
        lines.append(
            f"  at {threshold}: Dice {dice:.3f}, volume × {ratio:.2f}, "
            f"{count_lesions(mask)} lesions"
        )
    soft = soft_volume_ml(probability, voxel_mm3=1) * 1000 / truth.sum()
    return "\n".join([*lines, f"  soft volume × {soft:.2f}"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))

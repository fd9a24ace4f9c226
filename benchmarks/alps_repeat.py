"""One real head in many prescriptions: what moves the DTI-ALPS index, and what intervals hold.

    python benchmarks/alps.py repeat OUT/sub-01 [--prescriptions 20] [--registered 20] [--only all]
    python benchmarks/alps.py place OUT/sub-01   (regions by FA against those by T1w)

OUT is what the app left of a participant with a diffusion series. Its tensors and signal without
weighting are the truth; each prescription turns (8° about each axis) and shifts slices and
gradients together, adds to each gradient an offset of 2 % along slice and phase, and noise of the
series' own size. Fibres cross in voxels as they do in the head, but the signal is that of tensors.

Components, as deviations of the mean of both sides: noise (one prescription, many scans), the
prescription (no noise, regions where they are known to be), place (regions where registration of
FA puts them), and all together. "Before" is the sphere with the table as it is.
"""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from dipy.core.gradients import unique_bvals_tolerance
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from npsle_app import templates
from npsle_app.bids.input.gradients import read_tables
from npsle_app.bids.output.reader import read_matrix
from npsle_app.imaging.alps.noise import Series
from npsle_app.imaging.alps.study import AlpsFindings, AlpsImages, study_alps
from npsle_app.imaging.alps.template import make_template, register_fa
from npsle_app.imaging.alps.variants import SPHERE, WEIGHTED
from npsle_app.imaging.diffusion.gradient_offset import add_offset, find_offset
from npsle_app.imaging.diffusion.gradients import Gradients, choose_volumes, read_fsl, rotate
from npsle_app.imaging.diffusion.tensor import (
    fit_tensors,
    fractional_anisotropy,
    from_six_components,
    mean_diffusivity,
    predict_signal,
    six_components,
)
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.templates import Template

TURN_DEG, OFFSET, SAMPLES = 8.0, 0.02, 60
MAX_CV, MIN_COVERAGE = 0.03, 0.9
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """A head, as it is: six components and S0 on a grid, and how the template lies on it."""

    components: Floats
    s0: Floats
    brain: Floats
    grid: nib.Nifti1Image
    gradients: Gradients
    noise_sd: float
    field: nib.Nifti1Image | None
    matrix: Floats
    by_t1w: bool


def repeat(
    folder: Path, *, prescriptions: int, registered: int, only: list[str], seed: int = 1
) -> list[str]:
    """Print components and coverage, of all or those named; return what missed its goal."""
    truth, rng = read_truth(folder, seed=seed), np.random.default_rng(seed)
    poses = [draw_pose(rng, truth) for _ in range(prescriptions)]
    runs = {
        "noise": [(poses[0], True, False)] * prescriptions,
        "prescription": [(pose, False, False) for pose in poses],
        "place": [(pose, False, True) for pose in poses[:registered]],
        "all": [(pose, True, number < registered) for number, pose in enumerate(poses)],
    }
    missed: list[str] = []
    for name, scans in runs.items():
        if not scans or (only and name not in only):
            continue
        before, after = [], []
        for pose, noisy, register in scans:
            kept, corrected = scan(truth, pose, noisy=noisy, register=register, rng=rng, seed=seed)
            before.append(kept)
            after.append(corrected)
        missed += tell(name, before=before, after=after)
    return missed


def place(folder: Path, *, seed: int = 1) -> None:
    """Print how far apart registration by T1w and by FA put the regions, and the indices.

    Raises
    ------
    ValueError
        If the participant has no T1w image.
    """
    truth, rng = read_truth(folder, seed=seed), np.random.default_rng(seed)
    if not truth.by_t1w:
        msg = f"{folder} was laid on the template by FA: there is nothing to compare"
        raise ValueError(msg)
    by_t1w, by_fa = (
        scan(truth, np.eye(4), noisy=False, register=register, rng=rng, seed=seed)[1]
        for register in (False, True)
    )
    for where, sphere in by_t1w.spheres.items():
        apart = np.linalg.norm(sphere.centre_mm - by_fa.spheres[where].centre_mm)
        print(f"{where!s:<40} {apart:.1f} mm apart")
    for name, found in (("T1w", by_t1w), ("FA", by_fa)):
        means = {one: found.indices[one]["mean"] for one in (SPHERE, WEIGHTED)}
        print(f"by {name:<4}" + "  ".join(f"{one} {mean:.3f}" for one, mean in means.items()))


def tell(name: str, *, before: list[AlpsFindings], after: list[AlpsFindings]) -> list[str]:
    """Print deviation, coefficient of variation, deviation of sides, and coverage."""
    missed = []
    for label, found, variant in (
        ("before, spheres", before, SPHERE),
        ("spheres", after, SPHERE),
        ("weighted tracts", after, WEIGHTED),
    ):
        sides = {
            side: np.array([one.indices[variant][side] for one in found], float)
            for side in ("left", "right", "mean")
        }
        mean = sides["mean"].mean()
        bounds = [one.bounds(variant, "mean") for one in found]
        held = float(np.mean([low <= mean <= high for low, high in filter(None, bounds)]))
        printed = np.mean([one.spread.sd[variant]["mean"] or np.nan for one in found])
        deviations = {side: values.std(ddof=1) for side, values in sides.items()}
        print(
            f"{name:<13}{label:<17}{mean:6.3f}  SD {deviations['mean']:.4f} "
            f"(left {deviations['left']:.4f}, right {deviations['right']:.4f})  "
            f"CV {100 * deviations['mean'] / mean:4.1f} %  printed SD {printed:.4f}  "
            f"interval holds {100 * held:3.0f} % of {len(found)}",
            flush=True,
        )
        if name != "all" or found is before:
            continue
        if deviations["mean"] > MAX_CV * mean:
            missed.append(f"{label} vary by {100 * deviations['mean'] / mean:.1f} %")
        if held < MIN_COVERAGE:
            missed.append(f"the interval of {label} holds {100 * held:.0f} %")
    return missed


def read_truth(folder: Path, *, seed: int) -> Truth:
    """Read what the app left of one participant."""

    def find(pattern: str) -> Path | None:
        return next(iter(sorted(folder.rglob(pattern))), None)

    def need(pattern: str) -> Path:
        path = find(pattern)
        if path is None:
            msg = f"no {pattern} in {folder}: run the app on a diffusion series first"
            raise FileNotFoundError(msg)
        return path

    dwi = need("*_desc-preproc_dwi.nii.gz")
    series = nib.Nifti1Image.from_filename(dwi)
    b_values, vectors = read_tables(dwi)
    gradients = read_fsl(b_values, vectors=vectors, affine=series.affine)
    shells = unique_bvals_tolerance(gradients.b_values, tol=100)  # an offset spreads them
    nearest = abs(gradients.b_values[:, None] - shells).argmin(axis=1)
    nominal = Gradients(shells[nearest], gradients.directions)
    chosen = choose_volumes(nominal).volumes
    grid = nib.Nifti1Image.from_filename(need("*_FA.nii.gz"))
    brain = nib.Nifti1Image.from_filename(need("dwi/*_desc-brain_mask.nii.gz")).get_fdata()
    data = series.get_fdata(dtype=np.float32)[..., chosen]
    used = gradients.take(chosen)
    fit = fit_tensors(data, b_values=used.b_values, directions=used.directions, mask=brain > 0)
    left = (
        data[brain > 0]
        - predict_signal(
            fit.tensors, s0=fit.s0, b_values=used.b_values, directions=used.directions
        )[brain > 0]
    )
    noise = find("*_desc-noise_dwimap.nii.gz")
    if noise is not None:
        left = left + nib.Nifti1Image.from_filename(noise).get_fdata()[..., chosen][brain > 0]
    to_t1w, field = find("*_from-dwi_to-T1w_*.txt"), find("*_from-T1w_to-MNI*.nii.gz")
    through = to_t1w is not None and field is not None
    truth = Truth(
        components=six_components(fit.tensors),
        s0=fit.s0,
        brain=brain,
        grid=grid,
        gradients=nominal.take(chosen),
        noise_sd=float(1.4826 * np.median(abs(left[:, used.weighted]))),
        field=nib.Nifti1Image.from_filename(field) if through and field else None,
        matrix=read_matrix(to_t1w) if through and to_t1w else np.eye(4),
        by_t1w=through,
    )
    if through:
        return truth
    fit_of_fa = register_tensors(fit.tensors, grid=grid, brain=brain, seed=seed)
    return Truth(**{**vars(truth), "field": fit_of_fa})


def draw_pose(rng: np.random.Generator, truth: Truth) -> Floats:
    """Turn and shift slices about the middle of the image, (4, 4)."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(np.deg2rad(rng.normal(0, TURN_DEG, 3))).as_matrix()
    middle = apply_affine(truth.grid.affine, (np.array(truth.grid.shape) - 1) / 2)
    pose[:3, 3] = middle - pose[:3, :3] @ middle + rng.uniform(-3, 3, 3)
    return pose


def scan(
    truth: Truth,
    pose: Floats,
    *,
    noisy: bool,
    register: bool,
    rng: np.random.Generator,
    seed: int,
) -> tuple[AlpsFindings, AlpsFindings]:
    """Scan the head in a prescription; measure with the table as it is, and corrected."""
    grid = nib.Nifti1Image(np.zeros(truth.grid.shape, np.float32), pose @ truth.grid.affine)
    points = apply_affine(grid.affine, np.indices(grid.shape).reshape(3, -1).T)
    where = apply_affine(np.linalg.inv(truth.grid.affine), points).T

    def seen(values: Floats) -> Floats:
        found: Floats = ndimage.map_coordinates(values, where, order=1).reshape(grid.shape)
        return found

    tensors = from_six_components(
        np.stack([seen(truth.components[..., n]) for n in range(6)], axis=-1)
    )
    s0, brain = seen(truth.s0), seen(truth.brain) > 0.5
    table = rotate(truth.gradients, rotations=pose[:3, :3])
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    played = add_offset(table, vector=OFFSET * (axes[:, 1] + axes[:, 2]) / 2**0.5)
    signal = predict_signal(tensors, s0=s0, b_values=played.b_values, directions=played.directions)
    if noisy:
        sd = truth.noise_sd
        signal = np.hypot(signal + rng.normal(0, sd, signal.shape), rng.normal(0, sd, signal.shape))
    offset = find_offset(signal, played_out=table, turned=table, brain=brain)
    clear = offset is not None and offset.clear
    corrected = add_offset(table, vector=offset.vector) if clear and offset else table
    tables = ((table, 7), (corrected, 10 if clear else 7))
    fits = [
        fit_tensors(signal, b_values=one.b_values, directions=one.directions, mask=brain).tensors
        for one, _ in tables
    ]
    field, matrix = truth.field, truth.matrix
    if register:
        field, matrix = register_tensors(fits[1], grid=grid, brain=brain, seed=seed), np.eye(4)
    first, second = (
        study_alps(
            AlpsImages(
                tensors=tensors,
                grid=on_grid_of(grid, fractional_anisotropy(tensors)),
                series=Series(
                    signal=signal, removed=None, b_values=one.b_values,
                    directions=one.directions, n_fitted=n_fitted,
                ),
                to_native=field,
                template_brain=fraction(templates.load(Template.BRAIN)),
                to_diffusion=matrix,
            ),
            radius_mm=2.5, share_max=0.1, samples=SAMPLES, seed=seed,
        )
        for tensors, (one, n_fitted) in zip(fits, tables, strict=True)
    )  # fmt: skip
    return first, second


def register_tensors(
    tensors: Floats, *, grid: nib.Nifti1Image, brain: Floats | NDArray[np.bool_], seed: int
) -> nib.Nifti1Image:
    """Lay the template on FA, as the app does without a T1w image."""
    return register_fa(
        on_grid_of(grid, fractional_anisotropy(tensors)),
        adc=on_grid_of(grid, mean_diffusivity(tensors)),
        brain=on_grid_of(grid, np.asarray(brain, np.uint8)),
        template=make_template(
            wm=fraction(templates.load(Template.WM)), brain=fraction(templates.load(Template.BRAIN))
        ),
        seed=seed,
    ).to_template

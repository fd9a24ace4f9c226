"""People to train on and to test with, on 1 mm cubes."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app import templates
from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.space.registration import places_in, warp
from npsle_app.imaging.space.template_registration import register_to_template
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.tissue.intensity import TissuePriors, find_bounds
from npsle_app.imaging.wmh.features import FEATURES, LesionPriors, find_candidates, find_fluid
from npsle_app.imaging.wmh.work_grid import WorkGrid
from npsle_app.settings import AnatSettings
from npsle_app.templates import Template

PRIOR_SIGMA_MM = 3.0
_WHITE_PRIOR = 0.45
_MARGIN = 4
_SUSPECT_SD = 3.5
_RIM_SD, _RIM_MM = 2.5, 6.0
_THICK_MM = 1.5
_REACH = 5  # voxels from a lesion's core to what belongs to it
_LEAST_LESION = 9  # voxels
_CORE_SD, _CORE_CONTRAST, _CORE_WHITE = 4.0, 1.2, 0.6
_RIM_CONTRAST, _RIM_WHITE = 0.6, 0.3
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, kw_only=True)
class Person:
    """One brain on 1 mm cubes.

    `truth` is the raters' consensus; None where nobody drew the lesions. `suspected` marks it,
    or else what is clearly brighter than the white matter around, each with what is as bright
    beside it: what must be painted over to have a head without lesions. `library` holds other
    people's lesion masks brought to this brain. `slice_mm` is the thickness of the scan's
    slices along `slice_axis`. `flair` or `t1w` is None where it was not scanned; the head is then
    `healthy`.
    """

    name: str
    flair: Volume | None
    t1w: Volume | None
    brain: Mask
    priors: LesionPriors
    white_matter: Mask
    suspected: Mask
    truth: Mask | None = None
    healthy: bool = False
    library: Mapping[str, Mask] = field(repr=False, default_factory=dict)
    slice_mm: float = 1.0
    slice_axis: int = 2


def list_masks(folder: Path) -> dict[str, Path]:
    """Find the consensus masks by the person's name."""
    return {path.name.split(".")[0]: path for path in sorted(folder.glob("ms_masks_mni/*.nii.gz"))}


def lesion_prior(masks: Mapping[str, Path], *, without: str = "") -> nib.Nifti1Image:
    """Average the masks, smooth, mirror; 0-255 on the template's 2 mm grid, nowhere 0."""
    chosen = [nib.load(path) for name, path in masks.items() if name != without]
    total = sum(np.asarray(image.dataobj) > 0 for image in chosen).astype(np.float32)
    smooth = ndimage.gaussian_filter(total / len(chosen), PRIOR_SIGMA_MM)
    grid = templates.load(Template.BRAIN)
    found = resample_from_to(nib.Nifti1Image(smooth, chosen[0].affine), grid, order=1).get_fdata()
    symmetric = (found + found[::-1]) / 2  # the grid is symmetric about x = 0
    return on_grid_of(grid, np.clip(np.round(symmetric * 255), 1, 255).astype(np.uint8))


def load_rated(folder: Path, *, masks: Mapping[str, Path]) -> Person:
    """Read one brain with its consensus; the lesion prior and the library are of the others."""
    t1w, flair, truth = (nib.load(folder / f"{name}.nii.gz") for name in ("T1", "FLAIR", "lesions"))
    sys.stderr.write(f"registering {folder.name}\n")
    values = flair.get_fdata(dtype=np.float32)
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(values != 0))
    rated = {path.parent.name for path in folder.parent.glob("*/lesions.nii.gz")}
    return _assemble(
        folder.name,
        flair=values,
        t1w=t1w,
        grid_of=t1w,
        brain=brain,
        field=register(t1w),
        prior=lesion_prior(masks, without=folder.name),
        library=_library(masks, rated=rated),
        truth=np.asarray(truth.dataobj) > 0,
    )


def load_unrated(folder: Path, *, masks: Mapping[str, Path], rated: set[str]) -> Person:
    """Read one session (the `anat` folder) of this app's output; nobody drew its lesions."""
    t1w, brain, xfm = _read_t1w(folder)
    values = read_output(folder, "space-T1w_desc-preproc_FLAIR").get_fdata(dtype=np.float32)
    return _assemble(
        _label(folder),
        flair=values,
        t1w=t1w,
        grid_of=t1w,
        brain=(np.asarray(brain.dataobj) > 0) & (values != 0),
        field=xfm,
        prior=lesion_prior(masks),
        library=_library(masks, rated=rated),
    )


def load_flair_alone(folder: Path, *, masks: Mapping[str, Path], rated: set[str]) -> Person:
    """Read a healthy head of which there is FLAIR alone, from this app's output."""
    flair, brain, xfm = (
        read_output(folder, name)
        for name in (
            "desc-preproc_FLAIR",
            "space-FLAIR_desc-brain_mask",
            "from-MNI152NLin2009aSym_to-FLAIR_mode-image_xfm",
        )
    )
    return _assemble(
        _label(folder),
        flair=flair.get_fdata(dtype=np.float32),
        t1w=None,
        grid_of=flair,
        brain=np.asarray(brain.dataobj) > 0,
        field=xfm,
        prior=lesion_prior(masks),
        library=_library(masks, rated=rated),
        healthy=True,
    )


def load_t1w_alone(folder: Path, *, masks: Mapping[str, Path], rated: set[str]) -> Person:
    """Read a healthy head of which there is T1w alone, from this app's output."""
    t1w, brain, xfm = _read_t1w(folder)
    return _assemble(
        _label(folder),
        flair=None,
        t1w=t1w,
        grid_of=t1w,
        brain=np.asarray(brain.dataobj) > 0,
        field=xfm,
        prior=lesion_prior(masks),
        library=_library(masks, rated=rated),
        healthy=True,
    )


def load_colin27(*, masks: Mapping[str, Path], rated: set[str]) -> Person:
    """Read the brain of Colin27, scanned 27 times, that comes with the atlases."""
    image = templates.load(Template.COLIN27_BRAIN)
    t1w = on_grid_of(image, image.get_fdata(dtype=np.float32))
    return _assemble(
        "colin27",
        flair=None,
        t1w=t1w,
        grid_of=t1w,
        brain=np.asarray(t1w.dataobj) > 0,
        field=register(t1w),
        prior=lesion_prior(masks),
        library=_library(masks, rated=rated),
        healthy=True,
    )


def load_all(data: Path, *, derivatives: Path) -> list[Person]:
    """Read everybody: those with a consensus first."""
    masks = list_masks(data)
    folders = sorted(data.glob("ms_mni/*/"))
    rated = {folder.name for folder in folders}
    people = [load_rated(folder, masks=masks) for folder in folders]
    for folder in sorted([*derivatives.glob("sub-*/anat"), *derivatives.glob("sub-*/ses-*/anat")]):
        load = _loader(folder)
        if load is not None:
            people.append(load(folder, masks=masks, rated=rated))
    return [*people, load_colin27(masks=masks, rated=rated)]


def _loader(folder: Path) -> Callable[..., Person] | None:
    """Choose by the images that the app left."""
    if any(folder.glob("*_space-T1w_desc-preproc_FLAIR.nii.gz")):
        return load_unrated
    if any(folder.glob("*_space-FLAIR_desc-brain_mask.nii.gz")):
        return load_flair_alone
    return load_t1w_alone if any(folder.glob("*_desc-preproc_T1w.nii.gz")) else None


def _label(folder: Path) -> str:
    return next(part for part in folder.parts if part.startswith("sub-")).removeprefix("sub-")


def _read_t1w(folder: Path) -> tuple[nib.Nifti1Image, nib.Nifti1Image, nib.Nifti1Image]:
    """Read the prepared image, the brain mask and the way from the template."""
    t1w = read_output(folder, "desc-preproc_T1w")
    brain = read_output(folder, "desc-brain_mask")
    xfm = read_output(folder, "from-MNI152NLin2009aSym_to-T1w_mode-image_xfm")
    return t1w, brain, xfm


def register(t1w: nib.Nifti1Image) -> nib.Nifti1Image:
    """Find the way from the template to a brain without skull."""
    region = templates.load(Template.BRAIN)
    template = resample_from_to(templates.load(Template.T1), region, order=1)
    settings = AnatSettings()
    return register_to_template(
        t1w,
        template=on_grid_of(template, template.get_fdata(dtype=np.float32)),
        region=on_grid_of(region, region.get_fdata() > 0),
        seed=settings.random_seed,
        affine_sampling_mm=settings.affine_sampling_mm,
        warp_sampling_mm=settings.warp_sampling_mm,
        warp_iterations=settings.warp_iterations,
    ).to_native


def _assemble(
    name: str,
    *,
    flair: Volume | None,
    t1w: nib.Nifti1Image | None,
    grid_of: nib.Nifti1Image,
    brain: Mask,
    field: nib.Nifti1Image,
    prior: nib.Nifti1Image,
    library: Mapping[str, Path],
    truth: Mask | None = None,
    healthy: bool = False,
) -> Person:
    sizes = voxel_sizes(grid_of.affine)
    box = _box(brain)
    grid = WorkGrid(shape=brain[box].shape, voxel_sizes_mm=sizes)
    priors = _priors(grid_of, field=field, prior=prior).at(box).each(grid.enter)
    inside = grid.enter_mask(brain[box])
    image = None if flair is None else grid.enter(flair[box])
    scan = None if t1w is None else grid.enter(t1w.get_fdata(dtype=np.float32)[box])
    fluid = (
        find_fluid(image, brain=inside, priors=priors.tissue)
        if scan is None
        else find_bounds(scan, brain=inside, priors=priors.tissue).fluid
    )
    drawn = None if truth is None else grid.enter_mask(truth[box])
    thick = float(sizes.max())
    return Person(
        name=name,
        flair=image,
        t1w=scan,
        brain=inside,
        priors=priors,
        white_matter=(priors.tissue.wm > _WHITE_PRIOR) & inside & ~fluid,
        suspected=(
            np.zeros_like(inside)
            if healthy
            else _suspect(image, scan, brain=inside, priors=priors, drawn=drawn)
        ),
        truth=drawn,
        healthy=healthy,
        library=_bring(library, reference=grid_of, field=field, box=box, grid=grid),
        slice_mm=thick if thick > _THICK_MM else 1.0,
        slice_axis=int(sizes.argmax()),
    )


def _priors(
    grid: nib.Nifti1Image, *, field: nib.Nifti1Image, prior: nib.Nifti1Image
) -> LesionPriors:
    """Bring over what the template expects, but for what is bright in others: nothing yet."""
    images = [templates.load(t) for t in (Template.GM, Template.WM)]
    images += [prior, templates.load(Template.VENTRICLES)]
    gm, wm, lesion, ventricles = (
        warp(image, reference=grid, field=field).get_fdata(dtype=np.float32) / 255
        for image in images
    )
    nothing = np.zeros(gm.shape, dtype=np.float32)
    return LesionPriors(
        tissue=TissuePriors(gm=gm, wm=wm),
        lesion=lesion,
        ventricles=ventricles,
        normal=nothing,
        spread=nothing,
        template_mm=places_in(templates.load(Template.BRAIN), reference=grid, field=field),
    )


def _library(masks: Mapping[str, Path], *, rated: set[str]) -> dict[str, Path]:
    """Every second of the masks whose images are not at hand: enough shapes to draw from."""
    return {name: masks[name] for name in sorted(set(masks) - rated)[::2]}


def _suspect(
    flair: Volume, t1w: Volume, *, brain: Mask, priors: LesionPriors, drawn: Mask | None
) -> Mask:
    """Mark the lesions with what is bright around them.

    Where the template lies a little off, the ventricle's side of a lesion has hardly any prior
    of white matter: it is reached from the lesion's core.
    """
    found = find_candidates(flair, t1w, brain=brain, priors=priors)
    bright, core = np.zeros((2, *brain.shape), dtype=bool)
    over_sd = found.values[:, FEATURES.index("over_white_sd")]
    white = found.values[:, FEATURES.index("white_matter")]
    inner_mm = found.values[:, FEATURES.index("from_ventricles")]
    bright[found.where] = (over_sd > _RIM_SD) & (inner_mm < _RIM_MM)
    core[found.where] = (over_sd > _SUSPECT_SD) & (white > _WHITE_PRIOR)
    core = _without_specks(core) if drawn is None else drawn
    near = ndimage.binary_dilation(core, _EVERY_NEIGHBOUR, iterations=_REACH)
    return ndimage.binary_propagation(core, mask=core | (bright & near & ~found.fluid))


def _without_specks(mask: Mask) -> Mask:
    labels, _ = ndimage.label(mask, _EVERY_NEIGHBOUR)
    large = np.bincount(labels.ravel()) >= _LEAST_LESION
    large[0] = False
    kept: Mask = large[labels]
    return kept


def _bring(
    library: Mapping[str, Path],
    *,
    reference: nib.Nifti1Image,
    field: nib.Nifti1Image,
    box: tuple[slice, ...],
    grid: WorkGrid,
) -> dict[str, Mask]:
    """Bring all masks to a brain in one go, each as a bit of one image of labels."""
    if not library:
        return {}
    images = [nib.load(path) for path in library.values()]
    bits = sum(2.0**bit * (np.asarray(image.dataobj) > 0) for bit, image in enumerate(images))
    moved = warp(on_grid_of(images[0], np.float32(bits)), reference=reference, field=field, order=0)
    values = np.asarray(moved.dataobj)[box].astype(np.int64)
    return {
        name: grid.enter_mask((values >> bit & 1).astype(bool)) for bit, name in enumerate(library)
    }


def _box(mask: Mask) -> tuple[slice, ...]:
    where: NDArray[np.intp] = np.argwhere(mask)
    low, high = where.min(axis=0) - _MARGIN, where.max(axis=0) + _MARGIN + 1
    return tuple(slice(max(a, 0), b) for a, b in zip(low, high, strict=True))


def read_output(folder: Path, name: str) -> nib.Nifti1Image:
    """Read the image of this name: participant and session, then nothing but that."""
    session = "_".join(part for part in folder.parts if part.startswith(("sub-", "ses-")))
    return nib.load(folder / f"{session}_{name}.nii.gz")


def look_again(person: Person) -> Person:
    """Mark anew what may be lesion, now that it is known what is bright in everybody.

    A core stands far out of the normal and is brighter than grey matter; what is bright
    beside it belongs to it.
    """
    found = find_candidates(person.flair, person.t1w, brain=person.brain, priors=person.priors)

    def at(name: str) -> Volume:
        values = np.zeros(person.brain.shape, dtype=np.float32)
        values[found.where] = found.values[:, FEATURES.index(name)]
        return values

    out, contrast, white = at("over_normal_sd"), at("over_white_contrast"), at("white_matter")
    core = _without_specks((out > _CORE_SD) & (contrast > _CORE_CONTRAST) & (white > _CORE_WHITE))
    near = ndimage.binary_dilation(core, _EVERY_NEIGHBOUR, iterations=_REACH)
    beside = (out > _RIM_SD) & (contrast > _RIM_CONTRAST) & (white > _RIM_WHITE)
    return replace(person, suspected=ndimage.binary_propagation(core, mask=core | (near & beside)))

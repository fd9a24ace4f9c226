"""People to train on and to test with, on 1 mm cubes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app import templates
from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.template_registration import register_to_template
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.tissue.intensity import TissuePriors, find_bounds
from npsle_app.imaging.wmh.features import FEATURES, LesionPriors, find_candidates
from npsle_app.imaging.wmh.work_grid import WorkGrid
from npsle_app.settings import AnatSettings
from npsle_app.templates import Template

PRIOR_SIGMA_MM = 3.0
_WHITE_PRIOR = 0.45
_MARGIN = 4
_SUSPECT_SD = 3.5
_RIM_SD, _RIM_MM = 2.5, 6.0
_REACH = 5  # voxels from a lesion's core to what belongs to it
_LEAST_LESION = 9  # voxels
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, kw_only=True)
class Person:
    """One brain on 1 mm cubes.

    `truth` is the raters' consensus; None where nobody drew the lesions. `suspected` marks it,
    or else what is clearly brighter than the white matter around, each with what is as bright
    beside it: what must be painted over to have a head without lesions. `library` holds other
    people's lesion masks brought to this brain. `slice_mm` is the thickness of the scan's
    slices along `slice_axis`.
    """

    name: str
    flair: Volume
    t1w: Volume
    brain: Mask
    priors: LesionPriors
    white_matter: Mask
    suspected: Mask
    truth: Mask | None = None
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
        brain=brain,
        field=register(t1w),
        prior=lesion_prior(masks, without=folder.name),
        library=_library(masks, rated=rated),
        truth=np.asarray(truth.dataobj) > 0,
    )


def load_unrated(folder: Path, *, masks: Mapping[str, Path], rated: set[str]) -> Person:
    """Read one session (the `anat` folder) of this app's output; nobody drew its lesions."""
    name = folder.parents[1].name.removeprefix("sub-")
    t1w = _only(p for p in folder.glob("*_desc-preproc_T1w.nii.gz") if "_space-" not in p.name)
    flair, brain, xfm = (
        _only(folder.glob(f"*{end}.nii.gz"))
        for end in (
            "_desc-preproc_FLAIR",
            "_desc-brain_mask",
            "_from-MNI152NLin2009aSym_to-T1w_mode-image_xfm",
        )
    )
    values = flair.get_fdata(dtype=np.float32)
    return _assemble(
        name,
        flair=values,
        t1w=t1w,
        brain=(np.asarray(brain.dataobj) > 0) & (values != 0),
        field=xfm,
        prior=lesion_prior(masks),
        library=_library(masks, rated=rated),
    )


def load_all(data: Path, *, derivatives: Path | None) -> list[Person]:
    """Read everybody: those with a consensus first."""
    masks = list_masks(data)
    folders = sorted(data.glob("ms_mni/*/"))
    people = [load_rated(folder, masks=masks) for folder in folders]
    if derivatives is not None:
        rated = {folder.name for folder in folders}
        for folder in sorted(derivatives.glob("sub-*/ses-*/anat")):
            if any(folder.glob("*_desc-preproc_FLAIR.nii.gz")):
                people += [load_unrated(folder, masks=masks, rated=rated)]
    return people


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
    flair: Volume,
    t1w: nib.Nifti1Image,
    brain: Mask,
    field: nib.Nifti1Image,
    prior: nib.Nifti1Image,
    library: Mapping[str, Path],
    truth: Mask | None = None,
) -> Person:
    sizes = voxel_sizes(t1w.affine)
    box = _box(brain)
    grid = WorkGrid(shape=brain[box].shape, voxel_sizes_mm=sizes)
    images = [templates.load(t) for t in (Template.GM, Template.WM)]
    images += [prior, templates.load(Template.VENTRICLES)]
    gm, wm, lesion, ventricles = (
        grid.enter(warp(i, reference=t1w, field=field).get_fdata(dtype=np.float32)[box] / 255)
        for i in images
    )
    tissue = TissuePriors(gm=gm, wm=wm)
    inside, scan = (
        grid.enter_mask(brain[box]),
        grid.enter(t1w.get_fdata(dtype=np.float32)[box]),
    )
    fluid = find_bounds(scan, brain=inside, priors=tissue).fluid
    thick = float(sizes.max())
    priors = LesionPriors(tissue=tissue, lesion=lesion, ventricles=ventricles)
    image = grid.enter(flair[box])
    drawn = None if truth is None else grid.enter_mask(truth[box])
    return Person(
        name=name,
        flair=image,
        t1w=scan,
        brain=inside,
        priors=priors,
        white_matter=(wm > _WHITE_PRIOR) & inside & ~fluid,
        suspected=_suspect(image, scan, brain=inside, priors=priors, drawn=drawn),
        truth=drawn,
        library=_bring(library, reference=t1w, field=field, box=box, grid=grid),
        slice_mm=thick if thick > 1.5 else 1.0,
        slice_axis=int(sizes.argmax()),
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


def _only(paths: "object") -> nib.Nifti1Image:
    (path,) = paths
    return nib.load(path)

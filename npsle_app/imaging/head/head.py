"""From a raw whole-head image to a corrected, registered, masked one."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.imaging.head.brain import find_brain, stripped_mask, without_fat
from npsle_app.imaging.space.bias_field import correct_bias
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.template_registration import TemplateFit, register_to_template
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of

# Fluid and bone are both dark: the warp draws the skull's inside a little inwards. At 0.5 the
# volume of three synthetic heads came out 2.3-2.8 % too small.
_SKULL_EDGE = 0.4
REGION_VOXELS = 4  # how far around the skull's inside the warp is driven: 8 mm


@dataclass(frozen=True, slots=True)
class HeadTemplate:
    """The template's images on one grid; masks as fractions from 0 to 1."""

    head: nib.Nifti1Image
    brain: nib.Nifti1Image
    intracranial: nib.Nifti1Image

    def __post_init__(self) -> None:
        check_same_grid(self.head, self.brain, self.intracranial)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSteps:
    """How finely a head is registered, at most so many iterations a level, and corrected."""

    seed: int
    affine_sampling_mm: float
    warp_sampling_mm: float
    warp_iterations: tuple[int, ...]
    bias_sampling_mm: float
    bias_spline_mm: float


@dataclass(frozen=True, slots=True)
class PreparedHead:
    """An anatomical image ready for measuring; all on its own grid but `in_template`.

    `intracranial` is None for a scan without skull: its edge is not in the image. `compared`
    is the part of the template where likeness can be judged: the brain and its rim. `found` is
    the brain that was found; `brain` differs from it where another was given.
    """

    image: nib.Nifti1Image
    brain: nib.Nifti1Image
    intracranial: nib.Nifti1Image | None
    fit: TemplateFit
    in_template: nib.Nifti1Image
    template: nib.Nifti1Image
    compared: nib.Nifti1Image
    found: nib.Nifti1Image


def prepare_head(
    scan: nib.Nifti1Image,
    *,
    template: HeadTemplate,
    stripped: bool,
    steps: HeadSteps,
    brain: nib.Nifti1Image | None = None,
) -> PreparedHead:
    """Register, correct and mask a T1w scan.

    Parameters
    ----------
    scan : Nifti1Image
        T1w, any orientation and voxel size.
    stripped : bool
        Whether the skull was taken off before; then all that is not exactly 0 is brain, and
        the template is stripped too.
    brain : Nifti1Image, optional
        A brain mask to take in the place of the one that would be found. The head is registered
        as a whole all the same, and the space inside the skull is found as without it: a brain
        mask does not tell where the skull is.
    """
    scan = on_grid_of(scan, np.nan_to_num(scan.get_fdata(dtype=np.float32)))
    target = stripped_template(template) if stripped else template.head
    fit = register_to_template(
        scan,
        template=target,
        region=grown_mask(template.intracranial, voxels=REGION_VOXELS),
        seed=steps.seed,
        affine_sampling_mm=steps.affine_sampling_mm,
        warp_sampling_mm=steps.warp_sampling_mm,
        warp_iterations=steps.warp_iterations,
    )
    return mask_head(scan, fit=fit, template=template, stripped=stripped, steps=steps, brain=brain)


def mask_head(
    scan: nib.Nifti1Image,
    *,
    fit: TemplateFit,
    template: HeadTemplate,
    stripped: bool,
    steps: HeadSteps,
    brain: nib.Nifti1Image | None = None,
) -> PreparedHead:
    """Correct and mask a scan whose place in the template is known.

    Fluid must be darker than tissue, as in T1w and FLAIR.
    """
    target = stripped_template(template) if stripped else template.head
    expected = warp(template.brain, reference=scan, field=fit.to_native)
    rough = on_grid_of(scan, stripped_mask(scan) if stripped else expected.get_fdata() > 0.5)
    corrected, _ = correct_bias(
        scan,
        mask=rough if brain is None else brain,
        sampling_mm=steps.bias_sampling_mm,
        spline_mm=steps.bias_spline_mm,
        seed=steps.seed,
    )
    found, intracranial = rough, None
    if not stripped:
        skull = warp(template.intracranial, reference=scan, field=fit.to_native)
        intracranial = on_grid_of(scan, skull.get_fdata() > _SKULL_EDGE)
        found = find_brain(corrected, expected=expected, intracranial=intracranial)
        intracranial = without_fat(intracranial, image=corrected, brain=found)
    return PreparedHead(
        image=corrected,
        brain=found if brain is None else brain,
        intracranial=intracranial,
        fit=fit,
        in_template=warp(corrected, reference=target, field=fit.to_template),
        template=target,
        compared=grown_mask(template.brain if stripped else template.intracranial, voxels=2),
        found=found,
    )


def grown_mask(mask: nib.Nifti1Image, *, voxels: int) -> nib.Nifti1Image:
    """Dilate a mask, given in fractions, by so many voxels."""
    inside = mask.get_fdata(dtype=np.float32) > 0.5
    return on_grid_of(mask, ndimage.binary_dilation(inside, iterations=voxels))


def stripped_template(template: HeadTemplate) -> nib.Nifti1Image:
    """Take the template's skull off."""
    head, brain = (i.get_fdata(dtype=np.float32) for i in (template.head, template.brain))
    return on_grid_of(template.head, head * brain)

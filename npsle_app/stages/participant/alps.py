"""Measure the DTI-ALPS index."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.input.gradients import read_tables
from npsle_app.bids.output.names import ALPS_REGIONS, File
from npsle_app.bids.output.reader import read_image, read_matrix
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.alps import draw_alps
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.imaging.alps.checks import check_alps
from npsle_app.imaging.alps.frame import level_affine, levelled
from npsle_app.imaging.alps.noise import Series
from npsle_app.imaging.alps.study import AlpsFindings, AlpsImages, study_alps
from npsle_app.imaging.alps.table import COLUMNS, label_regions, make_table, numbers
from npsle_app.imaging.alps.template import check_starts, make_template, register_fa
from npsle_app.imaging.diffusion.gradients import read_fsl
from npsle_app.imaging.diffusion.tensor import from_six_components, principal_directions
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.records import Check, Record, worst
from npsle_app.settings import AlpsSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.dwi import DwiOutputs
from npsle_app.stages.participant.shared import (
    digests,
    figure_paths,
    inheriting,
    measured,
    save_drawings,
)
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.templates import Template

_METHODS = (
    "The DTI-ALPS index was taken from spheres of {radius:g} mm around MNI (±26, −16, 27) "
    "(projection fibres) and (±38, −16, 27) (association fibres), brought to native diffusion "
    "space {route}. Voxels weighed by their share of the sphere; those of which more than "
    "{share:.0%} was lesion or fluid were left out as far as maps of these were there. Tensors "
    "were turned to the axes of the anatomy by the finite strain of the linear map to the template "
    "(the primary variant). Beside it stand the index of weighted tracts, in which voxels about "
    "the same centres weigh by a Gaussian of 4 × 8 × 4 mm (standard deviations along the head's x, "
    "y, z), by |V1·z|⁸ or |V1·y|⁸, and by FA up to 0.6; and, of the spheres, the index along the "
    "scanner's axes, that of tensors interpolated to the template without being turned, that in "
    "the local frame of the fibres, and that along each voxel's principal axes. Standard "
    "deviations and 95 % intervals are from {samples} samples of a wild bootstrap, with one draw "
    "per volume shared by all voxels, of residuals before denoising, and of the place of the "
    "regions (0.5 mm, 0.4°). The index is diffusivity across two tracts, relative: crossing "
    "fibres, free water and the place of the regions move it, and it measures no flow of fluid."
)
_CITATIONS = (
    "taoka2017", "tatekawa2023", "alps_script", "alexander2001", "burles2025", "dti_alps",
    "whitcher2008", "ringstad2024",
)  # fmt: skip
_THROUGH_T1W = "through the T1w image"
_THROUGH_FA = "by registering FA to the white matter of the MNI152 template"
_CAVEAT = (
    "The DTI-ALPS index depends on crossing fibres, free water, the place of the regions and the "
    "scanner; compare it only between like scans, and do not take it for a flow of fluid."
)
_NO_T1W = (
    "There is no T1w image that the series was laid on: the regions were placed by registering FA "
    "to the template. Between prescriptions of one head, regions placed so scattered by 0.6 to "
    "1.1 mm, which the interval allows for."
)
_LACKING = {
    "lesions": "No lesion map was there: lesions in the regions were not left out.",
    "fluid": "No tissue map was there: fluid in the regions was not left out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpsOutputs:
    """Regions on the grid of the diffusion series, and all numbers as a table."""

    regions: Path
    shares: Path
    table: Path
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How the template lies on the diffusion images; `checks` judge it."""

    to_native: nib.Nifti1Image
    to_diffusion: np.ndarray
    sources: tuple[Path, ...]
    route: str
    checks: tuple[Check, ...] = ()

    @property
    def through_t1w(self) -> bool:
        """Whether maps on the T1w grid can be brought over."""
        return self.route == _THROUGH_T1W


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpsInputs:
    """What other stages left, read: images, how the template lies on them, and their origin.

    `sources` are the files that the regions rest on, the series first.
    """

    images: AlpsImages
    place: _Place
    sources: tuple[Path, ...]


@inheriting()
def run(
    *,
    dwi: DwiOutputs,
    anat: AnatOutputs | None,
    wmh: WmhOutputs | None,
    tissue: TissueOutputs | None,
    settings: AlpsSettings,
    out: Writer,
) -> AlpsOutputs:
    """Place the regions, measure the index, judge it."""
    inputs = _read_inputs(dwi, anat=anat, wmh=wmh, tissue=tissue, seed=settings.random_seed)
    findings = study_alps(
        inputs.images,
        radius_mm=settings.radius_mm,
        share_max=settings.excluded_share,
        samples=settings.bootstrap_samples,
        seed=settings.random_seed,
    )
    checks = (*inputs.place.checks, *check_alps(findings))
    saved = _save(findings, inputs=inputs, out=out)
    figures = save_drawings(_draw(inputs.images, findings=findings), out=out)
    record = Record(
        stage="alps",
        methods=_METHODS.format(
            radius=settings.radius_mm,
            route=inputs.place.route,
            share=settings.excluded_share,
            samples=settings.bootstrap_samples,
        ),
        citations=_CITATIONS,
        measures=measured(
            numbers(findings),
            qc=worst([check.state for check in checks]),
            sources=(dwi.tensor, *saved.values()),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(inputs),
    )
    return AlpsOutputs(**saved, record=out.record(record), figures=figure_paths(figures))


def _read_inputs(
    dwi: DwiOutputs,
    *,
    anat: AnatOutputs | None,
    wmh: WmhOutputs | None,
    tissue: TissueOutputs | None,
    seed: int,
) -> AlpsInputs:
    place = _place(dwi, anat=anat, seed=seed)
    fa, series = read_image(dwi.fa), read_image(dwi.dwi)
    b_values, vectors = read_tables(dwi.dwi)
    gradients = read_fsl(b_values, vectors=vectors, affine=series.affine)
    chosen = np.array(dwi.volumes, dtype=int)
    used = gradients.take(chosen)
    noise = None if dwi.noise is None else read_image(dwi.noise).get_fdata(dtype=np.float32)
    maps = (wmh and wmh.mask, tissue and tissue.csf)
    lesions, fluid = (read_image(path) if path and place.through_t1w else None for path in maps)
    return AlpsInputs(
        images=AlpsImages(
            tensors=from_six_components(read_image(dwi.tensor).get_fdata(dtype=np.float32)),
            grid=fa,
            series=Series(
                signal=series.get_fdata(dtype=np.float32)[..., chosen],
                removed=noise,
                b_values=used.b_values,
                directions=used.directions,
                n_fitted=int(dwi.n_fitted),
            ),
            to_native=place.to_native,
            template_brain=fraction(templates.load(Template.BRAIN)),
            to_diffusion=place.to_diffusion,
            lesions=lesions,
            fluid=fluid,
        ),
        place=place,
        sources=(dwi.dwi, *place.sources, *(path for path in (dwi.noise, *maps) if path)),
    )


def _place(dwi: DwiOutputs, *, anat: AnatOutputs | None, seed: int) -> _Place:
    if anat is not None and dwi.dwi_to_t1w is not None:
        return _Place(
            to_native=read_image(anat.t1w_to_template),
            to_diffusion=read_matrix(dwi.dwi_to_t1w),
            sources=(anat.t1w_to_template, dwi.dwi_to_t1w),
            route=_THROUGH_T1W,
        )
    fit = register_fa(
        read_image(dwi.fa),
        adc=read_image(dwi.adc),
        brain=read_image(dwi.brain_mask),
        template=make_template(
            wm=fraction(templates.load(Template.WM)), brain=fraction(templates.load(Template.BRAIN))
        ),
        seed=seed,
    )
    return _Place(
        to_native=fit.to_template,
        to_diffusion=np.eye(4),
        sources=(dwi.fa,),
        route=_THROUGH_FA,
        checks=(check_starts(fit),),
    )


def _save(findings: AlpsFindings, *, inputs: AlpsInputs, out: Writer) -> dict[str, Path]:
    grid, sources = inputs.images.grid, inputs.sources
    labels, shares = label_regions(findings, shape=grid.shape)
    used = {"Templates": digests((Template.WM, Template.BRAIN))}
    return {
        "regions": out.image(on_grid_of(grid, labels), File.ALPS_REGIONS, sources=sources, **used),
        "shares": out.image(on_grid_of(grid, shares), File.ALPS_SHARES, sources=sources, **used),
        "table": out.table(make_table(findings), File.ALPS, dictionary=COLUMNS),
    }


def _draw(images: AlpsImages, *, findings: AlpsFindings) -> tuple[Drawing, ...]:
    """Draw along the axes of the head, so that regions of both sides lie on one slice."""
    grid, rotation = images.grid, findings.rotation
    affine, _ = level_affine(grid, rotation=rotation)
    fa, directions, labels = (
        levelled(values, grid=grid, rotation=rotation)
        for values in (
            grid.get_fdata(dtype=np.float32),
            principal_directions(images.tensors) @ rotation.T,
            label_regions(findings, shape=grid.shape)[0],
        )
    )
    return draw_alps(
        nib.Nifti1Image(fa, affine),
        directions=directions,
        labels=nib.Nifti1Image(labels, affine),
        names={number: text.lower() for number, text, _, _ in ALPS_REGIONS},
    )


def _choices(inputs: AlpsInputs) -> tuple[str, ...]:
    missing = [name for name in _LACKING if getattr(inputs.images, name) is None]
    placed = () if inputs.place.through_t1w else (_NO_T1W,)
    return (_CAVEAT, *placed, *(_LACKING[name] for name in missing))

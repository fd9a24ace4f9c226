"""Measure the DTI-ALPS index."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.input.gradients import read_tables
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image, read_matrix
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.alps.checks import check_alps
from npsle_app.imaging.alps.study import AlpsFindings, AlpsImages, study_alps
from npsle_app.imaging.alps.table import COLUMNS, label_regions, make_table, numbers
from npsle_app.imaging.alps.template import check_starts, make_template, register_fa
from npsle_app.imaging.diffusion.gradients import choose_volumes, read_fsl
from npsle_app.imaging.diffusion.tensor import from_six_components
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import AlpsSettings
from npsle_app.stages.participant.alps_figures import draw
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.dwi import DwiOutputs
from npsle_app.stages.participant.priors import digests
from npsle_app.stages.participant.states import state_before
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.templates import Template

_METHODS = (
    "The DTI-ALPS index was taken from spheres of {radius:g} mm around MNI (±26, −16, 27) "
    "(projection fibres) and (±38, −16, 27) (association fibres), brought to native diffusion "
    "space {way}. Voxels weighed by their share of the sphere; those of which more than "
    "{share:.0%} was lesion or fluid were left out as far as maps of these were there. Tensors "
    "were turned to the axes of the anatomy by the finite strain of the linear map to the template "
    "(the primary variant); the index along the scanner's axes, that of tensors interpolated to "
    "the template without being turned, and that in the local frame of the fibres stand beside "
    "it. Standard deviations are from a residual bootstrap of {samples} samples. The index is "
    "diffusivity across two tracts, relative: crossing fibres, free water and the place of the "
    "regions move it, and it measures no flow of fluid."
)
_CITATIONS = (
    "taoka2017", "tatekawa2023", "alps_script", "alexander2001", "burles2025", "chung2006",
    "ringstad2024",
)  # fmt: skip
_THROUGH_T1W = "through the T1w image"
_THROUGH_FA = "by registering FA to the white matter of the MNI152 template"
_CAVEAT = (
    "The DTI-ALPS index depends on crossing fibres, free water, the place of the regions and the "
    "scanner; compare it only between like scans, and do not take it for a flow of fluid."
)
_NO_T1W = (
    "There is no T1w image that the series was laid on: the regions were placed by registering FA "
    "to the template."
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
    way: str
    checks: tuple[Check, ...] = ()

    @property
    def through_t1w(self) -> bool:
        """Whether maps on the T1w grid can be brought over."""
        return self.way == _THROUGH_T1W


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
    place = _place(dwi, anat=anat, settings=settings)
    images = _read(dwi, place=place, wmh=wmh, tissue=tissue)
    found = study_alps(
        images,
        radius_mm=settings.radius_mm,
        share_max=settings.excluded_share,
        samples=settings.bootstrap_samples,
        seed=settings.random_seed,
    )
    checks = (*place.checks, *check_alps(found))
    maps = tuple(made for made in (wmh and wmh.mask, tissue and tissue.csf) if made)
    saved = _save(found, grid=images.grid, sources=(dwi.dwi, *place.sources, *maps), out=out)
    labels = read_image(saved["regions"])
    figures = draw(images.grid, tensors=images.tensors, labels=labels, out=out)
    before = [made.record for made in (dwi, anat, wmh, tissue) if made]
    record = Record(
        stage="alps",
        methods=_METHODS.format(
            radius=settings.radius_mm,
            way=place.way,
            share=settings.excluded_share,
            samples=settings.bootstrap_samples,
        ),
        citations=_CITATIONS,
        measures=_measure(
            found,
            qc=worst([state_before(*before, out=out), *(check.state for check in checks)]),
            sources=(dwi.tensor, *saved.values()),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(images, place=place),
    )
    paths = tuple(figure.path for figure in figures)
    return AlpsOutputs(**saved, record=out.record(record), figures=paths)


def _place(dwi: DwiOutputs, *, anat: AnatOutputs | None, settings: AlpsSettings) -> _Place:
    if anat is not None and dwi.dwi_to_t1w is not None:
        return _Place(
            to_native=read_image(anat.t1w_to_template),
            to_diffusion=read_matrix(dwi.dwi_to_t1w),
            sources=(anat.t1w_to_template, dwi.dwi_to_t1w),
            way=_THROUGH_T1W,
        )
    fit = register_fa(
        read_image(dwi.fa),
        adc=read_image(dwi.adc),
        brain=read_image(dwi.brain_mask),
        template=make_template(
            wm=fraction(templates.load(Template.WM)), brain=fraction(templates.load(Template.BRAIN))
        ),
        seed=settings.random_seed,
    )
    return _Place(
        to_native=fit.to_template,
        to_diffusion=np.eye(4),
        sources=(dwi.fa,),
        way=_THROUGH_FA,
        checks=(check_starts(fit),),
    )


def _read(
    dwi: DwiOutputs, *, place: _Place, wmh: WmhOutputs | None, tissue: TissueOutputs | None
) -> AlpsImages:
    fa, series = read_image(dwi.fa), read_image(dwi.dwi)
    b_values, vectors = read_tables(dwi.dwi)
    gradients = read_fsl(b_values, vectors=vectors, affine=series.affine)
    chosen = choose_volumes(gradients).volumes
    used = gradients.take(chosen)
    return AlpsImages(
        tensors=from_six_components(read_image(dwi.tensor).get_fdata(dtype=np.float32)),
        grid=fa,
        signal=series.get_fdata(dtype=np.float32)[..., chosen],
        b_values=used.b_values,
        directions=used.directions,
        to_native=place.to_native,
        template_brain=fraction(templates.load(Template.BRAIN)),
        to_diffusion=place.to_diffusion,
        lesions=read_image(wmh.mask) if wmh and place.through_t1w else None,
        fluid=read_image(tissue.csf) if tissue and place.through_t1w else None,
    )


def _save(
    findings: AlpsFindings, *, grid: nib.Nifti1Image, sources: tuple[Path, ...], out: Writer
) -> dict[str, Path]:
    labels, shares = label_regions(findings, shape=grid.shape)
    used = {"Templates": digests((Template.WM, Template.BRAIN))}
    return {
        "regions": out.image(on_grid_of(grid, labels), File.ALPS_REGIONS, sources=sources, **used),
        "shares": out.image(on_grid_of(grid, shares), File.ALPS_SHARES, sources=sources, **used),
        "table": out.table(make_table(findings), File.ALPS, dictionary=COLUMNS),
    }


def _measure(findings: AlpsFindings, *, qc: Qc, sources: tuple[Path, ...]) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            name=name,
            value=value,
            qc=Qc.NOT_ASSESSABLE if value is None else qc,
            sources=sources,
        )
        for name, value in numbers(findings).items()
    )


def _choices(images: AlpsImages, *, place: _Place) -> tuple[str, ...]:
    told = [] if place.through_t1w else [_NO_T1W]
    told += [text for name, text in _LACKING.items() if getattr(images, name) is None]
    return (_CAVEAT, *told)

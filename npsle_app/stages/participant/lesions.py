"""Tell where lesions lie, how large they are, of what shape, and what a reader should look at."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.lesions.lesions import (
    LesionFindings,
    LesionImages,
    TemplateMaps,
    study_lesions,
)
from npsle_app.imaging.lesions.signs import check_infarcts
from npsle_app.imaging.lesions.table import COLUMNS
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.imaging.tissue.ventricles import check_ventricles
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import LesionsSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.lesions_figures import draw
from npsle_app.stages.participant.priors import digests
from npsle_app.stages.participant.states import state_before
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.templates import Template

_USED = (Template.LATERAL_VENTRICLE_ZONE, Template.DEEP_GM, Template.WM, Template.LOBES)
_METHODS = (
    "Lesions (26-connected) were called periventricular if they came within 3 mm of the lateral "
    "ventricles and confluent if they also reached beyond 10 mm, others deep; these were divided "
    "into juxtacortical, infratentorial and subcortical lesions. A second, voxel-wise rule drew "
    "the border at 10 mm. Convexity, solidity, concavity index, fractal dimension and "
    "eccentricity were averaged over lesions of at least 27 voxels. Sides and lobes were those "
    "of the template (AAL, made symmetric). Fazekas grades were estimated, not rated."
)
_CITATIONS = (
    "ghaznawi2019",
    "chen2020",
    "decarli2005",
    "debresser2018",
    "inglese2022",
    "lst_ai",
    "aal",
    "fazekas1987",
    "inglese2021",
    "scikit_image",
)
_NO_VENTRICLES = "No lateral ventricles were found: lesions cannot be told apart by distance."
_NO_SHAPE = "Shapes are missing where no lesion has the 27 voxels that they need: {names}."


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionsOutputs:
    """Maps on the T1w grid, and one row for each lesion."""

    ventricles: Path
    regions: Path
    table: Path
    record: Path
    figures: tuple[Path, ...]


def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs,
    tissue: TissueOutputs,
    settings: LesionsSettings,
    out: Writer,
) -> LesionsOutputs:
    """Measure the lesions of the map."""
    images = _read(anat, wmh=wmh, tissue=tissue)
    maps = read_maps(images.t1w, field=read_image(anat.template_to_t1w))
    limits = _read_limits(wmh.mask)
    found = study_lesions(
        images, maps=maps, threshold=limits["Threshold"], status_min_ml=settings.status_min_ml
    )
    size: dict[str, float | None] = {"wmh_min_lesion_mm3": float(limits["MinimumLesionVolume"])}
    checks = (
        check_ventricles(found.ventricles, zone=maps.zone, affine=images.t1w.affine),
        check_infarcts(found.suspects),
    )
    saved = _save(found, grid=images.t1w, sources=(wmh.mask, tissue.csf, tissue.gm), out=out)
    figures = draw(images.flair, brain=images.brain, findings=found, out=out)
    record = Record(
        stage="lesions",
        methods=_METHODS,
        citations=_CITATIONS,
        measures=_measure(
            found,
            numbers=found.numbers | size,
            checks=checks,
            before=state_before(anat.record, wmh.record, out=out),
            sources=(wmh.mask, *saved.values()),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(found),
    )
    return LesionsOutputs(
        **saved, record=out.record(record), figures=tuple(figure.path for figure in figures)
    )


def _read(anat: AnatOutputs, *, wmh: WmhOutputs, tissue: TissueOutputs) -> LesionImages:
    return LesionImages(
        t1w=read_image(anat.t1w),
        flair=read_image(wmh.flair),
        brain=read_image(anat.brain_mask),
        mask=read_image(wmh.mask),
        probability=read_image(wmh.probability),
        gm=read_image(tissue.gm),
        wm=read_image(tissue.wm),
        csf=read_image(tissue.csf),
    )


def read_maps(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> TemplateMaps:
    """Bring over what the template expects; `field` goes from the T1w image to the template."""
    zone, deep_gm, wm = (
        warp(fraction(templates.load(name)), reference=grid, field=field, order=order).get_fdata(
            dtype=np.float32
        )
        for name, order in zip(_USED, (0, 1, 1), strict=False)
    )
    return TemplateMaps(
        zone=zone, deep_gm=deep_gm, wm=wm, lobes=templates.load(Template.LOBES), field=field
    )


def _read_limits(mask: Path) -> dict[str, Any]:
    """Read threshold and minimum size from the sidecar of the mask."""
    sidecar = mask.with_name(f"{mask.name.split('.')[0]}.json")
    content: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
    return content


def _save(
    findings: LesionFindings, *, grid: nib.Nifti1Image, sources: tuple[Path, ...], out: Writer
) -> dict[str, Path]:
    mask, csf, gm = sources
    used = {"Templates": digests(_USED)}
    ventricles = out.image(
        on_grid_of(grid, findings.ventricles), File.LATERAL_VENTRICLES, sources=(csf,), **used
    )
    return {
        "ventricles": ventricles,
        "regions": out.image(
            on_grid_of(grid, findings.regions),
            File.WMH_REGIONS,
            sources=(mask, ventricles, gm),
            **used,
        ),
        "table": out.table(findings.table, File.LESIONS, dictionary=COLUMNS),
    }


def _measure(
    findings: LesionFindings,
    *,
    numbers: dict[str, float | None],
    checks: tuple[Check, Check],
    before: Qc,
    sources: tuple[Path, ...],
) -> tuple[Measure, ...]:
    by_ventricles, by_infarcts = (worst([before, check.state]) for check in checks)
    own = dict.fromkeys(findings.hanging, by_ventricles)
    own |= dict.fromkeys(("wmh_cavity_count", "wmh_infarct_suspects"), by_infarcts)
    return tuple(
        Measure(
            name=name,
            value=value,
            qc=Qc.NOT_ASSESSABLE if value is None else own.get(name, before),
            sources=sources,
        )
        for name, value in numbers.items()
    )


def _choices(findings: LesionFindings) -> tuple[str, ...]:
    if not findings.ventricles.any():
        return (_NO_VENTRICLES,)
    missing = [name for name, value in findings.numbers.items() if value is None]
    return (_NO_SHAPE.format(names=", ".join(missing)),) if missing else ()

"""Tell where lesions lie, how large they are, of what shape, and what a reader should look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.lesions import draw_places, draw_sizes
from npsle_app.imaging.lesions.lesions import (
    REGION_NAMES,
    LesionFindings,
    LesionImages,
    TemplateMaps,
    study_lesions,
)
from npsle_app.imaging.lesions.signs import check_infarcts
from npsle_app.imaging.lesions.table import COLUMNS
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.records import Qc, Record
from npsle_app.settings import LesionsSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.shared import (
    digests,
    figure_paths,
    inheriting,
    measured,
    read_ventricles,
    save_drawings,
)
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.templates import Template

_USED = (Template.LATERAL_VENTRICLE_ZONE, Template.DEEP_GM, Template.WM, Template.LOBES)
_BY_INFARCTS = ("wmh_cavity_count", "wmh_infarct_suspects")
_BY_PROBABILITY_OR_FLAIR = ("wmh_raw_ml", "wmh_raw_count", *_BY_INFARCTS)
SIZES = {  # measures by what the figure calls them
    "< 10": "wmh_count_below_10mm3",
    "10–100": "wmh_count_10_to_100mm3",
    "100–1000": "wmh_count_100_to_1000mm3",
    "≥ 1000": "wmh_count_from_1000mm3",
}
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
_NO_FLAIR = (
    "There is no FLAIR: contrasts of lesions, dark cavities and infarct suspects are not told."
)
_NO_SHAPE = "Shapes are missing where no lesion has the 27 voxels that they need: {names}."


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionsOutputs:
    """Maps on the T1w grid, and one row for each lesion."""

    regions: Path
    table: Path
    record: Path
    figures: tuple[Path, ...]


@inheriting()
def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs,
    tissue: TissueOutputs,
    settings: LesionsSettings,
    out: Writer,
) -> LesionsOutputs:
    """Measure the lesions of the map."""
    ventricles, by_ventricles = read_ventricles(tissue.ventricles, field=anat.template_to_t1w)
    images = _read_images(anat, wmh=wmh, tissue=tissue, ventricles=ventricles)
    findings = study_lesions(
        images,
        maps=read_maps(images.t1w, field=read_image(anat.template_to_t1w)),
        threshold=wmh.threshold,
        status_min_ml=settings.status_min_ml,
    )
    checks = (by_ventricles, check_infarcts(findings.suspects))
    saved = _save(findings, grid=images.t1w, wmh=wmh, tissue=tissue, out=out)
    figures = save_drawings(_draw(findings, images=images), out=out)
    record = Record(
        stage="lesions",
        methods=_METHODS,
        citations=_CITATIONS,
        measures=measured(
            _numbers(findings, wmh=wmh),
            qc=Qc.PASS,
            sources=(wmh.mask, tissue.ventricles, *saved.values()),
            exceptions=dict.fromkeys(findings.hanging, by_ventricles.state)
            | dict.fromkeys(_BY_INFARCTS, checks[1].state),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(findings, images=images),
    )
    return LesionsOutputs(**saved, record=out.record(record), figures=figure_paths(figures))


def _numbers(findings: LesionFindings, *, wmh: WmhOutputs) -> dict[str, float | None]:
    """Give no number of lesions where FLAIR shows too little of the brain."""
    numbers = {
        name: value if wmh.shows_whole_brain or not name.startswith("wmh_") else None
        for name, value in findings.numbers.items()
    }
    return numbers | {"wmh_min_lesion_mm3": wmh.min_lesion_mm3}


def _read_images(
    anat: AnatOutputs, *, wmh: WmhOutputs, tissue: TissueOutputs, ventricles: nib.Nifti1Image
) -> LesionImages:
    return LesionImages(
        t1w=read_image(anat.t1w),
        flair=None if wmh.flair is None else read_image(wmh.flair),
        brain=read_image(anat.brain_mask),
        mask=read_image(wmh.mask),
        probability=None if wmh.probability is None else read_image(wmh.probability),
        gm=read_image(tissue.gm),
        wm=read_image(tissue.wm),
        csf=read_image(tissue.csf),
        ventricles=ventricles,
    )


def read_maps(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> TemplateMaps:
    """Bring over what the template expects; `field` goes from the T1w image to the template."""
    deep_gm, wm = (
        warp(fraction(templates.load(name)), reference=grid, field=field).get_fdata(
            dtype=np.float32
        )
        for name in (Template.DEEP_GM, Template.WM)
    )
    return TemplateMaps(deep_gm=deep_gm, wm=wm, lobes=templates.load(Template.LOBES), field=field)


def _save(
    findings: LesionFindings,
    *,
    grid: nib.Nifti1Image,
    wmh: WmhOutputs,
    tissue: TissueOutputs,
    out: Writer,
) -> dict[str, Path]:
    return {
        "regions": out.image(
            on_grid_of(grid, findings.regions),
            File.WMH_REGIONS,
            sources=(wmh.mask, tissue.ventricles, tissue.gm),
            Templates=digests(_USED),
        ),
        "table": out.table(findings.table, File.LESIONS, dictionary=COLUMNS),
    }


def _draw(findings: LesionFindings, *, images: LesionImages) -> Iterator[Drawing]:
    numbers = findings.numbers
    periventricular, deep = (
        numbers[f"wmh_fazekas_{place}"] for place in ("periventricular", "deep")
    )
    yield draw_places(
        images.flair or images.t1w,
        regions=on_grid_of(images.t1w, findings.regions),
        names=REGION_NAMES,
        brain=images.brain,
        ventricles=images.ventricles,
        fazekas=None if periventricular is None or deep is None else (periventricular, deep),
    )
    yield draw_sizes({label: numbers[name] or 0.0 for label, name in SIZES.items()})


def _choices(findings: LesionFindings, *, images: LesionImages) -> tuple[str, ...]:
    without = () if images.flair else (_NO_FLAIR,)
    if not np.any(images.ventricles.dataobj):
        return (*without, _NO_VENTRICLES)
    missing = [
        name
        for name, value in findings.numbers.items()
        if value is None and name not in _BY_PROBABILITY_OR_FLAIR
    ]
    return (*without, _NO_SHAPE.format(names=", ".join(missing))) if missing else without

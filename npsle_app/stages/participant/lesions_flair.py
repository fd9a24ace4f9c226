"""Tell size, side and lobe of lesions that were found on FLAIR alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npsle_app import templates
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.lesions import draw_sizes
from npsle_app.imaging.lesions.alone import COLUMNS_ALONE, study_lesions_alone
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction
from npsle_app.records import Qc, Record
from npsle_app.settings import LesionsSettings
from npsle_app.stages.participant.anat_flair import AnatFlairOutputs
from npsle_app.stages.participant.lesions import SIZES
from npsle_app.stages.participant.shared import (
    figure_paths,
    inheriting,
    measured,
    save_drawings,
)
from npsle_app.stages.participant.wmh_flair import WmhFlairOutputs
from npsle_app.templates import Template

_SURE = 0.9
_METHODS = (
    "Where there was no T1w image, lesions (26-connected) were told apart by size, side and lobe "
    "of the template (AAL, made symmetric) alone."
)
_NO_TISSUE = (
    "No T1w image: ventricles and cortex are not known, so no lesion is called periventricular, "
    "deep or juxtacortical, there is no Fazekas grade, and no infarct was sought."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionsFlairOutputs:
    """One row for each lesion."""

    table: Path
    record: Path
    figures: tuple[Path, ...]


@inheriting()
def run(
    *,
    anat_flair: AnatFlairOutputs,
    wmh_flair: WmhFlairOutputs,
    settings: LesionsSettings,
    out: Writer,
) -> LesionsFlairOutputs:
    """Measure the lesions of the map."""
    flair, brain, field = (
        read_image(path)
        for path in (anat_flair.flair, anat_flair.brain_mask, anat_flair.template_to_flair)
    )
    white = warp(fraction(templates.load(Template.WM)), reference=flair, field=field)
    shown = (np.asarray(brain.dataobj) > 0) & (flair.get_fdata(dtype=np.float32) > 0)
    rows, numbers = study_lesions_alone(
        flair,
        mask=read_image(wmh_flair.mask),
        probability=read_image(wmh_flair.probability),
        white_matter=(white.get_fdata(dtype=np.float32) > _SURE) & shown,
        lobes=templates.load(Template.LOBES),
        field=field,
        threshold=wmh_flair.threshold,
        status_min_ml=settings.status_min_ml,
    )
    table = out.table(rows, File.LESIONS, dictionary=COLUMNS_ALONE)
    sizes = draw_sizes({label: numbers[name] or 0.0 for label, name in SIZES.items()})
    figures = save_drawings([sizes], out=out)
    whole = wmh_flair.shows_whole_brain
    record = Record(
        stage="lesions_flair",
        methods=_METHODS,
        citations=("aal",),
        measures=measured(
            {name: value if whole else None for name, value in numbers.items()}
            | {"wmh_min_lesion_mm3": wmh_flair.min_lesion_mm3},
            qc=Qc.PASS,
            sources=(wmh_flair.mask, table),
        ),
        figures=figures,
        choices=(_NO_TISSUE,),
    )
    return LesionsFlairOutputs(
        table=table, record=out.record(record), figures=figure_paths(figures)
    )

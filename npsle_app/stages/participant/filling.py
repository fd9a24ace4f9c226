"""Fill lesions in the T1w image, so that they do not count as grey matter."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of
from npsle_app.imaging.tissue.filling import fill
from npsle_app.imaging.tissue.intensity import TissuePriors, find_bounds
from npsle_app.records import Record
from npsle_app.settings import FillingSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.given_maps import GivenTissue, read_given_tissue
from npsle_app.stages.participant.shared import (
    TISSUE,
    digests,
    figure_paths,
    inheriting,
    save_drawings,
    tissue_priors,
)
from npsle_app.stages.participant.wmh import WmhOutputs

_METHODS = (
    "White-matter hyperintensities and one voxel around them were replaced in the T1w image, "
    "layer by layer from outside, by the mean of the neighbours brighter than fluid "
    "(after LST's lesion filling)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillingOutputs:
    """The filled image, on the T1w grid."""

    t1w: Path
    record: Path
    figures: tuple[Path, ...]


@inheriting()
def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs,
    tissue_maps: Scan | None,
    settings: FillingSettings,
    out: Writer,
) -> FillingOutputs:
    """Fill the lesions; tissues that were given say what is fluid, in the place of the template."""
    t1w, brain_mask, lesion_mask, field = (
        nib.Nifti1Image.from_filename(path)
        for path in (anat.t1w, anat.brain_mask, wmh.mask, anat.template_to_t1w)
    )
    check_same_grid(t1w, brain_mask, lesion_mask)
    brain, lesions = (np.asarray(image.dataobj) > 0 for image in (brain_mask, lesion_mask))
    given = None if tissue_maps is None else read_given_tissue(tissue_maps, t1w=anat.t1w)
    values = t1w.get_fdata(dtype=np.float32)
    filled = values
    if lesions.any():
        priors = tissue_priors(t1w, field=field) if given is None else _priors_of(given)
        bounds = find_bounds(values, brain=brain, priors=priors, csf_sd=settings.csf_sd)
        filled = fill(
            values, lesions=lesions, brain=brain, bounds=bounds, max_passes=settings.max_passes
        )
    made = on_grid_of(t1w, filled)
    path = out.image(
        made,
        File.FILLED_T1W,
        sources=(anat.t1w, wmh.mask, *(given.source.paths if given else ())),
        SkullStripped=anat.intracranial_mask is None,
        CsfDeviations=settings.csf_sd,
        **(given.source.metadata if given else {"Templates": digests(TISSUE)}),
    )
    before, after = draw_pair(t1w, made, focus=brain_mask, contours={"lesion mask": lesion_mask})
    drawing = Drawing(
        title="Lesion filling",
        picture=Picture("filling-before", before),
        after=Picture("filling-after", after),
        caption="T1w image before and after filling: inside the outlines it should look like "
        "the white matter around, outside nothing should move.",
    )
    figures = save_drawings([drawing], out=out)
    record = Record(
        stage="filling",
        methods=_METHODS,
        citations=("lst_lga_2012",),
        figures=figures,
        given=(given.source.name,) if given else (),
    )
    return FillingOutputs(t1w=path, record=out.record(record), figures=figure_paths(figures))


def _priors_of(given: GivenTissue) -> TissuePriors:
    return TissuePriors(gm=given.gm, wm=given.wm)

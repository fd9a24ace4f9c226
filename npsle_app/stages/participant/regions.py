"""Measure brain regions: the atlas through the deformation, refined by tissue maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of, voxel_mm3
from npsle_app.imaging.tissue import regions
from npsle_app.imaging.tissue.checks import check_asymmetry, check_filling
from npsle_app.imaging.tissue.regions import TissueShares
from npsle_app.imaging.tissue.ventricles import check_ventricles, find_lateral_ventricles
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import RegionsSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.priors import digests
from npsle_app.stages.participant.regions_figures import draw
from npsle_app.stages.participant.regions_way import find_way
from npsle_app.stages.participant.states import state_before
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.templates import Template

_USED = (Template.REGIONS, Template.LATERAL_VENTRICLE_ZONE)
_METHODS = (
    "Regional volumes were measured in the space of the T1w image: each voxel belongs to the "
    "regions of the AAL atlas (made symmetric) around its place in the template, in the shares "
    "of linear interpolation, and counts by its grey matter; in thalamus, pallidum and "
    "cerebellum by grey and white matter; inside putamen, caudate, hippocampus and amygdala by "
    "all that is not fluid. Lateral ventricles are fluid where the template expects them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsOutputs:
    """A label image on the T1w grid, for the eye.

    `field` brings the template to the T1w image by way of the session before; None where the
    direct way of `anat` was taken.
    """

    labels: Path
    record: Path
    figures: tuple[Path, ...]
    field: Path | None = None


def run(
    *,
    anat: AnatOutputs,
    tissue: TissueOutputs,
    earlier_anat: AnatOutputs | None,
    earlier_regions: RegionsOutputs | None,
    settings: RegionsSettings,
    out: Writer,
) -> RegionsOutputs:
    """Measure all regions, left and right, where those of the session before were."""
    t1w = read_image(anat.t1w)
    way = find_way(
        anat, before=earlier_anat, regions=earlier_regions, seed=settings.random_seed, out=out
    )
    field = way.field
    gm, wm, csf = (read_image(path) for path in (tissue.gm, tissue.wm, tissue.csf))
    shares = TissueShares(gm=gm, wm=wm, csf=csf)
    atlas = templates.load(Template.REGIONS)
    found = regions.measure_regions(shares, labels=atlas, field=field)
    ventricles, by_ventricles = _find_ventricles(csf, field=field)
    fluid = regions.measure_ventricles(csf, ventricles=ventricles, field=field)
    own = (*way.checks, check_filling(found), check_asymmetry(found))
    before = state_before(anat.record, tissue.record, out=out)
    sources = (tissue.gm, tissue.wm, tissue.csf, way.path or anat.template_to_t1w)
    labels = regions.label_regions(shares, labels=atlas, field=field)
    path = out.image(labels, File.BRAIN_REGIONS, sources=sources, Templates=digests(_USED))
    figures = (*way.figures, *draw(t1w, labels=labels, ventricles=ventricles, out=out))
    record = Record(
        stage="regions",
        methods=_METHODS + way.methods,
        citations=("aal", "mni152_2009a"),
        measures=(
            *_measure(found.volumes_ml, worst([before, *(check.state for check in own)]), sources),
            *_measure(fluid, worst([before, by_ventricles.state]), sources),
        ),
        checks=(*own, by_ventricles),
        figures=figures,
        choices=way.choices,
    )
    return RegionsOutputs(
        labels=path,
        record=out.record(record),
        figures=tuple(path for one in figures for path in (one.path, one.after) if path),
        field=way.path,
    )


def _find_ventricles(
    csf: nib.Nifti1Image, *, field: nib.Nifti1Image
) -> tuple[nib.Nifti1Image, Check]:
    template = fraction(templates.load(Template.LATERAL_VENTRICLE_ZONE))
    zone = warp(template, reference=csf, field=field, order=0).get_fdata(dtype=np.float32)
    mask = find_lateral_ventricles(
        csf.get_fdata(dtype=np.float32), zone=zone, voxel_mm3=voxel_mm3(csf)
    )
    return on_grid_of(csf, mask), check_ventricles(mask, zone=zone, affine=csf.affine)


def _measure(
    volumes_ml: Mapping[str, float], qc: Qc, sources: tuple[Path, ...]
) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            name=name,
            value=value or None,
            qc=qc if value else Qc.NOT_ASSESSABLE,
            sources=sources,
        )
        for name, value in volumes_ml.items()
    )

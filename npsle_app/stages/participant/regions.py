"""Measure brain regions: the atlas through the deformation, refined by tissue maps.

Two registrations of one head to the template differ by more than most brains change in a year.
Where there is a session before, its regions are therefore carried over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib

from npsle_app import templates
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.regions import draw_deep, draw_followed, draw_lobes
from npsle_app.imaging.space.displacement import compose_fields, median_displacement_mm
from npsle_app.imaging.space.registration import register_later_scan, warp
from npsle_app.imaging.space.volumes import voxel_mm3
from npsle_app.imaging.tissue import regions
from npsle_app.imaging.tissue.checks import check_asymmetry, check_filling, check_followed
from npsle_app.imaging.tissue.given import measure_labelled, show_labelled
from npsle_app.imaging.tissue.regions import TissueShares, number_regions
from npsle_app.measures.names_of_regions import DEEP, LATERAL_VENTRICLE, SIDES, measure_name
from npsle_app.records import Check, Measure, Record, worst
from npsle_app.settings import RegionsSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.given_maps import GivenTissue, read_given_tissue
from npsle_app.stages.participant.shared import (
    digests,
    figure_paths,
    inheriting,
    measured,
    read_ventricles,
    save_drawings,
)
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.templates import Template

_USED = (Template.REGIONS, Template.LATERAL_VENTRICLE_ZONE)
_SURFACE = (
    *("frontal_lobe", "parietal_lobe", "temporal_lobe", "occipital_lobe"),
    *("insula", "cerebellum"),
)
_METHODS = (
    "Regional volumes were measured in the space of the T1w image: each voxel belongs to the "
    "regions of the AAL atlas (made symmetric) around its place in the template, in the shares "
    "of linear interpolation, and counts by its grey matter; in thalamus, pallidum and "
    "cerebellum by grey and white matter; inside putamen, caudate, hippocampus and amygdala by "
    "all that is not fluid. Lateral ventricles are fluid where the template expects them."
)
_METHODS_CARRIED_OVER = (
    " Regions of the session before were carried over by a rigid and a stiff nonlinear "
    "registration of the T1w images (SyN), so that volumes of the sessions differ by the head "
    "and not by two registrations to the template."
)
_GIVEN = (
    "Of the {given}, by its own labels, are: {names}. All other regions are those of the app's "
    "atlas, on the given tissue: do not add up regions of both."
)
_ATLAS_ON_GIVEN = "Regions are those of the app's atlas, on the {given}."
_DEEP_ML = tuple(measure_name(name, side=side) for name in DEEP for side in SIDES)
_CARRIED_OVER = "Regions were carried over from the session before."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsOutputs:
    """A label image on the T1w grid, for the eye.

    `field` brings the template to the T1w image by way of the session before; None where the
    transform of `anat` itself was taken.
    """

    labels: Path
    record: Path
    figures: tuple[Path, ...]
    field: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Transform:
    """The field to measure with, where it lies, and what to say where it was carried over."""

    field: nib.Nifti1Image
    path: Path
    checks: tuple[Check, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    methods: str = ""
    choices: tuple[str, ...] = ()

    @property
    def carried_over(self) -> bool:
        """Whether it goes through the session before."""
        return bool(self.choices)


@inheriting()
def run(
    *,
    anat: AnatOutputs,
    tissue: TissueOutputs,
    tissue_maps: Scan | None,
    earlier_anat: AnatOutputs | None,
    earlier_regions: RegionsOutputs | None,
    settings: RegionsSettings,
    out: Writer,
) -> RegionsOutputs:
    """Measure all regions, left and right, where those of the session before were.

    Regions that a given segmentation has on both sides are its own; the others are those of the
    atlas, on the given tissue.
    """
    given = None if tissue_maps is None else read_given_tissue(tissue_maps, t1w=anat.t1w)
    transform = (
        _carry_over_transform(
            anat,
            earlier=earlier_anat,
            earlier_field=earlier_regions.field or earlier_anat.template_to_t1w,
            seed=settings.random_seed,
            out=out,
        )
        if earlier_anat and earlier_regions
        else _Transform(field=read_image(anat.template_to_t1w), path=anat.template_to_t1w)
    )
    field, atlas = transform.field, templates.load(Template.REGIONS)
    gm, wm, csf = (read_image(path) for path in (tissue.gm, tissue.wm, tissue.csf))
    shares = TissueShares(gm=gm, wm=wm, csf=csf)
    volumes = regions.measure_regions(shares, labels=atlas, field=field)
    ventricles, by_ventricles = read_ventricles(tissue.ventricles, field=anat.template_to_t1w)
    fluid = regions.measure_ventricles(csf, ventricles=ventricles, field=field)
    theirs = _measure_given(given, voxel_ml=voxel_mm3(gm) / 1000)
    fluid = {name: theirs.get(name, value) for name, value in fluid.items()}
    volumes = replace(volumes, volumes_ml={**volumes.volumes_ml, **theirs})
    own = (
        *transform.checks,
        *([] if set(_DEEP_ML) <= theirs.keys() else [check_filling(volumes)]),
        check_asymmetry(volumes),
    )
    sources = (tissue.gm, tissue.wm, tissue.csf, transform.path)
    labels = regions.label_regions(shares, labels=atlas, field=field)
    if given is not None and given.regions is not None:
        labels = show_labelled(labels, given.regions)
    told = {} if given is None else given.source.metadata
    path = out.image(
        labels,
        File.BRAIN_REGIONS,
        sources=(*sources, *(given.source.paths if given else ())),
        Templates=digests(_USED),
        **told,
    )
    drawings = _draw(read_image(anat.t1w), labels=labels, ventricles=ventricles)
    figures = save_drawings((*transform.drawings, *drawings), out=out)
    record = Record(
        stage="regions",
        methods=_METHODS + transform.methods,
        citations=("aal", "mni152_2009a"),
        measures=_name_sources(
            (
                *measured(
                    _present(_without_fluid(volumes.volumes_ml)),
                    qc=worst([check.state for check in own]),
                    sources=sources,
                ),
                *measured(_present(fluid), qc=by_ventricles.state, sources=sources),
            ),
            theirs=theirs,
            given=given,
        ),
        checks=(*own, by_ventricles),
        figures=figures,
        choices=(*transform.choices, *_tell_given(given, theirs=theirs)),
    )
    return RegionsOutputs(
        labels=path,
        record=out.record(record),
        figures=figure_paths(figures),
        field=transform.path if transform.carried_over else None,
    )


def _measure_given(given: GivenTissue | None, *, voxel_ml: float) -> dict[str, float]:
    if given is None or given.regions is None:
        return {}
    return measure_labelled(given.regions, voxel_ml=voxel_ml)


def _without_fluid(volumes_ml: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in volumes_ml.items() if LATERAL_VENTRICLE not in name}


def _name_sources(
    measures: Iterable[Measure], *, theirs: Mapping[str, float], given: GivenTissue | None
) -> tuple[Measure, ...]:
    """Let the regions that are those of a given segmentation name it as their source."""
    return tuple(
        replace(one, sources=given.source.paths) if given and one.name in theirs else one
        for one in measures
    )


def _tell_given(given: GivenTissue | None, *, theirs: Mapping[str, float]) -> tuple[str, ...]:
    if given is None:
        return ()
    if not theirs:
        return (_ATLAS_ON_GIVEN.format(given=given.source.tell()),)
    names = dict.fromkeys(
        name.removeprefix("region_").removesuffix("_ml").rpartition("_")[0].replace("_", " ")
        for name in theirs
    )
    return (_GIVEN.format(given=given.source.tell(), names=", ".join(names)),)


def _carry_over_transform(
    anat: AnatOutputs, *, earlier: AnatOutputs, earlier_field: Path, seed: int, out: Writer
) -> _Transform:
    """Bring the template to the session before, and this by the T1w images to the session."""
    t1w, brain, earlier_t1w = (
        read_image(path) for path in (anat.t1w, anat.brain_mask, earlier.t1w)
    )
    between = register_later_scan(t1w, earlier=earlier_t1w, brain=brain, seed=seed)
    field = compose_fields(between, second=read_image(earlier_field))
    path = out.image(
        field, File.TEMPLATE_TO_LATER_T1W, sources=(anat.t1w, earlier.t1w, earlier_field)
    )
    gap_mm = median_displacement_mm(field, read_image(anat.template_to_t1w), inside=brain)
    followed = warp(earlier_t1w, reference=t1w, field=between)
    return _Transform(
        field=field,
        path=path,
        checks=(check_followed(gap_mm),),
        drawings=(draw_followed(t1w, earlier=followed, brain=brain),),
        methods=_METHODS_CARRIED_OVER,
        choices=(_CARRIED_OVER,),
    )


def _draw(
    t1w: nib.Nifti1Image, *, labels: nib.Nifti1Image, ventricles: nib.Nifti1Image
) -> tuple[Drawing, ...]:
    masks = {name: number_regions(labels, names=(name,)) for name in DEEP}
    names = {place: name.replace("_", " ") for place, name in enumerate(_SURFACE, start=1)}
    return (
        draw_deep(
            t1w,
            masks=masks | {"lateral ventricles": ventricles},
            focus=number_regions(labels, names=DEEP),
        ),
        draw_lobes(t1w, labels=number_regions(labels, names=_SURFACE), names=names),
    )


def _present(volumes_ml: Mapping[str, float]) -> dict[str, float | None]:
    """Turn 0 into None: a region of which the head shows nothing was not measured."""
    return {name: volume or None for name, volume in volumes_ml.items()}

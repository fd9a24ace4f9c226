"""Measure lumen and wall of the arteries at the base of the brain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File, VesselFile
from npsle_app.bids.output.reader import read_image, read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.vessels.checks import check_placement, check_voxels
from npsle_app.imaging.vessels.enhancement import mark_white_matter, with_enhancement
from npsle_app.imaging.vessels.place import HeadPlace, align_head
from npsle_app.imaging.vessels.results import Guide, MeasuredVessel, Mode, StudiedVessel, masks_of
from npsle_app.imaging.vessels.study import study_vessels, with_angiogram
from npsle_app.imaging.vessels.table import (
    LINE,
    SECTIONS,
    VESSELS,
    make_line_table,
    make_section_table,
    make_vessel_table,
    measures,
    reason,
    wall_floor_mm,
)
from npsle_app.imaging.vessels.tracing import Angiogram
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import VesselWallSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.priors import tissue_priors
from npsle_app.stages.participant.vessel_wall_figures import draw
from npsle_app.stages.participant.vessel_wall_inputs import read_guides
from npsle_app.stages.participant.vessel_wall_words import CITATIONS, choices, methods


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselWallOutputs:
    """Masks on the grid of the scan, lumen then outer wall of each vessel; lines and tables."""

    masks: tuple[Path, ...]
    lines: tuple[Path, ...]
    vwi_to_t1w: Path | None  # None without a T1w image
    vessels: Path
    sections: Path
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saved:
    """The files of one vessel."""

    lumen: Path
    outer: Path
    line: Path


def run(
    *, vwi: Scan, anat: AnatOutputs | None, settings: VesselWallSettings, out: Writer
) -> VesselWallOutputs:
    """Follow the arteries, measure lumen and wall, judge both."""
    image = read_image(vwi.path)
    guides = read_guides(vwi.guides, sought=settings.sought)
    place, placed = _place(image, anat=anat, seed=settings.random_seed)
    found = study_vessels(
        image, guides=guides, place=place, psf_fwhm_voxels=settings.psf_fwhm_voxels
    )
    if place and anat and vwi.angiogram and any(map(_is_sought_in_vain, found)):
        found = with_angiogram(
            image,
            vessels=found,
            place=place,
            angiogram=_read_angiogram(vwi.angiogram[0], place=place, anat=anat, settings=settings),
            psf_fwhm_voxels=settings.psf_fwhm_voxels,
        )
    if place and anat and vwi.after_contrast:
        post = read_image(vwi.after_contrast[0].path)
        mask = _mark_reference(image, anat=anat, place=place)
        found = with_enhancement(
            image, vessels=found, post=post, white_matter=mask, seed=settings.random_seed
        )
    saved = {
        one.name: _save(one, image=image, guide=guides[one.name], scan=vwi, out=out)
        for one in found
        if isinstance(one, MeasuredVessel)
    }
    general = (check_voxels(nib.affines.voxel_sizes(image.affine)), *placed)
    floor_mm = wall_floor_mm(image)
    figures = draw(image, vessels=found, floor_mm=floor_mm, out=out)
    record = Record(
        stage="vessel_wall",
        methods=methods(settings),
        citations=CITATIONS,
        measures=_measure(
            found,
            general=_states(general, anat=anat, out=out),
            floor_mm=floor_mm,
            sources={name: (vwi.path, one.lumen, one.outer) for name, one in saved.items()},
            scan=vwi.path,
        ),
        checks=(*general, *(check for one in found for check in one.checks)),
        figures=figures,
        choices=choices(found, scan=vwi, anat=anat, floor_mm=floor_mm),
    )
    return VesselWallOutputs(
        masks=tuple(path for one in saved.values() for path in (one.lumen, one.outer)),
        lines=tuple(one.line for one in saved.values()),
        vwi_to_t1w=_save_place(place, scan=vwi, anat=anat, out=out),
        vessels=out.table(
            make_vessel_table(found, floor_mm=floor_mm), File.VESSELS, dictionary=VESSELS
        ),
        sections=out.table(make_section_table(found), File.VESSEL_SECTIONS, dictionary=SECTIONS),
        record=out.record(record),
        figures=tuple(figure.path for figure in figures),
    )


def _place(
    image: nib.Nifti1Image, *, anat: AnatOutputs | None, seed: int
) -> tuple[HeadPlace | None, tuple[Check, ...]]:
    if anat is None:
        return None, ()
    matrix, alignment = align_head(
        image, t1w=read_image(anat.t1w), brain=read_image(anat.brain_mask), seed=seed
    )
    place = HeadPlace(
        to_image=matrix,
        to_t1w=read_image(anat.t1w_to_template),
        to_template=read_image(anat.template_to_t1w),
    )
    return place, (check_placement(alignment),)


def _is_sought_in_vain(vessel: StudiedVessel) -> bool:
    return vessel.mode is Mode.AUTOMATIC and not isinstance(vessel, MeasuredVessel)


def _read_angiogram(
    scan: Scan, *, place: HeadPlace, anat: AnatOutputs, settings: VesselWallSettings
) -> Angiogram:
    image = read_image(scan.path)
    matrix, _ = align_head(
        image,
        t1w=read_image(anat.t1w),
        brain=read_image(anat.brain_mask),
        seed=settings.random_seed,
    )
    return Angiogram(image=image, place=replace(place, to_image=matrix))


def _mark_reference(
    image: nib.Nifti1Image, *, anat: AnatOutputs, place: HeadPlace
) -> nib.Nifti1Image:
    """Bring the template's white matter to the grid of the scan."""
    t1w = read_image(anat.t1w)
    priors = tissue_priors(t1w, field=place.to_template)
    return mark_white_matter(image, t1w=t1w, share=priors.wm, place=place)


def _save(
    vessel: MeasuredVessel, *, image: nib.Nifti1Image, guide: Guide, scan: Scan, out: Writer
) -> _Saved:
    lumen_file, outer_file, line_file = (
        VesselFile(file, vessel.name.entities)
        for file in (File.VESSEL_LUMEN, File.VESSEL_OUTER, File.VESSEL_LINE)
    )
    told = {"Mode": str(vessel.mode), "Vessel": vessel.name.long_text}
    lumen, outer = masks_of(image, vessel=vessel, guide=guide)
    sources = (scan.path, *(scan.guides if vessel.mode is not Mode.AUTOMATIC else ()))
    return _Saved(
        lumen=out.image(lumen, lumen_file, sources=sources, **told),
        outer=out.image(outer, outer_file, sources=sources, **told),
        line=out.table(
            make_line_table(vessel), line_file, dictionary=LINE, sources=[scan.path]
        ),
    )  # fmt: skip


def _save_place(
    place: HeadPlace | None, *, scan: Scan, anat: AnatOutputs | None, out: Writer
) -> Path | None:
    if place is None or anat is None:
        return None
    return out.matrix(place.to_image, File.VWI_TO_T1W, sources=(scan.path, anat.t1w))


def _states(general: Sequence[Check], *, anat: AnatOutputs | None, out: Writer) -> dict[Mode, Qc]:
    """Return the state of what came before: a vessel that was sought rests on the T1w image."""
    voxels, *placed = (check.state for check in general)
    if anat is not None:
        record = read_record(anat.record, root=out.root, datasets=out.datasets)
        placed += [check.state for check in record.checks]
    return dict.fromkeys(Mode, voxels) | {Mode.AUTOMATIC: worst([voxels, *placed])}


def _measure(
    vessels: Sequence[StudiedVessel],
    *,
    general: Mapping[Mode, Qc],
    floor_mm: float,
    sources: Mapping[VesselName, tuple[Path, ...]],
    scan: Path,
) -> tuple[Measure, ...]:
    states = {
        f"{one.name.measure}_": worst([general[one.mode], *(check.state for check in one.checks)])
        for one in vessels
    }
    files = {f"{name.measure}_": paths for name, paths in sources.items()}
    of_all = worst([states[f"{one.name.measure}_"] for one in vessels if not reason(one)])
    return tuple(
        Measure(
            name=name,
            value=value,
            qc=Qc.NOT_ASSESSABLE if value is None else states.get(own, of_all),
            sources=files.get(own, (scan,)),
        )
        for name, value in measures(vessels, floor_mm=floor_mm).items()
        for own in [next((start for start in states if name.startswith(start)), "")]
    )

"""Measure lumen and wall of the arteries at the base of the brain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib

from npsle_app.arrays import Floats
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File, VesselFile
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.drawn_vessel import DrawnVessel
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.vessel_wall import draw_vessels
from npsle_app.imaging.vessels.checks import check_placement, check_voxels
from npsle_app.imaging.vessels.enhancement import mark_white_matter, with_enhancement
from npsle_app.imaging.vessels.measures import FLOOR_VOXELS
from npsle_app.imaging.vessels.place import HeadPlace, align_head
from npsle_app.imaging.vessels.planes import PIXEL_MM
from npsle_app.imaging.vessels.results import (
    Guide,
    MeasuredVessel,
    Mode,
    StudiedVessel,
    masks_of,
    planes_of,
)
from npsle_app.imaging.vessels.study import study_vessels, with_angiogram
from npsle_app.imaging.vessels.table import (
    LINE,
    SECTIONS,
    VESSELS,
    make_line_table,
    make_section_table,
    make_vessel_table,
    mean_numbers,
    named,
    numbers_by_vessel,
    nwi_at_floor,
    reason,
    sections_of,
    wall_floor_mm,
)
from npsle_app.imaging.vessels.tracing import Angiogram
from npsle_app.measures.names_of_vessels import STANDARD, VesselName
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import VesselWallSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.shared import (
    figure_paths,
    measured,
    save_drawings,
    tissue_priors,
    upstream_qc,
)
from npsle_app.stages.participant.vessel_guides import read_guides

_METHODS = (
    "Arteries were followed in black-blood images from drawn masks, from landmarks, or in search "
    "boxes of the template, which were brought over by a rigid registration to the T1w image and "
    "its warp (dark tubes by Frangi's filter at 0.5-1.5 mm, the cheapest path through them; a "
    "course found so ends where the outer wall narrows to less than 85 % of its median radius, as "
    "at a fork). In planes every 0.5 mm across the centreline, with a rotation-minimising frame, "
    "closed contours of lumen and outer wall were found on 72 rays by dynamic programming; "
    "a blurred annulus was fitted to the voxels; of three point spreads (a Gaussian in the voxel's "
    "box, k-space cut off sharply, or after a cosine) and their widths, expected at {psf:g} voxels "
    "beside the box, those were taken that explained the vessel best. "
    "NWI is Σ(OWA − LA) / Σ OWA over the sections that passed all checks; intervals (95 %) join "
    "noise with the uncertain point spread. Walls below {floor} voxels cannot be told from one "
    "another by contours, and a narrow artery has a higher NWI with the same wall. Enhancement is "
    "the wall's signal after contrast agent over that before, each over white matter's."
)
_CITATIONS = (
    "mandell2017", "shi2019", "zhang2018", "samuels2000", "frangi1998", "wang2008", "scikit_image",
    "scipy",
)  # fmt: skip
_CAVEAT = (
    "NWI rises where the lumen is narrow, with the same wall: read it beside lumen and wall areas "
    "and beside the NWI adjusted for the lumen. Walls thinner than {floor:.2f} mm (1.3 voxels) "
    "rest on the model of the point spread, which is fitted to each artery. Compare only images of "
    "one voxel size. Intervals were tried on simulated scans; no person's artery was ever "
    "measured beside them."
)
_AUTOMATIC = "Nobody has looked at vessels of the mode automatic: see the figures before use."
_NO_T1W = (
    "There is no T1w image: no vessel was sought, and sides were checked against each other alone."
)
_NO_REFERENCE = (
    "Enhancement was not measured: without a T1w image there is no white matter to hold it against."
)
_ANGIOGRAM = (
    "The angiogram {name} is looked at for vessels that the black-blood image alone did not show."
)
_MODES = {
    Mode.MASKS: "from drawn masks",
    Mode.LANDMARKS: "from landmarks",
    Mode.AUTOMATIC: "found automatically",
    Mode.REJECTED: "rejected by a reader",
}


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
    vessels = study_vessels(
        image, guides=guides, place=place, psf_fwhm_voxels=settings.psf_fwhm_voxels
    )
    if place and anat and vwi.angiogram and any(map(_is_sought_in_vain, vessels)):
        vessels = with_angiogram(
            image,
            vessels=vessels,
            place=place,
            angiogram=_read_angiogram(vwi.angiogram[0], place=place, anat=anat, settings=settings),
            psf_fwhm_voxels=settings.psf_fwhm_voxels,
        )
    if place and anat and vwi.after_contrast:
        post = read_image(vwi.after_contrast[0].path)
        mask = _mark_reference(image, anat=anat, place=place)
        vessels = with_enhancement(
            image, vessels=vessels, post=post, white_matter=mask, seed=settings.random_seed
        )
    saved = {
        one.name: _save(one, image=image, guide=guides[one.name], scan=vwi, out=out)
        for one in vessels
        if isinstance(one, MeasuredVessel)
    }
    general = (check_voxels(nib.affines.voxel_sizes(image.affine)), *placed)
    floor_mm = wall_floor_mm(image)
    figures = save_drawings(_draw(image, vessels=vessels, floor_mm=floor_mm), out=out)
    record = Record(
        stage="vessel_wall",
        methods=_METHODS.format(psf=settings.psf_fwhm_voxels, floor=FLOOR_VOXELS),
        citations=_CITATIONS,
        measures=_measure(
            vessels,
            general=_states(general, anat=anat, out=out),
            floor_mm=floor_mm,
            sources={name: (vwi.path, one.lumen, one.outer) for name, one in saved.items()},
            scan=vwi.path,
        ),
        checks=(*general, *(check for one in vessels for check in one.checks)),
        figures=figures,
        choices=_choices(vessels, scan=vwi, anat=anat, floor_mm=floor_mm),
    )
    return VesselWallOutputs(
        masks=tuple(path for one in saved.values() for path in (one.lumen, one.outer)),
        lines=tuple(one.line for one in saved.values()),
        vwi_to_t1w=_save_place(place, scan=vwi, anat=anat, out=out),
        vessels=out.table(
            make_vessel_table(vessels, floor_mm=floor_mm), File.VESSELS, dictionary=VESSELS
        ),
        sections=out.table(make_section_table(vessels), File.VESSEL_SECTIONS, dictionary=SECTIONS),
        record=out.record(record),
        figures=figure_paths(figures),
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
    metadata = {"Mode": str(vessel.mode), "Vessel": vessel.name.long_text}
    lumen, outer = masks_of(image, vessel=vessel, guide=guide)
    sources = (scan.path, *(scan.guides if vessel.mode is not Mode.AUTOMATIC else ()))
    return _Saved(
        lumen=out.image(lumen, lumen_file, sources=sources, **metadata),
        outer=out.image(outer, outer_file, sources=sources, **metadata),
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
        placed.append(upstream_qc(anat.record, out=out))
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
        one.name: worst([general[one.mode], *(check.state for check in one.checks)])
        for one in vessels
    }
    of_all = worst([states[one.name] for one in vessels if not reason(one)])
    by_vessel = numbers_by_vessel(vessels)
    return (
        *measured(mean_numbers(by_vessel, floor_mm=floor_mm), qc=of_all, sources=(scan,)),
        *(
            measure
            for name, numbers in by_vessel.items()
            for measure in measured(
                named(numbers, vessel=name),
                qc=states.get(name, of_all),
                sources=sources.get(name, (scan,)),
            )
        ),
    )


def _draw(
    image: nib.Nifti1Image, *, vessels: Sequence[StudiedVessel], floor_mm: float
) -> tuple[Drawing, ...]:
    return draw_vessels(
        image,
        vessels=[
            _drawn(image, vessel=one, floor_mm=floor_mm)
            for one in vessels
            if isinstance(one, MeasuredVessel)
        ],
    )


def _drawn(image: nib.Nifti1Image, *, vessel: MeasuredVessel, floor_mm: float) -> DrawnVessel:
    table, summary = sections_of(vessel), vessel.summary

    def column(name: str) -> Floats:
        return table[name].to_numpy(dtype=float)

    return DrawnVessel(
        name=vessel.name.text,
        mode=str(vessel.mode),
        points=vessel.line.points,
        along_mm=vessel.line.along_mm,
        planes=planes_of(image, vessel=vessel),
        pixel_mm=PIXEL_MM,
        inner_mm=vessel.inner_mm,
        outer_mm=vessel.outer_mm,
        accepted=vessel.sections.accepted,
        nwi=column("nwi"),
        nwi_low=column("nwi_low"),
        nwi_high=column("nwi_high"),
        lumen_mm2=column("lumen_area_mm2"),
        lumen_low_mm2=column("lumen_area_low_mm2"),
        lumen_high_mm2=column("lumen_area_high_mm2"),
        nwi_at_floor=nwi_at_floor(vessel, floor_mm=floor_mm),
        nwi_pooled=None if summary is None else summary.nwi.value,
        floor_mm=floor_mm,
    )


def _choices(
    vessels: Sequence[StudiedVessel], *, scan: Scan, anat: AnatOutputs | None, floor_mm: float
) -> tuple[str, ...]:
    """Say what the numbers rest on: vessels, modes, resolution, and what was not there."""
    assessed = [one for one in vessels if not reason(one)]
    choices = [_CAVEAT.format(floor=floor_mm)]
    names = ", ".join(f"{one.name.text} ({_MODES[one.mode]})" for one in assessed)
    choices.append(f"Vessels measured: {names or 'none'}; means of the participant are over these.")
    if any(one.mode is Mode.AUTOMATIC for one in assessed):
        choices.append(_AUTOMATIC)
    if anat is None:
        choices.append(_NO_T1W)
    if scan.after_contrast and anat is None:
        choices.append(_NO_REFERENCE)
    if scan.angiogram:
        choices.append(_ANGIOGRAM.format(name=scan.angiogram[0].path.name))
    others = [one.name.text for one in assessed if one.name not in STANDARD]
    if others:
        choices.append(f"In the tables alone, without measures of their own: {', '.join(others)}.")
    return tuple(choices)

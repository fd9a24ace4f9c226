"""Find white-matter hyperintensities and measure them."""

from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.wmh import draw_given, draw_wmh
from npsle_app.imaging.head.checks import check_template_place, white_matter_offsets_mm
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of, voxel_mm3
from npsle_app.imaging.wmh.checks import (
    LEAST_SHOWN,
    check_alignment,
    check_content,
    check_holes,
    check_lesions,
    check_slices,
)
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.flair import PreparedFlair, prepare_flair, subtract_offset
from npsle_app.imaging.wmh.flair_content import FlairContent, measure_content
from npsle_app.imaging.wmh.reading import check_inside
from npsle_app.imaging.wmh.wmh import (
    LesionMap,
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
)
from npsle_app.records import Check, Qc, Record, worst
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.given_lesions import FlairPlace, GivenLesions, read_given
from npsle_app.stages.participant.lesion_numbers import (
    CURVE,
    INTERVAL,
    describe_limits,
    lesion_numbers,
)
from npsle_app.stages.participant.shared import (
    LESIONS,
    describe_lesion_model,
    digests,
    figure_paths,
    inheriting,
    lesion_priors,
    measured,
    read_lesion_model,
    save_drawings,
)

_METHODS = (
    "FLAIR was brought to the T1w image by a rigid registration (mutual information), corrected "
    "for its bias field and divided by the median of grey matter. On 1 mm cubes, 31 features of "
    "brightness, contrast, shape, T1w signal and place, of what is bright at this place in people "
    "without lesions and of the other side went into a logistic and a gradient-boosted model whose "
    "log odds were averaged; borders of the brain were cleared in the manner of LST's lesion "
    "prediction algorithm, and bodies that healthy brains have too taken out by place, shape and "
    "T1w signal. Lesions are voxels of at least "
    "{threshold} in components of at least {smallest:g} mm³."
)
_CORRECTED = " The lesions of single sessions were corrected by hand."
_GIVEN = (
    "FLAIR, where there is one, was brought to the T1w image by a rigid registration (mutual "
    "information). Lesions are those of masks or maps that were given, brought to the T1w image "
    "by the same transform where they lay on FLAIR; maps were cut at {threshold}."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhOutputs:
    """Maps on the T1w grid, and the limits that made the mask of the probability.

    `shown_share` is the share of the brain that FLAIR shows. Without FLAIR there are neither
    `flair` nor `flair_to_t1w`; of lesions that were given as a mask there is no `probability`.
    `reading` tells what a reading kept, added and removed.
    """

    flair: Path | None = None
    flair_to_t1w: Path | None = None
    probability: Path | None = None
    mask: Path
    threshold: float
    min_lesion_mm3: float
    record: Path
    figures: tuple[Path, ...]
    shown_share: float = 1.0
    reading: Path | None = None

    @property
    def shows_whole_brain(self) -> bool:
        """Whether FLAIR shows enough of the brain for numbers of all of it."""
        return self.shown_share >= LEAST_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """The lesions, (I, J, K) bool on `grid`, and all that tells how they came about.

    `slice_mm` is the longest voxel edge of FLAIR as acquired. `volumes_ml` is None where no
    threshold has made the mask.
    """

    grid: nib.Nifti1Image
    slice_mm: float
    brain: nib.Nifti1Image
    prepared: PreparedFlair
    content: FlairContent
    offsets_mm: Floats
    priors: LesionPriors
    map: LesionMap
    mask: Mask
    volumes_ml: dict[float, float] | None
    given: GivenLesions | None = None


@inheriting()
def run(
    *,
    flair: Scan | None,
    wmh_mask: Scan | None,
    anat: AnatOutputs,
    settings: WmhSettings,
    out: Writer,
) -> WmhOutputs:
    """Find the lesions and measure them, or take those that were given."""
    if flair is not None:
        return _search(flair, given=wmh_mask, anat=anat, settings=settings, out=out)
    if wmh_mask is None:
        msg = "there is neither FLAIR nor a mask of lesions"
        raise ValueError(msg)
    return _take_given(wmh_mask, anat=anat, settings=settings, out=out)


def _search(
    flair: Scan, *, given: Scan | None, anat: AnatOutputs, settings: WmhSettings, out: Writer
) -> WmhOutputs:
    scan = subtract_offset(read_image(flair.path))
    try:
        findings = _find(scan, anat=anat, settings=settings)
    except ValueError as error:
        msg = f"{flair.path.name}: {error}"
        raise ValueError(msg) from error
    if given is not None:
        findings = _read(findings, given=given, scan=scan, settings=settings)
    saved = _save(findings, flair=flair, anat=anat, settings=settings, out=out)
    checks = _check(findings)
    figures = save_drawings(_draw(findings, settings=settings), out=out)
    record = Record(
        stage="wmh",
        methods=_tell_methods(findings.given, settings=settings),
        citations=("lst_lpa", "ljubljana", "ants_syn", "n4"),
        measures=measured(
            _of_whole_brain(_numbers(findings), findings=findings),
            qc=worst([check.state for check in checks]),
            sources=tuple(saved[name] for name in ("mask", "probability") if name in saved),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(findings),
        read_by="" if findings.given is None else findings.given.read_by,
        given=() if findings.given is None else findings.given.names,
    )
    return WmhOutputs(
        **saved,
        threshold=settings.threshold,
        min_lesion_mm3=settings.min_lesion_mm3,
        record=out.record(record),
        figures=figure_paths(figures),
        shown_share=findings.prepared.alignment.coverage,
    )


def _tell_methods(given: GivenLesions | None, *, settings: WmhSettings) -> str:
    if given is not None and given.whole:
        return _GIVEN.format(threshold=settings.threshold)
    told = _METHODS.format(threshold=settings.threshold, smallest=settings.min_lesion_mm3)
    return told if given is None else told + _CORRECTED


def _read(
    findings: _Findings, *, given: Scan, scan: nib.Nifti1Image, settings: WmhSettings
) -> _Findings:
    """Put what was given in the place of what was found, or correct it."""
    try:
        read = read_given(
            given,
            t1w=findings.grid,
            brain=np.asarray(findings.brain.dataobj) > 0,
            flair=FlairPlace(image=scan, matrix=findings.prepared.matrix),
            sought=findings.mask,
            settings=settings,
        )
    except ValueError as error:
        msg = f"{given.path.name}: {error}"
        raise ValueError(msg) from error
    findings = replace(findings, mask=read.lesions.mask, given=read)
    if not read.whole:
        return findings
    if read.probability is None:
        return replace(findings, volumes_ml=None)
    return replace(
        findings,
        map=replace(findings.map, probability=read.probability),
        volumes_ml=lesion_volumes_ml(
            read.probability,
            voxel_mm3=voxel_mm3(findings.grid),
            min_lesion_mm3=settings.min_lesion_mm3,
        ),
    )


def _take_given(
    given: Scan, *, anat: AnatOutputs, settings: WmhSettings, out: Writer
) -> WmhOutputs:
    """Take the lesions of a session without FLAIR as they were given."""
    t1w, brain = (read_image(path) for path in (anat.t1w, anat.brain_mask))
    inside = np.asarray(brain.dataobj) > 0
    try:
        read = read_given(given, t1w=t1w, brain=inside, flair=None, sought=None, settings=settings)
    except ValueError as error:
        msg = f"{given.path.name}: {error}"
        raise ValueError(msg) from error
    sources = (anat.t1w, anat.brain_mask, *read.paths)
    images = {File.WMH_MASK: on_grid_of(t1w, read.lesions.mask)}
    if read.probability is not None:
        images[File.WMH_PROBABILITY] = on_grid_of(t1w, read.probability)
    saved = {
        file: out.image(image, file, sources=sources, **read.metadata)
        for file, image in images.items()
    }
    check = check_inside(read.lesions)
    figures = save_drawings(draw_given(t1w, brain=brain, mask=images[File.WMH_MASK]), out=out)
    record = Record(
        stage="wmh",
        methods=_tell_methods(read, settings=settings),
        citations=(),
        measures=measured(
            {
                "wmh_ml": float(read.lesions.mask.sum()) * voxel_mm3(t1w) / 1000,
                "wmh_count": float(count_lesions(read.lesions.mask)),
            },
            qc=check.state,
            sources=tuple(saved.values()),
        ),
        checks=(check,),
        figures=figures,
        choices=(read.tell(),),
        read_by=read.read_by,
        given=read.names,
    )
    return WmhOutputs(
        probability=saved.get(File.WMH_PROBABILITY),
        mask=saved[File.WMH_MASK],
        threshold=settings.threshold,
        min_lesion_mm3=settings.min_lesion_mm3,
        record=out.record(record),
        figures=figure_paths(figures),
    )


def _choices(findings: _Findings) -> tuple[str, ...]:
    given = () if findings.given is None else (findings.given.tell(),)
    share = findings.prepared.alignment.coverage
    if share >= LEAST_SHOWN:
        return given
    found_ml = float(findings.mask.sum()) * voxel_mm3(findings.grid) / 1000
    told = (
        f"FLAIR shows {share:.0%} of the brain: {found_ml:.2f} mL in "
        f"{count_lesions(findings.mask)} lesions were found there. Numbers of the whole brain are "
        f"not given below {LEAST_SHOWN:.0%}."
    )
    return (*given, told)


def _find(scan: nib.Nifti1Image, *, anat: AnatOutputs, settings: WmhSettings) -> _Findings:
    t1w, brain, field = (
        nib.Nifti1Image.from_filename(path)
        for path in (anat.t1w, anat.brain_mask, anat.template_to_t1w)
    )
    check_same_grid(t1w, brain)
    priors = lesion_priors(t1w, field=field)
    prepared = prepare_flair(
        scan,
        t1w=t1w,
        brain=brain,
        priors=priors.tissue,
        seed=settings.random_seed,
        bias_sampling_mm=settings.bias_sampling_mm,
        bias_spline_mm=settings.bias_spline_mm,
    )
    content = measure_content(
        scan,
        prepared=prepared,
        t1w=t1w,
        brain=np.asarray(brain.dataobj) > 0,
        priors=priors.tissue,
    )
    try:
        lesion_map = lesion_probability(
            prepared.flair.get_fdata(dtype=np.float32),
            t1w.get_fdata(dtype=np.float32),
            brain=prepared.shown,
            priors=priors,
            voxel_sizes_mm=voxel_sizes(t1w.affine),
            model=read_lesion_model(),
        )
    except ValueError as error:
        raise ValueError(_explain(error, content=content)) from error
    voxel, smallest = voxel_mm3(t1w), settings.min_lesion_mm3
    return _Findings(
        grid=t1w,
        slice_mm=float(voxel_sizes(scan.affine).max()),
        brain=brain,
        prepared=prepared,
        content=content,
        offsets_mm=white_matter_offsets_mm(
            t1w.get_fdata(dtype=np.float32),
            white_matter=priors.tissue.wm,
            brain=np.asarray(brain.dataobj) > 0,
            voxel_sizes_mm=voxel_sizes(t1w.affine),
        ),
        priors=priors,
        map=lesion_map,
        mask=lesions(
            lesion_map.probability,
            voxel_mm3=voxel,
            threshold=settings.threshold,
            min_lesion_mm3=smallest,
        ),
        volumes_ml=lesion_volumes_ml(
            lesion_map.probability, voxel_mm3=voxel, min_lesion_mm3=smallest
        ),
    )


def _explain(error: ValueError, *, content: FlairContent) -> str:
    """Say first what is wrong with the image, where the checks know it."""
    failed = (check for check in check_content(content) if check.state is Qc.FAIL)
    return "; ".join([*(f"{check.seen}: {check.advice}" for check in failed), str(error)])


def _check(findings: _Findings) -> tuple[Check, ...]:
    return (
        *check_alignment(findings.prepared.alignment),
        check_slices(findings.slice_mm),
        check_template_place(findings.offsets_mm),
        check_holes(findings.prepared.holes),
        *check_content(findings.content),
        *check_lesions(
            findings.mask,
            brain=np.asarray(findings.brain.dataobj) > 0,
            priors=findings.priors,
            affine=findings.grid.affine,
            volumes_ml=findings.volumes_ml,
        ),
        *([] if findings.given is None else [check_inside(findings.given.lesions)]),
    )


def _save(
    findings: _Findings, *, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer
) -> dict[str, Path]:
    """Save images and matrix; of lesions given as a mask there is no probability."""
    grid, stripped = findings.grid, anat.intracranial_mask is None
    both = (flair.path, anat.t1w, anat.brain_mask)
    saved = {
        "flair": out.image(
            findings.prepared.flair, File.FLAIR, sources=both, SkullStripped=stripped
        ),
        "flair_to_t1w": out.matrix(
            findings.prepared.matrix, File.FLAIR_TO_T1W, sources=(flair.path, anat.t1w)
        ),
    }
    images: dict[str, tuple[File, Mask | Volume | NDArray[np.uint8]]] = {
        "mask": (File.WMH_MASK, findings.mask)
    }
    if findings.volumes_ml is not None:
        images["probability"] = (File.WMH_PROBABILITY, findings.map.probability)
    if findings.given is not None:
        images["reading"] = (File.WMH_READING, findings.given.lesions.labels)
    sources, told = _tell_origin(findings, sources=(*both, anat.template_to_t1w))
    for name, (file, data) in images.items():
        cut = name == "mask" and findings.volumes_ml is not None
        limits = describe_limits(settings) if cut else {}
        saved[name] = out.image(on_grid_of(grid, data), file, sources=sources, **limits, **told)
    return saved


def _tell_origin(
    findings: _Findings, *, sources: tuple[Path, ...]
) -> tuple[tuple[Path, ...], dict[str, object]]:
    """Return sources and metadata of the lesion images: the model, what was given, or both."""
    given = findings.given
    model: dict[str, object] = {**describe_lesion_model(), "Templates": digests(LESIONS)}
    if given is None:
        return sources, model
    told: dict[str, object] = given.metadata if given.whole else {**model, **given.metadata}
    return (*sources, *given.paths), told


def _draw(findings: _Findings, *, settings: WmhSettings) -> tuple[Drawing, ...]:
    grid, probability = findings.grid, findings.map.probability
    curve = lesion_volumes_ml(
        probability,
        voxel_mm3=voxel_mm3(grid),
        min_lesion_mm3=settings.min_lesion_mm3,
        thresholds=CURVE,
    )
    return draw_wmh(
        findings.prepared.flair,
        t1w=grid,
        brain=findings.brain,
        probability=on_grid_of(grid, probability),
        mask=on_grid_of(grid, findings.mask),
        volumes_ml=None if findings.volumes_ml is None else curve,
        threshold=settings.threshold,
    )


def _of_whole_brain(
    numbers: dict[str, float | None], *, findings: _Findings
) -> dict[str, float | None]:
    """Give no number where FLAIR shows too little of the brain."""
    enough = findings.prepared.alignment.coverage >= LEAST_SHOWN
    return {name: value if enough else None for name, value in numbers.items()}


def _numbers(findings: _Findings) -> dict[str, float | None]:
    """Measure the lesions; what rests on a probability is None where a mask was given.

    There is no interval of what a reader has marked.
    """
    given = findings.given
    numbers = lesion_numbers(
        findings.mask,
        probability=findings.map.probability,
        volumes_ml=findings.volumes_ml,
        voxel_mm3=voxel_mm3(findings.grid),
        slice_mm=findings.slice_mm,
    )
    return numbers if given is None else numbers | dict.fromkeys(INTERVAL) | given.numbers

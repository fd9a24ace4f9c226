"""Tell grey matter, white matter and fluid apart and measure them."""

from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_contours, draw_labels
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.head.checks import check_edge
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of, voxel_mm3
from npsle_app.imaging.tissue import segmentation
from npsle_app.imaging.tissue.checks import check_contrast, check_lesions, check_volumes
from npsle_app.imaging.tissue.given import (
    check_inside,
    check_lesions_in_grey,
    complete_fluid,
    find_labelled_ventricles,
)
from npsle_app.imaging.tissue.segmentation import TissueMaps, TissuePriors, TissueVolumes
from npsle_app.imaging.tissue.ventricles import find_lateral_ventricles
from npsle_app.records import Check, Record, worst
from npsle_app.settings import TissueSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.filling import FillingOutputs
from npsle_app.stages.participant.given_maps import GivenTissue, read_given_tissue
from npsle_app.stages.participant.shared import (
    digests,
    figure_paths,
    inheriting,
    measured,
    save_drawings,
    ventricle_zone,
)
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.templates import Template

_USED = (Template.GM, Template.WM, Template.DEEP_GM)
_METHODS = (
    "Grey matter, white matter and cerebrospinal fluid were segmented on the {image} inside the "
    "intracranial mask by a Gaussian mixture with spatial priors (weight {prior:g}), partial "
    "volume and a Markov random field (weight {mrf:g}), deep grey matter being a class of its "
    "own and the brightness of tissue that of its surroundings (σ 15 mm). Outside the brain mask "
    "there is no tissue but in voxels at its rim that hold less than half. Lesions count as "
    "white matter. Volumes are sums of probabilities; total brain volume is grey plus white "
    "matter."
)
_CITATIONS = ("atropos", "mni152_2009a", "aal", "inglese2021", "malone2015")
_OF_MAPS = ("tbv_ml", "gm_ml", "wm_ml", "csf_ml")  # given maps alone: neither masks nor lesions
_METHODS_GIVEN = (
    "Grey matter, white matter and cerebrospinal fluid are those of another program, as they were "
    "given; volumes are sums of its shares or labels. Total intracranial volume is that of the "
    "app's own intracranial mask."
)
_GIVEN = (
    "In the place of the app's segmentation, and to the voxel, are taken: {given}. Volumes of "
    "grey and white matter, brain and fluid, and what rests on tissue, are theirs; TIV is the "
    "app's own. Compare only with people measured alike."
)
_NO_FLUID = (
    "What was given holds no fluid around the brain: csf_ml is not given, and where fluid is "
    "asked for, it is what grey and white matter leave of the intracranial space."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueOutputs:
    """Tissue maps and the lateral ventricles on the T1w grid."""

    labels: Path
    gm: Path
    wm: Path
    csf: Path
    ventricles: Path
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tissue:
    """Maps and their volumes; `given` is told where they are those of another program."""

    maps: TissueMaps
    volumes: TissueVolumes
    checks: tuple[Check, ...]
    methods: str
    choices: tuple[str, ...]
    given: GivenTissue | None = None


@inheriting(tiv_ml=("anat",))
def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs | None,
    filling: FillingOutputs | None,
    tissue_maps: Scan | None,
    settings: TissueSettings,
    out: Writer,
) -> TissueOutputs:
    """Segment the tissue, without FLAIR on the unfilled image; or take what was given."""
    source = filling.t1w if filling else anat.t1w
    t1w, field = (read_image(path) for path in (source, anat.template_to_t1w))
    mask = read_image(anat.intracranial_mask or anat.brain_mask)
    lesions = read_image(wmh.mask) if wmh else None
    tissue = (
        _segment(t1w, anat=anat, lesions=lesions, filled=filling is not None, settings=settings)
        if tissue_maps is None
        else _take_given(tissue_maps, anat=anat, lesions=lesions)
    )
    checks = (
        *tissue.checks,
        *check_contrast(segmentation.contrast(t1w, tissue.maps)),
        check_edge(mask),
    )
    saved = _save(tissue, [source, anat.template_to_t1w, *([wmh.mask] if wmh else [])], out=out)
    ventricles = _save_ventricles(
        tissue.maps.csf, field=field, source=saved["csf"], out=out, given=tissue.given
    )
    figures = save_drawings(_draw(t1w, maps=tissue.maps, mask=mask), out=out)
    record = Record(
        stage="tissue",
        methods=tissue.methods,
        citations=_CITATIONS if tissue.given is None else (),
        measures=measured(
            tissue.volumes.as_measures(),
            qc=worst([check.state for check in checks]),
            sources=tuple(saved.values()),
        ),
        checks=checks,
        figures=figures,
        choices=tissue.choices,
        given=(tissue.given.source.name,) if tissue.given else (),
        given_alone=_OF_MAPS if tissue.given else (),
    )
    return TissueOutputs(
        **saved, ventricles=ventricles, record=out.record(record), figures=figure_paths(figures)
    )


def _segment(
    t1w: nib.Nifti1Image,
    *,
    anat: AnatOutputs,
    lesions: nib.Nifti1Image | None,
    filled: bool,
    settings: TissueSettings,
) -> _Tissue:
    mask = read_image(anat.intracranial_mask or anat.brain_mask)
    maps = segmentation.segment(
        t1w,
        mask=mask,
        brain=read_image(anat.brain_mask),
        priors=_priors(t1w, field=read_image(anat.template_to_t1w)),
        prior_weight=settings.prior_weight,
        mrf_weight=settings.mrf_weight,
        iterations=settings.iterations,
    )
    maps = segmentation.count_lesions_as_white_matter(maps, lesions) if lesions else maps
    skull = mask if anat.intracranial_mask else None
    volumes = segmentation.measure(maps, intracranial=skull, lesions=lesions)
    return _Tissue(
        maps=maps,
        volumes=volumes,
        checks=(
            *_check_volumes(volumes),
            check_lesions(mapped=lesions is not None, filled=filled),
        ),
        methods=_METHODS.format(
            image="lesion-filled T1w image" if filled else "T1w image",
            prior=settings.prior_weight,
            mrf=settings.mrf_weight,
        ),
        choices=() if filled else ("No lesions were filled: the stages before left no map.",),
    )


def _take_given(
    tissue_maps: Scan, *, anat: AnatOutputs, lesions: nib.Nifti1Image | None
) -> _Tissue:
    """Take the tissues as they were given; the intracranial volume stays the app's own."""
    given = read_given_tissue(tissue_maps, t1w=anat.t1w)
    skull = read_image(anat.intracranial_mask) if anat.intracranial_mask else None
    brain = read_image(anat.brain_mask)
    maps = complete_fluid(given.gm, given.wm, csf=given.csf, space=skull or brain)
    try:
        inside = check_inside(maps, brain=brain)
    except ValueError as error:
        msg = f"{given.source.paths[0].name}: {error}"
        raise ValueError(msg) from error
    volumes = segmentation.measure(maps, intracranial=skull, lesions=lesions)
    csf_ml = None if given.csf is None else segmentation.volume_ml(maps.csf)
    volumes = replace(volumes, csf_ml=csf_ml)
    return _Tissue(
        maps=maps,
        volumes=volumes,
        checks=(
            *_check_volumes(volumes),
            inside,
            check_lesions_in_grey(maps, lesions=lesions),
        ),
        methods=_METHODS_GIVEN,
        choices=(
            _GIVEN.format(given=given.source.tell()),
            *([] if given.csf is not None else [_NO_FLUID]),
        ),
        given=given,
    )


def _check_volumes(volumes: TissueVolumes) -> tuple[Check, ...]:
    return check_volumes(
        gm_ml=volumes.gm_ml, wm_ml=volumes.wm_ml, csf_ml=volumes.csf_ml, tiv_ml=volumes.tiv_ml
    )


def _priors(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> TissuePriors:
    gm, wm, deep = (
        warp(fraction(templates.load(name)), reference=grid, field=field) for name in _USED
    )
    return TissuePriors(gm=gm, wm=wm, deep_gm=deep)


def _save(tissue: _Tissue, sources: list[Path], *, out: Writer) -> dict[str, Path]:
    maps, given = tissue.maps, tissue.given
    used: dict[str, object] = {"Templates": digests(_USED)}
    if given is not None:
        # named after the T1w image, which comes first, as what is segmented here is
        sources, used = [sources[0], *given.source.paths], given.source.metadata
    return {
        name: out.image(image, file, sources=sources, **used)
        for name, image, file in (
            ("labels", maps.labels, File.TISSUE_LABELS),
            ("gm", maps.gm, File.GM),
            ("wm", maps.wm, File.WM),
            ("csf", maps.csf, File.CSF),
        )
    }


def _save_ventricles(
    csf: nib.Nifti1Image,
    *,
    field: nib.Nifti1Image,
    source: Path,
    out: Writer,
    given: GivenTissue | None = None,
) -> Path:
    """Save the lateral ventricles: those of given labels, else fluid where they may lie."""
    mask = find_labelled_ventricles(given.regions) if given and given.regions else None
    told: dict[str, object] = {"Templates": digests((Template.LATERAL_VENTRICLE_ZONE,))}
    if given is not None and mask is not None:
        told = given.source.metadata
    else:
        mask = find_lateral_ventricles(
            csf.get_fdata(dtype=np.float32),
            zone=ventricle_zone(csf, field=field),
            voxel_mm3=voxel_mm3(csf),
        )
    return out.image(on_grid_of(csf, mask), File.LATERAL_VENTRICLES, sources=(source,), **told)


def _draw(t1w: nib.Nifti1Image, *, maps: TissueMaps, mask: nib.Nifti1Image) -> tuple[Drawing, ...]:
    labels = maps.labels
    classes = {
        name: segmentation.only(labels, index) for index, name in segmentation.LABELS.items()
    }
    return (
        Drawing(
            title="Tissue classes on T1w",
            picture=Picture(
                "seg-tissue_T1w", draw_labels(t1w, labels=labels, names=segmentation.LABELS)
            ),
            caption="Good: cortex and deep nuclei are grey matter, ventricles and sulci fluid. "
            "Bad: thalamus or lesions in the wrong class, dura or skull as grey matter.",
        ),
        Drawing(
            title="Edges of grey and white matter",
            picture=Picture(
                "desc-edges_T1w",
                draw_contours(t1w, masks={k: classes[k] for k in ("GM", "WM")}, focus=mask),
            ),
            caption="Good: the lines run along the edges that the eye sees. "
            "Bad: they cut through gyri, or white matter swallows the cortex.",
        ),
    )

"""What the stages of a participant share: template maps, the lesion model, and their last steps."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.arrays import Volume
from npsle_app.bids.output.reader import read_image, read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.space.registration import places_in, warp
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.tissue.ventricles import check_ventricles
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.model import LesionModel
from npsle_app.imaging.wmh.volume_error import VolumeError, parse_errors
from npsle_app.records import Check, FigureRecord, Measure, Qc, Record, worst
from npsle_app.resources import read_table
from npsle_app.templates import Template

TISSUE = (Template.GM, Template.WM)
LESIONS = (
    *TISSUE,
    Template.WMH_PRIOR,
    Template.VENTRICLES,
    Template.FLAIR_NORMAL,
    Template.FLAIR_SPREAD,
)
_LESION_MODEL = files("npsle_app") / "data" / "wmh_model.onnx"
_LESION_MODEL_OF_FLAIR = files("npsle_app") / "data" / "wmh_flair_model.onnx"


def tissue_priors(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> TissuePriors:
    """Bring grey and white matter over; `field` goes from the T1w image to the template."""
    gm, wm = (_warped(template, grid=grid, field=field) for template in TISSUE)
    return TissuePriors(gm=gm, wm=wm)


def lesion_priors(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> LesionPriors:
    """Bring over all that the lesion model needs."""
    return LesionPriors(
        tissue=tissue_priors(grid, field=field),
        lesion=_warped(Template.WMH_PRIOR, grid=grid, field=field),
        ventricles=_warped(Template.VENTRICLES, grid=grid, field=field),
        normal=_thousandths(Template.FLAIR_NORMAL, grid=grid, field=field),
        spread=_thousandths(Template.FLAIR_SPREAD, grid=grid, field=field),
        template_mm=places_in(templates.load(Template.BRAIN), reference=grid, field=field),
    )


def _thousandths(template: Template, *, grid: nib.Nifti1Image, field: nib.Nifti1Image) -> Volume:
    image = templates.load(template)
    values = on_grid_of(image, image.get_fdata(dtype=np.float32) / 1000)
    found: Volume = warp(values, reference=grid, field=field).get_fdata(dtype=np.float32)
    return found


def ventricle_zone(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> Volume:
    """Bring over where lateral ventricles may lie, as `find_lateral_ventricles` takes it."""
    template = fraction(templates.load(Template.LATERAL_VENTRICLE_ZONE))
    zone: Volume = warp(template, reference=grid, field=field, order=0).get_fdata(dtype=np.float32)
    return zone


def read_ventricles(mask: Path, *, field: Path) -> tuple[nib.Nifti1Image, Check]:
    """Open the lateral ventricles that `tissue` found, and judge them for what builds on them.

    `field` goes from the T1w image to the template, as it did when they were sought.
    """
    image = read_image(mask)
    zone = ventricle_zone(image, field=read_image(field))
    check = check_ventricles(np.asarray(image.dataobj) > 0, zone=zone, affine=image.affine)
    return image, check


def digests(used: Iterable[Template]) -> dict[str, str]:
    """Return the SHA-256 of each template, for the sidecars."""
    return {template.name: templates.digest(template) for template in used}


def read_lesion_model(*, with_t1w: bool = True) -> LesionModel:
    """Open the trained model that comes with the package: of FLAIR and T1w, or of FLAIR alone."""
    return LesionModel(_lesion_model(with_t1w=with_t1w).read_bytes())


def describe_lesion_model(*, with_t1w: bool = True) -> dict[str, str]:
    """Return name and hash of the model, for the sidecars."""
    return {
        "Model": read_lesion_model(with_t1w=with_t1w).name,
        "ModelSha256": hashlib.sha256(_lesion_model(with_t1w=with_t1w).read_bytes()).hexdigest(),
    }


def read_volume_errors() -> tuple[VolumeError, ...]:
    """Return how far from the truth lesion volumes were on people left out."""
    return parse_errors(read_table("wmh_error.tsv"))


def _lesion_model(*, with_t1w: bool) -> Traversable:
    return _LESION_MODEL if with_t1w else _LESION_MODEL_OF_FLAIR


def upstream_qc(*records: Path, out: Writer) -> Qc:
    """Return the worst state of all checks that these stages, and all before them, have made."""
    read = (read_record(path, root=out.root, datasets=out.datasets) for path in records)
    return worst([record.state for record in read])


class Recorded(Protocol):
    """What every stage leaves: a record, among other files."""

    @property
    def record(self) -> Path:
        """Where the record lies."""


_Outputs = TypeVar("_Outputs", bound=Recorded)


def inheriting(
    **rests_on: tuple[str, ...],
) -> Callable[[Callable[..., _Outputs]], Callable[..., _Outputs]]:
    """Let each measure of a stage inherit the worst check of all that the stage was handed.

    What a stage is handed by others has a record, which tells the worst of its own checks and
    of all before it.

    Parameters
    ----------
    rests_on
        For single measures, the arguments that they rest on alone, and on nothing that others
        made.
    """

    def decorate(run: Callable[..., _Outputs]) -> Callable[..., _Outputs]:
        @wraps(run)
        def inherit(**handed: Any) -> _Outputs:
            outputs, out = run(**handed), handed["out"]
            before = {
                name: read_record(one.record, root=out.root, datasets=out.datasets)
                for name, one in handed.items()
                if hasattr(one, "record") and name != "out"
            }
            record = read_record(outputs.record, root=out.root, datasets=out.datasets)
            out.record(_hand_on(record, before=before, rests_on=rests_on))
            return outputs

        inherit.rests_on = rests_on  # type: ignore[attr-defined] # for the test of the plan
        return inherit

    return decorate


def _hand_on(
    record: Record, *, before: Mapping[str, Record], rests_on: Mapping[str, tuple[str, ...]]
) -> Record:
    def raised(measure: Measure) -> Measure:
        if measure.qc is Qc.NOT_ASSESSABLE:
            return measure
        names = rests_on.get(measure.name, tuple(before))
        states = [before[name].state for name in names if name in before]
        return replace(measure, qc=worst([measure.qc, *states]))

    readers = {record.read_by, *(one.read_by for one in before.values())} - {""}
    return replace(
        record,
        measures=tuple(map(raised, record.measures)),
        inherited=worst([one.state for one in before.values()]),
        read_by="; ".join(sorted(readers)),
        not_read=tuple(
            name
            for name, names in rests_on.items()
            if readers and not any(before[one].read_by for one in names if one in before)
        ),
        given_before=tuple(sorted({it for one in before.values() for it in one.all_given})),
        not_given=tuple(rests_on),
    )


def measured(
    numbers: Mapping[str, float | None],
    *,
    qc: Qc,
    sources: tuple[Path, ...],
    exceptions: Mapping[str, Qc] | None = None,
) -> tuple[Measure, ...]:
    """Make measures of numbers by their names; what is None is not assessable.

    `qc` is the state of all numbers but those in `exceptions`.
    """
    states = exceptions or {}
    return tuple(
        Measure(
            name=name,
            value=value,
            qc=Qc.NOT_ASSESSABLE if value is None else states.get(name, qc),
            sources=sources,
        )
        for name, value in numbers.items()
    )


def save_drawings(drawings: Iterable[Drawing], *, out: Writer) -> tuple[FigureRecord, ...]:
    """Save the pictures; drawn and saved one by one, so that few are held at a time."""
    return tuple(
        FigureRecord(
            title=drawing.title,
            path=_save_picture(drawing.picture, out=out),
            caption=drawing.caption,
            after=None if drawing.after is None else _save_picture(drawing.after, out=out),
        )
        for drawing in drawings
    )


def figure_paths(figures: Iterable[FigureRecord]) -> tuple[Path, ...]:
    """Return the files of all pictures, those that alternate side by side."""
    return tuple(path for figure in figures for path in (figure.path, figure.after) if path)


def _save_picture(picture: Picture, *, out: Writer) -> Path:
    return out.figure(picture.figure, picture.name)


def _warped(template: Template, *, grid: nib.Nifti1Image, field: nib.Nifti1Image) -> Volume:
    image = warp(templates.load(template), reference=grid, field=field)
    return image.get_fdata(dtype=np.float32) / np.float32(255)

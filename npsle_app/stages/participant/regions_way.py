"""The way from the template to a T1w image: direct, or through the session before.

Two registrations of one head to the template differ by more than most brains change in a year.
Where there is a session before, its regions are therefore carried over.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib

from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_pair
from npsle_app.imaging.space.displacement import compose_fields, median_displacement_mm
from npsle_app.imaging.space.registration import register_later_scan, warp
from npsle_app.imaging.tissue.checks import check_followed
from npsle_app.records import Check, FigureRecord
from npsle_app.stages.participant.anat import AnatOutputs

if TYPE_CHECKING:
    from npsle_app.stages.participant.regions import RegionsOutputs

_METHODS = (
    " Regions of the session before were carried over by a rigid and a stiff nonlinear "
    "registration of the T1w images (SyN), so that volumes of the sessions differ by the head "
    "and not by two registrations to the template."
)
_CHOICE = "Regions were carried over from the session before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The field to measure with, and what to say of it; `path` is None for the direct way."""

    field: nib.Nifti1Image
    path: Path | None = None
    checks: tuple[Check, ...] = ()
    figures: tuple[FigureRecord, ...] = ()
    methods: str = ""
    choices: tuple[str, ...] = ()


def find_way(
    anat: AnatOutputs,
    *,
    before: AnatOutputs | None,
    regions: "RegionsOutputs | None",
    seed: int,
    out: Writer,
) -> Way:
    """Go through the session before where it left what is needed, else directly."""
    direct = read_image(anat.template_to_t1w)
    if before is None or regions is None:
        return Way(field=direct)
    t1w, brain, earlier = (read_image(p) for p in (anat.t1w, anat.brain_mask, before.t1w))
    last = regions.field or before.template_to_t1w
    between = register_later_scan(t1w, earlier=earlier, brain=brain, seed=seed)
    field = compose_fields(between, second=read_image(last))
    path = out.image(field, File.TEMPLATE_TO_LATER_T1W, sources=(anat.t1w, before.t1w, last))
    return Way(
        field=field,
        path=path,
        checks=(check_followed(median_displacement_mm(field, direct, inside=brain)),),
        figures=(_draw(t1w, earlier=earlier, between=between, brain=brain, out=out),),
        methods=_METHODS,
        choices=(_CHOICE,),
    )


def _draw(
    t1w: nib.Nifti1Image,
    *,
    earlier: nib.Nifti1Image,
    between: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    out: Writer,
) -> FigureRecord:
    moved = warp(earlier, reference=t1w, field=between)
    one, other = (
        out.figure(figure, f"regions-{name}")
        for name, figure in zip(("now", "before"), draw_pair(t1w, moved, focus=brain), strict=True)
    )
    return FigureRecord(
        title="This session and the one before, brought to it",
        path=one,
        after=other,
        caption="Good: nothing moves but what changed. Bad: the whole brain or single gyri jump.",
    )

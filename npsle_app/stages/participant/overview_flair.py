"""Draw what the page shows first of a session with FLAIR and no T1w image."""

from collections.abc import Iterator

import nibabel as nib

from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.sprites import SpriteGrid, grey_sprite, sprite_grid
from npsle_app.figures.stages.overview import draw_lesion_slice
from npsle_app.records import Record
from npsle_app.settings import OverviewSettings
from npsle_app.stages.participant.anat_flair import AnatFlairOutputs
from npsle_app.stages.participant.overview import (
    LESIONS,
    Layer,
    OverviewOutputs,
    label_layer,
    save_viewer,
)
from npsle_app.stages.participant.shared import figure_paths, inheriting, save_drawings
from npsle_app.stages.participant.wmh_flair import WmhFlairOutputs


@inheriting()
def run(
    *,
    anat_flair: AnatFlairOutputs,
    wmh_flair: WmhFlairOutputs | None,
    settings: OverviewSettings,
    out: Writer,
) -> OverviewOutputs:
    """Draw the card of the lesions, and a viewer of FLAIR with them."""
    flair, brain = read_image(anat_flair.flair), read_image(anat_flair.brain_mask)
    mask = read_image(wmh_flair.mask) if wmh_flair else None
    drawn = [draw_lesion_slice(flair, mask=mask, brain=brain)] if mask else []
    figures = save_drawings(drawn, out=out)
    grid = sprite_grid(flair, brain=brain, voxel_mm=settings.viewer_voxel_mm)
    layers = _draw_layers(flair, grid=grid, brain=brain, mask=mask)
    viewer, paths = save_viewer(layers, grid=grid, out=out)
    record = Record(stage="overview_flair", methods="", citations=(), figures=figures)
    return OverviewOutputs(
        viewer=viewer, layers=paths, record=out.record(record), figures=figure_paths(figures)
    )


def _draw_layers(
    flair: nib.Nifti1Image,
    *,
    grid: SpriteGrid,
    brain: nib.Nifti1Image,
    mask: nib.Nifti1Image | None,
) -> Iterator[Layer]:
    yield Layer(title="FLAIR", name="flair", picture=grey_sprite(flair, grid=grid, brain=brain))
    if mask:
        yield label_layer("Lesions", "lesions", grid.sample(mask, order=0), LESIONS)

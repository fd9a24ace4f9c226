"""Draw what the page shows first: a slice for each marker, and the layers of its viewer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL.Image import Image

from npsle_app.arrays import Volume
from npsle_app.bids.output.reader import read_image, read_matrix
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.sprites import (
    SpriteGrid,
    canonical_image,
    grey_sprite,
    label_sprite,
    sprite_grid,
)
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.overview import (
    draw_fibre_slice,
    draw_lesion_slice,
    draw_tissue_slice,
)
from npsle_app.measures.names_of_regions import label_rows
from npsle_app.records import Record
from npsle_app.settings import OverviewSettings
from npsle_app.stages.participant.alps import AlpsOutputs
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.dwi import DwiOutputs
from npsle_app.stages.participant.regions import RegionsOutputs
from npsle_app.stages.participant.shared import figure_paths, inheriting, save_drawings
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.vessel_wall import VesselWallOutputs
from npsle_app.stages.participant.wmh import WmhOutputs

VIEWER = "viewer"  # the name of the notes, and what the names of its pictures begin with
_TISSUES = {1: "#ff5252", 2: "#40c4ff", 3: "#ffd740"}
LESIONS = {1: "#ff3b6b"}
_SPHERES = dict.fromkeys(range(1, 5), "#7cf5a5")
_ARTERIES = {1: "#ff9100"}
_LEAST_SHARE = 0.3  # of a cube, to be marked as artery


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewOutputs:
    """Pictures for the cards, and the viewer's layers with notes of how they lie."""

    viewer: Path
    layers: tuple[Path, ...]
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What there is of a session besides the T1w image."""

    anat: AnatOutputs
    wmh: WmhOutputs | None
    tissue: TissueOutputs | None
    regions: RegionsOutputs | None
    dwi: DwiOutputs | None
    alps: AlpsOutputs | None
    vessel_wall: VesselWallOutputs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the viewer: its name in words, in that of its file, and its picture."""

    title: str
    name: str
    picture: Image


@inheriting()
def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs | None,
    tissue: TissueOutputs | None,
    regions: RegionsOutputs | None,
    dwi: DwiOutputs | None,
    alps: AlpsOutputs | None,
    vessel_wall: VesselWallOutputs | None,
    settings: OverviewSettings,
    out: Writer,
) -> OverviewOutputs:
    """Draw cards and viewer of what there is."""
    inputs = _Inputs(
        anat=anat,
        wmh=wmh,
        tissue=tissue,
        regions=regions,
        dwi=dwi,
        alps=alps,
        vessel_wall=vessel_wall,
    )
    t1w, brain = read_image(anat.t1w), read_image(anat.brain_mask)
    figures = save_drawings(_draw_cards(inputs, t1w=t1w, brain=brain), out=out)
    grid = sprite_grid(t1w, brain=brain, voxel_mm=settings.viewer_voxel_mm)
    layers = _draw_layers(inputs, grid=grid, t1w=t1w, brain=brain)
    viewer, paths = save_viewer(layers, grid=grid, out=out)
    return OverviewOutputs(
        viewer=viewer,
        layers=paths,
        record=out.record(Record(stage="overview", methods="", citations=(), figures=figures)),
        figures=figure_paths(figures),
    )


def save_viewer(
    layers: Iterable[Layer], *, grid: SpriteGrid, out: Writer
) -> tuple[Path, tuple[Path, ...]]:
    """Write the pictures of the layers, and the notes of how they lie, which come back first."""
    paths, told = [], []
    for layer in layers:
        path = out.picture(layer.picture, f"{VIEWER}-{layer.name}")
        paths.append(path)
        told.append({"title": layer.title, "name": layer.name, "file": path.name})
    notes = {
        "shape": list(grid.shape),
        "affine": np.round(grid.affine, 4).tolist(),
        "layers": told,
    }
    return out.notes(notes, VIEWER), tuple(paths)


def _draw_cards(
    inputs: _Inputs, *, t1w: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Iterator[Drawing]:
    if inputs.wmh:
        flair = read_image(inputs.wmh.flair) if inputs.wmh.flair else t1w
        yield draw_lesion_slice(flair, mask=read_image(inputs.wmh.mask), brain=brain)
    if inputs.tissue:
        yield draw_tissue_slice(t1w, tissues=read_image(inputs.tissue.labels), brain=brain)
    if inputs.dwi and inputs.alps:
        colour_fa = read_image(inputs.dwi.colour_fa)
        yield draw_fibre_slice(colour_fa, regions=read_image(inputs.alps.regions))


def _draw_layers(
    inputs: _Inputs, *, grid: SpriteGrid, t1w: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Iterator[Layer]:
    yield Layer(title="T1w", name="t1w", picture=grey_sprite(t1w, grid=grid, brain=brain))
    if inputs.wmh and inputs.wmh.flair:
        flair = grey_sprite(read_image(inputs.wmh.flair), grid=grid, brain=brain)
        yield Layer(title="FLAIR", name="flair", picture=flair)
    if inputs.wmh:
        lesions = grid.sample(read_image(inputs.wmh.mask), order=0)
        yield label_layer("Lesions", "lesions", lesions, LESIONS)
    if inputs.tissue:
        tissues = grid.sample(read_image(inputs.tissue.labels), order=0)
        yield label_layer("Tissues", "tissues", tissues, _TISSUES)
    if inputs.regions:
        colours = {index: colour for index, _, _, colour in label_rows()}
        regions = grid.sample(read_image(inputs.regions.labels), order=0)
        yield label_layer("Regions", "regions", regions, colours)
    if inputs.alps and inputs.dwi and inputs.dwi.dwi_to_t1w:
        spheres = _on_t1w(inputs.alps.regions, transform=inputs.dwi.dwi_to_t1w)
        yield label_layer("ALPS spheres", "alps", grid.sample(spheres, order=0), _SPHERES)
    vessels = inputs.vessel_wall
    if vessels and vessels.masks and vessels.vwi_to_t1w:
        arteries = _sample_arteries(vessels.masks, transform=vessels.vwi_to_t1w, grid=grid)
        yield label_layer("Arteries", "vessels", arteries, _ARTERIES)


def label_layer(title: str, name: str, labels: Volume, colours: dict[int, str]) -> Layer:
    """Draw labels on the grid of the viewer as a layer."""
    return Layer(title=title, name=name, picture=label_sprite(labels, colours=colours))


def _on_t1w(path: Path, *, transform: Path) -> nib.Nifti1Image:
    """Open labels of another scan as they lie in the space of T1w; they are not resampled."""
    image = canonical_image(read_image(path))
    to_scan = read_matrix(transform)
    return nib.Nifti1Image(np.asarray(image.dataobj), np.linalg.inv(to_scan) @ image.affine)


def _sample_arteries(masks: Sequence[Path], *, transform: Path, grid: SpriteGrid) -> Volume:
    """Mark what any mask of an artery reaches, all on one grid of their own.

    The share of a cube decides, for a wall is thinner than that.
    """
    first = _on_t1w(masks[0], transform=transform)
    joined = np.zeros(first.shape, dtype=bool)
    for path in masks:
        joined |= np.asarray(canonical_image(read_image(path)).dataobj) > 0
    shares = grid.sample(nib.Nifti1Image(joined.astype(np.float32), first.affine), order=1)
    marked: Volume = (shares > _LEAST_SHARE).astype(np.float32)
    return marked

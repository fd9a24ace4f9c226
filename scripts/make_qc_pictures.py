"""Write the pictures of docs/qc.md: a synthetic head, good and spoilt, drawn by the app's figures.

usage: python scripts/make_qc_pictures.py WORK   (a folder for the study; what is there is kept)

The head is that of `npsle_phantom --participants 1 --voxel-mm 2 --no-vessel-wall`, measured with
--sloppy. Its measured images are then spoilt and drawn again: the pictures show what a fault
looks like, not what the app would measure of it.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import nibabel as nib
import numpy as np
from PIL import Image

from npsle_app.arrays import Volume
from npsle_app.figures.brain.diffusion import draw_colour_fa
from npsle_app.figures.brain.slices import draw_contours, draw_lesions
from npsle_app.phantom.study import Study, write_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES = Path(__file__).parents[1] / "docs" / "images"
STUDY = Study(participants=1, voxel_mm=2.0, vessel_wall=False)
GHOST, GHOST_SHARE = 0.22, 0.45  # shift as a part of the field of view; strength of the copies
KEPT = 0.62  # of the height of the head, where FLAIR is cut
WIDTH, QUALITY = 900, 80  # of the pictures, which must stay below 200 KB
HEAD, LESIONS, COLOURS = (0.29, 0.78), (0.182, 0.507), (0.29, 0.56)  # rows that show most
Rows = tuple[float, float]


class Drawn(NamedTuple):
    """A figure, and which part of its height is shown."""

    figure: "Figure"
    rows: Rows


def spoilt(image: nib.Nifti1Image, values: Volume) -> nib.Nifti1Image:
    """Return an image with other values on its grid."""
    return nib.Nifti1Image(values.astype(np.float32), image.affine)


def with_ghosts(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Add shifted copies along the second axis, as of a head that moved."""
    values = image.get_fdata()
    shift = round(GHOST * values.shape[1])
    copies = np.roll(values, shift, 1) + np.roll(values, -shift, 1)
    return spoilt(image, values + GHOST_SHARE * copies / 2)


def without_vertex(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Show nothing above a slice, as of a field of view that was set too low."""
    values = image.get_fdata()
    values[:, :, round(KEPT * values.shape[2]) :] = 0
    return spoilt(image, values)


def with_exchanged_axes(colours: nib.Nifti1Image) -> nib.Nifti1Image:
    """Exchange y and z of the directions, as of gradients that were converted wrongly."""
    return spoilt(colours, colours.get_fdata()[..., [0, 2, 1]])


def draw_all(images: Mapping[str, nib.Nifti1Image]) -> Iterator[tuple[str, Drawn]]:
    """Draw each picture of the guide, by its name."""
    t1w, brain = images["anat/*_desc-preproc_T1w"], images["anat/*_desc-brain_mask"]
    skull = images["anat/*_desc-intracranial_mask"]
    both = {"brain": brain, "intracranial space": skull}
    yield "masks-good", Drawn(draw_contours(t1w, masks=both), HEAD)
    inside = spoilt(t1w, t1w.get_fdata() * (brain.get_fdata() > 0.5))
    yield "masks-stripped", Drawn(draw_contours(inside, masks={"brain": brain}), HEAD)
    flair = images["anat/*_space-T1w_desc-preproc_FLAIR"]
    found = {
        "probability": images["anat/*_label-L_desc-wmh_probseg"],
        "mask": images["anat/*_label-L_desc-wmh_mask"],
        "brain": brain,
    }
    yield "lesions-good", Drawn(draw_lesions(flair, **found), LESIONS)
    yield "lesions-ghosts", Drawn(draw_lesions(with_ghosts(flair), **found), LESIONS)
    yield "lesions-cut", Drawn(draw_lesions(without_vertex(flair), **found), LESIONS)
    fa, colours = images["dwi/*_FA"], images["dwi/*_colFA"]
    seen = images["dwi/*_desc-brain_mask"]
    good = draw_colour_fa(fa, directions=colours, brain=seen)
    bad = draw_colour_fa(fa, directions=with_exchanged_axes(colours), brain=seen)
    yield "colours-good", Drawn(good, COLOURS)
    yield "colours-exchanged", Drawn(bad, COLOURS)


NEEDED = (
    "anat/*_desc-preproc_T1w",
    "anat/*_desc-brain_mask",
    "anat/*_desc-intracranial_mask",
    "anat/*_space-T1w_desc-preproc_FLAIR",
    "anat/*_label-L_desc-wmh_probseg",
    "anat/*_label-L_desc-wmh_mask",
    "dwi/*_FA",
    "dwi/*_colFA",
    "dwi/*_desc-brain_mask",
)


def read_images(person: Path) -> dict[str, nib.Nifti1Image]:
    """Read what the pictures are made of; of names that end alike, the shortest."""
    return {
        name: nib.load(min(person.glob(f"{name}.nii.gz"), key=lambda path: len(path.name)))
        for name in NEEDED
    }


def write_picture(name: str, drawn: Drawn) -> None:
    """Cut rows out of a figure and write them small."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        drawn.figure.savefig(path, dpi=100, facecolor="black")
        with Image.open(path) as image:
            write_part(image, rows=drawn.rows, name=name)


def write_part(image: Image.Image, *, rows: Rows, name: str) -> None:
    """Cut rows out of an image and write them small."""
    top, bottom = (round(share * image.height) for share in rows)
    part = image.convert("RGB").crop((0, top, image.width, bottom))
    height = round(part.height * WIDTH / part.width)
    small = part.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.save(IMAGES / f"qc-{name}.webp", quality=QUALITY, method=6)


def main(work: Path) -> int:
    """Make and measure the head where that is not done, and write the pictures."""
    bids, out = work / "bids", work / "out"
    if not bids.is_dir():
        write_study(work / "part", study=STUDY)
        (work / "part").rename(bids)
    if not (out / "sub-01.html").is_file():
        app = [sys.executable, "-m", "npsle_app", str(bids), str(out), "participant", "--sloppy"]
        subprocess.run(app, check=True)  # noqa: S603 - our own program
    for name, drawn in draw_all(read_images(out / "sub-01")):
        write_picture(name, drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""Write pictures and tables of docs/qc.md: a synthetic head, good and spoilt, as the app sees it.

usage: python scripts/make_qc_pictures.py WORK   (a folder for the studies; what is there is kept)

The head is that of `npsle_phantom --participants 1 --voxel-mm 2`, measured with --sloppy. Each
fault is made in a copy of the study beside a copy of its results, so that only what the fault
touches is measured again. The pictures are parts of the app's own figures, the tables its checks.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from PIL import Image
from scipy import ndimage

from npsle_app.arrays import Floats
from npsle_app.phantom.study import Study, write_study

DOCS = Path(__file__).parents[1] / "docs"
PLACE = "<!-- {} {}: begin -->\n", "<!-- {} {}: end -->"
STUDY = Study(participants=1, voxel_mm=2.0, vessel_wall=False)
GOOD = "good"
GHOST, GHOST_SHARE = 0.22, 0.45  # shift as a part of the field of view; strength of the copy
WIDTH, QUALITY = 700, 80  # pixels and quality of the pictures, which must stay below 200 KB


class Picture(NamedTuple):
    """Which figure of which study is shown, and the rows of slices that are kept, from the top."""

    name: str
    study: str
    figure: str
    top: float
    bottom: float


MASKS, LESIONS = (0.29, 0.78), (0.163, 0.458)  # the rows of slices that show most
PICTURES = (
    Picture("masks-good", GOOD, "desc-masks_T1w", *MASKS),
    Picture("masks-stripped", "stripped", "desc-masks_T1w", *MASKS),
    Picture("lesions-good", GOOD, "wmh-lesions", *LESIONS),
    Picture("lesions-ghosts", "ghosts", "wmh-lesions", *LESIONS),
    Picture("lesions-cut", "cut", "wmh-lesions", 0.31, 0.458),
    Picture("directions-good", GOOD, "alps-directions", 0, 1),
    Picture("directions-exchanged", "gradients", "alps-directions", 0, 1),
    Picture("colour-good", GOOD, "dwi-colour-fa", 0.29, 0.56),
    Picture("colour-exchanged", "gradients", "dwi-colour-fa", 0.29, 0.56),
)
# Of which study the checks of which stage are told, where they did not pass.
SAID = (("gradients", "dwi"), ("gradients", "alps"), ("cut", "wmh"), ("ghosts", "wmh"),
        ("stripped", "anat"))  # fmt: skip


def cut_flair(bids: Path) -> None:
    """Take the uppermost third away, as of a field of view that was set too low."""
    spoil(scan(bids, "FLAIR"), lambda values: values[:, :, : 2 * values.shape[2] // 3])


def ghost_flair(bids: Path) -> None:
    """Add shifted copies along the second axis, as of a head that moved."""

    def ghosted(values: Floats) -> Floats:
        shift = round(GHOST * values.shape[1])
        copies = np.roll(values, shift, 1) + np.roll(values, -shift, 1)
        return values + GHOST_SHARE * copies / 2

    spoil(scan(bids, "FLAIR"), ghosted)


def strip_t1w(bids: Path) -> None:
    """Keep of T1w what the truth calls brain, as another program's brain extraction does."""
    truth = bids / "sourcedata" / "sub-01"
    tissue = sum(nib.load(truth / f"sub-01_{name}.nii.gz").get_fdata() for name in ("gm", "wm"))
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(tissue > 0.5, iterations=3))
    spoil(scan(bids, "T1w"), lambda values: values * brain)


def exchange_gradients(bids: Path) -> None:
    """Exchange y and z of the gradients, as a wrong conversion does."""
    for path in (bids / "sub-01" / "dwi").glob("*.bvec"):
        x, y, z = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join((x, z, y)) + "\n", encoding="utf-8")


FAULTS: dict[str, Callable[[Path], None]] = {
    "gradients": exchange_gradients,
    "cut": cut_flair,
    "ghosts": ghost_flair,
    "stripped": strip_t1w,
}


def spoil(path: Path, change: Callable[[Floats], Floats]) -> None:
    """Write an image anew with changed values."""
    image = nib.load(path)
    values = change(image.get_fdata()).astype(np.float32)
    nib.save(nib.Nifti1Image(values, image.affine), path)


def scan(bids: Path, suffix: str) -> Path:
    """Return the path of an image of the head."""
    return bids / "sub-01" / "anat" / f"sub-01_{suffix}.nii.gz"


def measure(study: Path) -> None:
    """Run the app, which computes what is not there; a stage that fails is what some are for."""
    places = [str(study / "bids"), str(study / "out")]
    app = [sys.executable, "-m", "npsle_app", *places, "participant", "--sloppy"]
    subprocess.run(app, check=False)  # noqa: S603 - our own program


def make_studies(work: Path) -> None:
    """Write and measure the good head, then each spoilt copy of it."""
    good = work / GOOD
    if not good.is_dir():
        write_study(work / "part" / "bids", study=STUDY)
        (work / "part").rename(good)
    measure(good)
    for name, fault in FAULTS.items():
        if not (work / name).is_dir():
            shutil.copytree(good, work / "part")
            fault(work / "part" / "bids")
            (work / "part").rename(work / name)
        measure(work / name)


def write_picture(picture: Picture, *, work: Path) -> None:
    """Cut a part out of a figure and write it small."""
    figures = work / picture.study / "out" / "sub-01" / "figures"
    with Image.open(figures / f"sub-01_{picture.figure}.webp") as image:
        wide, high = image.size
        part = image.convert("RGB").crop(
            (0, round(picture.top * high), wide, round(picture.bottom * high))
        )
    small = part.resize((WIDTH, round(part.height * WIDTH / part.width)), Image.Resampling.LANCZOS)
    small.save(DOCS / "images" / f"qc-{picture.name}.webp", quality=QUALITY, method=6)


def table_of_checks(study: str, stage: str, *, work: Path) -> str:
    """Return a Markdown table of the checks of a stage that did not pass."""
    record = work / study / "out" / "sub-01" / "log" / f"sub-01_stage-{stage}.json"
    lines = ["| state | check | seen | expected | what to do |", "|---|---|---|---|---|"]
    for check in json.loads(record.read_text(encoding="utf-8"))["checks"]:
        if check["state"] != "pass":
            cells = (check[key] for key in ("state", "name", "seen", "expected", "advice"))
            lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def write_tables(work: Path) -> None:
    """Write what was said between the marks of the document."""
    path = DOCS / "qc.md"
    text = path.read_text(encoding="utf-8")
    for study, stage in SAID:
        begin, end = (mark.format(study, stage) for mark in PLACE)
        before, _, rest = text.partition(begin)
        _, there, after = rest.partition(end)
        if not there:
            msg = f"{path} has no place {begin.strip()}"
            raise ValueError(msg)
        text = before + begin + table_of_checks(study, stage, work=work) + end + after
    path.write_text(text, encoding="utf-8")


def main(work: Path) -> int:
    """Make what is missing, and write the pictures."""
    work.mkdir(parents=True, exist_ok=True)
    make_studies(work)
    for picture in PICTURES:
        write_picture(picture, work=work)
    write_tables(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""An output folder of a few voxels, as the app would have left it."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer, write_json
from npsle_app.records import Check, FigureRecord, Qc, Record

SHAPE = (16, 18, 14)
AFFINE = np.diag([-2.0, 2.0, 2.0, 1.0])  # the first axis runs to the left
# corner and size of each lesion, and its probability
LESIONS = (
    ((2, 2, 2), (2, 2, 2), 0.9),
    ((8, 3, 3), (3, 1, 1), 0.3),
    ((3, 12, 6), (1, 2, 3), 0.6),
    ((11, 12, 9), (2, 3, 2), 0.8),
)
VOXEL_ML = 0.008


def make_output(root: Path, *, participants: int = 6, fails: tuple[str, ...] = ()) -> Path:
    """Write sessions `sub-01` and so on; checks of those in `fails` fail."""
    write_json(
        root / "dataset_description.json",
        {"Name": "made", "GeneratedBy": [{"Name": "npsle_app", "Version": "1.0"}]},
    )
    for number in range(1, participants + 1):
        label = f"{number:02d}"
        make_session(Writer(root, label), state=Qc.FAIL if label in fails else Qc.PASS)
    return root


def make_session(out: Writer, *, state: Qc) -> None:
    rng = np.random.default_rng(int(out.participant))
    probability = np.zeros(SHAPE, np.float32)
    for corner, size, value in LESIONS:
        probability[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = value
    brain = np.ones(SHAPE, np.uint8)
    images = {
        File.T1W: rng.uniform(50, 100, SHAPE).astype(np.float32),
        File.FLAIR: (60 + 90 * probability).astype(np.float32),
        File.BRAIN_MASK: brain,
        File.WMH_PROBABILITY: probability,
        File.WMH_MASK: (probability >= 0.2).astype(np.uint8),
        File.ALPS_REGIONS: _regions(),
        File.DWI_FA: probability,
    }
    for file, data in images.items():
        out.image(nib.Nifti1Image(data, AFFINE), file, sources=(), MinimumLesionVolume=1.0)
    figure = out.folder / "figures" / f"{out.id}_wmh-lesions.webp"
    figure.parent.mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(figure)
    check = Check(name="Motion", seen="2 mm", expected="0", state=state, advice="look")
    drawn = FigureRecord(title="Lesions", path=figure, caption="where they are")
    for stage, figures in (("anat", ()), ("wmh", (drawn,)), ("dwi", ()), ("alps", ())):
        checks = (check,) if stage == "wmh" else ()
        record = Record(stage=stage, methods="", citations=(), checks=checks, figures=figures)
        out.record(record)
    make_vessels(out)


def make_vessels(out: Writer) -> None:
    rows = ["vessel\tside\tstate", "M1\tleft\tmeasured", "BA\tmiddle\tmeasured"]
    out.path(File.VESSELS).write_text("\n".join(rows) + "\n")
    figure = out.folder / "figures" / f"{out.id}_vessels-courses.webp"
    Image.new("RGB", (8, 6)).save(figure)
    drawn = FigureRecord(title="Course", path=figure, caption="")
    out.record(Record(stage="vessel_wall", methods="", citations=(), figures=(drawn,)))


def _regions() -> np.ndarray:
    regions = np.zeros(SHAPE, np.uint8)
    regions[4, 8, 7], regions[12, 8, 7] = 1, 3
    return regions


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder with their content, but for the locks of readers."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def read_sidecar(image: Path) -> dict:
    return json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text())

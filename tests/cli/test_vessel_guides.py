"""What a reader drew of vessels, from the command line: what it reruns and what it does not."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app import pipeline
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.stage import Stage
from npsle_app.engine.status import read_rows
from npsle_app.records import Record
from npsle_app.settings import VesselWallSettings
from tests.cli.plan import PLAN, Image

MASK = "sub-01_acq-vwi_hemi-L_label-M1_desc-{}_mask.nii.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    mask: Path
    record: Path
    figures: tuple[Path, ...] = ()


def vessel_wall(
    *, vwi: Scan, anat: Image | None, settings: VesselWallSettings, out: Writer
) -> Walls:
    total = sum(int(np.asarray(nib.load(path).dataobj).sum()) for path in vwi.guides)
    image = nib.Nifti1Image(np.full((2, 2, 2), total, np.int16), np.eye(4))
    record = Record(stage="vessel_wall", methods="Vessels were measured.", citations=())
    sources = [vwi.path, *vwi.guides, *([anat.image] if anat else [])]
    mask = out.image(image, File.GM, sources=sources, Sought=settings.sought)
    return Walls(mask=mask, record=out.record(record))


def draw(folder, *, value=1):
    for part in ("lumen", "outerwall"):
        path = folder / "sub-01" / "anat" / MASK.format(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(np.full((2, 2, 2), value, np.uint8), np.eye(4)), path)


def statuses(out):
    rows = read_rows(out / "logs" / "status.tsv")
    return {row.stage: str(row.status) for row in rows if row.participant == "sub-01"}


@pytest.fixture
def walls(app, dataset, tmp_path, monkeypatch):
    """Return the app with a stage of vessels, the masks of a reader and a scan to draw in."""
    stage = Stage("vessel_wall", f"{__name__}:vessel_wall", scans=("vwi",), uses=("anat",))
    monkeypatch.setattr(pipeline, "PARTICIPANT", (*PLAN, stage))
    dataset.add("01", "acq-vwi_T1w")
    draw(tmp_path / "drawn")
    return lambda: app("participant", "--derivatives", f"reader={tmp_path / 'drawn'}")


def test_a_changed_contour_reruns_the_vessels_alone(walls, tmp_path):
    assert walls().code == 0
    assert set(statuses(tmp_path / "out").values()) == {"done"}
    draw(tmp_path / "drawn", value=2)

    assert walls().code == 0

    assert statuses(tmp_path / "out") == {
        "anat": "reused", "wmh": "reused", "tissue": "reused", "vessel_wall": "done"
    }  # fmt: skip
    (mask,) = (tmp_path / "out").rglob("sub-01_acq-vwi_label-GM_probseg.nii.gz")
    assert nib.load(mask).get_fdata().max() == 32


def test_without_a_change_the_vessels_are_reused(walls, tmp_path):
    walls()

    assert walls().code == 0

    assert statuses(tmp_path / "out")["vessel_wall"] == "reused"


def test_a_contour_that_was_taken_away_reruns_the_vessels(walls, tmp_path):
    walls()
    next((tmp_path / "drawn").rglob("*lumen*")).unlink()

    assert walls().code == 0

    assert statuses(tmp_path / "out")["vessel_wall"] == "done"


def test_the_output_is_no_derivative_of_its_own(app, tmp_path):
    (tmp_path / "out").mkdir()

    call = app("participant", "--derivatives", f"mine={tmp_path / 'out'}")

    assert call.code == 2
    assert "--derivatives mine is OUTPUT_DIR itself" in call.err

"""A vessel that a reader rejects in the room, through a second run of the real stage."""

import json

import nibabel as nib
import pandas as pd
import pytest

from npsle_app import pipeline
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.stage import Stage
from npsle_app.engine.status import read_rows
from npsle_app.settings import VesselWallSettings
from npsle_app.stages.participant import vessel_wall as real
from npsle_app.stages.participant.vessel_wall import VesselWallOutputs
from tests.cli.plan import PLAN
from tests.imaging.vessels.scene import INSIDE, scene
from tests.review.browsing import Browser, open_room

pytestmark = pytest.mark.slow

M1 = "sub-01_acq-vwi_hemi-L_label-M1_desc-lumen_mask.nii.gz"


def vessel_wall(*, vwi: Scan, settings: VesselWallSettings, out: Writer) -> VesselWallOutputs:
    """Run the stage itself; the heads of this plan are no heads that it could be brought to."""
    return real.run(vwi=vwi, anat=None, settings=settings, out=out)


@pytest.fixture
def walls(app, dataset, tmp_path, monkeypatch):
    """Return the app with vessels between landmarks that a reader gave."""
    stage = Stage("vessel_wall", f"{__name__}:vessel_wall", scans=("vwi",))
    monkeypatch.setattr(pipeline, "PARTICIPANT", (*PLAN, stage))
    artery, scan = scene(bend_radius_mm=12.0)
    dataset.add("01", "acq-vwi_T1w")
    (raw,) = tmp_path.rglob("sub-01_acq-vwi_T1w.nii.gz")
    nib.save(scan.image, raw)
    start, end = (point.tolist() for point in artery.points[INSIDE][[0, -1]])
    marks = {"space": "scanner RAS mm", "vessels": {"M1_L": {"start": start, "end": end}}}
    path = tmp_path / "drawn/sub-01/anat/sub-01_acq-vwi_desc-landmarks.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(marks))
    drawn = f"drawn={tmp_path / 'drawn'}"
    return lambda *more: app("participant", "--derivatives", drawn, *more)


def statuses(out):
    rows = read_rows(out / "logs" / "status.tsv")
    return {row.stage: str(row.status) for row in rows if row.participant == "sub-01"}


def read(out, name, key):
    table = pd.read_csv(out / "sub-01" / f"sub-01_{name}.tsv", sep="\t", keep_default_na=False)
    return table.set_index(key)


def reject(out):
    room = open_room(out, blinded=False)
    browser = Browser(room, "AB")
    (key,) = (case["key"] for case in browser.get("/queue")["cases"] if case["name"] == "sub-01")
    browser.post("/structure", case=key, name="vw_m1_left", decision="reject")
    room.close()


def test_a_rejected_vessel_is_not_assessable_and_says_by_whom(walls, tmp_path):
    out = tmp_path / "out"
    assert walls().code == 0
    assert (out / "sub-01/anat" / M1).is_file()
    assert float(read(out, "measures", "measure")["value"]["vw_m1_left_nwi"]) > 0
    reject(out)

    assert walls(f"reading={tmp_path / 'out-reading'}").code == 0

    done = statuses(out)
    assert done.pop("vessel_wall") == "done"
    assert set(done.values()) == {"reused"}
    assert not (out / "sub-01/anat" / M1).exists()
    measures = read(out, "measures", "measure")
    for name in ("vw_m1_left_nwi", "vw_m1_left_lumen_area_mm2"):
        assert tuple(measures.loc[name, ["value", "qc"]]) == ("n/a", "not assessable")
    vessel = read(out, "vessels", ["vessel", "side"]).loc[("M1", "left")]
    assert vessel["state"] == "not assessable"
    told = " ".join(map(str, vessel))
    assert "rejected by AB, " in told
    record = json.loads((out / "sub-01/log/sub-01_stage-vessel_wall.json").read_text())
    assert "rejected by AB, " in " ".join(one["seen"] for one in record["checks"])
    page = (out / "sub-01.html").read_text(encoding="utf-8")
    assert "rejected by AB, " in page

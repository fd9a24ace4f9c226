"""What was read in the room is input of the next run: the stage takes it, and says who read."""

import json
from datetime import date

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.lesion_masks import find_lesion_masks
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.space import registration
from npsle_app.imaging.wmh import flair
from npsle_app.records import Measure, Qc, Record
from npsle_app.report.contents import SessionContent
from npsle_app.report.participant import write_measures, write_report
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant import wmh
from npsle_app.stages.participant.shared import inheriting
from tests.review.browsing import Browser, open_room
from tests.review.made_output import read_sidecar
from tests.stages.small_head import AFFINE, make_session

pytestmark = pytest.mark.long


@pytest.fixture
def session(tmp_path, monkeypatch):
    made = make_session(tmp_path, np.random.default_rng(20260101))
    monkeypatch.setattr(wmh, "lesion_priors", lambda _grid, *, field: made.priors)  # noqa: ARG005
    monkeypatch.setattr(registration, "register_rigid", lambda *_, **__: np.eye(4))
    monkeypatch.setattr(wmh, "_draw", lambda *_, **__: ())
    even = nib.Nifti1Image(np.ones(made.lesions.shape, np.float32), AFFINE)
    monkeypatch.setattr(flair, "correct_bias", lambda image, **_: (image, even))
    return made


def run(session, *, given=None):
    return wmh.run(
        flair=session.flair,
        wmh_mask=given,
        anat=session.anat,
        settings=WmhSettings(),
        out=session.out,
    )


def voxels(outputs):
    return np.asarray(nib.load(outputs.mask).dataobj) > 0


def test_rejected_lesions_are_gone_to_the_voxel_and_the_reader_is_named(session, tmp_path):
    first = run(session)
    before = voxels(first)
    room = open_room(tmp_path / "out", blinded=False)
    browser = Browser(room, "AB")
    lesions = browser.get(f"/case/{browser.keys[0]}/lesions")
    assert len(lesions["all"]) == 3
    for lesion in lesions["all"][:2]:
        left = browser.decide(browser.keys[0], lesion["number"], "reject")
    room.close()

    folder = tmp_path / "out-reading"
    choice = find_lesion_masks({"reading": folder}, participant="01", session=None)
    session.out.datasets["reading"] = folder
    second = run(session, given=choice.scan)
    after = voxels(second)
    removed = np.asarray(nib.load(choice.scan.path).dataobj) > 0
    assert np.array_equal(after, before & ~removed)
    record = json.loads(second.record.read_text())
    measures = {one["name"]: one["value"] for one in record["measures"]}
    assert measures["wmh_ml"] == pytest.approx(left)
    assert measures["wmh_count"] == 1
    assert measures["wmh_removed_count"] == 2
    who = f"AB, {browser_date(choice)}"
    assert record["read_by"] == who
    assert f"read by {who}" in record["choices"][0]
    assert read_sidecar(second.mask)["ReadBy"] == who

    # what was removed can be looked at, and kept, in the next reading
    again = open_room(tmp_path / "out", blinded=False)
    later = Browser(again, "AB")
    told = later.get(f"/case/{later.keys[0]}/lesions")
    assert [one["decision"] for one in told["all"]].count("reject") == 2
    assert told["lost"] == 0
    for lesion in told["all"]:
        later.decide(later.keys[0], lesion["number"], "keep")
    assert find_lesion_masks({"reading": folder}, participant="01", session=None) is None
    again.close()


def browser_date(choice):
    told = choice.scan.metadata["ReadOn"]
    assert date.fromisoformat(told)
    return told


def test_all_that_rests_on_a_reading_says_by_whom(tmp_path):
    out = Writer(tmp_path, "01")

    class Left:
        def __init__(self, record):
            self.record = record

    def record(stage, *names, read_by=""):
        measures = tuple(Measure(name=one, value=1.0, qc=Qc.PASS, sources=()) for one in names)
        return Record(stage=stage, methods="", citations=(), measures=measures, read_by=read_by)

    @inheriting(tiv_ml=("anat",))
    def tissue(*, anat, wmh, out):  # noqa: ARG001
        return Left(out.record(record("tissue", "gm_ml", "tiv_ml")))

    anat = Left(out.record(record("anat")))
    read = record("wmh", "wmh_ml", read_by="AB, 2026-11-28")
    tissue(anat=anat, wmh=Left(out.record(read)), out=out)
    made = read_record(tmp_path / "sub-01/log/sub-01_stage-tissue.json", root=tmp_path)
    assert made.reader_of("gm_ml") == "AB, 2026-11-28"
    assert made.reader_of("tiv_ml") == ""
    path = write_measures(SessionContent(writer=out, records=(read, made)))
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    column = lines[0].index("read_by")
    assert {line[0]: line[column] for line in lines[1:]} == {
        "wmh_ml": "AB, 2026-11-28",
        "gm_ml": "AB, 2026-11-28",
        "tiv_ml": "n/a",
    }
    assert "read_by" in json.loads(path.with_suffix(".json").read_text())
    out.record(read)
    page = write_report(tmp_path, "01", datasets={}).read_text(encoding="utf-8")
    assert page.count("read by AB, 2026-11-28") == 2
    plain = write_measures(SessionContent(writer=out, records=(record("wmh", "wmh_ml"),)))
    assert "read_by" not in plain.read_text()

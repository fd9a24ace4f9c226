"""What the vessel_wall stage writes and says, on arteries of known lumen and wall."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.bids.vessels.scans import find_guides
from npsle_app.imaging.space.alignment import Alignment
from npsle_app.records import Check, Qc, Record
from npsle_app.settings import VesselWallSettings
from npsle_app.stages.participant import vessel_wall
from npsle_app.stages.participant.anat import AnatOutputs
from tests.imaging.alps.scene import field_of
from tests.imaging.vessels.scene import INSIDE, scene

pytestmark = pytest.mark.long

BENT = {"bend_radius_mm": 12.0}
M1_LEFT_MM = (-25.5, 3.0, -18.5)  # the middle of its search box in the template
GOOD = Alignment(
    shift_mm=1.0, rotation_deg=1.0, information_before=0.3, information_after=0.4, coverage=1.0
)


class Session:
    """A session on disk, with what a reader drew in the dataset `drawn`."""

    def __init__(self, folder, **options):
        self.artery, self.scan = scene(**(options or BENT))
        self.drawn = folder / "drawn"
        raw = folder / "raw"
        self.out = Writer(folder / "out", "01", None, {"raw": raw, "drawn": self.drawn})
        self.path = self.save(self.scan.image, raw / "sub-01/anat/sub-01_acq-vwi_T1w.nii.gz")
        self.to_image = np.eye(4)
        self.to_image[:3, 3] = -np.array(M1_LEFT_MM)

    @staticmethod
    def save(image, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
        return path

    @property
    def ends(self):
        return [point.tolist() for point in self.artery.points[INSIDE][[0, -1]]]

    def mark(self, vessels=None, *, text=None, space="scanner RAS mm"):
        start, end = self.ends
        told = {"space": space, "vessels": vessels or {"M1_L": {"start": start, "end": end}}}
        path = self.drawn / "sub-01/anat/sub-01_acq-vwi_desc-landmarks.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told) if text is None else text)

    def draw(self, name="hemi-L_label-M1", *, lumen=None, outer=None):
        masks = {"lumen": lumen or self.scan.lumen, "outerwall": outer or self.scan.outer}
        for part, mask in masks.items():
            self.save(
                mask, self.drawn / f"sub-01/anat/sub-01_acq-vwi_{name}_desc-{part}_mask.nii.gz"
            )

    @property
    def vwi(self):
        guides, _ = find_guides(
            {"drawn": self.drawn}, scan=self.path, participant="01", session=None
        )
        return Scan(self.path, guides=guides)

    def anat(self, state=Qc.PASS):
        t1w = self.out.root.parent / "raw/sub-01/anat/sub-01_T1w.nii.gz"
        self.save(nib.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4)), t1w)
        field = self.out.image(field_of(np.eye(4)), File.T1W_TO_TEMPLATE, sources=[t1w])
        check = Check(name="x", seen="", expected="", state=state, advice="")
        record = self.out.record(Record(stage="anat", methods="", citations=(), checks=(check,)))
        return AnatOutputs(
            t1w=t1w, brain_mask=t1w, intracranial_mask=None, t1w_in_template=t1w,
            t1w_to_template=field, template_to_t1w=field, record=record, figures=(),
        )  # fmt: skip

    def run(self, *, anat=None, **settings):
        return vessel_wall.run(
            vwi=self.vwi, anat=anat, settings=VesselWallSettings(**settings), out=self.out
        )


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A session with landmarks, and what the stage made of it; figures too."""
    made = Session(tmp_path_factory.mktemp("marked"))
    made.mark()
    return made, made.run()


@pytest.fixture(autouse=True)
def no_figures(request, monkeypatch):
    if "marked" not in request.fixturenames:
        monkeypatch.setattr(vessel_wall, "_draw", lambda *_, **__: ())


@pytest.fixture
def laid(session, monkeypatch):
    """Have the registration find where the session's image lies."""
    monkeypatch.setattr(vessel_wall, "align_head", lambda *_, **__: (session.to_image, GOOD))
    return session


def record(outputs):
    return json.loads(outputs.record.read_text())


def measures(outputs):
    return {one["name"]: one for one in record(outputs)["measures"]}


def row(outputs, vessel="M1", side="left"):
    table = pd.read_csv(outputs.vessels, sep="\t", keep_default_na=False)
    return table[(table.vessel == vessel) & (table.side == side)].iloc[0]


def check(outputs, name):
    return next(one for one in record(outputs)["checks"] if one["name"] == name)


def test_a_vessel_between_landmarks_has_the_known_lumen_and_wall(marked):
    session, outputs = marked
    found = measures(outputs)
    assert found["vw_m1_left_nwi"]["value"] == pytest.approx(session.artery.nwi, abs=0.02)
    assert found["vw_m1_left_lumen_area_mm2"]["value"] == pytest.approx(
        session.artery.lumen_mm2, rel=0.05
    )
    assert found["vw_m1_left_nwi_low"]["value"] < session.artery.nwi
    assert found["vw_m1_left_nwi_high"]["value"] > session.artery.nwi
    assert found["vw_nwi"]["value"] == found["vw_m1_left_nwi"]["value"]
    assert found["vw_vessels_count"]["value"] == 1
    assert found["vw_wall_floor_mm"]["value"] == pytest.approx(0.65)
    assert row(outputs)["mode"] == "landmarks"
    assert "M1 left (from landmarks)" in " ".join(record(outputs)["choices"])


def test_vessels_that_were_not_measured_are_not_assessable_and_say_why(marked):
    _, outputs = marked
    found = measures(outputs)
    assert found["vw_ba_nwi"]["value"] is None
    assert found["vw_ba_nwi"]["qc"] == "not assessable"
    assert "without a T1w image there is no search" in row(outputs, "BA", "middle").reason
    assert check(outputs, "BA: measured")["state"] == "not assessable"


def test_every_measure_of_the_stage_is_there_whatever_was_found(session):
    from npsle_app.measures import MEASURES

    found = measures(session.run())
    assert set(found) == {name for name, one in MEASURES.items() if one.stage == "vessel_wall"}
    assert found["vw_nwi"]["value"] is None


def test_the_table_of_sections_has_places_intervals_and_reasons(marked):
    session, outputs = marked
    table = pd.read_csv(outputs.sections, sep="\t", keep_default_na=False)
    dictionary = json.loads(outputs.sections.with_suffix(".json").read_text())
    assert set(dictionary) == set(table.columns)
    assert set(table[table.accepted == "yes"].rejected_because) == {"n/a"}
    assert "end of the vessel" in set(table[table.accepted == "no"].rejected_because)
    assert table.along_mm.diff().dropna().round(3).unique() == [0.5]
    inside = table[table.accepted == "yes"].astype({"nwi": float})
    assert inside.nwi.mean() == pytest.approx(session.artery.nwi, abs=0.02)
    whole = pd.read_csv(outputs.vessels, sep="\t")
    assert set(json.loads(outputs.vessels.with_suffix(".json").read_text())) == set(whole.columns)


def test_drawn_masks_give_their_own_areas_and_no_interval(session):
    session.draw()
    outputs = session.run()
    found = measures(outputs)
    assert row(outputs)["mode"] == "masks"
    assert found["vw_m1_left_nwi"]["value"] == pytest.approx(session.artery.nwi, abs=0.03)
    assert found["vw_m1_left_nwi_low"]["value"] is None
    assert found["vw_m1_left_lumen_area_high_mm2"]["value"] is None
    lumen = outputs.masks[0]
    assert np.array_equal(nib.load(lumen).get_fdata(), session.scan.lumen.get_fdata())


def test_masks_are_trusted_before_landmarks(session):
    session.mark()
    session.draw()
    assert row(session.run())["mode"] == "masks"


def test_contours_as_written_can_be_given_back_and_measure_the_same(session, marked):
    _, first = marked
    assert [path.name for path in (*first.masks, *first.lines)] == [
        "sub-01_acq-vwi_hemi-L_label-M1_desc-lumen_mask.nii.gz",
        "sub-01_acq-vwi_hemi-L_label-M1_desc-outerwall_mask.nii.gz",
        "sub-01_acq-vwi_hemi-L_label-M1_desc-centerline_points.tsv",
    ]
    session.draw()
    for path in (*first.masks, *first.lines):
        shutil.copy(path, session.drawn / "sub-01" / "anat" / path.name)
    before = measures(first)["vw_m1_left_nwi"]["value"]
    again = session.run()
    assert row(again)["mode"] == "masks"
    assert measures(again)["vw_m1_left_nwi"]["value"] == pytest.approx(before, abs=0.03)


def test_a_vessel_is_found_in_its_search_box_and_marked_as_found_automatically(laid):
    outputs = laid.run(anat=laid.anat())
    found = measures(outputs)
    assert row(outputs)["mode"] == "automatic"
    assert found["vw_m1_left_nwi"]["value"] == pytest.approx(laid.artery.nwi, abs=0.02)
    assert found["vw_m1_left_nwi"]["qc"] == "pass"
    assert "outside the field of view" in row(outputs, "M1", "right").reason
    assert outputs.vwi_to_t1w.name == "sub-01_acq-vwi_from-vwi_to-T1w_mode-image_xfm.txt"
    assert any("Nobody has looked" in text for text in record(outputs)["choices"])


@pytest.mark.slow
def test_a_bad_t1w_image_marks_what_was_found_through_it(laid):
    found = measures(laid.run(anat=laid.anat(Qc.FAIL)))
    assert found["vw_m1_left_nwi"]["qc"] == "fail"


def test_what_is_not_to_be_sought_is_left_out(laid):
    outputs = laid.run(anat=laid.anat(), sought=())
    assert measures(outputs)["vw_vessels_count"]["value"] == 0
    assert len(pd.read_csv(outputs.vessels, sep="\t")) == 0


def test_a_further_vessel_of_the_landmarks_stands_in_the_tables(session):
    start, end = session.ends
    session.mark({"M2_L": {"start": start, "end": end}})
    outputs = session.run()
    assert row(outputs, "M2").state == "measured"
    assert measures(outputs)["vw_nwi"]["value"] is None
    assert "hemi-L_label-M2_desc-lumen" in outputs.masks[0].name


def test_the_same_input_gives_the_same_bytes(marked):
    session, first = marked
    paths = (*first.masks, *first.lines, first.vessels, first.sections, first.record)
    before = [path.read_bytes() for path in paths]
    session.run()
    assert [path.read_bytes() for path in paths] == before


def lost(outputs, text, *, state="fail"):
    """Check that M1 left has no number anywhere, says why, and is marked."""
    assert text in row(outputs).reason
    assert check(outputs, "M1 left: measured")["state"] == state
    values = {n: one["value"] for n, one in measures(outputs).items() if n.startswith("vw_m1_left")}
    assert set(values.values()) == {None}
    assert measures(outputs)["vw_nwi"]["value"] is None
    return True


def test_landmarks_outside_the_image_give_no_number(session):
    start, end = np.array(session.ends) + 40
    session.mark({"M1_L": {"start": start.tolist(), "end": end.tolist()}})
    assert lost(session.run(), "lies outside the image")


def test_landmarks_in_the_wrong_convention_are_told(tmp_path):
    session = Session(tmp_path)
    affine = session.scan.image.affine.copy()
    affine[0, 3] += 30
    moved = nib.Nifti1Image(session.scan.image.get_fdata(dtype=np.float32), affine)
    session.save(moved, session.path)
    ends = (np.array(session.ends) + np.array([30, 0, 0])) * [-1, -1, 1]
    session.mark({"M1_L": {"start": ends[0].tolist(), "end": ends[1].tolist()}})
    assert lost(session.run(), "read as LPS they would lie inside")
    session.mark({"M1_L": {"start": ends[0].tolist(), "end": ends[1].tolist()}}, space="LPS")
    assert row(session.run()).state == "measured"


def test_a_vessel_on_the_wrong_side_gives_no_number(laid):
    start, end = laid.ends
    laid.mark({"M1_R": {"start": start, "end": end}})
    outputs = laid.run(anat=laid.anat(), sought=())
    assert "expected on the right, found 2" in row(outputs, "M1", "right").reason
    assert measures(outputs)["vw_m1_right_nwi"]["value"] is None


def test_landmarks_far_from_where_the_vessel_should_be_give_no_number(laid):
    laid.to_image[2, 3] -= 60
    laid.mark()
    assert lost(laid.run(anat=laid.anat()), "mm from where that vessel is expected")


def test_bright_blood_gives_no_number_in_any_mode(tmp_path, monkeypatch):
    session = Session(tmp_path, bright_blood=True)
    monkeypatch.setattr(vessel_wall, "align_head", lambda *_, **__: (session.to_image, GOOD))
    assert lost(session.run(anat=session.anat()), "no dark tube", state="not assessable")
    session.mark()
    assert lost(session.run(), "no dark vessel")
    session.draw()
    assert lost(session.run(), "is not darker than its wall")


def test_voxels_of_2_mm_give_no_number_in_any_mode(session):
    coarse = nib.Nifti1Image(session.scan.image.get_fdata(dtype=np.float32), np.diag([2, 2, 2, 1]))
    session.save(coarse, session.path)
    session.mark()
    outputs = session.run()
    assert lost(outputs, "do not show a wall")
    assert check(outputs, "Vessel wall: voxel size")["state"] == "fail"


def test_masks_on_another_grid_give_no_number(session):
    shifted = session.scan.lumen.affine.copy()
    shifted[0, 3] += 0.25
    session.draw(lumen=nib.Nifti1Image(np.asarray(session.scan.lumen.dataobj), shifted))
    assert lost(session.run(), "desc-lumen does not lie on the grid of the scan")


@pytest.mark.parametrize("part", ["lumen", "outer"])
def test_empty_masks_give_no_number(session, part):
    empty = nib.Nifti1Image(np.zeros(session.scan.lumen.shape, np.uint8), session.scan.lumen.affine)
    session.draw(**{part: empty})
    assert lost(session.run(), "is empty")


def test_a_mask_alone_gives_no_number(session):
    session.draw()
    next(session.drawn.rglob("*outerwall*")).unlink()
    session.mark()
    assert lost(session.run(), "desc-outerwall is not there")


def test_a_mask_that_cannot_be_read_gives_no_number_and_names_the_file(session):
    session.draw()
    path = next(session.drawn.rglob("*lumen*"))
    path.write_bytes(path.read_bytes()[:200])
    assert lost(session.run(), f"{path.name} cannot be read")


def test_broken_landmarks_end_the_stage_with_the_name_of_the_file(session):
    session.mark(text='{"space": "RAS", ')
    with pytest.raises(ValueError, match=r"sub-01_acq-vwi_desc-landmarks\.json holds no landmarks"):
        session.run()


def test_two_sides_in_one_place_give_no_number_without_a_t1w_image(session):
    session.draw()
    session.draw("hemi-R_label-M1")
    outputs = session.run()
    assert lost(outputs, "left and right do not lie on their sides")
    assert row(outputs, "M1", "right").state == "not assessable"

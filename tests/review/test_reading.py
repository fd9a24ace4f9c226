"""A whole reading: two readers, six sessions, lesions rejected, the room closed in the middle."""

from io import BytesIO

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from npsle_app.bids.input.lesion_masks import find_lesion_masks
from npsle_app.bids.input.ratings import read_ratings
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.status import Row, write_rows
from npsle_app.review.cases import find_cases
from npsle_app.review.pictures import cut, turn
from npsle_app.stages.participant.vessel_guides import read_guides
from tests.review.browsing import Browser, open_room
from tests.review.made_output import AFFINE, LESIONS, SHAPE, VOXEL_ML, make_output, read_sidecar

SIZES = [int(np.prod(size)) for _, size, _ in LESIONS]


@pytest.fixture
def output(tmp_path):
    return make_output(tmp_path / "out")


@pytest.fixture
def room(output):
    made = open_room(output, blinded=False)
    yield made
    made.close()


@pytest.fixture
def browser(room):
    return Browser(room, "AB")


def key_of(browser, name):
    return next(one["key"] for one in browser.get("/queue")["cases"] if one["name"] == name)


def ratings(output, name):
    table = read_ratings(output / "qc")
    return table[table["participant_id"] == name].iloc[0].to_dict()


# ---- the queue


def test_the_worst_checks_come_first(tmp_path):
    output = make_output(tmp_path / "out", fails=("05", "03"))
    room = open_room(output, blinded=False)
    names = [one["name"] for one in Browser(room, "AB").get("/queue")["cases"]]
    assert set(names[:2]) == {"sub-03", "sub-05"}
    room.close()


def test_a_stage_that_failed_counts_among_the_worst(output):
    row = Row(**dict.fromkeys(Row.__dataclass_fields__, "n/a") | {"status": "failed"})
    write_rows(output / "sub-04" / "log" / "status.tsv", [row])
    (case,) = [one for one in find_cases(output, secret=b"x") if one.participant == "04"]
    assert case.badness == (1, 0)


def test_a_random_order_is_that_of_its_seed_and_reader(output):
    def order(reader, seed):
        room = open_room(output, order="random", seed=seed, blinded=False)
        queue = Browser(room, reader).get("/queue")
        room.close()
        return queue["order"], [one["name"] for one in queue["cases"]]

    told, first = order("AB", 1)
    assert "seed 1 and AB" in told
    assert order("AB", 1)[1] == first
    assert order("AB", 2)[1] != first
    assert order("CD", 1)[1] != first


def test_blinded_readers_see_neither_labels_nor_groups_nor_each_other(output):
    (output / "participants.tsv").write_text("participant_id\tgroup\tage\nsub-01\tNPSLE\t41\n")
    room = open_room(output)
    first, second = Browser(room, "AB"), Browser(room, "CD")
    for key in first.keys:
        first.judge(key, "session", "exclude", note="by the first")
    texts = [second.client.get("/queue").text, second.client.get("/").text]
    for key in second.keys:
        texts += [second.client.get(f"/case/{key}").text]
    for text in texts:
        assert "NPSLE" not in text
        assert "sub-" not in text
        assert "by the first" not in text
    assert second.get("/queue")["done"] == 0
    room.close()


# ---- judgements


def test_a_judgement_is_on_disk_at_once_as_the_group_level_reads_it(output, browser):
    key = key_of(browser, "sub-02")
    browser.judge(key, "session", "acceptable", reasons=["motion"], note='blurred,\t"a bit"')
    assert ratings(output, "sub-02")["qc_rating"] == "acceptable"
    browser.judge(key, "flair", "exclude", reasons=["motion", "coverage"])
    told = ratings(output, "sub-02")
    assert told["qc_exclude"] == "no"
    assert set(told["qc_stages"].split(",")) >= {"wmh", "lesions", "change"}
    assert "tissue" not in told["qc_stages"]
    table = pd.read_csv(output / "qc" / "sub-02_reader-AB_qc.tsv", sep="\t", quoting=3)
    assert table["item"].tolist() == ["session", "flair"]
    assert table["judgement"].tolist() == ["acceptable", "exclude"]
    assert table["reasons"].tolist() == ["motion", "motion,coverage"]
    assert table["comment"][0] == 'blurred, "a bit"'
    browser.judge(key, "session", "exclude")
    assert ratings(output, "sub-02")["qc_exclude"] == "yes"
    browser.judge(key, "session", None)
    browser.judge(key, "flair", None)
    assert not (output / "qc" / "sub-02_reader-AB_qc.tsv").exists()


def test_progress_counts_sessions_that_were_judged(browser):
    browser.judge(browser.keys[0], "t1w", "usable")
    assert browser.get("/queue")["done"] == 0
    browser.judge(browser.keys[0], "session", "usable")
    browser.judge(browser.keys[1], "session", "exclude")
    queue = browser.get("/queue")
    assert (queue["done"], len(queue["cases"])) == (2, 6)


@pytest.mark.parametrize(
    "said",
    [
        {"item": "session", "verdict": "good"},
        {"item": "nothing", "verdict": "usable"},
        {"item": "session", "verdict": "usable", "reasons": "motion"},
        {"item": "session", "verdict": "usable", "note": "x" * 3000},
        {"item": "session", "verdict": 7},
        {"item": 7, "verdict": "usable"},
    ],
)
def test_what_is_no_judgement_is_refused_and_not_written(output, browser, said):
    answer = browser.post("/judge", case=browser.keys[0], **said)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]
    assert not list(output.glob("qc/*.tsv"))


def test_undo_takes_back_word_by_word(output, browser):
    key = key_of(browser, "sub-01")
    browser.judge(key, "session", "usable")
    browser.judge(key, "session", "exclude", note="no")
    browser.decide(key, 1, "reject")
    browser.post("/structure", case=key, name="vw_m1_left", decision="reject")
    browser.post("/threshold", case=key, threshold=0.3)
    for _ in range(3):
        assert browser.post("/undo").json()["case"] == key
    assert not list(output.glob("qc/readings/*.tsv"))
    assert not list(output.with_name("out-reading").rglob("*.nii.gz"))
    browser.post("/undo")
    assert ratings(output, "sub-01")["qc_rating"] == "good"
    browser.post("/undo")
    assert not list(output.glob("qc/*.tsv"))
    assert browser.post("/undo").json()["case"] is None


def test_two_readers_write_files_of_their_own(output, room):
    first, second = Browser(room, "AB"), Browser(room, "CD")
    key = key_of(first, "sub-01")
    first.judge(key, "session", "usable")
    second.judge(key, "session", "exclude")
    names = sorted(path.name for path in output.glob("qc/*.tsv"))
    assert names == ["sub-01_reader-AB_qc.tsv", "sub-01_reader-CD_qc.tsv"]
    assert ratings(output, "sub-01")["qc_rating"] == "exclude"  # the worst counts


def test_a_room_that_was_closed_in_the_middle_goes_on_where_it_stopped(output):
    room = open_room(output, blinded=False)
    first = Browser(room, "AB")
    order = [one["name"] for one in first.get("/queue")["cases"]]
    for name in order[:3]:
        first.judge(key_of(first, name), "session", "usable", reasons=["mask"], note="seen")
    first.decide(key_of(first, order[0]), 2, "reject")
    first.post("/threshold", case=key_of(first, order[0]), threshold=0.25)
    room.close()  # a killed process leaves the same: nothing is kept back

    again = open_room(output, blinded=False)
    later = Browser(again, "AB")
    queue = later.get("/queue")
    assert [one["name"] for one in queue["cases"]] == order
    assert [one["verdict"] for one in queue["cases"]] == ["usable"] * 3 + [None] * 3
    key = key_of(later, order[0])
    item = later.get(f"/case/{key}")["items"][0]
    assert (item["verdict"], item["reasons"], item["note"]) == ("usable", ["mask"], "seen")
    lesions = later.get(f"/case/{key}/lesions")
    assert {one["number"]: one["decision"] for one in lesions["all"]}[2] == "reject"
    assert lesions["chosen"] == "0.25"
    again.close()


# ---- lesions


def test_each_component_is_told_with_volume_probability_and_place(browser):
    lesions = browser.get(f"/case/{key_of(browser, 'sub-01')}/lesions")
    by_number = {one["number"]: one for one in lesions["all"]}
    volumes = sorted(one["volume"] for one in by_number.values())
    assert volumes == pytest.approx(sorted(size * VOXEL_ML for size in SIZES))
    assert [one["probability"] for one in lesions["all"]] == pytest.approx([0.3, 0.6, 0.8, 0.9])
    first = lesions["all"][0]  # voxel (9, 3, 3) of an axis that runs to the left
    assert first["at"] == [SHAPE[0] - 1 - 9, 3, 3]
    assert lesions["volume"] == pytest.approx(sum(SIZES) * VOXEL_ML)


def test_thresholds_come_with_their_volume(browser):
    lesions = browser.get(f"/case/{key_of(browser, 'sub-01')}/lesions")
    cuts = lesions["cuts"]
    assert list(cuts) == ["0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5"]
    assert cuts["0.1"] == pytest.approx(sum(SIZES) * VOXEL_ML)
    assert cuts["0.5"] == pytest.approx((sum(SIZES) - SIZES[1]) * VOXEL_ML)


def test_rejecting_three_lesions_takes_away_their_voxels_and_no_other(output, browser):
    key = key_of(browser, "sub-03")
    lesions = browser.get(f"/case/{key}/lesions")["all"]
    for one in lesions[:3]:
        left = browser.decide(key, one["number"], "reject")
    browser.decide(key, lesions[3]["number"], "keep")
    assert left == pytest.approx(lesions[3]["volume"])

    folder = output.with_name("out-reading")
    (given,) = (find_lesion_masks({"reading": folder}, participant="03", session=None),)
    (mask,) = given.scan.given
    assert mask.role == "removed"
    removed = nib.load(mask.path)
    was = nib.load(Writer(output, "03").path(File.WMH_MASK))
    assert np.array_equal(removed.affine, was.affine)
    inside = np.asarray(removed.dataobj) > 0
    corner, size, _ = LESIONS[0]  # the most certain one stays
    kept = np.zeros(SHAPE, dtype=bool)
    kept[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = True
    assert np.array_equal((np.asarray(was.dataobj) > 0) & ~inside, kept)
    assert given.scan.metadata["ReadBy"] == ["AB"]
    assert given.scan.metadata["ReadOn"]


def test_of_two_readers_only_what_more_reject_than_keep_goes(output, room):
    first, second = Browser(room, "AB"), Browser(room, "CD")
    key = key_of(first, "sub-01")
    numbers = [one["number"] for one in first.get(f"/case/{key}/lesions")["all"]]
    for number in numbers[:2]:
        first.decide(key, number, "reject")
    second.decide(key, numbers[0], "keep")
    (path,) = output.with_name("out-reading").rglob("*.nii.gz")
    assert np.asarray(nib.load(path).dataobj).sum() == SIZES[2]  # the other is disputed
    assert read_sidecar(path)["ReadBy"] == ["AB", "CD"]
    second.decide(key, numbers[0], "reject")
    assert np.asarray(nib.load(path).dataobj).sum() == SIZES[1] + SIZES[2]


def test_what_an_earlier_reading_removed_can_be_kept_again(output, room):
    out = Writer(output, "01")
    mask = np.asarray(nib.load(out.path(File.WMH_MASK)).dataobj) > 0
    corner, size, _ = LESIONS[3]
    gone = np.zeros(SHAPE, dtype=bool)
    gone[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = True
    reading = mask.astype(np.uint8) + 2 * (mask & gone)
    made = nib.Nifti1Image(reading.astype(np.uint8), AFFINE)
    out.image(made, File.WMH_READING, sources=())
    left = nib.Nifti1Image((mask & ~gone).astype(np.uint8), AFFINE)
    out.image(left, File.WMH_MASK, sources=(), LesionsAre="found, corrected")
    browser = Browser(room, "AB")
    lesions = browser.get(f"/case/{key_of(browser, 'sub-01')}/lesions")
    assert len(lesions["all"]) == len(LESIONS)


def test_of_a_mask_that_was_given_the_rest_is_written_whole(output, room):
    out = Writer(output, "01")
    mask = nib.load(out.path(File.WMH_MASK))
    data = np.asarray(mask.dataobj)
    told = {"LesionsAre": "given in the place of what would be found"}
    out.image(nib.Nifti1Image(data, AFFINE), File.WMH_MASK, sources=(), **told)
    browser = Browser(room, "AB")
    key = key_of(browser, "sub-01")
    browser.decide(key, browser.get(f"/case/{key}/lesions")["all"][0]["number"], "reject")
    folder = output.with_name("out-reading")
    given = find_lesion_masks({"reading": folder}, participant="01", session=None)
    (whole,) = given.scan.given
    assert whole.role == "whole"
    assert np.asarray(nib.load(whole.path).dataobj).sum() == data.sum() - SIZES[1]


def test_decisions_that_fit_no_lesion_any_more_are_told(output, room):
    browser = Browser(room, "AB")
    key = key_of(browser, "sub-01")
    browser.decide(key, 1, "reject")
    out = Writer(output, "01")
    data = np.asarray(nib.load(out.path(File.WMH_MASK)).dataobj).copy()
    data[2, 2, 2] = 0  # a threshold later the first lesion has another size
    out.image(nib.Nifti1Image(data, AFFINE), File.WMH_MASK, sources=())
    room.close()
    later = open_room(output, blinded=False)
    lesions = Browser(later, "AB").get(f"/case/{key_of(Browser(later, 'CD'), 'sub-01')}/lesions")
    assert lesions["lost"] == 1
    assert all(one["decision"] is None for one in lesions["all"])
    later.close()


def test_a_mask_by_another_hand_is_never_written_over(output, browser):
    key = key_of(browser, "sub-01")
    place = output.with_name("out-reading") / "sub-01" / "anat"
    place.mkdir(parents=True)
    drawn = place / "sub-01_space-T1w_label-L_desc-wmhremoved_mask.nii.gz"
    drawn.write_bytes(b"drawn in Slicer")
    answer = browser.post("/lesion", case=key, lesion=1, decision="reject")
    assert answer.status_code == 400
    assert "another hand" in answer.json()["error"]
    assert drawn.read_bytes() == b"drawn in Slicer"
    assert not list(output.glob("qc/readings/*"))


# ---- vessels and regions


def test_a_rejected_vessel_is_named_for_the_next_run(output, browser):
    key = key_of(browser, "sub-01")
    names = [one["name"] for one in browser.get(f"/case/{key}")["structures"]]
    assert names == ["alps_left", "alps_right", "vw_m1_left", "vw_ba"]
    browser.post("/structure", case=key, name="vw_m1_left", decision="reject")
    (path,) = output.with_name("out-reading").rglob("*_vessels.json")
    guides = read_guides([path], sought=("M1", "BA"))
    faults = {name.text: guide.fault for name, guide in guides.items() if guide.fault}
    assert list(faults) == ["M1 left"]
    assert faults["M1 left"].startswith("rejected by AB, ")
    browser.post("/structure", case=key, name="vw_m1_left", decision=None)
    assert not path.exists()


def test_a_rejected_side_of_the_alps_regions_leaves_the_statistics(output, browser):
    key = key_of(browser, "sub-01")
    browser.post("/structure", case=key, name="alps_left", decision="reject")
    names = ratings(output, "sub-01")["qc_measures"].split(",")
    assert {"alps_left", "alps_mean", "alps_fa_projection_left"} <= set(names)
    assert "alps_right" not in names
    assert not ratings(output, "sub-01")["qc_stages"]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_said(output, room):
    (output / "qc").write_text("a file where the folder should be")
    answer = Browser(room).post("/enter", initials="AB")
    assert answer.status_code == 400
    assert "qc" in answer.json()["error"]


# ---- pictures


@pytest.mark.parametrize("layer", ["base", "overlay", "lesions?now=1&v=2", "cut?at=0.3"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_slices_are_pictures_of_their_plane(browser, layer, plane):
    layer, _, query = layer.partition("?")
    key = key_of(browser, "sub-01")
    answer = browser.client.get(f"/case/{key}/lesions/{layer}/{plane}/3.png?{query}")
    assert answer.headers["content-type"] == "image/png"
    i, j, k = SHAPE
    assert Image.open(BytesIO(answer.content)).size == {
        "axial": (i, j), "coronal": (i, k), "sagittal": (j, k),
    }[plane]  # fmt: skip


def test_the_right_of_the_person_is_on_the_left_of_the_picture():
    data = np.zeros(SHAPE)
    data[0, 5, 3] = 1  # x = 0, the others lie at x < 0: the right-most voxel
    picture = turn(data, affine=AFFINE)
    axial = cut(picture.data, plane="axial", index=3)
    assert np.argwhere(axial).tolist() == [[SHAPE[1] - 1 - 5, 0]]

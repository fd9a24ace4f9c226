"""Layers of the viewer inside a participant's page."""

import json

import pytest
from PIL import Image

from npsle_app.bids.output.writer import Writer
from npsle_app.report.viewer import read_viewer, read_viewers, viewer_script
from tests.report.builder import make_viewer, picture


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path, "01", "1")


def test_without_notes_there_is_no_viewer(writer):
    assert read_viewer(writer) is None


def test_images_lie_below_and_labels_over_them(writer):
    make_viewer(writer)
    viewer = read_viewer(writer)
    assert [layer.title for layer in viewer.images] == ["T1w", "FLAIR"]
    assert [(layer.title, layer.shown) for layer in viewer.overlays] == [("Lesions", True)]
    assert json.loads(viewer.geometry)["shape"] == [4, 3, 2]


def test_a_layer_that_is_gone_is_left_out_and_without_any_image_there_is_no_viewer(writer):
    make_viewer(writer)
    folder = writer.folder / "figures"
    (folder / f"{writer.id}_viewer-flair.webp").unlink()
    assert [layer.title for layer in read_viewer(writer).images] == ["T1w"]
    (folder / f"{writer.id}_viewer-t1w.webp").unlink()
    assert read_viewer(writer) is None


def test_notes_that_name_a_file_elsewhere_do_not_bring_it_onto_the_page(writer, tmp_path):
    make_viewer(writer)
    picture(tmp_path / "secret.webp")
    notes = writer.folder / "figures" / f"{writer.id}_viewer.json"
    told = json.loads(notes.read_text())
    told["layers"][0]["file"] = "../../../secret.webp"
    notes.write_text(json.dumps(told))
    assert [layer.title for layer in read_viewer(writer).images] == ["FLAIR"]


@pytest.mark.parametrize("text", ["{", "[]", '{"shape": [1, 2], "affine": [], "layers": []}'])
def test_damaged_notes_leave_the_page_without_a_viewer(writer, text):
    make_viewer(writer)
    (writer.folder / "figures" / f"{writer.id}_viewer.json").write_text(text)
    assert read_viewer(writer) is None


def test_the_script_is_brainsprite_and_ends_no_element():
    script = viewer_script()
    assert "function brainsprite(" in script
    assert "</script" not in script.lower()


def test_labels_are_saved_transparent_and_grey_levels_small(writer):
    path = writer.picture(Image.new("P", (8, 8)), "viewer-x")
    assert path.suffix == ".png"
    assert writer.picture(Image.new("L", (8, 8)), "viewer-y").suffix == ".webp"


def test_of_many_sessions_the_last_have_viewers_as_far_as_the_page_may_grow(tmp_path):
    writers = [Writer(tmp_path, "01", session) for session in "123"]
    for writer in writers:
        make_viewer(writer)
    size = read_viewer(writers[0]).size
    assert [one is not None for one in read_viewers(writers)] == [True] * 3
    few = read_viewers(writers, budget=2 * size)
    assert [one is not None for one in few] == [False, True, True]
    assert read_viewers(writers, budget=size - 1) == [None] * 3

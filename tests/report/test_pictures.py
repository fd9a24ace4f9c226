from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from npsle_app.report.pictures import embed, shrink, thumbnail
from tests.report.builder import picture


@pytest.fixture
def noise(tmp_path, rng):
    path = tmp_path / "noise.webp"
    pixels = rng.integers(0, 255, (400, 500, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="WEBP", quality=95)
    return path


def _open(uri: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(uri.partition(",")[2])))


def test_pictures_within_the_budget_are_embedded_as_they_are(tmp_path):
    path = picture(tmp_path / "a.webp")
    uri = embed([path])[path]
    assert uri.startswith("data:image/webp;base64,")
    assert b64decode(uri.partition(",")[2]) == path.read_bytes()


def test_pictures_beyond_the_budget_are_made_smaller(noise, tmp_path):
    plain = picture(tmp_path / "plain.webp")
    embedded = embed([noise, plain], budget=20_000)
    assert sum(len(uri) for uri in embedded.values()) < 20_000 * 4 / 3 + 100
    assert _open(embedded[noise]).width < 500


def test_drawings_are_embedded_as_they_are_whatever_the_budget(noise, tmp_path):
    drawing = tmp_path / "a.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    uri = embed([noise, drawing], budget=10)[drawing]
    assert uri.startswith("data:image/svg+xml;base64,")
    assert b64decode(uri.partition(",")[2]) == drawing.read_bytes()


def test_a_file_that_is_missing_or_no_picture_is_left_out(tmp_path):
    (tmp_path / "note.txt").write_text("no picture")
    assert embed([tmp_path / "absent.webp", tmp_path / "note.txt"]) == {}


def test_shrinking_ends_at_a_readable_width(noise):
    assert Image.open(BytesIO(shrink(noise.read_bytes(), limit=1))).width >= 128


def test_a_thumbnail_is_no_wider_than_asked_and_keeps_the_top(tmp_path):
    path = picture(tmp_path / "a.webp", size=(800, 1600))
    uri = thumbnail(path, width=200)
    assert uri is not None
    assert _open(uri).size == (200, 113)  # 16 to 9


def test_what_is_no_picture_has_no_thumbnail(tmp_path):
    (tmp_path / "a.webp").write_text("no picture")
    assert thumbnail(tmp_path / "a.webp", width=100) is None
    assert thumbnail(tmp_path / "absent.webp", width=100) is None

"""A reading in Chromium, by keyboard: two readers, the room closed and opened in between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest
import uvicorn

from npsle_app.bids.input.ratings import read_ratings
from npsle_app.review.__main__ import _listen
from npsle_app.review.app import make_app
from tests.report.accessibility import find_faults, find_serious_violations
from tests.report.browser import Page, open_page
from tests.review.browsing import open_room
from tests.review.made_output import LESIONS, make_output

pytestmark = pytest.mark.slow


@contextmanager
def served(output) -> Iterator[str]:
    """Open the room as the program does, and give its address."""
    room = open_room(output, blinded=True)
    with _listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(
            make_app(room), log_level="warning", access_log=False, lifespan="off", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={room.token}"
        finally:  # or a test that fails would leave a thread that never ends
            server.should_exit = True
            thread.join(30)
            room.close()


@contextmanager
def sitting(address, initials, profile) -> Iterator[Page]:
    with open_page(address, profile=profile) as page:
        page.evaluate(f"document.getElementById('initials').value = '{initials}'")
        page.evaluate("document.querySelector('#enter button').click()")
        page.wait_for("!document.getElementById('room').hidden && item !== null")
        yield page
        assert page.complaints == []
        assert {urlsplit(one).hostname for one in page.requests} == {"127.0.0.1"}


def scenes(page):
    """Go through all that the room shows: session, scan, lesions with the list open, a threshold,
    vessels, and a figure in large."""
    yield "session"
    press(page, " ")
    yield "scan"
    page.evaluate("inTurn(() => pick(here.items.find((one) => one.name === 'lesions')))()")
    press(page, "x", "l")
    yield "lesions"
    page.evaluate("$('threshold').value = 3; $('threshold').oninput()")
    press(page, "l")
    yield "threshold"
    page.evaluate("inTurn(() => pick(here.items.find((one) => one.name === 'vessels')))()")
    press(page)
    yield "vessels"
    page.evaluate("document.querySelector('#figures button').click()")
    yield "figure"


def press(page, *keys):
    """Press keys as fast as they come; then wait until all of them were worked off."""
    for key in keys:
        page.press(key, text=key if len(key) == 1 else "")
    page.evaluate("working")


def shown(page):
    return page.evaluate("[document.getElementById('case').textContent, item.name]")


def test_a_whole_reading_by_keyboard(tmp_path):
    output = make_output(tmp_path / "out")
    with served(output) as address, sitting(address, "ab", tmp_path / "one") as page:
        assert "token" not in page.evaluate("location.href")
        assert page.evaluate("document.getElementById('count').textContent") == "0 of 6"
        assert "sub-" not in page.evaluate("document.body.innerText")
        press(page, "1")  # the session is usable
        press(page, " ", " ", "3", "m")  # T1w, then FLAIR: excluded, it moved
        assert shown(page) == ["Case 1", "flair"]
        press(page, " ", " ")
        assert shown(page) == ["Case 1", "lesions"]
        press(page, "x", "x", "x", " ")  # three of four lesions go, the last stays
        assert page.evaluate("here.lesions.all.map((one) => one.decision)") == [
            *["reject"] * 3, "keep",
        ]  # fmt: skip
        press(page, "u", "x")  # one word back, and said otherwise
        decided = page.evaluate("here.lesions.all.map((one) => one.decision)")
        assert decided.count("reject") == 4
        press(page, "u", " ")
        page.wait_for("[...document.querySelectorAll('.base')].every((one) => one.naturalWidth)")
        press(page, "]", "2", "]", "3")
        assert page.evaluate("document.getElementById('count').textContent") == "3 of 6"

    ratings = read_ratings(output / "qc").set_index("qc_rating")
    assert sorted(ratings.index) == ["acceptable", "exclude", "good"]
    assert "wmh" in ratings.loc["good", "qc_stages"].split(",")
    (mask,) = output.with_name("out-reading").rglob("*wmhremoved_mask.nii.gz")
    sizes = sorted(int(np.prod(size)) for _, size, _ in LESIONS)
    assert np.asarray(nib.load(mask).dataobj).sum() == sum(sizes) - 8  # the surest has 8 voxels

    with served(output) as address:
        with sitting(address, "AB", tmp_path / "two") as page:  # goes on where they stopped
            assert shown(page) == ["Case 4", "session"]
            assert page.evaluate("document.getElementById('count').textContent") == "3 of 6"
            with open_page(address, profile=tmp_path / "three") as second:
                second.evaluate("document.getElementById('initials').value = 'AB'")
                second.evaluate("document.querySelector('#enter button').click()")
                second.wait_for("document.getElementById('refused').textContent")
                told = second.evaluate("document.getElementById('refused').textContent")
                assert "AB is reading" in told
            press(page, "1", "]", "1", "]", "1")
            assert page.evaluate("document.getElementById('count').textContent") == "6 of 6"
        with sitting(address, "CD", tmp_path / "four") as page:
            for _ in range(6):
                press(page, "2", "]")
            assert page.evaluate("document.getElementById('count').textContent") == "6 of 6"
    assert len(list(output.glob("qc/*_reader-CD_qc.tsv"))) == 6


@pytest.mark.parametrize("check", [find_faults, find_serious_violations])
@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_all_can_use_the_room(tmp_path, width, height, check):
    """The door has neither navigation nor header."""
    output = make_output(tmp_path / "out", participants=2)
    with served(output) as address:
        with open_page(address, profile=tmp_path / "door") as page:
            page.picture(tmp_path / "x.png", width=width, height=height)
            assert set(check(page)) <= {"not one header", "not one nav"}
        with sitting(address, "AB", tmp_path / "seat") as page:
            page.picture(tmp_path / "x.png", width=width, height=height)
            found = {scene: check(page) for scene in scenes(page)}
            assert found == {scene: [] for scene in found}
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

"""What is seen before anybody scrolls, and whether all can use the pages."""

import pytest

from npsle_app.bids.input.scans import Choice
from npsle_app.bids.output.writer import Writer
from npsle_app.report import group
from npsle_app.report.page_notes import PageNotes, show
from npsle_app.report.participant import write_report
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group import measures
from tests.report.accessibility import find_faults, find_serious_violations
from tests.report.browser import open_page
from tests.report.builder import make_dataset, make_viewer
from tests.report.study_builder import make_statistics

SCREENS = [(1400, 900), (390, 844)]
_SEEN = """
(() => {
  const seen = (one) => {
    const box = one.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.top < innerHeight && box.right <= innerWidth + 1;
  };
  const count = (selector) => [...document.querySelectorAll(selector)].filter(seen).length;
  return {
    verdict: count(".verdict"), cards: count(".card"), pictures: count(".card img"),
    wide: document.documentElement.scrollWidth > innerWidth,
  };
})()
"""
_SEARCH = """
(() => {
  const box = document.querySelector("input[type=search]");
  box.value = "WORD";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  return [...document.querySelectorAll("details.all table.sortable > tbody > tr")]
    .filter((row) => !row.hidden).map((row) => row.cells[0].textContent);
})()
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    out = make_dataset(root, sessions=("1",), participant="01")
    make_viewer(Writer(out, "01", "1"))
    choices = {"1": [show(Choice(kind, None, "none was acquired")) for kind in ("t1w", "flair")]}
    notes = PageNotes(choices=choices, problems={"1": ("the scan is cut off",)})
    write_report(out, "01", datasets={"raw": root / "raw"}, notes=notes)
    measures.run(output_dir=out, settings=MeasuresSettings())
    make_statistics(out, text="plain")
    write_report(out, "01", datasets={"raw": root / "raw"})
    group.write_report(out)
    return out


@pytest.fixture(scope="module")
def page(out, tmp_path_factory):
    with open_page(out / "sub-01.html", profile=tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_first_screen_holds_verdict_cards_and_a_picture(page, tmp_path, width, height):
    page.picture(tmp_path / "x.png", width=width, height=height)
    seen = page.evaluate(_SEEN)
    assert seen["verdict"] == 1
    assert seen["cards"] >= (5 if width > 1000 else 2)
    assert seen["pictures"] >= 1
    assert not seen["wide"]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("name", ["sub-01.html", "group.html"])
def test_all_can_use_the_pages(out, tmp_path, name, width, height, dark):
    with open_page(out / name, profile=tmp_path / "profile") as page:
        page.picture(tmp_path / "x.png", width=width, height=height, dark=dark)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert find_faults(page) == []
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("name", ["sub-01.html", "group.html"])
def test_axe_finds_nothing_serious(out, tmp_path, name):
    with open_page(out / name, profile=tmp_path) as page:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert find_serious_violations(page) == []


def test_the_viewer_draws_three_planes_and_layers_are_switched_by_keys_and_clicks(page):
    drawn = """
    (() => {
      const canvas = document.querySelector(".viewer-canvas canvas");
      return [canvas.width > 0, canvas.toDataURL()];
    })()
    """
    shown, first = page.evaluate(drawn)
    assert shown
    page.evaluate("document.querySelector('.viewer [name=layer]').click()")
    without = page.evaluate(drawn)[1]
    assert without != first
    page.evaluate("document.querySelector('.viewer [name=layer]').click()")
    assert page.evaluate(drawn)[1] == first
    move = "const z = document.querySelector('.viewer [name=Z]'); z.value = 0; "
    page.evaluate(move + "z.dispatchEvent(new Event('input', { bubbles: true }))")
    assert page.evaluate("document.querySelector('.viewer .place').textContent").endswith("z 0 mm")


def test_the_long_table_is_folded_searched_and_opened_by_its_link(page):
    assert not page.evaluate("document.querySelector('details.all').open")
    page.evaluate("location.hash = document.querySelector('details.all').id")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert page.evaluate("document.querySelector('details.all').open")
    assert page.evaluate(_SEARCH.replace("WORD", "cerebrospinal")) == ["csf_ml"]
    assert len(page.evaluate(_SEARCH.replace("WORD", ""))) == 4


def test_a_session_is_printed_on_two_pages(page):
    pdf = page.print_pages()
    assert 1 <= pdf <= 2

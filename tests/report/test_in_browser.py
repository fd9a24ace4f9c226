"""The pages in a real browser: nothing fails, all pictures show, the form gives a table."""

import pytest

from npsle_app.bids.input.ratings import read_ratings
from npsle_app.report import group
from npsle_app.report.page_notes import PageNotes
from npsle_app.report.participant import write_report
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group import measures
from tests.report.browser import open_page
from tests.report.builder import HOSTILE, make_dataset
from tests.report.study_builder import make_statistics

_FILL = """
(() => {
  const form = document.querySelector("form.rating");
  form.querySelector("[value=exclude]").checked = true;
  form.querySelector("[name=stage][value=anat]").checked = true;
  form.rater.value = "A\\tB";
  form.comment.value = "moved\\nmuch <b>";
  window.saved = [];
  URL.createObjectURL = (blob) => { window.saved.push(blob.text()); return "blob:x"; };
  HTMLAnchorElement.prototype.click = function () { window.saved.push(this.download); };
  form.requestSubmit();
  return Promise.all(window.saved);
})()
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    out = make_dataset(root, text=HOSTILE)
    write_report(
        out, "01", datasets={"raw": root / "raw"}, notes=PageNotes(problems={"1": (HOSTILE,)})
    )
    measures.run(output_dir=out, settings=MeasuresSettings())
    make_statistics(out, text=HOSTILE)
    group.write_report(out)
    return out


@pytest.fixture(scope="module")
def page(dataset, tmp_path_factory):
    with open_page(dataset / "sub-01.html", profile=tmp_path_factory.mktemp("profile")) as page:
        yield page


def test_a_participants_page_loads_without_complaint_and_asks_the_network_for_nothing(page):
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_all_pictures_of_a_page_show(page):
    # of each of two sessions four of the stages and one on a card
    assert page.evaluate("document.images.length") == 10
    assert page.evaluate("[...document.images].filter((i) => !i.naturalWidth).length") == 0


def test_no_script_of_a_file_runs(page):
    assert page.evaluate("typeof window.hacked") == "undefined"


def test_before_and_after_alternate_and_can_be_held(page):
    opacity = "getComputedStyle(document.querySelector('.pair .after')).opacity"
    show = "document.querySelector('[data-show={}]').click()"
    page.evaluate(show.format("before"))
    assert page.evaluate(opacity) == "0"
    page.evaluate(show.format("after"))
    assert page.evaluate(opacity) == "1"
    page.evaluate(show.format("flicker"))
    assert page.evaluate("document.querySelector('.pair .after').getAnimations().length") == 1


def test_the_rating_form_saves_a_table_that_the_group_level_reads(page, tmp_path):
    text, name = page.evaluate(_FILL)
    assert name == "sub-01_ses-2_qc.tsv"
    assert text.splitlines() == [
        "participant_id\tsession_id\trater\trating\texclude\tstages\tcomment",
        "sub-01\tses-2\tA B\texclude\tyes\tanat\tmoved much <b>",
    ]
    (tmp_path / name).write_text(text, encoding="utf-8")
    rating = read_ratings(tmp_path).iloc[0].to_dict()
    assert rating == {
        "participant_id": "sub-01",
        "session_id": "ses-2",
        "qc_rating": "exclude",
        "qc_exclude": "yes",
        "qc_stages": "anat",
        "qc_measures": None,
    }


def test_the_page_of_the_study_loads_links_and_sorts(dataset, tmp_path):
    with open_page(dataset / "group.html", profile=tmp_path) as page:
        assert page.complaints == []
        assert page.evaluate("typeof window.hacked") == "undefined"
        assert page.evaluate("[...document.images].filter((i) => !i.naturalWidth).length") == 0
        links = page.evaluate(
            "[...document.querySelectorAll('.strip a')].map((a) => a.getAttribute('href'))"
        )
        assert set(links) == {"sub-01.html#sub-01_ses-1", "sub-01.html#sub-01_ses-2"}
        first = "document.querySelector('#measures tbody tr th').textContent"
        click = "document.querySelectorAll('#measures thead button')[1].click()"
        page.evaluate(click)
        assert page.evaluate(first) == "sub-01_ses-1"
        page.evaluate(click)
        assert page.evaluate(first) == "sub-01_ses-2"


def test_the_studys_statistics_load_without_complaint_and_copy_as_a_table(dataset, tmp_path):
    with open_page(dataset / "group.html", profile=tmp_path) as page:
        assert page.complaints == []
        assert page.evaluate("typeof window.hacked") == "undefined"
        assert page.evaluate("document.querySelectorAll('.chart svg path').length") > 5
        assert page.evaluate("document.querySelectorAll('.chart script').length") == 0
        copied = page.evaluate(
            """
            document.execCommand = () => { window.taken = document.activeElement.value; return 1; };
            document.querySelector("[data-copy-table=dunn]").click();
            window.taken
            """
        )
    lines = [line.split("\t") for line in copied.splitlines()]
    assert {len(line) for line in lines} == {8}
    assert lines[0][:3] == ["Variable", "Group", "Against"]
    assert lines[2][0] == "WMH volume"

import csv
import json
import re
from html.parser import HTMLParser

import pytest

from npsle_app.bids.input.scans import Choice
from npsle_app.report.page_notes import PageNotes, Run, show
from npsle_app.report.participant import write_report
from tests.report.builder import HOSTILE, make_dataset


class _Reader(HTMLParser):
    """Collects the text of a page and the addresses in it."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._silent = False

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self._silent = tag in ("script", "style")
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, _tag):
        self._silent = False

    def handle_data(self, data):
        if not self._silent:
            self.text.append(data)


def _write(tmp_path, *, text="plain", sessions=("1", "2"), **more):
    out = make_dataset(tmp_path, text=text, sessions=sessions)
    return write_report(
        out, "01", datasets={"raw": tmp_path / "raw"}, **{"notes": PageNotes()} | more
    )


def _read(path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def _text(path) -> str:
    return re.sub(r"\s+", " ", " ".join(_read(path).text))


def test_the_page_lies_beside_the_participants_folder(tmp_path):
    assert _write(tmp_path) == tmp_path / "out" / "sub-01.html"


def test_the_page_asks_for_nothing_outside_itself(tmp_path):
    links = _read(_write(tmp_path)).links
    assert [link for link in links if not link.startswith(("data:", "#"))] == ["group.html"]


def test_the_page_says_how_each_stage_ended_and_why(tmp_path):
    text = _text(_write(tmp_path, text="the scan is damaged"))
    assert "12.5" in text
    assert text.count("the scan is damaged") >= 4
    assert "sub-01_ses-1, wmh failed the scan is damaged" in text


def test_a_value_outside_its_plausible_range_is_flagged_as_such(tmp_path):
    text = _text(_write(tmp_path))
    assert re.search(r"tiv_ml 1400 mL 1000–2000 inside", text)
    assert re.search(r"tiv_ml 2400 mL 1000–2000 outside", text)
    assert "not a reference interval" in text


NOTES = PageNotes(
    choices={"1": (show(Choice("flair", None, "none was acquired")),)},
    problems={"2": ("qform and sform differ",)},
    run=Run(version="9.8.7", command="npsle_app in out", settings="[wmh]\nthreshold = 0.2\n"),
)


def test_gates_choices_problems_and_provenance_are_on_the_page(tmp_path):
    text = _text(_write(tmp_path, notes=NOTES))
    for said in ("Look at it.", "none was acquired", "qform and sform differ", "9.8.7"):
        assert said in text
    assert "npsle_app in out" in text
    assert "threshold = 0.2" in text


def test_a_page_made_again_without_notes_says_what_it_said(tmp_path):
    path = _write(tmp_path, notes=NOTES)
    first = path.read_bytes()
    assert write_report(path.parent, "01", datasets={"raw": tmp_path / "raw"}) == path
    assert path.read_bytes() == first


def test_a_page_made_again_without_notes_leaves_the_measures_alone(tmp_path):
    path = _write(tmp_path)
    table = path.parent / "sub-01" / "ses-1" / "sub-01_ses-1_measures.tsv"
    table.write_text("as it is")
    write_report(path.parent, "01", datasets={"raw": tmp_path / "raw"})
    assert table.read_text() == "as it is"


def test_notes_that_cannot_be_read_leave_a_page_that_says_so(tmp_path):
    path = _write(tmp_path, notes=NOTES)
    (path.parent / "sub-01" / "log" / "page.json").write_text("[1", encoding="utf-8")
    write_report(path.parent, "01", datasets={"raw": tmp_path / "raw"})
    assert "not recorded" in _text(path)


def test_the_digests_of_templates_come_from_the_sidecars_of_the_images(tmp_path):
    folder = make_dataset(tmp_path) / "sub-01" / "ses-1" / "anat"
    folder.mkdir()
    sidecar = {"Templates": {"head.nii.gz": "0123abcd"}, "Sources": []}
    (folder / "sub-01_ses-1_desc-brain_mask.json").write_text(json.dumps(sidecar))
    assert "head.nii.gz 0123abcd" in _text(_write(tmp_path))


def test_the_methods_text_cites_what_the_stages_cite(tmp_path):
    text = _text(_write(tmp_path))
    assert "The T1w image was corrected and registered. [@n4; @ants_syn]" in text
    assert "doi:10.1109/TMI.2010.2046908" in text
    assert text.count("The T1w image was corrected and registered.") == 1


def test_research_use_only_is_told(tmp_path):
    assert "For research use only." in _text(_write(tmp_path))


def test_hostile_text_stays_text(tmp_path):
    clean, hostile = (
        _write(tmp_path / name, text=text) for name, text in (("a", "x"), ("b", HOSTILE))
    )
    assert _read(clean).tags == _read(hostile).tags
    assert HOSTILE in " ".join(_read(hostile).text)


def test_the_same_files_give_the_same_page(tmp_path):
    first = _write(tmp_path).read_bytes()
    assert _write(tmp_path).read_bytes() == first


def test_measures_are_written_with_unit_state_and_source(tmp_path):
    path = _write(tmp_path).parent / "sub-01" / "ses-1" / "sub-01_ses-1_measures.tsv"
    with path.open(encoding="utf-8") as file:
        rows = {row["measure"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert rows["gm_ml"] == {
        "measure": "gm_ml",
        "value": "600.123",
        "unit": "mL",
        "stage": "tissue",
        "qc": "pass",
        "sources": "bids:raw:sub-01/anat/sub-01_T1w.nii.gz",
    }
    assert rows["csf_ml"]["value"] == "n/a"
    assert rows["csf_ml"]["qc"] == "not assessable"
    dictionary = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert set(dictionary) == set(rows["gm_ml"])


@pytest.mark.parametrize(
    ("dates", "order"),
    [("", ["10", "9"]), ("ses-9\t2024-05-01\nses-10\t2021-05-01\n", ["9", "10"])],
    ids=["by their names", "by their dates"],
)
def test_the_newest_session_comes_first(tmp_path, dates, order):
    if dates:
        table = tmp_path / "raw" / "sub-01" / "sub-01_sessions.tsv"
        table.parent.mkdir(parents=True)
        table.write_text("session_id\tacq_time\n" + dates)
    page = _write(tmp_path, sessions=("9", "10")).read_text(encoding="utf-8")
    places = [page.index(f'<section id="sub-01_ses-{label}"') for label in order]
    assert places == sorted(places)


def test_a_dataset_without_sessions_has_its_measures_in_the_participants_folder(tmp_path):
    page = _write(tmp_path, sessions=(None,))
    assert (page.parent / "sub-01" / "sub-01_measures.tsv").is_file()


def test_what_a_failed_stage_left_from_an_earlier_run_is_not_shown(tmp_path):
    page = _write(tmp_path, sessions=("1",))
    status = page.parent / "sub-01" / "log" / "status.tsv"
    lines = status.read_text().replace("tissue\tdone", "tissue\tfailed")
    status.write_text(lines)
    write_report(page.parent, "01", datasets={"raw": tmp_path / "raw"}, notes=PageNotes())
    assert "tiv_ml" not in _text(page)
    assert not (page.parent / "sub-01" / "ses-1" / "sub-01_ses-1_measures.tsv").exists()


def test_a_damaged_record_is_told_among_the_errors(tmp_path):
    page = _write(tmp_path, sessions=("1",))
    record = page.parent / "sub-01" / "ses-1" / "log" / "sub-01_ses-1_stage-tissue.json"
    record.write_text("{")
    write_report(page.parent, "01", datasets={"raw": tmp_path / "raw"})
    assert "is no record of this version" in _text(page)


def test_a_missing_figure_is_told_in_its_place(tmp_path):
    page = _write(tmp_path, sessions=("1",))
    (page.parent / "sub-01" / "ses-1" / "figures" / "sub-01_ses-1_mask.webp").unlink()
    write_report(page.parent, "01", datasets={"raw": tmp_path / "raw"})
    assert "sub-01_ses-1_mask.webp is not there" in _text(page)


def test_a_participant_without_anything_has_a_page_all_the_same(tmp_path):
    page = write_report(tmp_path, "99", datasets={})
    assert "No session of this participant was found." in _text(page)


def test_the_browser_may_run_nothing_but_the_pages_own_script(tmp_path):
    policy = re.search(
        r'http-equiv="Content-Security-Policy" content="([^"]+)"', _write(tmp_path).read_text()
    )
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[^' ]+';", policy[1])

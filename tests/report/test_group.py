import json
import re

import pytest

from npsle_app.bids.output.names import GroupFile
from npsle_app.report import group
from npsle_app.report.group import session_id, write_report
from npsle_app.report.page_notes import PageNotes
from npsle_app.report.participant import write_report as write_participant
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group.measures import run
from tests.report.builder import HOSTILE, make_dataset
from tests.report.study_builder import make_statistics

_RATING = "participant_id\tsession_id\trater\trating\texclude\tstages\tcomment\n"


def _write(tmp_path, *, text="plain"):
    out = make_dataset(tmp_path, text=text)
    write_participant(out, "01", datasets={"raw": tmp_path / "raw"}, notes=PageNotes())
    (out / "sub-02" / "log").mkdir(parents=True)
    (out / "qc").mkdir()
    (out / "qc" / "a.tsv").write_text(f"{_RATING}sub-01\tses-1\tA\texclude\tyes\tanat\tn/a\n")
    run(output_dir=out, settings=MeasuresSettings())
    return write_report(out)


def _text(path) -> str:
    page = re.sub(
        r"<(script|style)>.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_participants_sessions_and_exclusions_are_counted(tmp_path):
    text = _text(_write(tmp_path))
    assert "Participants 2 " in text
    assert "Sessions with stages 2 " in text
    assert "Sessions excluded by rating 1 " in text


def test_each_stage_has_its_number_of_sessions_by_outcome(tmp_path):
    text = _text(_write(tmp_path))
    assert "anat 2 0 0 0 0 " in text  # done, reused, failed, blocked, absent
    assert "wmh 0 0 2 0 0 " in text


def test_exclusions_and_implausible_values_are_listed(tmp_path):
    text = _text(_write(tmp_path))
    flags = text.partition("Flags and exclusions")[2].partition("Measures")[0]
    assert "sub-01_ses-1 : exclude by rating, stages anat" in flags
    assert "sub-01_ses-2 : tiv_ml = 2400 mL: outside the plausible range 1000–2000 mL" in flags


def test_a_value_that_the_stage_found_far_from_the_others_is_flagged(tmp_path):
    out = _write(tmp_path).parent
    (out / GroupFile.OUTLIERS.path).write_text(
        "participant_id\tsession_id\tmeasure\tvalue\nsub-01\tses-1\tgm_ml\t600.1\n"
    )
    flags = _text(write_report(out)).partition("Flags and exclusions")[2]
    assert "sub-01_ses-1 : gm_ml = 600 mL: far from the others of the study" in flags


def test_each_session_has_a_small_picture(tmp_path):
    page = _write(tmp_path).read_text(encoding="utf-8")
    assert page.count('<img src="data:image/webp') == 2


def test_the_methods_text_is_that_of_the_run(tmp_path):
    out = _write(tmp_path).parent
    (out / "logs").mkdir()
    (out / "logs" / "CITATION.md").write_text("# Methods\n\nThe heads were <measured>.\n")
    page = write_report(out).read_text(encoding="utf-8")
    assert "The heads were &lt;measured&gt;." in page


def test_hostile_reasons_stay_text(tmp_path):
    page = _write(tmp_path, text=HOSTILE).read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "onerror=alert(1)&gt;" in page


def test_the_same_files_give_the_same_page(tmp_path):
    path = _write(tmp_path)
    first = path.read_bytes()
    assert write_report(path.parent).read_bytes() == first


def test_an_empty_study_has_a_page(tmp_path):
    text = _text(write_report(tmp_path))
    assert "Participants 0 " in text
    assert "There are no measures yet." in text


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("sub-01", "ses-1"), "sub-01_ses-1"),
        (("01", "1"), "sub-01_ses-1"),
        (("sub-01", "n/a"), "sub-01"),
        (("sub-01", float("nan")), "sub-01"),
    ],
)
def test_sessions_are_named_as_their_files(labels, expected):
    assert session_id(*labels) == expected


def test_of_many_sessions_the_page_shows_some_and_says_how_many(tmp_path, monkeypatch):
    monkeypatch.setattr(group, "_MOST_CELLS", 1)
    monkeypatch.setattr(group, "_MOST_SESSIONS", 1)
    text = _text(_write(tmp_path))
    assert "The first 1 of 2 sessions are shown" in text
    assert "1 of 2 sessions are shown, those with a failed or blocked stage first" in text
    assert "Sessions with measures 2 " in text


def test_the_page_begins_with_what_was_found_and_what_it_takes_with_few_people(tmp_path):
    out = _write(tmp_path).parent
    make_statistics(out, text="plain")
    path = out / GroupFile.STATISTICS.path
    summary = json.loads(path.read_text())
    needed = "To find a large difference takes 26 people in each of two groups."
    empty = summary["analyses"][0] | {
        "name": "table1", "title": "Characteristics", "tables": {}, "figures": [], "results": [],
        "reasons": ["no column age"],
    }  # fmt: skip
    path.write_text(
        json.dumps(summary | {"needed": needed, "analyses": [*summary["analyses"], empty]})
    )
    text = _text(write_report(out))
    assert needed in text
    assert text.index("What was found") < text.index(needed) < text.rindex("Warnings")
    assert "Characteristics : no column age" in text
    assert text.index("Not done", text.index(needed)) < text.index("Characteristics : no column")

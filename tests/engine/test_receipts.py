"""What a rerun computes again, and what it leaves alone."""

import json
import shutil

import pytest

from npsle_app.engine import receipts
from npsle_app.engine.stage import Status
from tests.engine.plan import PLAN, Section, Study


def statuses(outcomes):
    return {stage: str(outcome.status) for (_, stage), outcome in outcomes.items()}


ALL_REUSED = {"anat": "reused", "wmh": "reused", "tissue": "reused"}


def test_a_second_run_computes_nothing_and_returns_the_same_outputs(study, inline):
    first = study.run(inline)
    second = study.run(inline)

    assert statuses(first) == {"anat": "done", "wmh": "done", "tissue": "done"}
    assert statuses(second) == ALL_REUSED
    assert study.started == []
    assert {k: o.outputs for k, o in first.items()} == {k: o.outputs for k, o in second.items()}


def test_a_changed_setting_reruns_its_stage_and_what_hangs_on_its_result(study, inline):
    study.run(inline)
    study.settings["wmh"] = Section(factor=2)

    assert statuses(study.run(inline)) == {"anat": "reused", "wmh": "done", "tissue": "done"}


def test_a_rerun_that_makes_the_same_files_spares_the_later_stages(study, inline):
    study.run(inline)
    study.settings["tissue"] = Section(factor=2)  # which tissue does not use
    (study.root / "01" / "anat.tsv").unlink()

    assert statuses(study.run(inline)) == {"anat": "done", "wmh": "reused", "tissue": "done"}


def test_a_changed_scan_reruns_what_hangs_on_it(study, inline):
    study.run(inline)
    study.add("01", flair="another")

    assert statuses(study.run(inline)) == {"anat": "reused", "wmh": "done", "tissue": "done"}


def test_another_version_of_the_code_reruns_all(study, inline):
    study.run(inline)
    study.version = "2"

    assert set(statuses(study.run(inline)).values()) == {"done"}


def test_a_scan_that_arrives_later_reruns_the_stage_that_uses_it(tmp_path, inline):
    study = Study(tmp_path)
    study.add("01", t1w="7")
    study.run(inline)
    study.add("01", flair="9")

    outcomes = study.run(inline)

    assert statuses(outcomes) == {"anat": "reused", "wmh": "done", "tissue": "done"}
    assert outcomes["01", "tissue"].outputs.table.read_text() == "7 97"


@pytest.mark.parametrize("name", ["anat.tsv", "anat.json", "anat.webp"])
@pytest.mark.parametrize("damage", ["deleted", "overwritten"])
def test_a_damaged_output_figure_or_sidecar_is_made_anew(study, inline, name, damage):
    study.run(inline)
    path = study.root / "01" / name
    whole = path.read_text()
    path.unlink()
    if damage == "overwritten":
        path.write_text("damaged by someone")

    outcomes = study.run(inline)

    assert statuses(outcomes) == {**ALL_REUSED, "anat": "done"}
    assert path.read_text() == whole


def test_a_moved_output_folder_is_still_current(study, inline, tmp_path):
    study.run(inline)
    moved = Study(tmp_path / "elsewhere")
    shutil.copytree(study.folder / "raw", moved.folder / "raw")
    shutil.move(study.root, moved.root)

    outcomes = moved.run(inline)

    assert statuses(outcomes) == ALL_REUSED
    assert outcomes["01", "anat"].outputs.table == moved.root / "01" / "anat.tsv"


def test_a_receipt_names_no_folder_of_this_machine(study, inline):
    study.run(inline)

    text = (study.root / "01" / "receipt-wmh.json").read_text()

    assert str(study.folder) not in text
    assert json.loads(text)["files"].keys() == {"01/wmh.json", "01/wmh.tsv", "01/wmh.webp"}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version": "1"}', '{"version":"1","inputs":{},"outputs":{},"files":3}'],
)
def test_a_corrupt_receipt_is_no_receipt(study, inline, content):
    study.run(inline)
    (study.root / "01" / "receipt-anat.json").write_text(content)

    assert statuses(study.run(inline)) == {**ALL_REUSED, "anat": "done"}


@pytest.mark.parametrize(
    "outputs",
    [{}, {"table": 5}, {"table": ["a"]}, {"table": {"file": "x"}, "more": None}, {"table": {}}],
)
def test_a_receipt_whose_outputs_are_not_those_of_the_stage_is_not_reused(study, inline, outputs):
    study.run(inline)
    receipt = study.root / "01" / "receipt-anat.json"
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"outputs": outputs}))

    assert statuses(study.run(inline)) == {**ALL_REUSED, "anat": "done"}


def test_a_receipt_that_points_out_of_the_output_folder_deletes_nothing_there(study, inline):
    study.run(inline)
    receipt = study.root / "01" / "receipt-anat.json"
    content = json.loads(receipt.read_text())
    content["files"]["../raw/01/t1w"] = "0"
    receipt.write_text(json.dumps(content))

    outcomes = study.run(inline)

    assert outcomes["01", "anat"].status is Status.DONE
    assert (study.folder / "raw" / "01" / "t1w").read_text() == "7"


def test_files_of_an_earlier_attempt_do_not_stay_among_the_new(study, inline):
    study.run(inline)
    study.add("01", t1w="not a number")

    outcomes = study.run(inline)

    assert outcomes["01", "anat"].status is Status.FAILED
    assert not (study.root / "01" / "anat.tsv").exists()
    assert not (study.root / "01" / "receipt-anat.json").exists()


def test_a_file_that_now_comes_from_a_stage_before_is_not_taken_for_an_old_one(study, inline):
    study.run(inline)
    receipt = study.root / "01" / "receipt-wmh.json"
    content = json.loads(receipt.read_text())
    content["files"] |= {"01/anat.tsv": "0", "01/anat.json": "0"}  # another version wrote them
    receipt.write_text(json.dumps(content))
    study.version = "2"

    assert set(statuses(study.run(inline)).values()) == {"done"}
    assert (study.root / "01" / "anat.json").is_file()


def test_what_changed_is_said_in_words(study, inline):
    study.run(inline)
    content = receipts.read(study.root / "01" / "receipt-anat.json")
    facts = {name: content[name] for name in ("version", "stage", "settings", "inputs")}

    assert receipts.find_change(content, facts, root=study.root) is None
    changed = facts | {"settings": {"factor": 3}}
    assert receipts.find_change(content, changed, root=study.root) == "settings changed (factor)"
    (study.root / "01" / "anat.json").unlink()
    assert receipts.find_change(content, facts, root=study.root) == "01/anat.json is missing"


def test_a_none_and_an_empty_tuple_come_back_as_they_were(tmp_path):
    made = PLAN[0].outputs(table=tmp_path / "t.tsv")
    made.table.write_text("1")
    receipts.save(tmp_path / "r.json", _facts(), outputs=made, root=tmp_path)

    content = receipts.read(tmp_path / "r.json")

    assert receipts.restore(content, type(made), root=tmp_path) == made


def _facts():
    return receipts.facts(version="1", stage="anat", settings=Section(), inputs={})


def test_a_stage_that_is_made_anew_says_why(study, inline):
    assert study.run(inline)["01", "wmh"].reason == ""
    study.settings["wmh"] = Section(factor=2)

    assert study.run(inline)["01", "wmh"].reason == "made anew: settings changed (factor)"

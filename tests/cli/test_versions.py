"""Results of two versions do not meet in one output folder, unless it is asked for."""

import json

import pytest

from npsle_app.bids.output.tree import SIMULATED
from npsle_app.cli.version import get_version

pytestmark = pytest.mark.long

OWN = get_version()
RELEASE = OWN.partition("+")[0]
OTHERS = ["0.0.1+gabc1234", "99.0.0", f"{RELEASE}+src.00000000", f"{RELEASE}+g0000000"]


def _made_by(out, version, *labels):
    """Let an output folder say that another version made it, as that version would have."""
    description = out / "dataset_description.json"
    content = json.loads(description.read_text())
    content["GeneratedBy"][0]["Version"] = version
    description.write_text(json.dumps(content))
    for label in labels:
        notes = out / f"sub-{label}" / "log" / "page.json"
        told = json.loads(notes.read_text())
        told["run"]["version"] = version
        notes.write_text(json.dumps(told))
        (out / f"sub-{label}" / "log" / "report.json").unlink()
        for receipt in (out / f"sub-{label}" / "log").glob("*_receipt-*.json"):
            receipt.write_text(receipt.read_text().replace(OWN, version))


def _files(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*")}


@pytest.mark.parametrize(
    ("words", "version"),
    [
        *((["participant"], version) for version in OTHERS),
        *((["group"], version) for version in OTHERS),
        (["participant", "group"], OTHERS[0]),
        (["participant", "--dry-run"], OTHERS[0]),
        (["group", "--dry-run"], OTHERS[0]),
        (["participant", "--reports-only"], OTHERS[0]),
    ],
)
@pytest.mark.fault(
    "Runs", "OUTPUT_DIR of another version, newer or older", "refused, with the ways out"
)
def test_a_folder_of_another_version_is_refused_before_anything_is_written(
    app, tmp_path, words, version
):
    out = tmp_path / "out"
    app("participant", "--participant-label", "01")
    _made_by(out, version, "01")
    before = _files(out)

    call = app(*words)

    assert call.code == 2
    assert version in call.err
    assert OWN in call.err
    assert "--allow-other-version" in call.err
    assert _files(out) == before


def test_source_that_was_edited_since_is_said_to_be_of_the_same_release(app, tmp_path):
    app("participant")
    _made_by(tmp_path / "out", f"{RELEASE}+src.00000000", "01", "02")
    assert "the same release from other source" in app("participant").err


def test_the_same_version_is_never_refused(app):
    assert app("participant").code == 0
    assert app("participant").code == 0
    assert app("group").code == 0


def test_with_leave_all_that_is_asked_for_is_made_anew(app, tmp_path):
    app("participant")
    _made_by(tmp_path / "out", "0.0.1", "01", "02")

    assert app("participant", "--allow-other-version").code == 0

    assert app("participant", "group").code == 0
    for label in ("01", "02"):
        notes = tmp_path / "out" / f"sub-{label}" / "log" / "page.json"
        assert json.loads(notes.read_text())["run"]["version"] == OWN


@pytest.mark.fault(
    "Runs",
    "group level over participants of another version",
    "refused with versions and counts; with leave, warned",
)
def test_whoever_was_left_out_is_told_when_the_group_level_comes(app, tmp_path):
    app("participant")
    _made_by(tmp_path / "out", "0.0.9+gabc", "01", "02")
    app("participant", "--allow-other-version", "--participant-label", "01")

    refused = app("group")
    assert refused.code == 2
    assert "0.0.9+gabc (1)" in refused.err
    assert not (tmp_path / "out" / "group").exists()

    both = app("participant", "group", "--participant-label", "01")
    assert both.code == 2
    assert "0.0.9+gabc (1)" in both.err

    gathered = app("group", "--allow-other-version")
    assert gathered.code == 0
    assert "measured by other versions than that of the group level" in gathered.err


def test_a_run_that_measures_all_of_them_anew_gathers_them(app, tmp_path):
    app("participant")
    _made_by(tmp_path / "out", OWN)
    notes = tmp_path / "out" / "sub-02" / "log" / "page.json"
    notes.write_text(notes.read_text().replace(OWN, "0.0.1"))
    (tmp_path / "out" / "sub-02" / "log" / "report.json").unlink()
    assert app("participant", "group").code == 0
    assert OWN in notes.read_text()


def test_participants_whose_page_was_never_written_count_as_of_the_folder(app, tmp_path):
    app("participant")
    _made_by(tmp_path / "out", "0.0.1", "01", "02")
    (tmp_path / "out" / "sub-01" / "log" / "page.json").unlink()
    assert "0.0.1 (2)" in app("group").err


def test_a_folder_that_was_described_and_holds_nobody_is_no_other_version(app, tmp_path):
    app("participant", "--boilerplate-only")
    out = tmp_path / "out"
    description = {"Name": "x", "GeneratedBy": [{"Name": "npsle_app", "Version": "0.0.1"}]}
    (out / "dataset_description.json").write_text(json.dumps(description))
    assert app("participant").code == 0


def test_simulated_measures_have_no_version(app, tmp_path):
    app("participant", "--participant-label", "01")
    _made_by(tmp_path / "out", SIMULATED, "01")
    (tmp_path / "out" / "sub-01" / "log" / "page.json").unlink()
    assert app("group").code == 0
    assert app("participant").code == 0

"""Whatever is broken of one participant, the other two are computed, and the exit code is 1."""

import gzip
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input import dataset as datasets
from npsle_app.cli import jobs
from npsle_app.engine.status import read_rows

pytestmark = pytest.mark.long


@pytest.fixture
def three(dataset):
    """Return the dataset with a third participant, the first by name, to be broken."""
    dataset.add("00", "T1w", "FLAIR")
    return dataset


def image(dataset):
    return dataset.root / "sub-00" / "anat" / "sub-00_T1w.nii.gz"


def unpacked(dataset):
    return bytearray(gzip.decompress(image(dataset).read_bytes()))


def put(place, value):
    def change(dataset):
        content = unpacked(dataset)
        content[place : place + len(value)] = value
        image(dataset).write_bytes(gzip.compress(bytes(content), 1))

    return change


def flip_a_bit(dataset):
    content = bytearray(image(dataset).read_bytes())
    content[len(content) // 2] ^= 4
    image(dataset).write_bytes(bytes(content))


def cut(dataset):
    image(dataset).write_bytes(image(dataset).read_bytes()[:-999])


def pipe(dataset):
    image(dataset).unlink()
    os.mkfifo(image(dataset))


def go_on_for_long(dataset):
    content = bytes(unpacked(dataset)) + bytes(80 * 2**20)
    image(dataset).write_bytes(gzip.compress(content, 1))


def link_away(dataset):
    image(dataset).unlink()
    image(dataset).symlink_to("/dev/zero")


def second_run(change):
    """Break one of two runs in a way that its header alone shows, so that ranking meets it."""

    def both(dataset):
        whole = image(dataset).read_bytes()
        for number in (1, 2):
            (image(dataset).parent / f"sub-00_run-{number}_T1w.nii.gz").write_bytes(whole)
        change(dataset)

    return both


BROKEN = {
    "a type that there is not": put(70, np.int16(9999).tobytes()),
    "a bit of the compressed data": flip_a_bit,
    "cut off": cut,
    "values nowhere": put(108, np.float32(1e30).tobytes()),
    "nine dimensions": put(40, np.array([9, 40, 48, 40, 1, 1, 1, 1], "<i2").tobytes()),
    "an affine without length": put(280, bytes(48)),
    "a scale factor of 1e30": put(112, np.float32(1e30).tobytes()),
    "ranking meets it": second_run(put(70, np.int16(9999).tobytes())),
    "unpacks to much more than its image": go_on_for_long,
    "a device": link_away,
    "a pipe": pipe,
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.fault(
    "Images",
    "broken image of one participant among three",
    "that participant fails, exit code 1; the others complete",
)
def test_one_broken_image_among_three_participants(app, three, tmp_path, name):
    BROKEN[name](three)

    call = app("participant")

    rows = {(row.participant, row.stage): row for row in rows_of(tmp_path)}
    others = {status for (who, _), status in
              ((key, row.status) for key, row in rows.items()) if who != "sub-00"}  # fmt: skip
    assert others == {"done", "absent"}
    assert rows["sub-02", "tissue"].status == "done"
    if name == "ranking meets it":
        assert call.code == 0
    elif name in ("a device", "a pipe"):
        assert rows["sub-00", "anat"].status == "absent"
    else:
        assert call.code == 1
        assert rows["sub-00", "anat"].status == "failed"
        assert rows["sub-00", "anat"].reason.startswith("sub-00_T1w.nii.gz: ")
    assert "unexpected" not in call.out


def rows_of(folder):
    return read_rows(folder / "out" / "logs" / "status.tsv")


@pytest.mark.parametrize("content", ['{"a": ' * 50_000, "\x00", "[1]", "{"])
@pytest.mark.fault(
    "Images",
    "broken sidecar of one participant",
    "told; nothing that it says is used",
)
def test_one_broken_sidecar_among_three_participants(app, three, tmp_path, content):
    image(three).with_name("sub-00_T1w.json").write_text(content)

    assert app("participant").code == 0
    assert "the sidecar cannot be read" in (tmp_path / "out" / "sub-00.html").read_text()
    assert_the_others_are_done(tmp_path)


def assert_the_others_are_done(folder):
    states = {(row.participant, row.stage): row.status for row in rows_of(folder)}
    assert [states[label, "tissue"] for label in ("sub-01", "sub-02")] == ["done", "done"]


@pytest.mark.parametrize("target", [".", "..", "/"])
@pytest.mark.fault(
    "Images",
    "link of one participant that leads back up, or to /",
    "not followed, and named; all participants complete",
)
def test_one_link_in_a_loop_among_three_participants(app, three, tmp_path, target):
    (image(three).parent / "loop").symlink_to(target)

    call = app("participant")

    assert call.code == 0
    assert "is a link to a folder: it was not followed" in call.err
    assert_the_others_are_done(tmp_path)


def test_one_changed_measure_among_three_participants(app, three, tmp_path):
    out = tmp_path / "out"
    assert app("participant", "group").code == 0
    truth = (out / "npsle_app_measures.tsv").read_bytes()
    (out / "sub-00" / "sub-00_measures.tsv").write_text("measure\tvalue\ntiv_ml\t9\n")

    assert app("group").code == 0
    assert (out / "npsle_app_measures.tsv").read_bytes() == truth
    assert three.root.is_dir()


def test_a_pipe_called_a_sidecar_is_not_waited_for(app, three, tmp_path):
    side = image(three).with_name("sub-00_T1w.json")
    side.unlink()
    os.mkfifo(side)

    assert app("participant").code == 0
    assert_the_others_are_done(tmp_path)


@pytest.mark.fault(
    "Images",
    "folder of one participant that may not be read",
    "told, exit code 1; the others complete",
)
def test_one_folder_that_cannot_be_looked_at_fails_its_participant_alone(
    app, three, monkeypatch, tmp_path
):
    scandir, closed = datasets.os.scandir, three.root / "sub-00"

    def refuse(path="."):
        if isinstance(path, Path) and path.is_relative_to(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(datasets.os, "scandir", refuse)

    call = app("participant")

    assert call.code == 1
    assert "cannot be indexed: PermissionError" in call.err
    assert "1 participant could not be read" in call.lines[-1]
    rows = {(row.participant, row.stage): row for row in rows_of(tmp_path)}
    assert rows["sub-01", "tissue"].status == "done"
    assert three.root.is_dir()


def test_a_check_that_raises_is_the_failure_of_its_participant_alone(
    app, three, monkeypatch, tmp_path
):
    check = jobs.check_session

    def raises(session):
        if session.participant == "00":
            raise OverflowError("cannot convert float infinity to integer")  # noqa: EM101
        return check(session)

    monkeypatch.setattr(jobs, "check_session", raises)

    call = app("participant")

    assert call.code == 1
    rows = {(row.participant, row.stage): row for row in rows_of(tmp_path)}
    assert "cannot be checked (OverflowError" in rows["sub-00", "anat"].reason
    assert rows["sub-02", "tissue"].status == "done"
    assert "cannot be checked" in "\n".join(app("participant", "--dry-run").lines)
    assert three.root.is_dir()


@pytest.mark.fault(
    "Images",
    "broken first run beside a whole second one",
    "the second is measured; both are named in dry run, log and page",
)
def test_what_was_not_used_is_named_in_the_dry_run_the_log_and_the_page(app, three, tmp_path):
    first = image(three).rename(image(three).with_name("sub-00_run-1_T1w.nii.gz"))
    whole = first.read_bytes()
    first.with_name("sub-00_run-2_T1w.nii.gz").write_bytes(whole)
    first.write_bytes(whole[:-999])
    told = "sub-00_run-1_T1w.nii.gz (its compressed data are damaged"

    assert any(told in line for line in app("participant", "--dry-run").lines)
    assert app("participant").code == 0
    (log,) = (tmp_path / "out" / "logs").glob("*/run.log")
    assert told in log.read_text()
    assert told in (tmp_path / "out" / "sub-00.html").read_text()


def test_a_dry_run_does_not_make_the_index_that_is_asked_for(app, tmp_path):
    kept = tmp_path / "index"

    assert app("participant", "--dry-run", "--bids-database-dir", str(kept)).code == 0
    assert not kept.exists()


@pytest.mark.fault(
    "Images",
    "pybids index older than the data",
    "passed over and told; new people and images are found",
)
def test_an_index_older_than_the_data_is_told_and_nobody_is_lost(app, dataset, tmp_path):
    kept = tmp_path / "index"
    app("participant", "--bids-database-dir", str(kept))
    dataset.add("02", "T1w", "FLAIR")
    dataset.add("03", "T1w", "FLAIR")

    call = app("participant", "--bids-database-dir", str(kept))

    rows = {(row.participant, row.stage): row.status for row in rows_of(tmp_path)}
    assert rows["sub-02", "wmh"] == rows["sub-03", "wmh"] == "done"
    assert "does not know sub-02_FLAIR.nii.gz" in call.err


def test_the_device_case_is_no_image(three):
    link_away(three)
    (session,) = datasets.find_sessions(three.root, "00")
    assert session.scans.keys() == {"flair"}
    assert nib.load(three.root / "sub-01" / "anat" / "sub-01_T1w.nii.gz").ndim == 3

"""JSON and TOML of strangers, wherever it is read: unreadable by name, no crash and no hang."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from npsle_app.bids.input import validation
from npsle_app.bids.input.dataset import find_sessions, read_filters
from npsle_app.bids.input.gradients import read_table
from npsle_app.bids.input.participants import read_dictionary
from npsle_app.bids.input.sidecars import broken_sidecars, read_metadata
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.tree import previous_version
from npsle_app.bids.vessels.landmarks import landmark_fault, read_landmarks
from npsle_app.cli.config import resolve
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options
from npsle_app.cli.parser import parse
from npsle_app.cli.sessions import check_folders
from npsle_app.engine import receipts
from npsle_app.report.page_notes import PageNotes, load_notes
from npsle_app.stages.group.classifier import read_model
from npsle_app.stages.group.reference_io import read_reference
from npsle_app.stages.group.shared import read_study

DEEP = 50_000
PIPE = b""
CONTENTS = {
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a key twice": b'{"Name": "a", "Name": "b"}',
    "not a number": b'{"Name": NaN}',
    "infinity by size": b'{"Name": 1e999}',
    "half a letter": b'{"Name": "\\ud800"}',
    "another encoding": '{"Name": "é"}'.encode("latin-1"),
    "two bytes a letter": '{"Name": "a"}'.encode("utf-16"),
    "a pipe": PIPE,
}
TOML = {
    "deep lists": b"a = " + CONTENTS["deep lists"],
    "deep tables": b"a = " + b"{ a = " * DEEP + b"1" + b" }" * DEEP,
    "a deep key": b".".join([b"a"] * DEEP) + b" = 1",
    "another encoding": "a = 'é'".encode("latin-1"),
    "a pipe": PIPE,
}
REASONS = (
    r"(nested more than 64 deep|the key 'Name' twice|is not finite|is no letter|"
    r"is no text in UTF-8|is a pipe, a device or a folder)"
)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if content == PIPE:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    return path


def filters(folder: Path, content: bytes) -> object:
    return read_filters(put(folder / "file.json", content))


def landmarks(folder: Path, content: bytes) -> object:
    path = put(folder / "file.json", content)
    assert landmark_fault(path)
    return read_landmarks(path)


def dictionary(folder: Path, content: bytes) -> object:
    return read_dictionary(put(folder / "file.json", content))


def classifier(folder: Path, content: bytes) -> object:
    return read_model(put(folder / "file.json", content))


def reference(folder: Path, content: bytes) -> object:
    return read_reference(put(folder / "file.json", content))


def dictionary_of_a_reference(folder: Path, content: bytes) -> object:
    put(folder / "file.json", content)
    return read_reference(put(folder / "file.tsv", b"participant_id\tage\tsex\n"))


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize(
    "read",
    [filters, landmarks, dictionary, classifier, reference, dictionary_of_a_reference],
    ids=lambda read: read.__name__,
)
def test_a_json_that_a_user_gives_is_refused_by_name(
    tmp_path: Path, read: Callable[[Path, bytes], object], content: bytes
) -> None:
    with pytest.raises(ValueError, match=rf"(?s)file\.json.*{REASONS}"):
        read(tmp_path, content)


def study(folder: Path, content: bytes) -> object:
    return read_study(str(put(folder / "file.toml", content)))


def config(folder: Path, content: bytes) -> object:
    path = put(folder / "file.toml", content)
    return resolve(parse(["raw", "out", "participant", "--config-file", str(path)]))


@pytest.mark.parametrize("content", TOML.values(), ids=TOML)
@pytest.mark.parametrize("read", [study, config], ids=lambda read: read.__name__)
def test_a_toml_that_a_user_gives_is_refused_by_name(
    tmp_path: Path, read: Callable[[Path, bytes], object], content: bytes
) -> None:
    with pytest.raises((ValueError, RefusedError), match=rf"(?s)file\.toml.*{REASONS}"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_sidecar_that_cannot_be_read_adds_nothing_and_is_named(
    tmp_path: Path, content: bytes
) -> None:
    image = tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    own = put(image.with_name("sub-01_T1w.json"), content)
    put(tmp_path / "T1w.json", b'{"EchoTime": 0.003}')

    assert read_metadata(image) == {"EchoTime": 0.003}
    ((path, wrong),) = broken_sidecars(image)
    assert path == own
    assert re.search(REASONS, wrong)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_description_of_a_dataset_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    put(tmp_path / "raw" / "dataset_description.json", content)
    request = parse([str(tmp_path / "raw"), str(tmp_path / "out"), "participant"])

    with pytest.raises(RefusedError, match=r"dataset_description\.json"):
        check_folders(request, Options())


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_description_inside_a_participant_is_no_concern_of_its_scans(
    tmp_path: Path, content: bytes
) -> None:
    image = put(tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz", b"x")
    put(tmp_path / "sub-01" / "dataset_description.json", content)

    (session,) = find_sessions(tmp_path, "01")
    assert session.scans["t1w"].path == image


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_an_earlier_run_left_and_someone_spoilt_counts_as_not_there(
    tmp_path: Path, content: bytes
) -> None:
    put(tmp_path / "dataset_description.json", content)
    put(tmp_path / "sub-01" / "log" / "page.json", content)
    receipt = put(tmp_path / "receipt.json", content)
    memory = put(tmp_path / "memory.json", content)

    assert previous_version(tmp_path) is None
    assert load_notes(tmp_path, "01") == PageNotes()
    assert receipts.read(receipt) is None
    assert validation._recall(memory, digest="") is None


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_record_that_someone_spoilt_is_named(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path / "sub-01_stage-anat.json", content)

    with pytest.raises((OSError, ValueError), match=rf"sub-01_stage-anat\.json.*{REASONS}"):
        read_record(path, root=tmp_path)


def test_gradients_that_are_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path / "sub-01" / "dwi" / "sub-01_dwi.bval", PIPE)

    with pytest.raises(
        ValueError, match=r"its \.bval file is no table of numbers: sub-01_dwi\.bval"
    ):
        read_table(tmp_path / "sub-01" / "dwi" / "sub-01_dwi.nii.gz", extension=".bval")

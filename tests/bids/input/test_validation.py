"""What the BIDS validator says of an input dataset, as far as it concerns the app."""

import os
from pathlib import Path

import pytest

from npsle_app.bids.input import validation
from npsle_app.bids.input.validation import NOT_RUN, Issue, format_issues, validate
from tests.bids.datasets import make_files, make_image, place


def _dataset(root: Path) -> Path:
    make_files(
        root, "perf/sub-01_asl.nii.gz", "anat/sub-02_foo-bar_T1w.nii.gz", "anat/sub-01_x.txt"
    )
    make_image(root, "anat/sub-01_T1w.nii.gz")
    place(root, "anat/sub-01_T1w.json").write_text("{")
    (root / "T1w.json").write_text('{"EchoTime": "late"}')
    (root / "participants.tsv").write_text("participant_id\nsub-99\n")
    return root


def test_only_errors_in_files_that_the_app_reads_are_told_and_remembered(tmp_path: Path) -> None:
    root, cache = _dataset(tmp_path / "raw"), tmp_path / "work" / "validation.json"
    issues = validate(root, participants=["sub-01"], cache=cache)
    told = {(issue.code, issue.location) for issue in issues}
    assert told == {
        ("JSON_INVALID", "sub-01/anat/sub-01_T1w.json"),
        ("JSON_SCHEMA_VALIDATION_ERROR", "T1w.json"),
    }
    assert any(issue.message.endswith("EchoTime: must be number") for issue in issues)
    assert validate(root, participants=["01"], cache=cache, timeout_s=0) == issues


def test_a_changed_file_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = _dataset(tmp_path / "raw"), tmp_path / "validation.json"
    silent = ("sh", "-c", 'echo "{\\"issues\\": {\\"issues\\": [], \\"codeMessages\\": []}}"')
    monkeypatch.setattr(validation, "_command", lambda: silent)
    assert validate(root, cache=cache) == []
    monkeypatch.setattr(validation, "_command", lambda: ("false",))
    assert validate(root, cache=cache) == []
    os.utime(place(root, "anat/sub-01_T1w.nii.gz"), (1, 1))
    assert [issue.code for issue in validate(root, cache=cache)] == [NOT_RUN]


def test_a_damaged_memory_is_not_believed(tmp_path: Path) -> None:
    cache = tmp_path / "validation.json"
    for text in ("", "[]", '{"digest": 1, "issues": [{"x": 1}]}'):
        cache.write_text(text)
        assert validation._recall(cache, digest="1") is None


def test_a_validator_that_takes_too_long_is_told(tmp_path: Path) -> None:
    (issue,) = validate(make_files(tmp_path / "raw"), timeout_s=0)
    expected = "the BIDS validator gave no answer: it took longer than 0 s"
    assert issue == Issue(NOT_RUN, "", expected)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-program",), "No such file or directory"),
        (("false",), "exit 1"),
        (("echo", "{"), "Expecting property name"),
        (("echo", '{"issues":{}}#'), "gave no answer"),
    ],
)
def test_a_validator_that_is_missing_or_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr(validation, "_command", lambda: command)
    (issue,) = validate(make_files(tmp_path / "raw"))
    assert issue.code == NOT_RUN
    assert message in issue.message


def test_the_validator_is_shown_links_to_the_anatomy_alone(tmp_path: Path) -> None:
    root = make_files(
        tmp_path / "raw",
        "anat/sub-01_ses-a_T1w.nii.gz",
        "func/sub-01_ses-a_task-rest_bold.nii.gz",
        "anat/sub-02_T1w.nii.gz",
    )
    (root / "task-rest_bold.json").touch()
    assert [name for name, _ in validation._links(root, ["01"])] == [
        "dataset_description.json",
        "sub-01/ses-a/anat",
    ]


def test_issues_are_laid_out_by_code_with_their_files_below() -> None:
    issues = [
        Issue("A", "x.json", "wrong"),
        Issue("A", "\x1b[31my.json", "wrong"),
        Issue("B", "", ""),
    ]
    assert format_issues(issues) == "A\n  wrong\n    x.json\n    \\x1b[31my.json\nB"

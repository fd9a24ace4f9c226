"""JSON, TSV and TOML with random harm: a plan or a refusal, never a crash or a hang."""

import json
import resource
import shutil
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsle_app.__main__ import main
from npsle_app.phantom.__main__ import main as simulate

STUDY = """[columns]
sex = "sex"
[table]
missing = ["-9"]
[[contrast]]
name = "NPSLE v non-NPSLE"
group = "NPSLE"
against = "non-NPSLE"
"""
DESCRIPTIONS = {
    "dataset_description.json": {"Name": "study", "BIDSVersion": "1.10.0"},
    "participants.json": {"sex": {"Levels": {"F": "female", "M": "male"}}},
    "sub-0001/anat/sub-0001_T1w.json": {"MagneticFieldStrength": 3, "EchoTime": 0.004},
    "sub-0001/dwi/sub-0001_dwi.json": {"PhaseEncodingDirection": "j", "TotalReadoutTime": 0.05},
    "filters.json": {"t1w": {"acquisition": None}},
}
TEXTS = {
    "sub-0001/dwi/sub-0001_dwi.bval": "0 1000 1000 1000 1000 1000 1000\n",
    "sub-0001/dwi/sub-0001_dwi.bvec": "0 1 0 0 1 0 1\n0 0 1 0 1 1 0\n0 0 0 1 0 1 1\n",
    "study.toml": STUDY,
}
TABLES = ("participants.tsv", "phenotype/notes.tsv", "sub-0001/sub-0001_sessions.tsv")
FILES = (*DESCRIPTIONS, *TEXTS, *TABLES)
HOSTILE = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\t", b'"', b"{", b"]", b",", b"\\ud800"),
    *(b"1e999", b"NaN", b"-9", b"n/a", b"null", b"true", b"=1+1", b"../..", b"[" * 5_000),
    *(b"<script>", b"9" * 400, "é".encode("latin-1"), "女".encode()),
)
HARM = st.tuples(
    st.sampled_from(("put", "drop", "double", "cut", "over")),
    st.floats(0, 1),
    st.integers(1, 40),
    st.sampled_from(HOSTILE),
)


def harmed(content: bytes, harms: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, share, length, piece in harms:
        at = int(share * len(content))
        end = at + length
        content = {
            "put": content[:at] + piece + content[at:],
            "drop": content[:at] + content[end:],
            "double": content[:end] + content[at:],
            "cut": content[:at],
            "over": content[:at] + piece + content[at + len(piece) :],
        }[kind]
    return content


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of eight people, one of them with images and sidecars."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    assert simulate([str(folder), "--cohort", "paper2", "--participants", "8", "--seed", "1"]) == 0
    for name, content in DESCRIPTIONS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    values = np.random.default_rng(0).normal(500, 20, (16, 16, 12, 7)).astype(np.float32)
    affine = np.diag([4.0, 4, 4, 1])
    for kind, data in (("anat/sub-0001_T1w", values[..., 0]), ("dwi/sub-0001_dwi", values)):
        nib.save(nib.Nifti1Image(data, affine), folder / "sub-0001" / f"{kind}.nii.gz")
    notes = "participant_id\tsession_id\tmoca\nsub-0001\tses-1\t27\nsub-0002\tses-1\t30\n"
    (folder / "phenotype").mkdir(exist_ok=True)
    (folder / "phenotype" / "notes.tsv").write_text(notes)
    dates = "session_id\tacq_time\nses-1\t2020-01-01T10:00:00\nses-2\t2021-02-03T10:00:00\n"
    (folder / "sub-0001" / "sub-0001_sessions.tsv").write_text(dates)
    return folder


def plan(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plan both levels; each ends with an exit code of its own and one line that says why."""
    out = study / "derivatives" / "npsle_app"
    own = ["--dry-run", "--skip-bids-validation"]
    filters = ["--participant-label", "0001", "--bids-filter-file", str(study / "filters.json")]
    for level in (["participant", *filters], ["group", "--study", str(study / "study.toml")]):
        capsys.readouterr()
        try:
            code = main([str(study), str(out), *level, *own])
        except SystemExit as end:
            code = end.code
        told = "".join(capsys.readouterr())
        assert code in (0, 1, 2), told
        assert "npsle_app: unexpected" not in told
        assert "Traceback" not in told
        assert code == 0 or told.strip(), "an exit code that nobody explains"


def try_harm(
    whole: Path, name: str, harms: list[tuple[str, float, int, bytes]], capsys: object
) -> None:
    assert isinstance(capsys, pytest.CaptureFixture)
    kept = (whole / name).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    (whole / name).write_bytes(harmed(kept, harms))
    try:
        plan(whole, capsys)
    finally:
        (whole / name).write_bytes(kept)
        shutil.rmtree(whole / "derivatives" / "npsle_app" / "logs", ignore_errors=True)
    assert time.monotonic() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kB: 1 GB


BOTH = {
    "derandomize": True,
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def test_the_study_without_harm_is_planned(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan(whole, capsys)


@settings(max_examples=50, **BOTH)
@given(name=st.sampled_from(FILES), harms=st.lists(HARM, min_size=1, max_size=4))
def test_fifty_mutated_texts_end_in_a_plan_or_a_refusal(
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    harms: list[tuple[str, float, int, bytes]],
) -> None:
    try_harm(whole, name, harms, capsys)


@pytest.mark.exhaustive
@pytest.mark.fault(
    "Tables",
    "500 JSON, TSV and TOML files with random harm",
    "a plan or a refusal; none raises, hangs or takes a gigabyte",
)
@settings(max_examples=500, **BOTH)
@given(name=st.sampled_from(FILES), harms=st.lists(HARM, min_size=1, max_size=8))
def test_five_hundred_mutated_texts_end_in_a_plan_or_a_refusal(
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    harms: list[tuple[str, float, int, bytes]],
) -> None:
    try_harm(whole, name, harms, capsys)

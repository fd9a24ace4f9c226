"""The output is a BIDS dataset: told by the validator, not by us."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.bids.output.names import BIDSIGNORE, DESCRIPTIONS, File, VesselFile
from npsle_app.bids.output.tree import (
    previous_version,
    put_text,
    write_citation,
    write_dataset_files,
)
from npsle_app.bids.output.writer import Writer
from npsle_app.records import Record
from tests.bids.datasets import make_files


def _output(folder: Path, *, version: str = "1.0") -> Path:
    raw = make_files(folder / "raw", "anat/sub-01_T1w.nii.gz")
    write_dataset_files(folder / "out", bids_dir=raw, version=version)
    return folder / "out"


def _description(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "dataset_description.json").read_text())
    return content


def test_the_description_names_the_app_and_where_its_uris_point(tmp_path: Path) -> None:
    described = _description(_output(tmp_path))
    assert described["DatasetType"] == "derivative"
    assert described["GeneratedBy"] == [{"Name": "npsle_app", "Version": "1.0"}]
    assert described["DatasetLinks"] == {"raw": "../raw"}


def test_other_datasets_and_the_container_are_named(tmp_path: Path) -> None:
    raw = make_files(tmp_path / "raw")
    out = raw / "derivatives" / "npsle_app"
    write_dataset_files(
        out,
        bids_dir=raw,
        version="1.0",
        derivatives={"masks": tmp_path / "masks"},
        container={"Type": "docker", "Tag": "npsle_app:1.0"},
    )
    described = _description(out)
    assert described["DatasetLinks"] == {"raw": "../..", "masks": "../../../masks"}
    assert described["GeneratedBy"][0]["Container"]["Tag"] == "npsle_app:1.0"


def test_the_doi_of_the_source_is_kept(tmp_path: Path) -> None:
    raw = make_files(tmp_path / "raw")
    (raw / "dataset_description.json").write_text('{"DatasetDOI": "doi:10.18112/x"}')
    write_dataset_files(tmp_path / "out", bids_dir=raw, version="1.0")
    source = _description(tmp_path / "out")["SourceDatasets"]
    assert source == [{"URL": "../raw", "DOI": "doi:10.18112/x"}]


def test_two_runs_differ_in_no_byte_and_name_no_place(tmp_path: Path) -> None:
    contents = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        output = _output(tmp_path / folder)
        contents.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert contents[0] == contents[1]
    assert not any(str(tmp_path).encode() in content for content in contents[0].values())


def test_a_file_that_is_right_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x"
    put_text(path, "a")
    os.utime(path, (1, 1))
    put_text(path, "a")
    assert path.stat().st_mtime == 1
    put_text(path, "b")
    assert path.read_text() == "b"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_the_version_that_made_the_output_can_be_asked(tmp_path: Path) -> None:
    assert previous_version(tmp_path) is None
    assert previous_version(_output(tmp_path, version="0.9")) == "0.9"
    assert previous_version(_output(tmp_path, version="1.0")) == "1.0"


@pytest.mark.parametrize("content", ['{"Name": "mine"}', '{"GeneratedBy": [{"Name": "other"}]}'])
def test_a_dataset_of_others_is_not_written_into(tmp_path: Path, content: str) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "dataset_description.json").write_text(content)
    with pytest.raises(ValueError, match=r"out holds another dataset \(.*give a new folder"):
        _output(tmp_path)


def test_methods_text_and_references_are_written_side_by_side(tmp_path: Path) -> None:
    markdown, bib = write_citation(tmp_path, text="Done.", bib="@article{a,}\n")
    assert markdown == tmp_path / "logs" / "CITATION.md"
    assert (markdown.read_text(), bib.read_text()) == ("Done.\n", "@article{a,}\n")


def test_every_desc_label_is_explained() -> None:
    used = {part[5:] for f in File for part in f.value.tail.split("_") if part.startswith("desc-")}
    assert used <= set(DESCRIPTIONS)


def test_no_ignored_folder_ends_with_a_slash() -> None:
    assert not any(pattern.endswith("/") for pattern in BIDSIGNORE)


def _write_every_file(output: Path, *, raw: Path, session: str | None) -> None:
    out = Writer(output, "01", session, {"raw": raw})
    scan = raw / out.folder.relative_to(output) / "anat" / f"{out.id}_acq-a_run-1_T1w.nii.gz"
    image = nib.Nifti1Image(np.ones((4, 5, 6), np.uint8), np.eye(4))
    image.set_qform(np.eye(4), code=1)
    image.header.set_xyzt_units("mm")
    for each in File:
        file = VesselFile(each, "hemi-L_label-M1") if "<vessel>" in each.value.tail else each
        if file.value.tail.endswith(".nii.gz"):
            path = out.image(image, file, sources=[scan])
            if file is File.DWI:
                out.gradients(path, b_values=[0], vectors=np.zeros((3, 1)))
        elif file.value.tail.endswith(".txt"):
            out.matrix(np.eye(4), each, sources=[scan])
        else:
            beside = [scan] if file is not each else []
            rows = pd.DataFrame({"measure": ["x"]})
            out.table(rows, file, dictionary={"measure": {}}, sources=beside)
    out.record(Record(stage="anat", methods="", citations=()))
    (out.folder / "figures").mkdir()
    (out.folder / "figures" / f"{out.id}_mask.webp").touch()


@pytest.mark.parametrize("session", [None, "a"])
def test_the_validator_finds_no_error_in_a_tree_of_every_file(
    tmp_path: Path, session: str | None
) -> None:
    output = _output(tmp_path)
    _write_every_file(output, raw=tmp_path / "raw", session=session)
    write_citation(output, text="Done.", bib="@article{a,}")
    (output / "sub-01.html").touch()
    command = [Path(sys.executable).with_name("bids-validator-deno"), "--format", "json", output]
    environment = os.environ | {"DENO_DIR": str(tmp_path / "deno"), "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert json.loads(done.stdout)["summary"]["totalFiles"] > len(File)

"""What lies on disk after a stage has written its outputs."""

import json
import math
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_matrix
from npsle_app.bids.output.writer import Writer, replace, tsv_lines, write_tsv
from npsle_app.measures import MEASURES
from npsle_app.records import Measure, Qc, Record


@pytest.fixture
def out(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "out", "01", "a", {"raw": tmp_path / "raw"})


def _image() -> nib.Nifti1Image:
    data = np.random.default_rng(0).integers(0, 99, (5, 6, 7)).astype(np.uint8)
    return nib.Nifti1Image(data, np.eye(4))


def _scan(out: Writer, name: str = "sub-01_ses-a_acq-mprage_run-2_T1w.nii.gz") -> Path:
    return out.datasets["raw"] / "sub-01" / "ses-a" / "anat" / name


def _sidecar(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.with_name(f"{path.name[:-7]}.json").read_text())
    return content


def test_a_file_is_named_after_the_scan_it_is_made_from(out: Writer) -> None:
    path = out.image(_image(), File.BRAIN_MASK, sources=[_scan(out)])
    assert path == out.folder / "anat" / "sub-01_ses-a_acq-mprage_run-2_desc-brain_mask.nii.gz"


def test_a_derivative_of_a_derivative_keeps_only_the_entities_of_the_scan(out: Writer) -> None:
    first = out.image(_image(), File.WMH_PROBABILITY, sources=[_scan(out)])
    second = out.image(_image(), File.TISSUE_LABELS, sources=[first])
    assert second.name == "sub-01_ses-a_acq-mprage_run-2_seg-tissue_dseg.nii.gz"


def test_a_file_cannot_be_named_after_someone_else(out: Writer) -> None:
    with pytest.raises(ValueError, match=r"sub-011_T1w\.nii\.gz is no scan of sub-01_ses-a"):
        out.image(_image(), File.T1W, sources=[_scan(out, "sub-011_T1w.nii.gz")])


def test_sources_are_uris_into_their_dataset(out: Writer) -> None:
    first = out.image(_image(), File.T1W, sources=[_scan(out)])
    second = out.image(_image(), File.FILLED_T1W, sources=[first, _scan(out)])
    assert _sidecar(second)["Sources"] == [
        "bids::sub-01/ses-a/anat/sub-01_ses-a_acq-mprage_run-2_desc-preproc_T1w.nii.gz",
        "bids:raw:sub-01/ses-a/anat/sub-01_ses-a_acq-mprage_run-2_T1w.nii.gz",
    ]


def test_an_output_folder_inside_the_raw_dataset_is_its_own_dataset(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    out = Writer(raw / "derivatives" / "npsle_app", "01", None, {"raw": raw})
    assert out.uris([out.folder / "x", raw / "sub-01" / "x"]) == [
        "bids::sub-01/x",
        "bids:raw:sub-01/x",
    ]


def test_a_relative_root_and_an_absolute_path_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Writer(Path("out"), "01", None, {"raw": Path("raw")})
    assert out.uris([tmp_path / "raw" / "x", Path("out/y")]) == ["bids:raw:x", "bids::y"]


def test_a_source_outside_all_datasets_is_an_error(out: Writer) -> None:
    with pytest.raises(ValueError, match=r"lies in none of the datasets \['raw'\]"):
        out.uris([Path("/elsewhere/x.nii")])


@pytest.mark.parametrize(
    ("file", "expected"),
    [(File.T1W, True), (File.FLAIR, True), (File.BRAIN_MASK, None), (File.GM, None)],
)
def test_only_images_of_a_head_say_whether_it_is_stripped(
    out: Writer, file: File, expected: bool | None
) -> None:
    path = out.image(_image(), file, sources=[_scan(out)], SkullStripped=True)
    assert _sidecar(path).get("SkullStripped") is expected


def test_a_head_has_its_skull_unless_the_stage_says_otherwise(out: Writer) -> None:
    assert _sidecar(out.image(_image(), File.T1W, sources=[_scan(out)]))["SkullStripped"] is False


def test_a_sidecar_may_carry_numbers_of_numpy_and_hashes_of_templates(out: Writer) -> None:
    path = out.image(
        _image(), File.T1W, sources=[_scan(out)], Templates={"t1.nii": "ab"}, Median=np.float32(2)
    )
    assert _sidecar(path)["Templates"] == {"t1.nii": "ab"}
    assert _sidecar(path)["Median"] == 2.0


def test_the_same_image_gives_the_same_bytes_at_any_time_and_place(tmp_path: Path) -> None:
    paths = []
    for folder in ("one", "two"):
        out = Writer(tmp_path / folder, "01", None, {"raw": tmp_path / "raw"})
        scan = tmp_path / "raw" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
        paths.append(out.image(_image(), File.T1W, sources=[scan]))
        time.sleep(1.1)  # the time in the header of gzip counts seconds
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_killed_write_leaves_the_old_file_and_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    replace(path, lambda part: part.write_text("old"))

    def fail(part: Path) -> None:
        part.write_text("ne")
        msg = "killed"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="killed"):
        replace(path, fail)
    assert path.read_text() == "old"
    replace(path, lambda part: part.write_text("new"))
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_a_locked_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "annexed"
    target.write_text("old")
    link = tmp_path / "x.json"
    link.symlink_to(target)
    replace(link, lambda part: part.write_text("new"))
    assert (link.is_symlink(), link.read_text(), target.read_text()) == (False, "new", "old")


def test_cells_of_a_table_hold_no_tabs_line_breaks_or_quotes(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    rows = pd.DataFrame({"a": ['x\ty\r\n"z"', "é\u2028"], "b": [1.5, float("nan")]})
    write_tsv(path, rows)
    assert path.read_bytes().decode() == 'a\tb\nx y "z"\t1.5\né \tn/a\n'


def test_each_kind_of_cell_is_written_as_it_is_read(tmp_path: Path) -> None:
    columns = {
        "float": [0.1, 1e-7, -math.inf],
        "single": np.array([0.1, math.nan, 2], dtype=np.float32),
        "whole": pd.array([1, None, 3], dtype="Int64"),
        "mixed": pd.Series([True, None, 2.5], dtype=object),
        "text": pd.array(["a", None, ""], dtype="str"),
        "a\tb": pd.Categorical(["x", "y", None]),
    }
    write_tsv(tmp_path / "x.tsv", pd.DataFrame(columns))
    assert (tmp_path / "x.tsv").read_text().splitlines() == [
        "float\tsingle\twhole\tmixed\ttext\ta b",
        "0.1\t0.1\t1\tTrue\ta\tx",
        "1e-07\tn/a\tn/a\tn/a\tn/a\ty",
        "n/a\t2.0\t3\t2.5\t\tn/a",
    ]


def test_a_table_without_rows_or_columns_has_its_line_of_names() -> None:
    assert tsv_lines(pd.DataFrame({"a": [], "b": []})) == ["a\tb"]
    assert tsv_lines(pd.DataFrame()) == [""]


def test_a_measure_that_is_no_number_is_refused(out: Writer) -> None:
    name = next(iter(MEASURES))
    measure = Measure(name=name, value=float("nan"), qc=Qc.PASS, sources=())
    with pytest.raises(ValueError, match=f"{name} is nan; a measure that cannot be known is None"):
        out.record(Record(stage="anat", methods="", citations=(), measures=(measure,)))


def _matrix() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = [[0.99, -0.1, 0.02], [0.1, 0.98, 0.05], [-0.03, -0.04, 1.01]]
    matrix[:3, 3] = [3.25, -7.5, 11.125]
    return matrix


def test_a_matrix_comes_back_as_it_was_written(out: Writer) -> None:
    path = out.matrix(_matrix(), File.FLAIR_TO_T1W, sources=[_scan(out)])
    assert path.name == "sub-01_ses-a_acq-mprage_run-2_from-FLAIR_to-T1w_mode-image_xfm.txt"
    assert np.array_equal(read_matrix(path), _matrix())


def test_the_matrix_on_disk_has_the_axes_of_itk(out: Writer) -> None:
    shift = np.eye(4)
    shift[:3, 3] = [1, 2, 3]  # right, front, up
    path = out.matrix(shift, File.FLAIR_TO_T1W, sources=[_scan(out)])
    assert path.read_text().splitlines() == [
        "#Insight Transform File V1.0",
        "#Transform 0",
        "Transform: AffineTransform_double_3_3",
        "Parameters: 1.0 0.0 0.0 0.0 1.0 0.0 0.0 0.0 1.0 -1.0 -2.0 3.0",
        "FixedParameters: 0 0 0",
    ]


def test_a_matrix_must_be_a_finite_affine(out: Writer) -> None:
    with pytest.raises(ValueError, match="expected a finite 4 × 4 matrix"):
        out.matrix(np.full((4, 4), np.nan), File.FLAIR_TO_T1W, sources=[_scan(out)])


def test_another_transform_is_not_read_as_a_matrix(tmp_path: Path) -> None:
    path = tmp_path / "x_xfm.txt"
    path.write_text("#Insight Transform File V1.0\nTransform: Euler3DTransform_double_3_3\n")
    with pytest.raises(ValueError, match=r"x_xfm\.txt is no affine transform"):
        read_matrix(path)


@pytest.mark.slow
def test_ants_moves_a_point_as_the_matrix_does(out: Writer) -> None:
    import ants

    path = out.matrix(_matrix(), File.FLAIR_TO_T1W, sources=[_scan(out)])
    ras_lps = np.array([-1.0, -1, 1])
    point = np.array([10.0, 20, 30])
    moved = ants.read_transform(str(path)).apply_to_point(tuple(point * ras_lps))
    assert np.allclose(np.array(moved) * ras_lps, (_matrix() @ [*point, 1])[:3])

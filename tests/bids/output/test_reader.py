"""The report builds on files alone, so what a stage wrote must come back whole."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.output.reader import read_image, read_record, resolve_uri
from npsle_app.bids.output.writer import Writer
from npsle_app.measures import MEASURES
from npsle_app.records import Check, FigureRecord, Measure, Qc, Record


def _writer(folder: Path) -> Writer:
    return Writer(folder / "out", "01", "a", {"raw": folder / "raw"})


def _record(out: Writer) -> Record:
    name = next(iter(MEASURES))
    scan = out.datasets["raw"] / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    figure = out.folder / "figures" / "sub-01_ses-a_mask.webp"
    return Record(
        stage="anat",
        methods="The image was <corrected>.",
        citations=("tustison2010",),
        measures=(
            Measure(name=name, value=1.5, qc=Qc.PASS, sources=(scan, out.folder / "x.nii.gz")),
            Measure(name=name, value=None, qc=Qc.NOT_ASSESSABLE, sources=()),
        ),
        checks=(Check(name="a", seen="b", expected="c", state=Qc.WARN, advice="d"),),
        figures=(
            FigureRecord(title="Mask", path=figure, caption="µ"),
            FigureRecord(title="Mask", path=figure, caption="µ", after=figure),
        ),
        choices=("first run",),
    )


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    out = _writer(tmp_path)
    path = out.record(_record(out))
    assert read_record(path, root=out.root, datasets=out.datasets) == _record(out)


def test_a_record_follows_its_dataset_when_that_is_moved(tmp_path: Path) -> None:
    out = _writer(tmp_path)
    path = out.record(_record(out))
    moved = read_record(path, root=Path("elsewhere"), datasets={"raw": Path("raw")})
    assert moved.figures[0].path == Path("elsewhere/sub-01/ses-a/figures/sub-01_ses-a_mask.webp")


@pytest.mark.parametrize(
    ("stored", "shape"),
    [((3, 4, 5), (3, 4, 5)), ((3, 4, 5, 1, 1), (3, 4, 5)), ((3, 4, 5, 2), (3, 4, 5, 2))],
)
def test_one_volume_has_three_dimensions(
    tmp_path: Path, stored: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    path = tmp_path / "x.nii.gz"
    data = np.arange(np.prod(stored), dtype=np.int16).reshape(stored)
    affine = np.diag([1.0, 2, 3, 1])
    nib.save(nib.Nifti1Image(data, affine), path)
    image = read_image(path)
    assert image.shape == shape
    assert np.array_equal(image.dataobj, data.reshape(shape))
    assert np.array_equal(image.affine, affine)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "anat"}', "null"])
def test_a_damaged_record_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sub-01_stage-anat.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"sub-01_stage-anat\.json is no record"):
        read_record(path, root=tmp_path)


@pytest.mark.parametrize("uri", ["bids::../x", "bids::/etc/x", "file:x", "bids:x", "x", ""])
def test_what_leads_out_of_a_dataset_is_no_uri(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ValueError, match="is no BIDS URI of a file inside a dataset"):
        resolve_uri(uri, places={"": tmp_path})


def test_an_unknown_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the dataset 'masks', known are \['', 'raw'\]"):
        resolve_uri("bids:masks:x", places={"": tmp_path, "raw": tmp_path})

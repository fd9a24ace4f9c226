"""Whatever is wrong with an image file, it is a sentence about that file and nothing else."""

import gzip
import os
import resource
import time
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.image_checks import image_findings
from npsle_app.bids.input.images import UnreadableImageError, read_header, read_slabs
from npsle_app.bids.input.preflight import check_session
from tests.bids.datasets import make_files
from tests.bids.input.broken_headers import SHAPE, good_bytes, mutate, save, with_field

_CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "headers"


def test_the_values_come_in_pieces_as_they_are_stored(tmp_path):
    data = np.arange(4 * 5 * 6 * 3, dtype=">i2").reshape((4, 5, 6, 3))
    path = tmp_path / "image.nii.gz"
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)
    header = read_header(path)
    assert (header.shape, header.n_volumes, header.slope, header.inter) == (data.shape, 3, 1, 0)
    for slab in read_slabs(path):
        expected = data[:, :, slab.first_slice :, slab.volume]
        np.testing.assert_array_equal(slab.data, expected)


def test_large_volumes_come_in_several_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("npsle_app.bids.input.images._SLAB_VOXELS", 16 * 18 * 4)
    path = save(tmp_path, good_bytes(), name="sub-01_T1w.nii")
    whole = np.concatenate([slab.data for slab in read_slabs(path)], axis=2)
    np.testing.assert_array_equal(whole, nib.load(path).get_fdata())


BROKEN = {
    "a type that there is not": ("datatype", np.int16(9999).tobytes()),
    "values nowhere": ("vox_offset", np.float32(1e30).tobytes()),
    "an offset that is no number": ("scl_inter", np.float32(np.inf).tobytes()),
    "nine dimensions": ("dim", np.array([9, *SHAPE], "<i2").tobytes()),
    "a negative size": ("dim", np.array([3, -16, 18, 17], "<i2").tobytes()),
    "no magic": ("magic", b"none"),
    "another size of the header": ("sizeof_hdr", b"\1\2\3\4"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.fault(
    "Images",
    "broken NIfTI header",
    "refused in one sentence with advice",
)
def test_a_broken_header_is_refused_in_one_sentence(tmp_path, name):
    path = save(tmp_path, with_field(*BROKEN[name]), name="sub-01_T1w.nii")
    (finding,) = (finding for finding in image_findings(path) if finding.refused)
    assert finding.found
    assert finding.advice


@pytest.mark.parametrize("number", range(9))
def test_headers_that_once_ended_the_run_of_all_are_refused(tmp_path, number):
    if not _CASES.is_dir():
        pytest.skip(f"needs the headers of {_CASES}")
    header = sorted(_CASES.glob("*.hdr"))[number].read_bytes()
    path = save(tmp_path, header + bytes(2 * 64 * 80 * 72), name="sub-01_T1w.nii")
    assert any(finding.refused for finding in image_findings(path))


def test_the_size_of_an_extension_is_not_believed(tmp_path):
    size = np.array([2**31 - 16, 4], "<i4").tobytes()
    content = gzip.compress(with_field("extension", b"\1\0\0\0" + size) + bytes(50 * 2**20), 1)
    path = save(tmp_path, content, name="sub-01_T1w.nii.gz")
    tracemalloc.start()
    assert read_header(path).shape == SHAPE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.fault(
    "Images",
    "pipe or device in place of an image",
    "left out by name; does not hang",
)
def test_a_pipe_called_an_image_is_not_waited_for(tmp_path):
    root = make_files(tmp_path / "raw")
    image = save(root, good_bytes(), name="sub-01_T1w.nii")
    image.unlink()
    os.mkfifo(image)
    (session,) = find_sessions(root, "01")
    assert session.choices[0].scan is None
    assert "it is no regular file" in session.choices[0].reason


def test_a_pipe_called_a_sidecar_is_not_waited_for(tmp_path):
    root = make_files(tmp_path / "raw")
    image = save(root, good_bytes(), name="sub-01_T1w.nii")
    os.mkfifo(image.with_suffix(".json"))
    (session,) = find_sessions(root, "01")
    assert any("is a pipe" in one.found for one in check_session(session))


@pytest.mark.fault(
    "Images",
    "small file that unpacks to much more than its image",
    "refused; memory does not grow",
)
def test_a_small_file_that_unpacks_to_much_more_than_its_image_is_refused(tmp_path):
    path = save(tmp_path, b"", name="sub-01_T1w.nii.gz")
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(good_bytes())
        for _ in range(200):
            stream.write(bytes(2**20))
    tracemalloc.start()
    (finding,) = (finding for finding in image_findings(path) if finding.refused)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert finding.found.startswith("it goes on for more than 64 MB behind the image")
    assert peak < 100 * 2**20


@pytest.mark.parametrize(
    "shape", [(3000, 16, 16), (2000, 2000, 2000), (1000, 1000, 500, 99), (32000, 32000, 32000)]
)
@pytest.mark.fault(
    "Images",
    "header that asks for gigabytes",
    "refused before anything is read",
)
def test_a_header_that_asks_for_more_than_a_head_is_refused_before_it_is_read(tmp_path, shape):
    sizes = np.array([len(shape), *shape], "<i2").tobytes()
    path = save(tmp_path, gzip.compress(with_field("dim", sizes)), name="sub-01_T1w.nii.gz")
    with pytest.raises(UnreadableImageError, match="which no scan of a head has"):
        list(read_slabs(path))


def test_what_was_found_is_remembered_until_the_file_changes(tmp_path):
    path = save(tmp_path, good_bytes(), name="sub-01_T1w.nii")
    assert not any(finding.refused for finding in image_findings(path))
    path.write_bytes(good_bytes()[:-50])
    assert any(finding.refused for finding in image_findings(path))


def _fuzz(folder: Path, seeds: range) -> None:
    """Let preflight look at mutated headers: nothing raised, no second lost, no memory taken."""
    whole = good_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        content = mutate(whole, seed)
        packed = seed % 2 == 0
        name = f"sub-01_T1w.nii{'.gz' if packed else ''}"
        path = save(folder, gzip.compress(content, 1) if packed else content, name=name)
        start = time.monotonic()
        for finding in image_findings(path, series=(False, True, None)[seed % 3]):
            assert finding.found, f"seed {seed}"
        assert time.monotonic() - start < 20, f"seed {seed} took too long"
        path.unlink()
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < 2**20, f"{taken} kB more than before"


def test_fifty_mutated_headers_raise_nothing_hang_nothing_and_take_no_memory(tmp_path):
    _fuzz(tmp_path, range(50))


@pytest.mark.slow
@pytest.mark.fault(
    "Images",
    "2,000 headers with random bits and fields",
    "none raises, hangs or takes a gigabyte",
)
def test_two_thousand_mutated_headers_raise_nothing_hang_nothing_and_take_no_memory(tmp_path):
    _fuzz(tmp_path, range(50, 2050))

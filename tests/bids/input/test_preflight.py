"""What is refused before any computing, what is only told, and in which words."""

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from npsle_app.bids.input.preflight import Problem, check_session
from npsle_app.bids.input.scans import Choice, Scan, Session

GRID = (20, 24, 18)
AFFINE = np.diag([8.0, 8, 8, 1]) + np.pad([[-76.0], [-92], [-68]], ((0, 1), (3, 0)))
AFFINE[:3, :3] = np.diag([6.0, 6, 6])


def _data(seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(0, 900, GRID).astype(np.int16)


def _save(folder: Path, image: nib.Nifti1Image, *, name: str = "sub-01_T1w.nii.gz") -> Path:
    path = folder / "sub-01" / "anat" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def _image(data: NDArray[np.generic] | None = None, affine: object = AFFINE) -> nib.Nifti1Image:
    image = nib.Nifti1Image(_data() if data is None else data, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    return image


def _check(**paths: Path) -> list[Problem]:
    choices = (Choice(kind, Scan(path), "the only one") for kind, path in paths.items())
    return check_session(Session("01", None, tuple(choices)))


def _only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


def test_a_plain_image_has_no_problem(tmp_path: Path) -> None:
    flair = _save(tmp_path, _image(_data(1)), name="sub-01_FLAIR.nii.gz")
    assert _check(t1w=_save(tmp_path, _image()), flair=flair) == []


def test_a_problem_names_the_kind_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sub-01_T1w.nii.gz"
    assert _only(_check(t1w=path)) == Problem(
        "t1w", path, "there is no such file", "check the dataset, or make the index again", True
    )


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def _flip_bytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[2000:2400] = bytes(400)
    path.write_bytes(bytes(content))


def _write_text(path: Path) -> None:
    path.write_text("this is no image")


def _write_compressed_text(path: Path) -> None:
    path.write_bytes(gzip.compress(b"this is no image" * 99))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("../../.git/annex/objects/MD5E-s9.nii.gz")


@pytest.mark.parametrize(
    ("damage", "found", "advice"),
    [
        (_cut, "its compressed data are damaged", "copy or convert the file again"),
        (_flip_bytes, "its compressed data are damaged", "copy or convert the file again"),
        (_write_text, "it cannot be read as NIfTI", "copy or convert"),
        (_write_compressed_text, "it cannot be read as NIfTI", "copy or convert"),
        (_empty, "it is an empty file", "copy or convert the file again"),
        (_dangle, "its content is not present", "run: datalad get"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], found: str, advice: str
) -> None:
    path = _save(tmp_path, _image())
    damage(path)
    problem = _only(_check(t1w=path))
    assert problem.refused
    assert problem.found.startswith(found)
    assert advice in problem.advice


def test_an_uncompressed_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = _save(tmp_path, _image(), name="sub-01_T1w.nii")
    _cut(path)
    assert _only(_check(t1w=path)).found.startswith("it cannot be read as NIfTI")


def _with(index: tuple[int, ...], value: float) -> NDArray[np.float32]:
    data = _data().astype(np.float32)
    data[index] = value
    return data


_RGB = np.zeros(GRID, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (_data() + 1j * _data(), "it holds values of type complex128, no plain numbers"),
        (_RGB, "it holds colours, no plain numbers"),
        (np.stack([_data()] * 3, axis=3), "it is 20 × 24 × 18 × 3, expected 3 dimensions"),
        (_data()[:, :, 0], "it is 20 × 24, expected 3 dimensions"),
        (_data()[:, :, :9], "its grid is 20 × 24 × 9, fewer than 16 voxels on an axis"),
        (_with((0, 0, slice(4)), np.nan), "4 of its 8640 voxels are NaN or infinite"),
        (_with((0, 0, 0), np.inf), "1 of its 8640 voxels are NaN or infinite"),
        (np.full(GRID, 7, np.int16), "all its voxels have the value 7"),
        (np.pad(_data()[:3, :3, :3], 30)[:20, :24, :18], "all its voxels have the value 0"),
        (_data() * (_data() > 895), "only 0.56% of its voxels differ from the background"),
    ],
)
def test_what_is_no_picture_is_refused(
    tmp_path: Path, data: NDArray[np.generic], found: str
) -> None:
    problem = _only(_check(t1w=_save(tmp_path, _image(data))))
    assert (problem.found, problem.refused) == (found, True)


def test_a_single_volume_in_four_dimensions_is_used_and_told(tmp_path: Path) -> None:
    problem = _only(_check(t1w=_save(tmp_path, _image(_data()[..., None]))))
    assert not problem.refused
    assert problem.found == "it is 20 × 24 × 18 × 1: one volume in 4 dimensions"


def _moved(shift: float = 0.0, angle: float = 0.0, zoom: float = 1.0) -> NDArray[np.float64]:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cos, -sin, 0, shift], [sin, cos, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    centre = np.eye(4)
    centre[:3, 3] = (AFFINE @ [9.5, 11.5, 8.5, 1])[:3]
    moved: NDArray[np.float64] = centre @ turn @ np.linalg.inv(centre) @ AFFINE
    return moved @ np.diag([zoom, zoom, zoom, 1])


def _forms(folder: Path, *, sform: object, qform: object, codes: tuple[int, int]) -> Path:
    image = nib.Nifti1Image(_data(), AFFINE)
    image.set_qform(qform, code=codes[1])
    image.set_sform(sform, code=codes[0])
    return _save(folder, image)


@pytest.mark.parametrize(
    ("shift", "angle", "refused"), [(3, 0, False), (0, 4, False), (14, 0, True), (0, 12, True)]
)
def test_sform_against_qform_is_told_or_refused(
    tmp_path: Path, shift: float, angle: float, refused: bool
) -> None:
    path = _forms(tmp_path, sform=_moved(shift, angle), qform=AFFINE, codes=(1, 1))
    problem = _only(_check(t1w=path))
    assert problem.refused is refused
    assert problem.found == (
        f"its sform and its qform disagree by {shift:.1f} mm and {angle:.1f} degrees"
    )


def test_sform_and_qform_may_differ_by_rounding(tmp_path: Path) -> None:
    path = _forms(tmp_path, sform=_moved(0.3, 0.2), qform=AFFINE, codes=(1, 1))
    assert _check(t1w=path) == []


def test_only_forms_that_are_in_use_are_compared(tmp_path: Path) -> None:
    path = _forms(tmp_path, sform=_moved(40), qform=AFFINE, codes=(0, 1))
    assert _check(t1w=path) == []


def test_mirrored_forms_are_refused(tmp_path: Path) -> None:
    mirror = np.diag([-1.0, 1, 1, 1]) @ AFFINE
    problem = _only(_check(t1w=_forms(tmp_path, sform=mirror, qform=AFFINE, codes=(1, 1))))
    assert problem.refused
    assert "left and right are contradictory" in problem.found


def test_an_image_that_does_not_say_where_it_is_is_told(tmp_path: Path) -> None:
    path = _forms(tmp_path, sform=AFFINE, qform=AFFINE, codes=(0, 0))
    problem = _only(_check(t1w=path))
    assert not problem.refused
    assert "left and right are a guess" in problem.found


@pytest.mark.parametrize(
    ("value", "found"),
    [(0, "its affine is singular"), (np.nan, "its affine has values that are not finite")],
)
def test_an_impossible_affine_is_refused(tmp_path: Path, value: float, found: str) -> None:
    path = _save(tmp_path, _image(), name="sub-01_T1w.nii")
    content = bytearray(path.read_bytes())
    sform_at, size = 280, 48
    content[sform_at : sform_at + size] = np.full(12, value, np.float32).tobytes()
    path.write_bytes(bytes(content))
    problem = _only(_check(t1w=path))
    assert problem.refused
    assert problem.found.startswith(found)


def test_axes_that_are_not_at_right_angles_are_told(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[0, 1] = 0.5
    found = [
        p.found for p in _check(t1w=_forms(tmp_path, sform=affine, qform=AFFINE, codes=(1, 0)))
    ]
    assert "the axes of its sform are not at right angles" in found


@pytest.mark.parametrize(
    ("mm", "found", "refused"),
    [
        (0.006, "its voxels are 0.006 × 0.006 × 0.006 mm", True),
        (12.0, "its voxels are 12 × 12 × 12 mm", True),
        (7.0, "its voxels are 7 × 7 × 7 mm, outside 0.3 to 6 mm", False),
        (4.0, "it covers 80 × 96 × 72 mm, which is no whole head", False),
    ],
)
def test_voxels_and_field_of_view_are_those_of_a_head(
    tmp_path: Path, mm: float, found: str, refused: bool
) -> None:
    problems = _check(t1w=_save(tmp_path, _image(affine=np.diag([mm, mm, mm, 1]))))
    assert (found, refused) in [(problem.found, problem.refused) for problem in problems]


def test_zooms_that_contradict_the_affine_are_told(tmp_path: Path) -> None:
    image = _image()
    image.set_qform(None, code=0)
    image.header["pixdim"][1:4] = 5
    found = _only(_check(t1w=_save(tmp_path, image))).found
    assert found == "its affine says voxels of 6 × 6 × 6 mm, its header 5 × 5 × 5"


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_flair_that_is_a_copy_of_the_t1w_image_is_refused(
    tmp_path: Path, kind: type[np.generic]
) -> None:
    flair = _save(tmp_path, _image(_data().astype(kind)), name="sub-01_FLAIR.nii.gz")
    problem = _only(_check(t1w=_save(tmp_path, _image()), flair=flair))
    assert (problem.kind, problem.path, problem.refused) == ("flair", flair, True)
    assert problem.found == "it holds the same values as the T1w image sub-01_T1w.nii.gz"


@pytest.mark.parametrize("shift", [300, 2000])
def test_an_image_with_something_subtracted_is_refused(tmp_path: Path, shift: int) -> None:
    problem = _only(_check(t1w=_save(tmp_path, _image(_data() - np.int16(shift)))))
    assert problem.refused
    assert problem.found.endswith("% of its voxels are clearly negative")


def test_the_header_may_make_values_negative(tmp_path: Path) -> None:
    image = _image()
    image.header.set_slope_inter(1, -500)
    path = _save(tmp_path, image, name="sub-01_T1w.nii")
    assert nib.load(path).dataobj.inter == -500
    assert "clearly negative" in _only(_check(t1w=path)).found


def test_a_few_values_below_0_from_interpolation_are_no_problem(tmp_path: Path) -> None:
    data = _data().astype(np.float32)
    data[:, :, 0] *= -0.2
    data[data < -100] = -80
    assert _check(t1w=_save(tmp_path, _image(data))) == []


def test_a_t1w_and_a_flair_that_do_not_meet_are_told(tmp_path: Path) -> None:
    flair = _save(tmp_path, _image(_data(1), _moved(400)), name="sub-01_FLAIR.nii.gz")
    problem = _only(_check(t1w=_save(tmp_path, _image()), flair=flair))
    assert (problem.kind, problem.path, problem.refused) == ("flair", flair, False)
    assert problem.found == "by its header it lies nowhere inside the T1w image"


def test_a_flair_with_swapped_axes_is_told(tmp_path: Path) -> None:
    data = np.moveaxis(_data(), 0, 2)
    flair = _save(tmp_path, _image(data), name="sub-01_FLAIR.nii.gz")
    problem = _only(_check(t1w=_save(tmp_path, _image()), flair=flair))
    assert "the same lengths on other axes" in problem.found


def test_another_orientation_of_the_same_head_is_no_swap(tmp_path: Path) -> None:
    sagittal = _image(_data(1)).as_reoriented(np.array([[2, -1], [0, 1], [1, 1]]))
    flair = _save(tmp_path, sagittal, name="sub-01_FLAIR.nii.gz")
    assert _check(t1w=_save(tmp_path, _image()), flair=flair) == []


def test_a_refused_scan_is_not_compared_with_the_other(tmp_path: Path) -> None:
    flair = _save(tmp_path, _image(_data(1), _moved(400)), name="sub-01_FLAIR.nii.gz")
    t1w = _save(tmp_path, _image())
    _cut(t1w)
    assert [problem.kind for problem in _check(t1w=t1w, flair=flair)] == ["t1w"]


def test_a_broken_sidecar_is_told_by_its_own_name(tmp_path: Path) -> None:
    path = _save(tmp_path, _image())
    sidecar = tmp_path / "T1w.json"
    sidecar.write_text('{"EchoTime": ')
    problem = _only(_check(t1w=path))
    assert (problem.path, problem.refused) == (sidecar, False)
    assert problem.found.startswith("the sidecar cannot be read (JSONDecodeError")


def _series(folder: Path, *, b_values: str | None, directions: str | None) -> list[Problem]:
    image = _image(np.stack([_data()] * 4, axis=3))
    path = _save(folder, image, name="sub-01_dwi.nii.gz")
    for extension, text in ((".bval", b_values), (".bvec", directions)):
        if text is not None:
            (folder / f"dwi{extension}").write_text(text)
    return _check(dwi=path)


B = "0 1000 1000 1000\n"
V = "0 1 0 0\n0 0 1 0\n0 0 0 1\n"


@pytest.mark.parametrize("directions", [V, "0 0 0\n1 0 0\n0 1 0\n0 0 1\n\n"])
def test_gradient_tables_may_lie_on_either_side(tmp_path: Path, directions: str) -> None:
    assert _series(tmp_path, b_values=B, directions=directions) == []


@pytest.mark.parametrize(
    ("b_values", "directions", "found"),
    [
        (None, V, "its .bval file is missing"),
        (B, None, "its .bvec file is missing"),
        (B, "x", "its .bvec file is no table of numbers: dwi.bvec"),
        (B, "0 1 0 0\n0 0 1\n", "its .bvec file is no table of numbers: dwi.bvec"),
        (B, V.replace("1", "nan"), "its .bvec file has values that are not finite: dwi.bvec"),
        ("0 1000 1000", V, "it has 4 volumes but 3 b-values"),
        (B, "0 1 0\n0 0 1\n0 0 0", "it has 4 volumes but a .bvec of 3 × 3, expected 3 × 4"),
        ("0 -5 1000 1000", V, "its .bval has negative b-values"),
    ],
)
def test_gradient_tables_that_do_not_fit_are_refused(
    tmp_path: Path, b_values: str | None, directions: str | None, found: str
) -> None:
    problem = _only(_series(tmp_path, b_values=b_values, directions=directions))
    assert (problem.found, problem.refused) == (found, True)


def test_directions_that_are_not_of_length_one_are_told(tmp_path: Path) -> None:
    problem = _only(_series(tmp_path, b_values=B, directions=V.replace("1", "2")))
    assert problem.found == "3 of its 3 directions with b > 50 are not of length 1"
    assert not problem.refused


def test_all_real_images_pass(shared_data: Path) -> None:
    from npsle_app.bids.input.dataset import find_sessions

    (session,) = find_sessions(shared_data / "bids", "philips01")
    assert [problem for problem in check_session(session) if problem.refused] == []

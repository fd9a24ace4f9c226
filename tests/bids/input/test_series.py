"""Which diffusion runs are one series, and which show its distortion."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.phase_encoding import (
    as_run,
    distortion_ratio,
    is_doubtful,
    phase_axis,
)
from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.input.scans import LeftOut
from tests.bids.datasets import make_files, place


@pytest.fixture
def root(tmp_path):
    return make_files(tmp_path / "raw")


def add(root, name, *, encoding=None, n=8, zoom=2.0, folder="dwi", b=1000, suffix="dwi"):
    path = place(root, f"{folder}/sub-01{name}_{suffix}.nii.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (
        np.random.default_rng(sum(path.name.encode()))
        .integers(1, 99, (16, 17, 18, n))
        .astype(np.int16)
    )
    nib.save(nib.Nifti1Image(data, np.diag([zoom, zoom, zoom, 1])), path)
    stem = path.name.split(".")[0]
    if encoding:
        told = {"PhaseEncodingDirection": encoding}
        path.with_name(f"{stem}.json").write_text(json.dumps(told))
    if folder == "dwi":
        vectors = np.random.default_rng(1).normal(size=(3, n))
        vectors /= np.linalg.norm(vectors, axis=0)
        np.savetxt(path.with_name(f"{stem}.bvec"), vectors)
        path.with_name(f"{stem}.bval").write_text(" ".join(["0", *[str(b)] * (n - 1)]))
    return path


def choice(root, wanted=None, **options):
    (session,) = find_sessions(root, "01", filters={"dwi": wanted or {}}, **options)
    return next(one for one in session.choices if one.kind == "dwi")


def test_runs_of_one_grid_and_encoding_are_one_series(root):
    first, second = (add(root, f"_run-{n}", encoding="j") for n in (1, 2))
    found = choice(root)
    assert found.scan.path == first
    assert [run.path for run in found.scan.runs] == [second]
    assert "2 runs" in found.reason
    assert [path.suffix for path in found.scan.tables] == [".bval", ".bvec"]


def test_the_series_with_most_directions_is_measured_and_the_reason_told(root):
    few, many = add(root, "_acq-a", n=7), add(root, "_acq-b", n=14, zoom=3.0)
    found = choice(root)
    assert found.scan.path == many
    (other,) = found.others
    assert other == LeftOut(few, f"it differs from {many.name}, which is measured, in voxel grid")
    assert "of 2 series" in found.reason
    assert "it has most directions" in found.reason


@pytest.mark.parametrize("told", ["sign", "label"])
def test_opposite_phase_encoding_shows_the_distortion(root, told):
    codes = ("j", "j-") if told == "sign" else (None, None)
    forward, reverse = (add(root, f"_dir-{way}", encoding=code)
                        for way, code in zip(("AP", "PA"), codes, strict=True))  # fmt: skip
    found = choice(root)
    assert found.scan.path == forward
    assert [one.path for one in found.scan.reverse] == [reverse]


def test_a_field_map_comes_before_a_series_and_must_be_meant(root):
    add(root, "_dir-AP", encoding="j-")
    add(root, "_dir-PA", encoding="j")
    epi = add(root, "_dir-PA", encoding="j", folder="fmap", suffix="epi", n=2)
    assert [one.path for one in choice(root, {"direction": "AP"}).scan.reverse] == [epi]
    sidecar = epi.with_name(epi.name.split(".")[0] + ".json")
    sidecar.write_text(
        json.dumps({"PhaseEncodingDirection": "j", "IntendedFor": "func/sub-01_bold.nii.gz"})
    )
    assert choice(root, {"direction": "AP"}).scan.reverse[0].path.name.endswith("PA_dwi.nii.gz")


def test_a_filter_chooses_the_prescription_and_not_its_reverse(root):
    for way in ("AP", "PA"):
        add(root, f"_acq-x_dir-{way}")
    add(root, "_acq-y_dir-PA", zoom=3.0)
    found = choice(root, {"acquisition": "x", "direction": "PA"})
    assert found.scan.path.name == "sub-01_acq-x_dir-PA_dwi.nii.gz"
    assert found.scan.reverse[0].path.name == "sub-01_acq-x_dir-AP_dwi.nii.gz"
    assert choice(root, {"acquisition": "z"}).scan is None


def test_a_series_of_another_program_goes_first(root, tmp_path):
    add(root, "")
    other = tmp_path / "qsiprep"
    path = place(other, "dwi/sub-01_space-ACPC_desc-preproc_dwi.nii.gz")
    path.parent.mkdir(parents=True)
    path.touch()
    found = choice(root, derivatives={"qsiprep": other})
    assert found.scan.path == path
    assert found.scan.preprocessed
    assert "--derivatives qsiprep" in found.reason


@pytest.mark.parametrize(
    ("metadata", "name", "axis"),
    [({"PhaseEncodingDirection": "j-"}, "", 1), ({"PhaseEncodingAxis": "i"}, "", 0),
     ({}, "_dir-AP", 1), ({}, "_dir-LR", 0), ({}, "", None)],
)  # fmt: skip
def test_the_axis_of_phase_encoding_is_told_by_sidecar_or_label(root, metadata, name, axis):
    path = add(root, name)
    path.with_name(path.name.split(".")[0] + ".json").write_text(json.dumps(metadata))
    assert phase_axis(choice(root).scan) == axis


def test_zero_vectors_are_refused_before_anything_is_computed(root):
    path = add(root, "")
    table = path.with_name("sub-01_dwi.bvec")
    vectors = np.loadtxt(table)
    vectors[:, 3] = 0
    np.savetxt(table, vectors)
    (session,) = find_sessions(root, "01")
    found = [problem.found for problem in check_session(session) if problem.refused]
    assert any("1 of its 7 volumes with b > 50 have no direction" in text for text in found)


def say(path, **metadata):
    path.with_name(f"{path.name.split('.')[0]}.json").write_text(json.dumps(metadata))


def shrink(path):
    """Make a 3D image without tables of a series, as converters write a lone b0."""
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[..., 0], image.affine), path)
    for end in ("bval", "bvec"):
        path.with_name(f"{path.name.split('.')[0]}.{end}").unlink(missing_ok=True)


def names(scans):
    return [scan.path.name for scan in scans]


def why_not(found, path):
    return next(one.reason for one in found.others if one.path == path)


@pytest.mark.parametrize(
    "label", ["acq-trace", "acq-ADC", "rec-colFA", "acq-b1000TRACEW", "rec-FA", "desc-trace"]
)
@pytest.mark.fault(
    "Images",
    "trace, ADC or FA image beside the series",
    "left out by name",
)
def test_a_map_of_the_scanner_is_no_run_whatever_it_brings(root, label):
    series, made = add(root, "", encoding="j"), add(root, f"_{label}", encoding="j")
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (series, ())
    assert why_not(found, made).startswith("a map that the scanner computed")


def test_a_map_is_known_by_its_image_type(root):
    series, made = add(root, "_run-1", encoding="j"), add(root, "_run-2", encoding="j")
    say(made, PhaseEncodingDirection="j", ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"])
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (series, ())
    assert "TRACEW in its ImageType" in why_not(found, made)


def test_a_pair_on_one_grid_comes_before_a_pair_on_two(root):
    alone = add(root, "_acq-a_dir-PA", encoding="j", zoom=2.1)
    forward, reverse = (
        add(root, f"_acq-b_dir-{way}", encoding=code) for way, code in (("AP", "j-"), ("PA", "j"))
    )
    found = choice(root)
    assert found.scan.path == forward
    assert [one.path for one in found.scan.reverse] == [reverse]
    assert alone in {one.path for one in found.others}


@pytest.mark.fault("Images", "a run that is a copy of another", "measured once")
def test_a_run_of_the_same_values_is_measured_once(root):
    first, second = add(root, "_run-1", encoding="j"), add(root, "_run-2", encoding="j")
    second.write_bytes(first.read_bytes())
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (first, ())
    assert why_not(found, second) == f"it holds the same values as {first.name}"


def test_a_run_of_one_weighted_volume_is_a_trace_image(root):
    series, made = add(root, "_run-1", encoding="j"), add(root, "_run-2", encoding="j", n=2)
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (series, ())
    assert "as a trace image has" in why_not(found, made)


@pytest.mark.fault("Images", "reversed phase encoding as sbref", "used")
def test_a_reference_volume_encoded_the_other_way_shows_the_distortion(root):
    add(root, "_dir-AP", encoding="j-")
    own = add(root, "_dir-AP", encoding="j-", suffix="sbref", n=1)
    other = add(root, "_dir-PA", encoding="j", suffix="sbref", n=1)
    found = choice(root)
    assert [one.path for one in found.scan.reverse] == [other]
    assert own not in {one.path for one in found.others}


def test_times_in_milliseconds_are_understood(root):
    add(root, "_dir-AP", encoding="j-")
    other = add(root, "_dir-PA", encoding="j", folder="fmap", suffix="epi", n=1)
    say(other, PhaseEncodingDirection="j", TotalReadoutTime=60)
    found = choice(root).scan
    say(found.path, PhaseEncodingDirection="j-", TotalReadoutTime=0.03)
    assert distortion_ratio(found, found.reverse[0]) == pytest.approx(2)


def test_maps_alone_are_no_series(root):
    add(root, "_acq-trace", encoding="j")
    found = choice(root)
    assert found.scan is None
    assert found.reason.startswith("no DWI series (sub-01_acq-trace_dwi.nii.gz: a map")


@pytest.mark.parametrize("labels", ["_rec-moco", "_acq-MoCo", "_rec-norm"])
@pytest.mark.fault(
    "Images",
    "copies of a series that the scanner aligned",
    "left out by name",
)
def test_another_reconstruction_of_a_series_is_no_run(root, labels):
    series, copy = add(root, "", encoding="j"), add(root, labels, encoding="j")
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (series, ())
    assert "sub-01_dwi.nii.gz" in why_not(found, copy) or "aligned" in why_not(found, copy)


def test_a_copy_of_the_scanner_is_taken_where_it_is_the_only_series(root):
    copy = add(root, "_rec-moco", encoding="j")
    assert choice(root).scan.path == copy


def test_acquisitions_with_tables_of_their_own_are_runs_and_others_are_not(root):
    first, second = (
        add(root, "_acq-b1000", encoding="j"),
        add(root, "_acq-b700", encoding="j", b=700),
    )
    assert names(choice(root).scan.runs) == ["sub-01_acq-b700_dwi.nii.gz"]
    for end in ("bval", "bvec"):
        first.with_name(f"sub-01_acq-b1000_dwi.{end}").rename(first.with_name(f"sub-01_dwi.{end}"))
        second.with_name(f"sub-01_acq-b700_dwi.{end}").unlink()
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (first, ())
    assert "no gradient tables of its own" in why_not(found, second)


@pytest.mark.fault(
    "Images",
    "the same series as .nii and .nii.gz",
    "measured once",
)
def test_a_series_that_is_there_packed_and_unpacked_is_one_run(root):
    packed = add(root, "", encoding="j")
    plain = packed.with_name("sub-01_dwi.nii")
    nib.save(nib.load(packed), plain)
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (packed, ())
    assert why_not(found, plain) == f"the same series as {packed.name}"


@pytest.mark.parametrize(
    ("metadata", "differ"),
    [({"EchoTime": 0.1}, "echo time"), ({"TotalReadoutTime": 0.04}, "readout time"),
     ({"PhaseEncodingDirection": "i"}, "phase encoding")],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "runs of other echo time, readout time or phase encoding",
    "not appended; named with what differs",
)
def test_runs_that_were_taken_otherwise_are_not_appended(root, metadata, differ):
    told = {"PhaseEncodingDirection": "j", "EchoTime": 0.08, "TotalReadoutTime": 0.05}
    first, second = add(root, "_run-1"), add(root, "_run-2")
    say(first, **told)
    say(second, **told | metadata)
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (first, ())
    assert why_not(found, second).endswith(f"in {differ}")


def test_a_phase_series_without_any_label_is_left_out_by_its_values(root):
    first, second = add(root, "_run-1", encoding="j"), add(root, "_run-2", encoding="j")
    image = nib.load(second)
    phase = np.random.default_rng(0).uniform(-np.pi, np.pi, image.shape).astype(np.float32)
    nib.save(nib.Nifti1Image(phase, image.affine), second)
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (first, ())
    assert "as those of a phase image do" in why_not(found, second)


REVERSE = {"TotalReadoutTime": 0.05, "PhaseEncodingDirection": "j"}


@pytest.fixture
def pair(root):
    """Return a series encoded from front to back and a field map encoded the other way."""
    series = add(root, "_dir-AP", encoding="j-")
    epi = add(root, "_dir-PA", encoding="j", folder="fmap", suffix="epi", n=2)
    return series, epi


@pytest.mark.parametrize("tables", ["none", "one column"])
@pytest.mark.parametrize("folder", ["dwi", "fmap"])
@pytest.mark.fault(
    "Images",
    "reversed image as one volume, without gradient tables",
    "used",
)
def test_a_single_volume_without_tables_shows_the_distortion(root, folder, tables):
    series = add(root, "_dir-AP", encoding="j-")
    suffix = {"dwi": "dwi", "fmap": "epi"}[folder]
    other = add(root, "_dir-PA", encoding="j", folder=folder, suffix=suffix)
    shrink(other)
    if tables == "one column":
        other.with_name(f"sub-01_dir-PA_{suffix}.bval").write_text("0\n")
        other.with_name(f"sub-01_dir-PA_{suffix}.bvec").write_text("0\n0\n0\n")
    found = choice(root)
    assert (found.scan.path, names(found.scan.reverse)) == (series, [other.name])
    (session,) = find_sessions(root, "01")
    assert [one for one in check_session(session) if one.refused] == []


def test_a_reversed_image_on_a_slightly_or_wholly_other_grid_is_used(root, pair):
    _, epi = pair
    image = nib.load(epi)
    affine = image.affine.copy()
    affine[:3, 3] += [0.2, 0.1, 0.3]
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), epi)
    assert names(choice(root).scan.reverse) == [epi.name]
    coarse = np.random.default_rng(0).integers(1, 99, (16, 16, 16)).astype(np.int16)
    nib.save(nib.Nifti1Image(coarse, np.diag([2.2, 2.2, 2.4, 1])), epi)
    assert names(choice(root).scan.reverse) == [epi.name]


def rotated(degrees):
    turn = np.radians(degrees)
    affine = np.diag([2.0, 2, 2, 1])
    affine[:2, :2] = 2 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return affine


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PhaseEncodingDirection": "i"}, "it was encoded along another axis, 90° off"),
        ({"PhaseEncodingDirection": "j-", "label": "AP"}, "encoded the same way as the series"),
        ({"affine": rotated(25)}, "it was encoded along another axis, 25° off"),
        ({"affine": np.diag([2.0, 2, 2, 1]) + np.eye(4, k=3) * 200}, "it covers only 0%"),
        ({"IntendedFor": "func/sub-01_task-rest_bold.nii.gz"}, "IntendedFor names sub-01_"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "no magnitude image"),
    ],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "reversed image that cannot be used",
    "named with the reason; the series is measured",
)
def test_a_reversed_image_that_is_not_used_is_named_with_the_reason(root, pair, change, reason):
    series, epi = pair
    if "label" in change:
        epi = epi.rename(epi.with_name("sub-01_dir-AP_epi.nii.gz"))
    if "affine" in change:
        nib.save(nib.Nifti1Image(np.asarray(nib.load(epi).dataobj), change["affine"]), epi)
    keys = {key: value for key, value in change.items() if key[0].isupper()}
    say(epi, **REVERSE | keys)
    found = choice(root)
    assert (found.scan.path, found.scan.reverse) == (series, ())
    assert why_not(found, epi).startswith("not used for its distortion: ")
    assert reason in why_not(found, epi)


def test_a_broken_reversed_image_loses_the_series_nothing(root, pair):
    series, epi = pair
    epi.write_bytes(epi.read_bytes()[:500])
    found = choice(root)
    assert (found.scan.path, found.scan.reverse) == (series, ())
    assert "its compressed data are damaged" in why_not(found, epi)
    (session,) = find_sessions(root, "01")
    assert [one for one in check_session(session) if one.refused] == []


@pytest.mark.parametrize(
    "intended",
    ["bids::sub-01/dwi/sub-01_dir-AP_run-2_dwi.nii.gz", "dwi/sub-01_dir-AP_run-2_dwi.nii.gz",
     ["func/sub-01_bold.nii.gz", "sub-01/dwi/sub-01_dir-AP_run-1_dwi.nii"], [], "",
     "dwi/sub-01_acq-other_dwi.nii.gz"],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "IntendedFor of another run, as path, URI or list",
    "used",
)
def test_an_image_meant_for_any_run_of_the_series_is_used(root, intended):
    for run in (1, 2):
        add(root, f"_dir-AP_run-{run}", encoding="j-")
    epi = add(root, "_dir-PA", folder="fmap", suffix="epi", n=2)
    say(epi, **REVERSE, IntendedFor=intended)
    found = choice(root)
    assert len(found.scan.runs) == 1
    assert names(found.scan.reverse) == [epi.name]


def test_the_image_that_is_meant_for_the_series_comes_first(root, pair):
    _, epi = pair
    meant = add(root, "_acq-z_dir-PA", folder="fmap", suffix="epi", n=2)
    say(meant, **REVERSE, IntendedFor=["dwi/sub-01_dir-AP_dwi.nii.gz"])
    found = choice(root)
    assert names(found.scan.reverse) == [meant.name]
    assert "one is enough" in why_not(found, epi)


@pytest.mark.fault(
    "Images",
    "sidecar and name of opposite phase encoding",
    "the images decide",
)
def test_a_sidecar_that_contradicts_the_name_leaves_it_to_the_images(root, pair):
    series, epi = pair
    say(epi, TotalReadoutTime=0.05, PhaseEncodingDirection="j-")
    found = choice(root)
    assert names(found.scan.reverse) == [epi.name]
    assert "the images must show it" in found.reason
    assert is_doubtful(as_run(found.scan.reverse[0]), as_run(found.scan))
    assert not is_doubtful(as_run(found.scan), as_run(found.scan))
    assert found.scan.path == series


@pytest.mark.parametrize(("name", "doubtful"), [("_dir-PA", False), ("", True)])
def test_a_field_map_without_a_direction_is_used_by_its_label_or_by_what_it_shows(
    root, name, doubtful
):
    add(root, "_dir-AP", encoding="j-")
    epi = add(root, name, folder="fmap", suffix="epi", n=2)
    found = choice(root)
    assert names(found.scan.reverse) == [epi.name]
    assert ("the images must show it" in found.reason) is doubtful


def test_directions_are_compared_in_the_room(root):
    add(root, "_run-1", encoding="j-")
    other = add(root, "", encoding="j-", folder="fmap", suffix="epi", n=2)
    image = nib.load(other)
    flipped = np.diag([2.0, -2, 2, 1]) + np.eye(4, k=2) * 0
    flipped[1, 3] = 2 * 16
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), flipped), other)
    assert names(choice(root).scan.reverse) == [other.name]


@pytest.mark.parametrize(
    ("metadata", "edge", "ratio"),
    [
        ({"TotalReadoutTime": 0.05}, 2.0, 1.0),
        ({"TotalReadoutTime": 0.025}, 2.0, 0.5),
        ({"TotalReadoutTime": 0.05}, 2.5, 1.25),
        ({"EffectiveEchoSpacing": 0.001, "ReconMatrixPE": 101}, 2.0, 2.0),
        ({}, 2.0, 1.0),
        ({"TotalReadoutTime": "soon"}, 2.0, 1.0),
        ({"TotalReadoutTime": 50}, 2.0, 1.0),
    ],
)
def test_readout_times_and_voxels_tell_how_far_the_reversed_image_is_displaced(
    root, metadata, edge, ratio
):
    series = add(root, "_dir-AP")
    say(series, PhaseEncodingDirection="j-", TotalReadoutTime=0.05)
    epi = add(root, "_dir-PA", folder="fmap", suffix="epi", n=2, zoom=edge)
    say(epi, PhaseEncodingDirection="j", **metadata)
    found = choice(root).scan
    assert distortion_ratio(found, found.reverse[0]) == pytest.approx(ratio)


def test_a_run_that_cannot_be_used_is_left_out_by_name_and_the_others_are_measured(root):
    first, second = add(root, "_dir-AP_run-1"), add(root, "_dir-AP_run-2")
    second.with_name(second.name.split(".")[0] + ".bval").write_text("0 1000")
    found = choice(root)
    assert (found.scan.path, found.scan.runs) == (first, ())
    assert found.others == (LeftOut(second, "it has 8 volumes but 2 b-values"),)

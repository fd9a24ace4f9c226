"""Whether given brain masks and tissues can be used: all that is wrong is told before computing."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.brain_map_checks import brain_map_problems, find_reorientation
from npsle_app.bids.input.images import read_header
from npsle_app.bids.input.preflight import check_session
from tests.bids.input.given_head import (
    AFFINE,
    SHAPE,
    make_head,
    save,
    save_fmriprep,
    session_of,
)

MIRROR = np.diag([-1.0, 1, 1, 1])


@pytest.fixture(scope="module")
def head():
    return make_head()


def problems(session):
    return [*brain_map_problems(session)]


def test_maps_and_mask_of_the_head_itself_pass(head, tmp_path):
    session = session_of(head, tmp_path / "raw", save_fmriprep(head, tmp_path / "fmriprep"))

    assert set(session.scans) == {"t1w", "brain_mask", "tissue_maps"}
    assert not problems(session)


def test_labels_of_bids_and_of_freesurfer_pass(head, tmp_path):
    save(head.labels, tmp_path / "a/sub-01/anat/sub-01_dseg.nii.gz")
    aseg = np.array([0, 42, 41, 24])[head.labels].astype(np.int16)
    save(aseg, tmp_path / "b/sub-01/anat/sub-01_T1w_synthseg.nii.gz")
    for name in ("a", "b"):
        assert not problems(session_of(head, tmp_path / "raw", tmp_path / name))


def test_voxels_in_another_order_are_the_same_voxels(head, tmp_path):
    """fMRIPrep stores its maps in RAS, whatever the T1w image was stored in."""
    folder = save_fmriprep(head, tmp_path / "fmriprep")
    for path in folder.rglob("*.nii.gz"):
        image = nib.load(path)
        turned = image.as_reoriented(
            nib.orientations.ornt_transform(
                nib.io_orientation(image.affine), nib.orientations.axcodes2ornt("PSL")
            )
        )
        save(np.asarray(turned.dataobj), path, turned.affine)
    session = session_of(head, tmp_path / "raw", folder)

    assert not problems(session)
    header = read_header(session.scans["t1w"].path)
    assert find_reorientation(turned.shape, turned.affine, onto=header) is not None
    shifted = turned.affine + np.array([[0, 0, 0, 1.5], *[[0] * 4] * 3])
    assert find_reorientation(turned.shape, shifted, onto=header) is None


def spoil(folder, change, *, affine=AFFINE, names="label"):
    for path in folder.rglob(f"*{names}*.nii.gz"):
        save(change(nib.load(path).get_fdata(dtype=np.float32)), path, affine)


def flipped():
    """Return the affine of the same box with left and right exchanged."""
    affine = AFFINE @ MIRROR
    affine[0, 3] = AFFINE[0, 0] * (SHAPE[0] - 1)
    return affine


@pytest.mark.fault(
    "Images",
    "given tissue maps or brain mask on another grid, flipped, of another person, 0 to 255, NaN",
    "refused before computing, with what to do",
)
@pytest.mark.parametrize(
    ("spoilt", "found", "advice"),
    [
        (lambda to: spoil(to, lambda v: v[:-2]), "its grid is 54 × 64 × 52, RAS", "native space"),
        (lambda to: spoil(to, np.copy, affine=AFFINE * 1.1), "nothing is resampled", "T1w image"),
        (lambda to: spoil(to, np.copy, affine=flipped()), "mirrored it fits", "left and right"),
        (lambda to: spoil(to, lambda v: v[::-1]), "mirrored it fits", "left and right"),
        (lambda to: spoil(to, lambda v: 255 * v), "values from 0 to 255", "divide it by 255"),
        (lambda to: spoil(to, lambda v: 100 * v), "values from 0 to 100", "divide it by 100"),
        (lambda to: spoil(to, lambda v: v - 0.2), "values from -0.2", "map of shares"),
        (lambda to: spoil(to, lambda v: np.where(v > 0, np.nan, v)), "NaN", "replace them by 0"),
        (lambda to: spoil(to, np.zeros_like), "it is 0 everywhere", "look"),
        (lambda to: spoil(to, np.ones_like), "add up to 3.00", "add up to 1"),
        (lambda to: spoil(to, lambda v: v / 9), "no brain is of that size", "look"),
        (lambda to: save_fmriprep(make_head(2), to), "white matter is not where", "this person"),
    ],
    ids=[
        "size", "step", "flipped header", "flipped data", "255", "percent", "negative", "nan",
        "empty", "sum", "small", "another person",
    ],
)  # fmt: skip
def test_tissues_that_cannot_be_used_are_refused(head, tmp_path, spoilt, found, advice):
    folder = save_fmriprep(head, tmp_path / "fmriprep")
    spoilt(folder)
    told = [one for one in problems(session_of(head, tmp_path / "raw", folder))
            if one.kind == "tissue_maps"]  # fmt: skip

    assert told
    assert all(one.refused for one in told)
    assert found in told[0].found
    assert advice in told[0].advice


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda v: v[:, 1:], "its grid is 56 × 63 × 52"),
        (lambda v: np.where(v > 0, np.nan, 0).astype(np.float32), "NaN"),
        (lambda v: v * np.arange(SHAPE[0])[:, None, None].astype(np.float32), "neither a mask"),
        (np.zeros_like, "it marks 0 mL"),
        (np.ones_like, "no brain is of that size"),
    ],
    ids=["size", "nan", "image", "empty", "all"],
)
def test_brain_masks_that_cannot_be_used_are_refused(head, tmp_path, change, found):
    folder = save_fmriprep(head, tmp_path / "bet")
    spoil(folder, change, names="brain")
    (told,) = problems(session_of(head, tmp_path / "raw", folder))

    assert (told.kind, told.refused) == ("brain_mask", True)
    assert found in told.found


@pytest.mark.parametrize("name", ["space-MNI152NLin2009cAsym_label-{}_probseg", "p"])
def test_maps_in_the_space_of_a_template_are_refused_by_name(head, tmp_path, name):
    for number, part in enumerate(("gm", "wm", "csf"), start=1):
        place = f"anat/sub-01_{name.format(part.upper())}" if "{" in name else (
            f"mri/mwp{number}sub-01_T1w"
        )  # fmt: skip
        save(getattr(head, part), tmp_path / f"given/sub-01/{place}.nii.gz")
    told = problems(session_of(head, tmp_path / "raw", tmp_path / "given"))

    assert all(one.refused and "nothing is resampled" in one.found for one in told)
    assert "mwp1" in told[0].advice


def test_two_sources_of_the_same_are_refused_with_the_ways_out(head, tmp_path):
    roots = [save_fmriprep(head, tmp_path / name) for name in ("one", "two")]
    mask, maps = problems(session_of(head, tmp_path / "raw", *roots))

    assert mask.found == "one and two both hold a brain mask: they are not mixed"
    assert '{"tissue_maps": {"dataset": "two"}}' in maps.advice
    chosen = {kind: {"dataset": "two"} for kind in ("brain_mask", "tissue_maps")}
    assert not problems(session_of(head, tmp_path / "raw", *roots, filters=chosen))


def test_two_runs_in_one_dataset_are_refused_too(head, tmp_path):
    folder = save_fmriprep(head, tmp_path / "one")
    save_fmriprep(head, folder, stem="sub-01_run-2")
    mask, maps = problems(session_of(head, tmp_path / "raw", folder))

    assert "are both a brain mask" in mask.found
    assert "one/brain_maps.tsv" in maps.advice


def test_grey_matter_alone_is_refused(head, tmp_path):
    save(head.gm, tmp_path / "cat12/mri/p1sub-01_T1w.nii")
    (told,) = problems(session_of(head, tmp_path / "raw", tmp_path / "cat12"))

    assert told.found == "cat12 has no map of white matter"


def test_labels_that_nobody_knows_are_refused(head, tmp_path):
    path = tmp_path / "given/sub-01/anat/sub-01_dseg.nii.gz"
    for data, found in (
        (head.labels * 100, "of which tissue the labels 100, 200, 300 are"),
        (head.labels * 0.7, "labels were interpolated"),
        (np.minimum(head.labels, 1), "no label of grey or none of white matter"),
    ):
        save(data.astype(np.float32), path)
        (told,) = problems(session_of(head, tmp_path / "raw", tmp_path / "given"))
        assert found in told.found


def test_without_t1w_they_are_told_as_not_used(head, tmp_path):
    folder = save_fmriprep(head, tmp_path / "fmriprep")
    told = problems(session_of(head, tmp_path / "raw", folder, with_t1w=False))

    assert len(told) == 2
    assert not any(one.refused for one in told)


def test_a_mask_that_is_no_image_is_refused_and_the_preflight_goes_on(head, tmp_path):
    folder = save_fmriprep(head, tmp_path / "bet")
    next(folder.rglob("*brain*")).write_bytes(b"no image")
    told = check_session(session_of(head, tmp_path / "raw", folder))

    assert [one.kind for one in told if one.refused] == ["brain_mask"]


def test_labels_from_mgz_are_read(head, tmp_path):
    labels = np.array([0, 42, 41, 24])[head.labels].astype(np.int32)
    path = tmp_path / "fast/sub-01/anat/aparc.DKTatlas+aseg.deep.mgz"
    path.parent.mkdir(parents=True)
    nib.save(nib.MGHImage(labels, AFFINE), path)
    session = session_of(head, tmp_path / "raw", tmp_path / "fast")

    assert session.scans["tissue_maps"].maps[0].scheme == "freesurfer"
    assert not problems(session)

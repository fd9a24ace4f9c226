"""Lesion masks of other programs and hands: found by name or table, and checked."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.lesion_masks import (
    KIND,
    SAMSEG_LABEL,
    find_lesion_masks,
    given_problems,
)
from npsle_app.bids.input.scans import Choice, GivenMask, Scan, Session
from tests.bids.datasets import make_image

STEM = "anat/sub-01_ses-a_"


def touch(root, *names):
    for name in names:
        path = root / "sub-01" / "ses-a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def find(*roots, session="a"):
    datasets = {root.name: root for root in roots}
    return find_lesion_masks(datasets, participant="01", session=session)


@pytest.mark.parametrize(
    ("name", "space", "role", "label"),
    [
        (f"{STEM}space-T1w_label-L_mask.nii.gz", "t1w", "whole", None),
        (f"{STEM}space-FLAIR_label-lesion_mask.nii", "flair", "whole", None),
        (f"{STEM}desc-wmh_probseg.nii.gz", None, "whole", None),
        (f"{STEM}label-L_desc-wmhadded_mask.nii.gz", None, "added", None),
        (f"{STEM}label-L_desc-removed_mask.nii.gz", None, "removed", None),
        (f"{STEM}space-MNI152NLin6Asym_label-L_mask.nii.gz", "mni152nlin6asym", "whole", None),
        ("space-flair_seg-lst.nii.gz", "flair", "whole", None),
        ("anat/seg.mgz", None, "whole", SAMSEG_LABEL),
    ],
)
def test_what_a_mask_is_is_told_by_its_name(tmp_path, name, space, role, label):
    (mask,) = find(touch(tmp_path / "hand", name)).scan.given

    assert (mask.space, mask.role, mask.label, mask.dataset) == (space, role, label, "hand")


@pytest.mark.parametrize(
    "name",
    [
        f"{STEM}hemi-L_label-M1_desc-lumen_mask.nii.gz",
        f"{STEM}desc-brain_mask.nii.gz",
        f"{STEM}label-GM_probseg.nii.gz",
        f"{STEM}label-L_mask.json",
        f"{STEM}space-T1w_seg-wmhregions_dseg.nii.gz",
        "space-flair_desc-annotated_seg-lst.nii.gz",
    ],
)
def test_what_is_no_lesion_mask_is_left_alone(tmp_path, name):
    assert find(touch(tmp_path / "other", name)) is None


def test_of_several_the_first_counts_masks_before_maps_and_the_others_are_told(tmp_path):
    one = touch(tmp_path / "a", f"{STEM}desc-wmh_probseg.nii.gz", f"{STEM}label-L_mask.nii.gz")
    two = touch(tmp_path / "b", f"{STEM}label-L_mask.nii.gz")
    choice = find(two, one)

    assert choice.scan.path == one / "sub-01" / "ses-a" / f"{STEM}label-L_mask.nii.gz"
    assert choice.reason == "all lesions, by --derivatives a"
    assert [other.path.name for other in choice.others] == [
        "sub-01_ses-a_desc-wmh_probseg.nii.gz",
        "sub-01_ses-a_label-L_mask.nii.gz",
    ]


def test_what_was_added_and_removed_goes_together(tmp_path):
    names = (f"{STEM}label-L_desc-{role}_mask.nii.gz" for role in ("removed", "added"))
    choice = find(touch(tmp_path / "hand", *names))

    assert [mask.role for mask in choice.scan.given] == ["added", "removed"]
    assert choice.reason.startswith("lesions added by hand and lesions removed by hand")


def test_a_table_names_files_of_any_name(tmp_path):
    root = touch(tmp_path / "hand", "les.nii", "extra.nii", f"{STEM}label-L_mask.nii.gz")
    lines = [
        "participant_id\tsession_id\tfile\trole\tspace\tlabel",
        "sub-01\tses-a\tsub-01/ses-a/les.nii\tn/a\tFLAIR\t3",
        "01\tn/a\tsub-01/ses-a/extra.nii\tadded\tn/a\tn/a",
        "sub-02\tses-a\tnowhere.nii\twhole\tn/a\tn/a",
    ]
    (root / "lesion_masks.tsv").write_text("\n".join(lines) + "\n")
    first, second = find(root).scan.given

    assert (first.path.name, first.space, first.label) == ("les.nii", "flair", 3)
    assert (second.path.name, second.space, second.role) == ("extra.nii", None, "added")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("participant_id\tmask\nsub-01\tx.nii\n", "expected columns participant_id and file"),
        ("participant_id\tfile\nsub-01\tx.nii\n", r"expected files inside hand.*'x\.nii'"),
        ("participant_id\tfile\trole\nsub-01\ty.nii\tedited\n", "that is 'edited'"),
        ("participant_id\tfile\nsub-01\t../y.nii\n", "expected files inside hand"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, text, match):
    root = touch(tmp_path / "hand")
    root.mkdir()
    (root / "y.nii").touch()
    (tmp_path / "y.nii").touch()
    (root / "lesion_masks.tsv").write_text(text)

    with pytest.raises(ValueError, match=match):
        find(root)


def session_of(folder, *masks, flair=True):
    scans = {"t1w": make_image(folder, "anat/sub-01_T1w.nii.gz")}
    if flair:
        name = "anat/sub-01_FLAIR.nii.gz"
        scans["flair"] = make_image(folder, name, shape=(17, 18, 5), zooms=(1, 1, 3))
    choices = [Choice(kind, Scan(path), "") for kind, path in scans.items()]
    given = Choice(KIND, Scan(masks[0].path, given=tuple(masks)), "")
    return Session("01", None, (*choices, given))


def save(folder, data, affine=None, **told):
    path = folder / "mask.nii.gz"
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return GivenMask(path=path, dataset="hand", **told)


def marked(shape=(17, 18, 16), *, value=1):
    data = np.zeros(shape, np.float32)
    data[4:6, 4:6, 2:4] = value
    return data


@pytest.mark.parametrize("value", [1, 255, 0.3, 0])
def test_masks_and_maps_on_the_grid_of_t1w_pass(tmp_path, value):
    assert not [*given_problems(session_of(tmp_path, save(tmp_path, marked(value=value))))]


@pytest.mark.parametrize("space", [None, "flair"])
def test_a_mask_on_the_grid_of_flair_passes(tmp_path, space):
    mask = save(tmp_path, marked((17, 18, 5)), np.diag([1, 1, 3, 1]), space=space)

    assert not [*given_problems(session_of(tmp_path, mask))]


def turned():
    return np.array([[-1, 0, 0, 16], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda to: save(to, marked((9, 9, 9))), "its grid is 9 × 9 × 9, RAS"),
        (lambda to: save(to, marked(), turned()), "LAS, from"),
        (lambda to: save(to, marked(), space="mni152"), "the space mni152: only T1w and FLAIR"),
        (lambda to: save(to, marked(), space="flair"), "that of sub-01_FLAIR.nii.gz 17 × 18 × 5"),
        (lambda to: save(to, marked(value=np.nan)), "NaN or infinite"),
        (lambda to: save(to, marked() + 2 * marked().T.T[::-1]), "values from 0 to"),
        (lambda to: save(to, marked(value=-1)), "values from -1 to 0"),
        (lambda to: save(to, np.stack([marked()] * 2, axis=3)), "expected one volume"),
    ],
    ids=["size", "orientation", "template", "not FLAIR's", "nan", "labels", "negative", "series"],
)
def test_what_cannot_be_used_is_refused_before_anything_is_computed(tmp_path, make, found):
    (problem,) = given_problems(session_of(tmp_path, make(tmp_path)))

    assert problem.refused
    assert found in problem.found


def test_a_correction_of_nothing_is_refused(tmp_path):
    mask = save(tmp_path, marked(), role="added")
    (problem,) = given_problems(session_of(tmp_path, mask, flair=False))

    assert "neither FLAIR to find them in nor a mask of all" in problem.found
    assert not [*given_problems(session_of(tmp_path, mask))]


def test_without_t1w_a_mask_is_told_as_not_used(tmp_path):
    session = session_of(tmp_path, save(tmp_path, marked()))
    alone = tuple(choice for choice in session.choices if choice.kind != "t1w")
    (problem,) = given_problems(replace(session, choices=alone))

    assert not problem.refused
    assert "not used" in problem.found


def test_labels_of_freesurfer_are_read_from_mgz(tmp_path):
    path = tmp_path / "seg.mgz"
    labels = marked(value=99)
    labels[8, 8, 8] = 41
    nib.save(nib.MGHImage(labels, np.eye(4)), path)
    mask = GivenMask(path=path, dataset="samseg", label=99)

    assert not [*given_problems(session_of(tmp_path, mask))]

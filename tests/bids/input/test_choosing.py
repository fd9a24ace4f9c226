"""Which of several images is measured, which are left out, and that each is named."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.preflight import check_session
from tests.bids.datasets import make_files, make_image, place


@pytest.fixture
def root(tmp_path):
    return make_files(tmp_path / "raw")


def tell(path, **metadata):
    path.with_name(f"{path.name.split('.')[0]}.json").write_text(json.dumps(metadata))


def choose(root, kind="t1w", **wanted):
    (session,) = find_sessions(root, "01", filters={kind: wanted} if wanted else None)
    return next(one for one in session.choices if one.kind == kind)


def used(choice):
    return choice.scan.path.name if choice.scan else None


def why_not(choice):
    return {one.path.name: one.reason for one in choice.others}


def cut(path):
    path.write_bytes(path.read_bytes()[:400])


@pytest.mark.parametrize("suffix", ["T1w", "FLAIR"])
def test_a_broken_first_run_gives_way_to_the_second_and_says_why(root, suffix):
    first, second = (make_image(root, f"anat/sub-01_run-{n}_{suffix}.nii.gz") for n in (1, 2))
    cut(first)
    choice = choose(root, {"T1w": "t1w", "FLAIR": "flair"}[suffix])
    assert used(choice) == second.name
    assert choice.reason == "of 2 candidates, the only one that can be used"
    assert why_not(choice)[first.name].startswith("its compressed data are damaged")


def test_of_images_that_are_all_broken_the_first_fails_by_name(root):
    paths = [make_image(root, f"anat/sub-01_run-{n}_T1w.nii.gz") for n in (1, 2)]
    for path in paths:
        cut(path)
    choice = choose(root)
    assert choice.reason == "of 2 candidates, none can be used"
    assert (used(choice), *why_not(choice)) == tuple(path.name for path in paths)
    (session,) = find_sessions(root, "01")
    assert [(p.path, p.refused) for p in check_session(session)] == [(paths[0], True)]


@pytest.mark.fault(
    "Images",
    "scan that was stopped beside a whole one",
    "the whole one is measured",
)
def test_a_scan_that_was_stopped_gives_way_to_the_whole_one(root):
    short = make_image(root, "anat/sub-01_run-1_FLAIR.nii.gz", shape=(40, 40, 20))
    whole = make_image(root, "anat/sub-01_run-2_FLAIR.nii.gz", shape=(40, 40, 40))
    choice = choose(root, "flair")
    assert used(choice) == whole.name
    assert why_not(choice)[short.name] == f"{whole.name} was taken: it shows most of the head"


def test_a_copy_of_the_t1w_image_gives_way_to_a_real_flair(root):
    make_image(root, "anat/sub-01_T1w.nii.gz")
    make_image(root, "anat/sub-01_run-1_FLAIR.nii.gz")
    real = make_image(root, "anat/sub-01_run-2_FLAIR.nii.gz", seed=1)
    choice = choose(root, "flair")
    assert used(choice) == real.name
    assert "the same values as sub-01_T1w.nii.gz" in why_not(choice)["sub-01_run-1_FLAIR.nii.gz"]


AGENTS = [
    {"ContrastBolusIngredient": "GADOLINIUM"},
    {"ContrastBolusAgent": "Gadovist"},
    {"ContrastBolusVolume": 7.5},
    {"ContrastBolusAgent": ["", "Dotarem"]},
    {"SeriesDescription": "t1_mprage_sag_Gd"},
    {"ProtocolName": "T1 MPRAGE +C"},
    {"SeriesDescription": "SAG T1+C"},
]


@pytest.mark.parametrize("metadata", AGENTS, ids=lambda one: str(next(iter(one.values()))))
@pytest.mark.fault(
    "Images",
    "contrast agent told by the sidecar only",
    "no T1w image to measure, with the key that says so",
)
def test_a_contrast_agent_is_read_from_the_sidecar(root, metadata):
    path = make_image(root, "anat/sub-01_T1w.nii.gz")
    tell(path, **metadata)
    choice = choose(root)
    assert choice.scan is None
    assert "it was taken with a contrast agent (" in why_not(choice)[path.name]
    assert used(choose(root, ceagent=None)) == path.name  # the user overrules it


@pytest.mark.parametrize("label", ["postgad", "Gd", "T1ce", "mprageGado", "withcontrast"])
@pytest.mark.fault(
    "Images", "contrast agent told by the label acq- only", "the image before it is measured"
)
def test_a_contrast_agent_is_read_from_the_label(root, label):
    after = make_image(root, f"anat/sub-01_acq-{label}_T1w.nii.gz")
    before = make_image(root, "anat/sub-01_acq-zpre_T1w.nii.gz", seed=1)
    choice = choose(root)
    assert used(choice) == before.name
    assert why_not(choice)[after.name] == f"it was taken with a contrast agent (acq-{label})"


@pytest.mark.parametrize("label", ["pregad", "nogd", "withoutcontrast", "mprage", "highcontrast"])
def test_a_label_of_another_meaning_is_no_contrast_agent(root, label):
    path = make_image(root, f"anat/sub-01_acq-{label}_T1w.nii.gz")
    assert used(choose(root)) == path.name


def test_a_label_that_only_hints_at_an_agent_comes_last(root):
    make_image(root, "anat/sub-01_acq-post_T1w.nii.gz", zooms=(0.5, 0.5, 0.5))
    before = make_image(root, "anat/sub-01_acq-zpre_T1w.nii.gz", seed=1)
    assert used(choose(root)) == before.name


def test_a_processed_copy_comes_after_the_scan(root):
    make_image(root, "anat/sub-01_desc-brain_T1w.nii.gz", zooms=(0.5, 0.5, 0.5))
    scan = make_image(root, "anat/sub-01_T1w.nii.gz", seed=1)
    assert used(choose(root)) == scan.name


@pytest.mark.parametrize(
    "metadata",
    [
        {"ContrastBolusIngredient": "NONE"},
        {"ContrastBolusAgent": ""},
        {"ContrastBolusAgent": None},
        {"ContrastBolusVolume": 0},
        {"ContrastBolusAgent": "No"},
        {"SeriesDescription": "t1_mprage_pre_gd"},
        {"SeriesDescription": "T1 without contrast"},
        {"SeriesDescription": "t1_mprage_gdc_corrected"},
    ],
    ids=lambda one: str(next(iter(one.values()))),
)
def test_what_says_that_there_was_none_is_no_contrast_agent(root, metadata):
    tell(make_image(root, "anat/sub-01_T1w.nii.gz"), **metadata)
    choice = choose(root)
    assert (used(choice), choice.reason) == ("sub-01_T1w.nii.gz", "the only one")


def test_what_only_hints_at_an_agent_comes_last_and_is_told(root):
    make_image(root, "anat/sub-01_run-2_T1w.nii.gz")
    hint = make_image(root, "anat/sub-01_run-1_T1w.nii.gz")
    tell(hint, SeriesDescription="t1_mprage_post")
    assert used(choose(root)) == "sub-01_run-2_T1w.nii.gz"
    (session,) = find_sessions(root, "01", filters={"t1w": {"run": 1}})
    told = [one.found for one in check_session(session)]
    assert any("it may have been taken with a contrast agent" in found for found in told)


def test_a_flair_after_contrast_agent_is_used_if_it_is_the_only_one_and_told(root):
    path = make_image(root, "anat/sub-01_run-1_FLAIR.nii.gz")
    tell(path, ContrastBolusIngredient="GADOLINIUM")
    assert used(choose(root, "flair")) == path.name
    (session,) = find_sessions(root, "01")
    assert any("contrast agent" in one.found for one in check_session(session))
    plain = make_image(root, "anat/sub-01_run-2_FLAIR.nii.gz")
    assert used(choose(root, "flair")) == plain.name


def at_corner(corner, edge=1.0):
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = corner
    return affine


@pytest.mark.fault(
    "Images",
    "image in the space of a template beside the scan",
    "the scan is measured",
)
def test_an_image_in_the_space_of_a_template_is_left_out_though_it_is_finer(root):
    make_image(root, "anat/sub-01_T1w.nii.gz", zooms=(1.2, 1.2, 1.2))
    labelled = make_image(root, "anat/sub-01_space-MNI152NLin2009cAsym_T1w.nii.gz")
    choice = choose(root)
    assert used(choice) == "sub-01_T1w.nii.gz"
    assert why_not(choice)[labelled.name].startswith("it lies in another space (space-MNI")


@pytest.mark.parametrize("suffix", ["T1w", "FLAIR"])
@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((91, 109, 91), at_corner((-90, -126, -72), 2.0)),
        ((91, 109, 91), at_corner((90, -126, -72), 2.0) * [[-1], [1], [1], [1]] * [1, 1, 1, 1]),
        ((79, 95, 79), at_corner((-3.7, 2, 9), 2.0)),
        ((60, 60, 60), at_corner((-98, -134, -72), 3.0)),
    ],
)
@pytest.mark.fault(
    "Images",
    "image on the grid of a template without a label",
    "left out by name",
)
def test_the_grid_of_a_template_is_known_without_a_label(root, suffix, shape, affine):
    path = make_image(root, f"anat/sub-01_{suffix}.nii.gz", shape=shape)
    data = np.asarray(nib.load(path).dataobj)
    nib.save(nib.Nifti1Image(data, affine), path)
    choice = choose(root, {"T1w": "t1w", "FLAIR": "flair"}[suffix])
    assert choice.scan is None
    assert "the grid of a template" in why_not(choice)[path.name]
    assert used(choose(root, {"T1w": "t1w", "FLAIR": "flair"}[suffix], space=None)) == path.name


def test_a_header_that_claims_a_standard_space_comes_last_and_is_told(root):
    path = make_image(root, "anat/sub-01_run-1_T1w.nii.gz", zooms=(0.8, 0.8, 0.8))
    image = nib.load(path)
    image.header["sform_code"] = image.header["qform_code"] = 4
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header), path)
    (session,) = find_sessions(root, "01")
    assert any("claims the space MNI 152" in one.found for one in check_session(session))
    make_image(root, "anat/sub-01_run-2_T1w.nii.gz")
    assert used(choose(root)) == "sub-01_run-2_T1w.nii.gz"


@pytest.mark.parametrize("other", ["echo-1", "inv-1", "rec-x_echo-1"])
@pytest.mark.parametrize("combined", ["", "_rec-rms", "_acq-z"])
@pytest.mark.fault(
    "Images",
    "single echo or inversion time beside the combined image",
    "the combined one is measured",
)
def test_the_combined_image_comes_before_one_of_its_parts(root, other, combined):
    make_image(root, f"anat/sub-01_{other}_T1w.nii.gz")
    make_image(root, f"anat/sub-01{combined}_T1w.nii.gz")
    assert used(choose(root)) == f"sub-01{combined}_T1w.nii.gz"


@pytest.mark.parametrize("kind", ["t1w", "flair", "dwi"])
@pytest.mark.parametrize(
    "metadata",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]},
        {"ImageType": "ORIGINAL\\PRIMARY\\PHASE_MAP"},
        {"ImageType": ["DERIVED", "PRIMARY", "OTHER", "IMAGINARY"]},
        {"ComplexImageComponent": "PHASE"},
    ],
)
@pytest.mark.fault(
    "Images",
    "phase, real or imaginary part by its sidecar",
    "left out by name",
)
def test_what_the_sidecar_calls_phase_is_no_image_to_measure(root, kind, metadata):
    folder, suffix = {"t1w": ("anat", "T1w"), "flair": ("anat", "FLAIR"), "dwi": ("dwi", "dwi")}[
        kind
    ]
    path = make_image(root, f"{folder}/sub-01_{suffix}.nii.gz")
    tell(path, **metadata)
    choice = choose(root, kind)
    assert choice.scan is None
    assert "no magnitude image" in why_not(choice)[path.name]


def test_an_image_that_is_there_twice_is_measured_once(root):
    packed = make_image(root, "anat/sub-01_T1w.nii.gz")
    plain = make_image(root, "anat/sub-01_T1w.nii")
    choice = choose(root)
    assert used(choice) == packed.name
    assert "it is the compressed one of the same name" in why_not(choice)[plain.name]
    cut(packed)
    assert used(choose(root)) == plain.name


@pytest.mark.fault(
    "Images",
    "links to folders: out of the participant, back up, to /",
    "not followed, and named",
)
def test_links_to_folders_are_not_followed_and_are_named(root, tmp_path):
    make_image(root, "anat/sub-01_T1w.nii.gz")
    elsewhere = make_image(tmp_path / "elsewhere", "anat/sub-01_run-2_T1w.nii.gz").parent
    (root / "sub-01" / "ses-up").symlink_to(root)
    (root / "sub-01" / "all").symlink_to("/")
    (root / "sub-01" / "anat" / "more").symlink_to(elsewhere)
    (session,) = find_sessions(root, "01")
    assert session.choices[0].others == ()
    assert [note.split(" is ")[0] for note in session.notes] == [
        "sub-01/all", "sub-01/anat/more", "sub-01/ses-up",
    ]  # fmt: skip


def test_a_folder_of_a_participant_may_itself_be_a_link(root, tmp_path):
    store = tmp_path / "store"
    make_image(store, "anat/sub-01_T1w.nii.gz")
    (root / "sub-01").symlink_to(store / "sub-01")
    assert used(choose(root)) == "sub-01_T1w.nii.gz"


def test_an_index_that_is_older_than_the_folder_is_passed_over_and_told(root, tmp_path):
    kept = tmp_path / "index"
    gone = make_image(root, "anat/sub-01_run-1_T1w.nii.gz")
    find_sessions(root, "01", database_dir=kept)
    make_image(root, "anat/sub-01_FLAIR.nii.gz")
    gone.unlink()
    make_image(root, "anat/sub-02_T1w.nii.gz")
    (session,) = find_sessions(root, "01", database_dir=kept)
    assert session.scans.keys() == {"flair"}
    assert "does not know sub-01_FLAIR.nii.gz and names what is gone, sub-01_run-1" in str(
        session.notes
    )
    (other,) = find_sessions(root, "02", database_dir=kept)
    assert other.scans.keys() == {"t1w"}
    assert place(root, "anat/sub-02_T1w.nii.gz") == other.scans["t1w"].path

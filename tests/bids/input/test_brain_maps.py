"""Brain masks and tissues of other programs: found by name or table, never two in silence."""

import json

import pytest

from npsle_app.bids.input.brain_maps import BRAIN_MASK, TISSUE_MAPS, find_brain_maps
from npsle_app.bids.input.dataset import read_filters
from npsle_app.bids.input.scans import GivenMap
from npsle_app.bids.input.segmentation_labels import known_labels, read_labels
from npsle_app.measures.names_of_regions import DEEP, LATERAL_VENTRICLE, REGIONS, SIDES

STEM = "anat/sub-01_ses-a_"


def touch(root, *names):
    for name in names:
        path = root / name if name.startswith("mri/") else root / "sub-01" / "ses-a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def find(*roots, filters=None):
    datasets = {root.name: root for root in roots}
    found = find_brain_maps(datasets, participant="01", session="a", filters=filters)
    return {choice.kind: choice for choice in found}


@pytest.mark.parametrize(
    "name",
    [
        f"{STEM}desc-brain_mask.nii.gz",
        f"{STEM}label-brain_mask.nii.gz",
        f"{STEM}space-T1w_desc-brain_mask.nii",
        f"{STEM}T1w_bet_mask.nii.gz",
        f"{STEM}T1w_synthstrip_mask.nii.gz",
        "sub-01_ses-a_desc-brain_mask.nii.gz",
    ],
)
def test_a_brain_mask_is_known_by_its_name(tmp_path, name):
    (mask,) = find(touch(tmp_path / "given", name))[BRAIN_MASK].scan.maps

    assert (mask.part, mask.dataset, mask.path.name) == ("brain", "given", name.rpartition("/")[2])


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ([f"{STEM}label-{one}_probseg.nii.gz" for one in ("CSF", "GM", "WM")], "gm wm csf"),
        ([f"mri/p{n}sub-01_ses-a_T1w.nii" for n in (1, 2, 3)], "gm wm csf"),
        ([f"anat/mri/p{n}sub-01_ses-a_T1w.nii" for n in (1, 2)], "gm wm"),
        ([f"mri/c{n}sub-01_ses-a_T1w.nii.gz" for n in (1, 2, 3)], "gm wm csf"),
        ([f"{STEM}dseg.nii.gz"], "labels"),
        ([f"{STEM}T1w_synthseg.nii.gz"], "labels"),
        ([f"{STEM}desc-aparcaseg_dseg.nii.gz"], "labels"),
        (["anat/aparc.DKTatlas+aseg.deep.mgz"], "labels"),
    ],
    ids=["fMRIPrep", "CAT12", "CAT12 in BIDS", "SPM", "BIDS", "SynthSeg", "aseg", "FastSurfer"],
)
def test_tissues_are_known_by_the_names_of_their_programs(tmp_path, names, parts):
    scan = find(touch(tmp_path / "given", *names))[TISSUE_MAPS].scan

    assert " ".join(one.part for one in scan.maps) == parts
    assert all(one.space is None for one in scan.maps)


@pytest.mark.parametrize(
    "name",
    [
        f"{STEM}FLAIR_bet_mask.nii.gz",
        f"{STEM}hemi-L_label-M1_desc-lumen_mask.nii.gz",
        f"{STEM}label-L_desc-wmh_mask.nii.gz",
        f"{STEM}label-L_probseg.nii.gz",
        f"{STEM}desc-intracranial_mask.nii.gz",
        f"{STEM}seg-aal_dseg.nii.gz",
        f"{STEM}desc-brain_mask.json",
        f"{STEM}T1w_bet.nii.gz",
        "mri/p0sub-01_ses-a_T1w.nii",
        "mri/p1sub-02_ses-a_T1w.nii",
        "mri/p1sub-01_ses-b_T1w.nii",
        "mri/aseg.mgz",
        "dwi/sub-01_ses-a_desc-brain_mask.nii.gz",
    ],
)
def test_what_is_neither_is_left_alone(tmp_path, name):
    assert find(touch(tmp_path / "other", name)) == {}


def test_maps_come_before_labels_and_those_of_a_template_last_and_are_told(tmp_path):
    maps = [f"{STEM}label-{one}_probseg.nii.gz" for one in ("GM", "WM", "CSF")]
    moved = [one.replace("label", "space-MNI152NLin2009cAsym_label") for one in maps]
    labels = [f"{STEM}dseg.nii.gz", f"{STEM}desc-aparcaseg_dseg.nii.gz"]
    choice = find(touch(tmp_path / "fmriprep", *maps, *moved, *labels))[TISSUE_MAPS]

    assert [one.path.name for one in choice.scan.maps] == [one.split("/")[1] for one in maps]
    assert choice.reason == "grey matter and white matter and fluid, by --derivatives fmriprep"
    assert len(choice.others) == 5
    assert all("comes first" in one.reason for one in choice.others)


def test_what_two_datasets_offer_all_stands_in_the_scan(tmp_path):
    roots = [touch(tmp_path / name, f"{STEM}desc-brain_mask.nii.gz") for name in ("a", "b")]
    choice = find(*roots)[BRAIN_MASK]

    assert [one.dataset for one in choice.scan.maps] == ["a", "b"]
    assert choice.reason == "brain mask, by --derivatives a and b"


@pytest.mark.parametrize(("wanted", "taken"), [("b", ["b"]), (None, [])])
def test_a_filter_file_chooses_the_dataset_or_none(tmp_path, wanted, taken):
    roots = [touch(tmp_path / name, f"{STEM}desc-brain_mask.nii.gz") for name in ("a", "b")]
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"brain_mask": {"dataset": wanted}}))
    choice = find(*roots, filters=read_filters(path))[BRAIN_MASK]

    assert [one.dataset for one in (choice.scan.maps if choice.scan else ())] == taken
    assert len(choice.others) == 2 - len(taken)


def test_a_filter_by_anything_but_the_dataset_is_refused(tmp_path):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"tissue_maps": {"acq": "x"}}))

    with pytest.raises(ValueError, match="there are dataset"):
        read_filters(path)


def test_a_table_alone_tells_what_a_dataset_offers(tmp_path):
    root = touch(tmp_path / "own", "brain.nii", "seg.mgz", f"{STEM}label-GM_probseg.nii.gz")
    lines = [
        "participant_id\tsession_id\tfile\tmap\tspace\tlabels",
        "sub-01\tses-a\tsub-01/ses-a/brain.nii\tbrain\tn/a\tn/a",
        "01\tn/a\tsub-01/ses-a/seg.mgz\tsegmentation\tT1w\tFastSurfer",
        "sub-02\tses-a\tnowhere.nii\tbrain\tn/a\tn/a",
    ]
    (root / "brain_maps.tsv").write_text("\n".join(lines) + "\n")
    found = find(root)

    assert [one.path.name for one in found[BRAIN_MASK].scan.maps] == ["brain.nii"]
    (labels,) = found[TISSUE_MAPS].scan.maps
    assert (labels.part, labels.scheme, labels.lookup) == ("labels", "freesurfer", None)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("participant_id\tmask\nsub-01\tx.nii\n", "expected columns participant_id, file and map"),
        ("participant_id\tfile\tmap\nsub-01\tx.nii\tbrain\n", r"expected files inside own.*x\.nii"),
        ("participant_id\tfile\tmap\nsub-01\ty.nii\tbone\n", "that is 'bone'"),
        ("participant_id\tfile\tmap\nsub-01\t../y.nii\tbrain\n", "expected files inside own"),
        ("participant_id\tfile\tmap\tlabels\nsub-01\ty.nii\tsegmentation\tAAL\n", "got 'AAL'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, text, match):
    root = tmp_path / "own"
    root.mkdir()
    for place in (root, tmp_path):
        (place / "y.nii").touch()
    (root / "brain_maps.tsv").write_text(text)

    with pytest.raises(ValueError, match=match):
        find(root)


def test_the_table_of_labels_beside_an_image_goes_with_it(tmp_path):
    root = touch(tmp_path / "given", f"{STEM}dseg.nii.gz")
    (root / "dseg.tsv").write_text("index\tname\tmapping\n1\tfluid\t3\n2\tcortex\t1\n3\twhite\t2\n")
    (given,) = find(root)[TISSUE_MAPS].scan.maps

    assert given.lookup == root / "dseg.tsv"
    assert {n: one.tissue for n, one in read_labels(given).items()} == {1: "CSF", 2: "GM", 3: "WM"}


@pytest.mark.parametrize(
    ("row", "tissue", "region"),
    [
        ("7\tcortex\tCGM\tn/a", "GM", ""),
        ("7\tLeft-Thalamus-Proper\tn/a\tn/a", "GM", "thalamus"),
        ("7\tBackground\tn/a\tn/a", "", ""),
        ("7\teyes\tn/a\t0", "", ""),
    ],
)
def test_a_label_is_known_by_mapping_abbreviation_or_name(tmp_path, row, tissue, region):
    table = tmp_path / "dseg.tsv"
    table.write_text(f"index\tname\tabbreviation\tmapping\n{row}\n")
    given = GivenMap(path=tmp_path / "x.nii", dataset="x", part="labels", lookup=table)

    assert (read_labels(given)[7].tissue, read_labels(given)[7].region) == (tissue, region)


def test_a_label_of_no_known_tissue_asks_for_its_mapping(tmp_path):
    table = tmp_path / "dseg.tsv"
    table.write_text("index\tname\n7\tpars opercularis\n")
    given = GivenMap(path=tmp_path / "x.nii", dataset="x", part="labels", lookup=table)

    with pytest.raises(ValueError, match=r"label 7 \(pars opercularis\).*column mapping"):
        read_labels(given)


def test_labels_of_freesurfer_have_the_app_s_regions_on_both_sides_alike():
    labels = known_labels("freesurfer").values()
    names = {one.name for one in REGIONS} | {LATERAL_VENTRICLE}
    sides = {
        side: {(one.region, one.name.lower().replace("left", "").replace("right", "")
               .replace("-lh-", "").replace("-rh-", ""))
               for one in labels if one.side == side and one.region}
        for side in SIDES
    }  # fmt: skip

    assert sides["left"] == sides["right"]
    assert {one.region for one in labels if one.region} <= names
    assert set(DEEP) <= {one.region for one in labels}
    assert {one.number for one in labels if one.region == "hippocampus"} == {17, 53}

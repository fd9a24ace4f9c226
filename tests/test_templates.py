"""Templates and atlases: where they come from and what they look like."""

import hashlib
import re

import numpy as np
import pytest

from npsle_app import templates
from npsle_app.imaging.space.volumes import fraction, voxel_mm3
from npsle_app.measures.names_of_regions import REGIONS
from npsle_app.templates import Template

FINE = (Template.REGIONS,)
SHIPPED = [name for name in Template if name.value.startswith("package:") and name not in FINE]


def load(template):
    try:
        return templates.load(template)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def centre_x_mm(template):
    """Return the mean x of every label, by its index."""
    image = load(template)
    labels = np.asarray(image.dataobj).astype(int)
    x = np.arange(image.shape[0]) * image.affine[0, 0] + image.affine[0, 3]
    x = np.broadcast_to(x[:, None, None], labels.shape)
    voxels = np.maximum(np.bincount(labels.ravel()), 1)
    return np.bincount(labels.ravel(), x.ravel()) / voxels


def names(template):
    """Read the atlas's own list: index, then name."""
    path = templates.locate(template)
    for table in (
        path.with_name(path.name.removesuffix(".gz") + ".txt"),
        path.with_name(path.name.removesuffix(".nii.gz") + ".txt"),
    ):
        if table.is_file():
            lines = table.read_text("latin-1").splitlines()
            found = [re.match(r"\s*(\d+)\s+(\S+)", line) for line in lines]
            return {match[2]: int(match[1]) for match in found if match}
    pytest.skip(f"no list of names beside {path}")


def test_shipped_templates_share_one_grid_of_2_mm():
    first = templates.load(SHIPPED[0])
    for name in SHIPPED:
        image = templates.load(name)
        assert image.shape == first.shape, name
        assert np.allclose(image.affine, first.affine), name
        assert voxel_mm3(image) == pytest.approx(8)


def test_the_digest_is_that_of_the_file():
    content = templates.locate(Template.HEAD).read_bytes()
    assert templates.digest(Template.HEAD) == hashlib.sha256(content).hexdigest()


def test_the_intracranial_space_holds_2039_ml():
    inside = fraction(templates.load(Template.INTRACRANIAL)).get_fdata()
    assert inside.sum() * 8 / 1000 == pytest.approx(2039, rel=0.01)


@pytest.mark.parametrize("name", [Template.INTRACRANIAL, Template.BRAIN])
def test_masks_are_as_large_on_the_left_as_on_the_right(name):
    image = templates.load(name)
    data = image.get_fdata()
    x = (np.arange(image.shape[0]) * image.affine[0, 0] + image.affine[0, 3])[:, None, None]
    left, right = (data * (x < 0)).sum(), (data * (x > 0)).sum()
    assert left == pytest.approx(right, rel=0.02)


def test_the_brain_lies_in_the_skull():
    brain, skull = (
        fraction(templates.load(name)).get_fdata() > 0.5
        for name in (Template.BRAIN, Template.INTRACRANIAL)
    )
    assert not (brain & ~skull).any()


def test_left_in_aal_lies_at_negative_x():
    centre = centre_x_mm(Template.AAL)
    for name, index in names(Template.AAL).items():
        if name.endswith("_L"):
            assert centre[index] < 0, name


def test_the_sides_named_by_jhu_are_swapped_so_that_only_coordinates_tell():
    centre = centre_x_mm(Template.JHU)
    assert centre[names(Template.JHU)["Superior_corona_radiata_R"]] == pytest.approx(-24.9, abs=0.1)


def test_a_missing_atlas_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(templates, "_MRICRON_FOLDERS", (tmp_path,))
    monkeypatch.delenv("NPSLE_APP_TEMPLATES", raising=False)
    with pytest.raises(FileNotFoundError, match=r"aal\.nii\.gz was not found: install Debian's"):
        templates.locate(Template.AAL)


def test_a_chosen_folder_of_atlases_goes_first(monkeypatch, tmp_path):
    (tmp_path / "aal.nii.gz").touch()
    monkeypatch.setenv("NPSLE_APP_TEMPLATES", str(tmp_path))
    assert templates.locate(Template.AAL) == tmp_path / "aal.nii.gz"


def test_lobes_are_mirror_images_of_one_another():
    """Labels 1-6 lie at negative x, 7-12 are the same at positive x."""
    image = templates.load(Template.LOBES)
    labels = np.asarray(image.dataobj).astype(int)
    x = np.arange(image.shape[0]) * image.affine[0, 0] + image.affine[0, 3]
    assert set(np.unique(labels[x < 0])) == set(range(1, 7))
    np.testing.assert_array_equal(labels[::-1][x < 0] - 6, labels[x < 0])


def test_regions_are_mirror_images_of_one_another():
    """AAL's nuclei are smaller on the left; the app's regions are not."""
    labels = np.asarray(templates.load(Template.REGIONS).dataobj)
    np.testing.assert_array_equal(labels, labels[::-1])
    assert set(np.unique(labels)) == {0} | {label for region in REGIONS for label in region.labels}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((-10, -20, 8), "thalamus"),
        ((10, -20, 8), "thalamus"),
        ((-26, 0, 5), "putamen"),
        ((26, -22, -14), "hippocampus"),
        ((-13, 10, 12), "caudate"),
        ((20, -4, 0), "pallidum"),
        ((-24, -4, -20), "amygdala"),
        ((30, -60, -40), "cerebellum"),
        ((-45, 30, 25), "frontal_lobe"),
        ((10, -85, 5), "occipital_lobe"),
    ],
    ids=str,
)
def test_a_place_has_its_region(place, name):
    image = templates.load(Template.REGIONS)
    where = np.round(np.linalg.inv(image.affine) @ [*place, 1])[:3].astype(int)
    own = next(region for region in REGIONS if region.name == name)
    assert image.dataobj[tuple(where)] in own.labels


@pytest.mark.parametrize(
    ("place", "lobe"),
    [
        ((-30, 40, 20), 1),
        ((40, -55, 45), 2 + 6),
        ((-58, -20, -15), 3),
        ((20, -95, 5), 4 + 6),
        ((-26, 0, 5), 5),
        ((-10, -20, 5), 5),
        ((25, -60, -45), 6 + 6),
        ((5, -28, -35), 6 + 6),
    ],
    ids=str,
)
def test_a_place_has_its_lobe(place, lobe):
    image = templates.load(Template.LOBES)
    where = np.round(np.linalg.inv(image.affine) @ [*place, 1])[:3].astype(int)
    assert image.dataobj[tuple(where)] == lobe


def test_the_zone_of_the_lateral_ventricles_holds_them_but_not_the_third():
    image = templates.load(Template.LATERAL_VENTRICLE_ZONE)
    for place, value in {(20, -35, 20): 255, (-15, 20, 10): 255, (34, -20, -15): 128}.items():
        where = np.round(np.linalg.inv(image.affine) @ [*place, 1])[:3].astype(int)
        assert image.dataobj[tuple(where)] == value, place
    for place in ((0, -35, -5), (60, 0, 0)):  # quadrigeminal cistern, Sylvian fissure
        where = np.round(np.linalg.inv(image.affine) @ [*place, 1])[:3].astype(int)
        assert image.dataobj[tuple(where)] == 0, place

"""All measures of a lesion map, on a synthetic person whose lesions are known."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from npsle_app import templates
from npsle_app.imaging.lesions.lesions import LesionImages, TemplateMaps, study_lesions
from npsle_app.imaging.lesions.location import LOBES, SIDES
from npsle_app.imaging.space.volumes import fraction, on_grid_of, voxel_mm3
from npsle_app.imaging.tissue.ventricles import find_lateral_ventricles
from npsle_app.phantom.participant import Request, make_participant
from npsle_app.templates import Template


def ventricles(csf):
    zone = resample_from_to(fraction(templates.load(Template.LATERAL_VENTRICLE_ZONE)), csf, order=0)
    return find_lateral_ventricles(
        csf.get_fdata(dtype=np.float32),
        zone=zone.get_fdata(dtype=np.float32),
        voxel_mm3=voxel_mm3(csf),
    )


def study(person, *, mask):
    """Measure the true lesions with the true tissue; the head lies as the template does."""
    maps, t1w = person.maps, person.t1w
    images = LesionImages(
        t1w=t1w,
        flair=t1w,
        brain=on_grid_of(t1w, t1w.get_fdata() > 0),
        mask=on_grid_of(t1w, mask),
        probability=on_grid_of(t1w, mask.astype(np.float32)),
        **{name: maps[name] for name in ("gm", "wm", "csf")},
        ventricles=on_grid_of(t1w, ventricles(maps["csf"])),
    )
    still = nib.Nifti1Image(np.zeros((*t1w.shape, 1, 3), np.float32), t1w.affine)
    return study_lesions(
        images,
        maps=TemplateMaps(
            deep_gm=np.zeros(t1w.shape, np.float32),
            wm=maps["wm"].get_fdata(dtype=np.float32),
            lobes=templates.load(Template.LOBES),
            field=still,
        ),
        threshold=0.2,
        status_min_ml=0.3,
    )


@dataclass
class Changed:
    """A person whose images were stored otherwise."""

    t1w: nib.Nifti1Image
    maps: dict[str, nib.Nifti1Image]


def changed(person, change):
    maps = {name: change(image) for name, image in person.maps.items()}
    return Changed(t1w=change(person.t1w), maps=maps)


def turned(image):
    """Store the voxels from left to back to top, whatever they were."""
    now, then = nib.io_orientation(image.affine), nib.orientations.axcodes2ornt("LPS")
    return image.as_reoriented(nib.orientations.ornt_transform(now, then))


@pytest.fixture(scope="module")
def person():
    return make_participant(Request(1, seed=0, voxel_mm=3.0, lesion_ml=6.0))


@pytest.fixture(scope="module")
def mask(person):
    return person.maps["lesions"].get_fdata() >= 0.5


@pytest.fixture(scope="module")
def numbers(person, mask):
    return study(person, mask=mask).numbers


def total(numbers, *names):
    return sum(numbers[f"wmh_{name}_ml"] for name in names)


@pytest.mark.parametrize(
    "parts",
    [
        ("periventricular", "confluent", "deep"),
        ("periventricular_or_confluent", "juxtacortical", "infratentorial", "subcortical"),
        ("periventricular_d10", "deep_d10"),
        ("left", "right"),
        tuple(f"{lobe}_{side}" for lobe in LOBES for side in SIDES),
    ],
    ids=("distance", "neighbours", "voxels", "sides", "lobes"),
)
def test_each_division_adds_up_to_the_true_volume(person, mask, numbers, parts):
    assert total(numbers, *parts) == pytest.approx(mask.sum() * voxel_mm3(person.t1w) / 1000)
    assert total(numbers, *parts) == pytest.approx(person.truth.wmh_ml)


def test_the_mirror_image_swaps_the_sides_and_nothing_else(person, mask, numbers):
    flip = np.diag([-1.0, 1, 1, 1])
    other = study(
        changed(person, lambda i: nib.Nifti1Image(i.get_fdata(), flip @ i.affine)), mask=mask
    ).numbers
    assert other["wmh_left_ml"] == pytest.approx(numbers["wmh_right_ml"], abs=0.1)
    assert other["wmh_right_ml"] == pytest.approx(numbers["wmh_left_ml"], abs=0.1)
    for name in ("periventricular_or_confluent", "deep", "deep_d10"):
        assert total(other, name) == pytest.approx(total(numbers, name), rel=0.05), name


def test_voxels_stored_in_another_order_change_no_number(person, mask, numbers):
    stored = turned(on_grid_of(person.t1w, mask)).get_fdata() > 0
    again = study(changed(person, turned), mask=stored).numbers
    for name, value in numbers.items():
        # marching cubes cuts ambiguous cubes by the order of the axes
        same = value if value is None else pytest.approx(value, rel=0.01, abs=1e-6)
        assert again[name] == same, name

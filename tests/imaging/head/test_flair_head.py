"""From a whole-head FLAIR image without T1w to a registered, masked head."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.head.checks import check_head
from npsle_app.imaging.head.flair_head import (
    brain_level,
    compose_flair_template,
    flair_contrast,
    prepare_flair_head,
    suppress_fat,
)
from npsle_app.imaging.head.head import HeadSteps, HeadTemplate
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.phantom.participant import Request, make_participant
from npsle_app.records import Qc
from npsle_app.stages.participant.anat_flair import read_flair_template

DATA = Path(__file__).parents[4] / "shared" / "data" / "flair_healthy"
COARSE = HeadSteps(
    seed=1,
    affine_sampling_mm=6.0,
    warp_sampling_mm=4.0,
    warp_iterations=(20, 0, 0),
    bias_sampling_mm=8.0,
    bias_spline_mm=200.0,
)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])


def ball_head(*, fat: float = 300.0, lesion: float = 90.0) -> nib.Nifti1Image:
    """Make a brain of 100 with one lesion in dark bone, in scalp; cubes of 4 mm."""
    away = np.linalg.norm(np.indices((56, 56, 56)).T - 27.5, axis=-1) * 4
    data = np.zeros(away.shape, np.float32)
    for radius, value in ((102, fat), (88, 10.0), (80, 100.0)):
        data[away < radius] = value
    data[40:42, 27:29, 27:29] = lesion
    return nib.Nifti1Image(data, AFFINE)


def uniform(value: float) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.full((3, 3, 3), value, np.float32), AFFINE)


def dice(mask, inside):
    found = mask.get_fdata() > 0.5
    return 2 * (found & inside).sum() / (found.sum() + inside.sum())


def test_the_level_of_the_brain_is_found_however_bright_the_scalp_is():
    for fat in (20.0, 100.0, 500.0):
        assert brain_level(ball_head(fat=fat)) == 100


def test_scalp_becomes_as_dark_as_muscle_and_a_bright_lesion_stays():
    head = ball_head(fat=300.0, lesion=250.0)
    found = suppress_fat(head).get_fdata()
    assert found.max() == 250
    assert found[5:8, 28, 28].max() == 50  # scalp
    assert np.array_equal(found[12:44, 28, 28], head.get_fdata()[12:44, 28, 28])


@pytest.mark.parametrize("fat", [30.0, 180.0])
def test_a_scan_that_suppresses_fat_is_left_as_it_is(fat):
    head = ball_head(fat=fat)
    assert suppress_fat(head) is head


def test_flair_shows_fluid_darkest_and_white_matter_darker_than_grey():
    fluid, white, grey = (
        float(flair_contrast(gm=np.float32([gm]), wm=np.float32([wm]))[0])
        for gm, wm in ((0, 0), (0, 1), (1, 0))
    )
    assert fluid < 0.5 < white < grey == 1


def test_the_template_is_of_flairs_contrast_inside_the_skull_and_without_fat_outside():
    parts = {"brain": uniform(1.0), "gm": uniform(0.0), "wm": uniform(1.0)}
    inside, outside = (
        compose_flair_template(
            HeadTemplate(head=uniform(150.0), brain=parts["brain"], intracranial=uniform(fraction)),
            gm=parts["gm"],
            wm=parts["wm"],
        ).head.get_fdata()
        for fraction in (1.0, 0.0)
    )
    assert inside == pytest.approx(0.85)
    assert outside == pytest.approx(0.5)


@pytest.fixture(scope="module")
def person():
    return make_participant(Request(1, seed=0, voxel_mm=4, flair_slice_mm=4, lesion_ml=0))


@pytest.fixture(scope="module")
def prepared(person):
    return prepare_flair_head(
        person.flair, template=read_flair_template(), stripped=False, steps=COARSE
    )


@pytest.mark.slow
def test_the_intracranial_volume_is_about_that_of_the_head(person, prepared):
    """Fluid and bone are both dark in FLAIR: it came out 10 % too small."""
    voxel_ml = abs(np.linalg.det(prepared.intracranial.affine[:3, :3])) / 1000
    found_ml = prepared.intracranial.get_fdata().sum() * voxel_ml
    assert found_ml == pytest.approx(person.truth.tiv_ml, rel=0.12)


@pytest.mark.slow
def test_a_head_in_place_passes_registration_checks_that_name_flair(prepared):
    checks = {check.name: check for check in check_head(prepared, scan="FLAIR")}
    assert checks["Registration starts agree"].state is Qc.PASS
    assert "FLAIR against template" in checks["Registration starts agree"].advice


@pytest.mark.slow
def test_to_the_template_and_back_is_where_it_was(prepared):
    there = warp(
        on_grid_of(prepared.image, prepared.brain.get_fdata(dtype=np.float32)),
        reference=prepared.template,
        field=prepared.fit.to_template,
    )
    back = warp(there, reference=prepared.image, field=prepared.fit.to_native)
    assert dice(back, prepared.brain.get_fdata() > 0.5) > 0.97


@pytest.mark.exhaustive
@pytest.mark.skipif(not DATA.exists(), reason="shared/data is not here")
def test_a_healthy_head_cut_at_the_pons_with_bright_scalp_is_found():
    """1407 mL of brain; with fat left in, scalp was taken for cortex and 1666 mL came out."""
    scan = nib.Nifti1Image.from_filename(DATA / "dib01_FLAIR.nii.gz")
    found = prepare_flair_head(
        scan,
        template=read_flair_template(),
        stripped=False,
        steps=replace(COARSE, warp_sampling_mm=3.0),
    )
    ml = found.brain.get_fdata().sum() * 2.4 / 1000
    assert 1300 < ml < 1500
    states = {check.name: check.state for check in check_head(found)}
    assert states["Registration starts agree"] is Qc.PASS
    assert states["Brain mask symmetry"] is Qc.PASS

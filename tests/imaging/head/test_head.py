"""From a raw head to a registered, masked one."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.head.checks import check_head
from npsle_app.imaging.head.head import HeadSteps, HeadTemplate, mask_head, prepare_head
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.phantom.participant import Request, make_participant
from npsle_app.records import Qc
from npsle_app.stages.participant.anat import read_template

pytestmark = pytest.mark.slow  # each head is registered to the template

STEPS = HeadSteps(
    seed=1,
    affine_sampling_mm=6.0,
    warp_sampling_mm=4.0,
    warp_iterations=(20, 0, 0),
    bias_sampling_mm=8.0,
    bias_spline_mm=200.0,
)


@pytest.fixture(scope="module")
def person():
    return make_participant(Request(1, seed=0, voxel_mm=4, lesion_ml=0))


@pytest.fixture(scope="module")
def prepared(person):
    return prepare_head(person.t1w, template=read_template(), stripped=False, steps=STEPS)


def truth(person):
    return person.maps["intracranial"].get_fdata() > 0.5


def dice(mask, inside):
    found = mask.get_fdata() > 0.5
    return 2 * (found & inside).sum() / (found.sum() + inside.sum())


def moved(scan, *, shift=(0, 0, 0), pitch=0.0):
    matrix = nib.affines.from_matvec(nib.eulerangles.euler2mat(x=np.deg2rad(pitch)), shift)
    return nib.Nifti1Image(np.asarray(scan.dataobj), matrix @ scan.affine)


def test_the_skulls_inside_is_found(person, prepared):
    assert dice(prepared.intracranial, truth(person)) > 0.95


def test_the_brain_is_found_within_the_skull(person, prepared):
    tissue = person.maps["gm"].get_fdata() + person.maps["wm"].get_fdata()
    brain = prepared.brain.get_fdata() > 0
    assert (brain & (tissue > 0.5)).sum() / (tissue > 0.5).sum() > 0.9
    assert not (brain & ~(prepared.intracranial.get_fdata() > 0)).any()


def test_a_head_in_place_passes_registration_checks(prepared):
    states = {check.name: check.state for check in check_head(prepared)}
    assert states["Registration starts agree"] is Qc.PASS
    assert states["Field of view"] is Qc.PASS


def test_to_the_template_and_back_is_where_it_was(person, prepared):
    """Warp the true mask to the template and home again."""
    inside = on_grid_of(person.t1w, truth(person).astype(np.float32))
    there = warp(inside, reference=prepared.template, field=prepared.fit.to_template)
    back = warp(there, reference=person.t1w, field=prepared.fit.to_native)
    assert dice(back, truth(person)) > 0.97


@pytest.mark.parametrize(
    "motion", [{"pitch": 15.0}, {"shift": (80, -80, 40)}], ids=["pitched", "shifted"]
)
def test_a_head_lying_elsewhere_is_found_as_well(person, motion):
    scan = moved(person.t1w, **motion)
    found = prepare_head(scan, template=read_template(), stripped=False, steps=STEPS)
    assert dice(found.intracranial, truth(person)) > 0.93


def test_two_runs_give_equal_bytes(person, prepared):
    again = prepare_head(person.t1w, template=read_template(), stripped=False, steps=STEPS)
    for name in ("image", "brain", "intracranial", "in_template"):
        assert getattr(again, name).to_bytes() == getattr(prepared, name).to_bytes(), name
    assert again.fit.to_template.to_bytes() == prepared.fit.to_template.to_bytes()


def test_a_head_without_skull_keeps_its_own_edge_and_has_no_intracranial_mask(person):
    keep = person.maps["gm"].get_fdata() + person.maps["wm"].get_fdata() > 0.5
    scan = on_grid_of(person.t1w, np.where(keep, person.t1w.get_fdata(), 0))
    found = prepare_head(scan, template=read_template(), stripped=True, steps=STEPS)
    assert found.intracranial is None
    assert dice(found.brain, keep) > 0.95
    states = {check.name: check.state for check in check_head(found)}
    assert states["Brain in skull"] is Qc.NOT_ASSESSABLE


def test_masks_of_a_template_must_share_its_grid(person):
    template = read_template()
    with pytest.raises(ValueError, match="grids differ"):
        HeadTemplate(head=template.head, brain=person.t1w, intracranial=template.intracranial)


def test_a_given_brain_mask_is_taken_and_leaves_registration_and_skull_alone(person, prepared):
    """A brain mask does not tell where the skull is: TIV stays what it was."""
    tissue = person.maps["gm"].get_fdata() + person.maps["wm"].get_fdata()
    given = on_grid_of(person.t1w, tissue > 0.5)
    head = mask_head(
        person.t1w,
        fit=prepared.fit,
        template=read_template(),
        stripped=False,
        steps=STEPS,
        brain=given,
    )

    np.testing.assert_array_equal(head.brain.get_fdata(), given.get_fdata())
    assert dice(head.found, prepared.brain.get_fdata() > 0) > 0.98
    before, after = (one.intracranial.get_fdata().sum() for one in (prepared, head))
    assert after == pytest.approx(before, rel=0.005)

"""What FLAIR leaves empty inside the head, by what T1w shows there."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.wmh.checks import check_holes
from npsle_app.imaging.wmh.holes import Holes, find_empty, measure_holes
from npsle_app.records import Qc
from tests.stages.small_head import AFFINE, SHAPE, T1W, distance, paint

MIDDLE = distance((22, 22, 22))
BRAIN, CORE, FLUID = MIDDLE <= 19, MIDDLE <= 15, MIDDLE <= 6


@pytest.fixture
def t1w(rng):
    parts = [("gm", BRAIN), ("wm", CORE), ("csf", FLUID)]
    return nib.Nifti1Image(paint(T1W, parts, rng), AFFINE)


@pytest.fixture
def priors():
    gm, wm = ((BRAIN & ~CORE) | (CORE & False), CORE & ~FLUID)
    return TissuePriors(gm=0.9 * gm.astype(np.float32), wm=0.9 * wm.astype(np.float32))


def measure(empty, t1w, priors, *, rim=100.0):
    """Measure holes in an even FLAIR, whose fluid around them has its own brightness."""
    flair = np.where(BRAIN, 100.0, 10.0)
    flair[FLUID] = rim
    flair[empty] = 0
    image = nib.Nifti1Image(flair.astype(np.float32), AFFINE)
    return measure_holes(empty, flair=image, t1w=t1w, brain=BRAIN, priors=priors)


def test_a_scan_without_zeros_has_no_holes(t1w, priors):
    holes, fluid = measure(np.zeros(SHAPE, bool), t1w, priors)
    assert holes == Holes()
    assert not fluid.any()
    assert check_holes(holes).state is Qc.PASS


@pytest.mark.fault(
    "Images",
    "FLAIR with zeros where T1w shows tissue",
    "the check fails, with the volume",
)
def test_lost_tissue_is_measured_and_fails(t1w, priors):
    hole = distance((22, 22, 34)) <= 3
    holes, fluid = measure(hole, t1w, priors)
    assert holes.tissue_ml == pytest.approx(hole.sum() * 8 / 1000, rel=0.1)
    assert (holes.fluid_ml, fluid.any()) == (0, False)
    assert check_holes(holes).state is Qc.FAIL


def test_fluid_that_a_mask_cut_out_fails_and_its_place_counts_as_shown(t1w, priors):
    holes, fluid = measure(FLUID, t1w, priors)
    assert holes.fluid_ml == pytest.approx(FLUID.sum() * 8 / 1000, rel=0.15)
    assert fluid[FLUID].mean() > 0.95
    assert not fluid[~FLUID].any()
    assert check_holes(holes).state is Qc.FAIL


def test_zeros_here_and_there_in_fluid_are_those_of_a_scanner(t1w, priors, rng):
    speckle = FLUID & (rng.random(SHAPE) < 0.1)
    holes, fluid = measure(speckle, t1w, priors, rim=20.0)
    assert holes == Holes()
    assert not fluid.any()


def test_fluid_that_fades_to_zero_is_that_of_a_scanner(t1w, priors):
    holes, fluid = measure(MIDDLE <= 4.5, t1w, priors, rim=20.0)
    assert holes == Holes()
    assert not fluid.any()


def test_what_lies_beyond_the_field_of_view_is_no_hole():
    scan = np.full(SHAPE, 90.0, np.float32)
    scan[20:24, 20:24, 20:24] = 0
    short = nib.Nifti1Image(scan[:, :, :30], AFFINE)
    reference = nib.Nifti1Image(np.zeros(SHAPE, np.float32), AFFINE)
    empty = find_empty(short, reference=reference, matrix=np.eye(4), brain=BRAIN)
    assert np.argwhere(empty).min(axis=0).tolist() == [20, 20, 20]
    assert empty.sum() == 64

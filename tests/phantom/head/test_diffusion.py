"""Diffusion images of the synthetic head: the index is the true one, the tables fit the head."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from nibabel.affines import apply_affine
from nibabel.processing import resample_from_to

from npsle_app.imaging.alps.index import alps_index, turn_tensors
from npsle_app.imaging.alps.rois import PLACES, Side, Tract
from npsle_app.imaging.diffusion.coherence import measure_coherence
from npsle_app.imaging.diffusion.tensor import (
    fit_tensors,
    fractional_anisotropy,
    principal_directions,
)
from npsle_app.phantom.head import diffusion
from npsle_app.phantom.head.anatomy import draw_shape, make_anatomy
from npsle_app.phantom.head.diffusion import B_VALUE, N_DIRECTIONS, N_UNWEIGHTED
from npsle_app.phantom.head.fibres import draw_fibres, to_template
from npsle_app.phantom.head.grids import whole_head
from npsle_app.phantom.participant import Request, make_participant

pytestmark = pytest.mark.long

COARSE_MM, FINE_MM = 3.0, 2.5


@pytest.fixture(scope="module", params=[1, 2], ids=["straight slices", "oblique slices"])
def scanned(request):
    return make_participant(Request(request.param, seed=0, voxel_mm=COARSE_MM, diffusion=True))


@pytest.fixture(scope="module", params=[False, True], ids=["straight", "oblique"])
def quiet(request):
    """A head that is not bent, scanned without noise."""
    shape = replace(draw_shape(np.random.default_rng(3), age=40, sex="F"), bend_mm=0.0)
    grid = whole_head(voxel_mm=(FINE_MM, FINE_MM, FINE_MM), turn=np.eye(3))
    anatomy = make_anatomy(shape, grid=grid, voxel_mm=FINE_MM)
    fibres = draw_fibres(np.random.default_rng(4), group="SLE")
    drawn = diffusion.draw_acquisition
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            diffusion,
            "draw_acquisition",
            lambda rng, moved: replace(drawn(rng, moved=moved), snr=1e4),
        )
        made = diffusion.acquire(
            anatomy,
            shape=shape,
            lesions=np.zeros(grid.shape, np.float32),
            fibres=fibres,
            rng=np.random.default_rng(5),
            pose=None,
            oblique=request.param,
            voxel_mm=FINE_MM,
        )
    return made, shape, fibres


def regions(made, shape):
    """Mean tensor along the template's axes within 2.5 mm of each centre."""
    grid = made.dwi
    points = apply_affine(shape.move @ grid.affine, np.moveaxis(np.indices(grid.shape[:3]), 0, -1))
    found = {}
    for place in PLACES:
        near = np.linalg.norm(points - place.mni_mm, axis=-1) < 2.5
        signal = np.asarray(grid.dataobj)[near].astype(float)
        fit = fit_tensors(signal, b_values=made.b_values, directions=made.directions)
        mean = fit.tensors.mean(axis=0)
        found[place.tract, place.side] = turn_tensors(mean, rotation=to_template(shape))
    return found


def test_the_regions_show_the_true_index_of_each_side(quiet):
    made, shape, fibres = quiet
    tensors = regions(made, shape)
    for side in Side:
        found = alps_index(*(tensors[tract, side] for tract in Tract))
        assert found == pytest.approx(getattr(fibres, f"alps_{side}"), rel=0.02)


def test_fibres_run_upwards_in_the_projection_and_forwards_in_the_association_regions(quiet):
    made, shape, _ = quiet
    for (tract, _), tensor in regions(made, shape).items():
        axis = 2 if tract is Tract.PROJECTION else 1
        assert abs(principal_directions(tensor)[axis]) > 0.99
        assert fractional_anisotropy(tensor) > 0.4


def test_the_mean_index_is_that_of_both_sides(scanned):
    truth = scanned.truth
    assert truth.alps_mean == pytest.approx((truth.alps_left + truth.alps_right) / 2)


def test_the_tables_fit_the_images(scanned):
    made = scanned.dwi
    assert made.dwi.shape[3] == len(made.b_values) == N_UNWEIGHTED + N_DIRECTIONS
    assert made.fsl_directions.shape == (3, len(made.b_values))
    assert made.reverse.shape == made.dwi.shape[:3]
    assert made.dwi.get_data_dtype() == np.int16
    lengths = np.linalg.norm(made.directions, axis=1)
    np.testing.assert_allclose(lengths, (made.b_values == B_VALUE).astype(float), atol=1e-12)


def test_fsl_directions_run_along_the_image_with_x_flipped(scanned):
    made = scanned.dwi
    axes = made.dwi.affine[:3, :3] / COARSE_MM
    assert np.linalg.det(axes) > 0
    back = (made.fsl_directions.T * (-1, 1, 1)) @ axes.T
    np.testing.assert_allclose(back, made.directions, atol=1e-6)


def test_fluid_loses_more_signal_than_white_matter(scanned):
    data = scanned.dwi.dwi.get_fdata()
    ratio = data[..., N_UNWEIGHTED:].mean(axis=-1) / np.maximum(data[..., 0], 1)
    csf, wm = (
        resample_from_to(
            scanned.maps[name], (scanned.dwi.dwi.shape[:3], scanned.dwi.dwi.affine), order=1
        ).get_fdata()
        > 0.9
        for name in ("csf", "wm")
    )
    assert np.median(ratio[csf]) < 0.2 < 0.4 < np.median(ratio[wm])


def test_diffusion_leaves_the_other_images_as_they_were(scanned):
    plain = make_participant(Request(int(scanned.label), seed=0, voxel_mm=COARSE_MM))
    assert plain.dwi is None
    assert plain.t1w.to_bytes() == scanned.t1w.to_bytes()
    assert plain.flair.to_bytes() == scanned.flair.to_bytes()
    assert plain.truth == scanned.truth


def test_tissue_moves_along_the_phase_encoding_axis_and_keeps_its_amount():
    grid = whole_head(voxel_mm=(4, 4, 4), turn=np.eye(3))
    signal = np.zeros(grid.shape, np.float32)
    signal[20:26, 25:31, 20:26] = 1
    y = grid.world_mm(slice(None))[1]
    stretch = (3 + 0.05 * (y - y.mean())).astype(np.float32)
    anatomy = SimpleNamespace(grid=grid)
    seen = diffusion._distorted(
        signal, anatomy=anatomy, grid=grid, motion=np.eye(4), shift_mm=stretch
    )
    middle = [np.average(y, weights=one) for one in (signal, seen)]
    assert middle[1] - middle[0] == pytest.approx(stretch[20:26, 25:31, 20:26].mean(), abs=0.5)
    assert seen.sum() == pytest.approx(signal.sum(), rel=0.03)


def test_groups_differ_in_the_mean_and_left_is_larger_than_right():
    drawn = {
        group: [draw_fibres(np.random.default_rng(seed), group=group) for seed in range(200)]
        for group in ("HC", "SLE", "NPSLE")
    }
    means = {
        group: np.mean([(one.alps_left + one.alps_right) / 2 for one in people])
        for group, people in drawn.items()
    }
    assert means["HC"] > means["SLE"] > means["NPSLE"] > 1.3
    assert all(one.alps_left >= one.alps_right for people in drawn.values() for one in people)


def test_fibres_run_on_only_if_the_gradients_are_read_as_they_were_played(quiet):
    made, _, _ = quiet
    image = made.dwi
    data = np.asarray(image.dataobj)[::2, ::2, ::2].astype(float)
    affine = image.affine @ np.diag([2, 2, 2, 1])
    mask = data[..., 0] > 0.5 * np.percentile(data[..., 0], 95)
    fit = fit_tensors(data, b_values=made.b_values, directions=made.directions, mask=mask)
    found = measure_coherence(fit.tensors, mask=mask, affine=affine)
    assert found.best == "+x+y+z"

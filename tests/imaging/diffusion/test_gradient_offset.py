"""A constant gradient that adds itself to all: found where there is one, and only there."""

import numpy as np
import pytest

from npsle_app.imaging.diffusion.checks import check_offset
from npsle_app.imaging.diffusion.gradient_offset import add_offset, find_offset
from npsle_app.imaging.diffusion.gradients import Gradients, rotate
from npsle_app.imaging.diffusion.tensor import fit_tensors
from npsle_app.records import Qc
from tests.imaging.diffusion.scene import scheme, series

H = np.array([0.004, -0.012, 0.02])


@pytest.fixture(scope="module")
def table():
    return scheme(np.random.default_rng(3))


def scanned(table, *, vector=H, snr=40.0, seed=1):
    """A series played out with the vector in it; (signal, brain, tensors)."""
    image, brain, tensors = series(
        add_offset(table, vector=vector), rng=np.random.default_rng(seed), snr=snr
    )
    return image.get_fdata(dtype=np.float32), brain, tensors


def found(table, signal, brain):
    return find_offset(signal, played_out=table, turned=table, brain=brain)


def test_a_vector_in_all_gradients_is_found_within_its_error_and_takes_the_scatter_away(table):
    signal, brain, _ = scanned(table)
    offset = found(table, signal, brain)
    assert offset.clear
    np.testing.assert_allclose(offset.vector, H, atol=0.002)
    assert (abs(offset.vector - H) < 4 * offset.se + 0.0005).all()
    assert offset.spread_after < 0.5 * offset.spread_before
    assert offset.size == pytest.approx(np.linalg.norm(H), rel=0.1)


def test_gradients_that_are_those_of_the_table_are_left(table):
    signal, brain, _ = scanned(table, vector=np.zeros(3))
    offset = found(table, signal, brain)
    assert not offset.clear
    assert offset.size < 0.004


def test_the_corrected_table_gives_the_true_tensors(table):
    signal, brain, tensors = scanned(table, snr=1e4)
    offset = found(table, signal, brain)
    errors = [
        abs(fit_tensors(signal[brain], b_values=one.b_values, directions=one.directions).tensors
            - tensors[brain]).mean()
        for one in (table, add_offset(table, vector=offset.vector))
    ]  # fmt: skip
    assert errors[1] < 0.2 * errors[0]


def test_anisotropy_of_the_tissue_as_a_whole_is_not_taken_for_a_vector(table):
    grey = np.diag([0.79, 0.8, 0.81]) * 1e-3
    g = table.directions
    signal = np.tile(
        900 * np.exp(-table.b_values * np.einsum("na,ab,nb->n", g, grey, g)), (20, 20, 20, 1)
    )
    assert found(table, signal, np.ones((20, 20, 20), bool)).size < 0.006


def test_the_vector_stays_in_the_scanner_when_the_head_turns(table):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    signal, brain, _ = scanned(table, snr=1e4)
    turned = rotate(table, rotations=turn)
    offset = find_offset(signal, played_out=table, turned=turned, brain=brain)
    assert offset.n_voxels > 1000
    straight = found(table, signal, brain)
    # the tissue that has a say differs a little, as bundles are told by a turned tensor
    np.testing.assert_allclose(offset.vector, straight.vector, atol=0.004)


def test_few_directions_or_little_tissue_tell_nothing(table):
    signal, brain, _ = scanned(table)
    few = np.arange(8)
    assert found(table.take(few), signal[..., few], brain) is None
    assert found(table, signal, brain & (np.arange(30) == 15)) is None


def test_adding_a_vector_keeps_unweighted_volumes_and_unit_directions(table):
    effective = add_offset(table, vector=H)
    weighted = table.weighted
    assert effective.b_values[~weighted].tolist() == table.b_values[~weighted].tolist()
    np.testing.assert_allclose(np.linalg.norm(effective.directions[weighted], axis=1), 1)
    back = add_offset(Gradients(effective.b_values, effective.directions), vector=np.zeros(3))
    np.testing.assert_allclose(back.b_values, effective.b_values)


def test_an_offset_above_1_per_cent_warns_and_one_that_is_not_known_says_so(table):
    signal, brain, _ = scanned(table)
    check = check_offset(found(table, signal, brain), corrected=True)
    assert check.state is Qc.WARN
    assert "taken out" in check.seen
    signal, brain, _ = scanned(table, vector=np.zeros(3))
    assert check_offset(found(table, signal, brain), corrected=False).state is Qc.PASS
    assert check_offset(None, corrected=False).state is Qc.NOT_ASSESSABLE

"""Which bright bodies are taken for normal."""

import numpy as np
import pytest

from npsle_app.imaging.wmh.normal_bodies import clear_normal_bodies

SHAPE = (61, 30, 30)


def cleared(*, size=5, height=0.99, with_t1w=True, **known):
    """Keep what is left of cubes of the given size; `known` holds for all voxels."""
    probability = np.zeros(SHAPE, np.float32)
    inner = slice(12, 12 + size)
    probability[inner, inner, inner] = height
    where = probability > 0
    usual = {"from_ventricles": 12.0, "white_matter": 0.9, "over_white": 0.4, "other_side": 0.3}
    usual |= {"t1w": 0.2} if with_t1w else {}
    features = {
        name: np.full(where.sum(), value, np.float32) for name, value in (usual | known).items()
    }
    kept = clear_normal_bodies(probability, where=where, known=features)
    return kept[where].max()


def test_a_sure_body_in_white_matter_stays():
    assert cleared() == pytest.approx(0.99)


def test_a_thin_band_at_the_ventricles_goes_unless_t1w_is_dark_there():
    assert cleared(from_ventricles=1.5) < 0.1
    assert cleared(from_ventricles=1.5, t1w=-0.1) == pytest.approx(0.99)


@pytest.mark.parametrize("with_t1w", [True, False])
def test_a_band_on_one_side_alone_stays(with_t1w):
    one = cleared(from_ventricles=1.5, other_side=0.05, with_t1w=with_t1w)
    assert one == pytest.approx(0.99)
    assert cleared(from_ventricles=1.5, with_t1w=with_t1w) < 0.1


def test_the_wall_of_the_ventricles_goes_however_dark_t1w_is():
    assert cleared(from_ventricles=1.5, white_matter=0.2, t1w=-0.3) < 0.1


def test_the_larger_a_body_the_surer_its_core_must_be():
    assert cleared(size=3, height=0.7) == pytest.approx(0.7)
    assert cleared(size=8, height=0.8) < 0.1


def test_a_millilitre_that_flair_alone_is_fairly_sure_of_stays():
    assert cleared(size=10, height=0.92, with_t1w=False) == pytest.approx(0.92)
    assert cleared(size=10, height=0.92) < 0.1
    assert cleared(size=10, height=0.85, with_t1w=False) < 0.1


def test_nothing_bright_stays_nothing():
    empty = np.zeros(SHAPE, np.float32)
    known = {"from_ventricles": empty[:0], "white_matter": empty[:0]}
    where = np.zeros(SHAPE, bool)
    kept = clear_normal_bodies(empty, where=where, known=known)
    assert not kept.any()

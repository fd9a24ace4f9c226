import numpy as np

from npsle_app.phantom.head.fields import draw_field


def test_a_field_is_the_same_at_every_voxel_size(rng):
    field = draw_field(rng, spacing_mm=20)
    fine, coarse = (np.arange(0, 240, step, dtype=float) for step in (4, 12))
    assert np.allclose(field.at((fine,) * 3)[::3, ::3, ::3], field.at((coarse,) * 3), atol=1e-5)


def test_a_field_has_mean_0_and_variance_1(rng):
    axis = np.arange(2.0, 260, 4)
    values = draw_field(rng, spacing_mm=6).at((axis, axis, axis))
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.03


def test_a_field_of_equal_weights_is_constant(rng):
    field = draw_field(rng, spacing_mm=30)
    field.weights[:] = 2.0
    axis = np.linspace(0, 263.9, 50)
    assert np.allclose(field.at((axis, axis[:7], axis)), 2.0, atol=1e-5)

"""How a synthetic head is acquired."""

import numpy as np
from scipy import ndimage

from npsle_app.phantom.head.acquisition import resample, turn
from npsle_app.phantom.head.grids import turned, whole_head


def test_a_turned_signal_is_the_signal_at_the_turned_place(rng):
    grid = whole_head(voxel_mm=(8.0, 8.0, 8.0), turn=np.eye(3))
    signal = ndimage.gaussian_filter(rng.normal(size=grid.shape), 2.5).astype(np.float32)
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turned(pitch=4, roll=-3, yaw=2), (3.0, -5.0, 2.0)
    there = turn(signal, grid=grid, motion=motion)
    linear = resample(signal, source=grid, target=grid, motion=motion)
    inside = (slice(4, -4),) * 3
    assert np.abs(there - linear)[inside].max() < 0.2 * signal.std()
    back = turn(there, grid=grid, motion=np.linalg.inv(motion))
    lost = np.abs(back - signal)[inside].max()
    twice = resample(linear, source=grid, target=grid, motion=np.linalg.inv(motion))
    assert lost < 0.25 * np.abs(twice - signal)[inside].max()

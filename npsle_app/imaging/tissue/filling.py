"""Fill lesions with the intensity of the tissue around them."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Ints, Mask, Volume
from npsle_app.imaging.tissue.intensity import TissueBounds

_SIX_NEIGHBOURS = ndimage.generate_binary_structure(3, 1)


def fill(
    t1w: Volume, *, lesions: Mask, brain: Mask, bounds: TissueBounds, max_passes: int = 200
) -> Volume:
    """Replace lesions, layer by layer from outside, by the mean of what lies next to them.

    Parameters
    ----------
    t1w : (I, J, K) array
        Image in any unit.
    lesions, brain : (I, J, K) array of bool
        Lesions, and where sources may lie. The lesions and one layer of 6-neighbours around
        them are replaced; the layer spares fluid and what lies outside the brain.
    bounds : TissueBounds
        Voxels outside its intensities are no sources, so that a lesion that touches the
        ventricle is neither darkened by fluid nor lit by the choroid plexus.
    max_passes : int
        Layers to fill; what then remains takes the value of the nearest source.

    Returns
    -------
    (I, J, K) array
        The same array, bit by bit, where no lesion is; otherwise a copy that differs only
        inside the region described above.

    Raises
    ------
    ValueError
        If there are lesions and no voxel is a source.

    References
    ----------
    After the filling of LST (Schmidt 2012, doi:10.1016/j.neuroimage.2011.11.032), from its
    description. Unlike there, the last smoothing leaves fluid out.
    """
    if not lesions.any():
        return t1w
    region = _region(lesions, brain=brain, bounds=bounds)
    # In C order, so that the flat views below are views and no copies: nibabel's are not.
    padded = np.ascontiguousarray(np.pad(t1w.astype(np.float32), 1))
    usable = brain & ~region & (t1w > bounds.darkest) & (t1w <= bounds.brightest)
    source = np.ascontiguousarray(np.pad(usable, 1))
    if not source.any():
        msg = "nothing to fill the lesions from: no voxel of the brain is as bright as tissue"
        raise ValueError(msg)
    places = np.flatnonzero(np.pad(region, 1).ravel())
    _fill_layers(padded, source=source, places=places, max_passes=max_passes)
    _smooth(padded, source=source, places=places)
    filled: Volume = padded[1:-1, 1:-1, 1:-1]
    return np.where(region, filled, t1w).astype(t1w.dtype, copy=False)


def _region(lesions: Mask, *, brain: Mask, bounds: TissueBounds) -> Mask:
    ring = ndimage.binary_dilation(lesions, _SIX_NEIGHBOURS) & brain & ~bounds.fluid
    region: Mask = lesions | ring
    return region


def _fill_layers(padded: Volume, *, source: Mask, places: Ints, max_passes: int) -> None:
    values, known = padded.reshape(-1), source.reshape(-1)
    steps = _steps(padded.shape)
    for _ in range(max_passes):
        around = places[:, None] + steps
        usable = known[around]
        ready = usable.any(axis=1)
        if not ready.any():
            break
        sums = np.where(usable, values[around], 0).sum(axis=1, dtype=np.float64)[ready]
        values[places[ready]] = sums / usable.sum(axis=1)[ready]
        known[places[ready]] = True
        places = places[~ready]
    if places.size:
        _take_nearest(padded, source=source, places=places)


def _take_nearest(padded: Volume, *, source: Mask, places: Ints) -> None:
    nearest = ndimage.distance_transform_edt(~source, return_distances=False, return_indices=True)
    found = padded[tuple(nearest)].reshape(-1)[places]
    padded.reshape(-1)[places] = found
    source.reshape(-1)[places] = True


def _smooth(padded: Volume, *, source: Mask, places: Ints) -> None:
    values = padded.reshape(-1)
    around = places[:, None] + _steps(padded.shape)
    own = values[places]
    sums = np.where(source.reshape(-1)[around], values[around], own[:, None]).sum(
        axis=1, dtype=np.float64
    )
    values[places] = own / 3 + sums / 9


def _steps(shape: tuple[int, ...]) -> Ints:
    row, column = shape[1] * shape[2], shape[2]
    return np.array([row, -row, column, -column, 1, -1])

"""The diffusion tensor: fit, prediction and invariants.

Tensors are (..., 3, 3) arrays in mm²/s along world axes (RAS); directions are (N, 3) unit vectors
along the same axes; b-values are in s/mm². dipy is imported where it is used: it costs a second.
"""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import MAD_TO_SD, Bools, Floats, Reals

B0_MAX = 50.0
MIN_DIRECTIONS = 6
_FLOOR = 1e-4  # of the voxel's largest signal: where noise reached 0 there is no logarithm
_UNIT = 0.02
_ROWS, _COLUMNS = (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)
_FROM_DIPY = (0, 1, 3, 2, 4, 5)  # dipy counts xx, xy, yy, xz, yz, zz; its own inverse
_FULL = ((0, 1, 2), (1, 3, 4), (2, 4, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFit:
    """Tensors and the signal without weighting; all is 0 where `fitted` is False.

    Attributes
    ----------
    tensors : (..., 3, 3) array
        mm²/s, world RAS axes. Eigenvalues may be negative: nothing is clipped.
    s0 : (...) array
        Signal without diffusion weighting, in units of the data.
    fitted : (...) array of bool
    """

    tensors: Floats
    s0: Floats
    fitted: Bools


def fit_tensors(
    signal: Reals,
    *,
    b_values: Reals,
    directions: Reals,
    mask: Bools | None = None,
    robust: bool = False,
) -> TensorFit:
    """Fit tensors by weighted least squares of the logarithm of the signal.

    Weights are the squares of the signal that an unweighted fit predicts, so that scaling the
    data changes no tensor. With `robust`, outlying volumes of a voxel then lose their weight
    (iteratively reweighted, Geman-McClure), which takes five times as long.

    Parameters
    ----------
    signal : (..., N) array
        At least one volume with b < 50 s/mm² or two shells, else S0 is not determined.
    b_values : (N,) array
        s/mm².
    directions : (N, 3) array
        Unit vectors, world RAS; of any length where b < 50.
    mask : (...) array of bool, optional
        Where to fit; it may be empty. Voxels with NaN or without positive signal are left out.

    Raises
    ------
    ValueError
        If shapes disagree, a weighted volume has no direction, or fewer than six directions or
        directions in one plane leave the tensor undetermined.

    References
    ----------
    Chung et al. (2006) NeuroImage 33:531-41. doi:10.1016/j.neuroimage.2006.07.001;
    Collier et al. (2015) Magn Reson Med 73:2174-84. doi:10.1002/mrm.25351 (robust)
    """
    design = design_matrix(b_values, directions=directions)
    if signal.shape[-1] != len(design):
        msg = f"{signal.shape[-1]} volumes and {len(design)} b-values do not go together"
        raise ValueError(msg)
    fitted = _usable(signal, mask=mask)
    values = np.asarray(signal[fitted], dtype=np.float64)
    values = np.maximum(values, _FLOOR * values.max(axis=-1, keepdims=True, initial=0))
    found = _solve(values, design=design, robust=robust)
    tensors, s0 = from_six_components(found[:, :6]), np.exp(-found[:, 6])
    return TensorFit(
        tensors=_spread(tensors, where=fitted),
        s0=_spread(s0, where=fitted),
        fitted=fitted,
    )


def predict_signal(tensors: Reals, *, s0: Reals, b_values: Reals, directions: Reals) -> Floats:
    """Return S0 exp(−b gᵀDg): tensors (..., 3, 3) and s0 (...) give (..., N)."""
    decay = -b_values * np.einsum("na,...ab,nb->...n", directions, tensors, directions)
    predicted: Floats = s0[..., None] * np.exp(decay)
    return predicted


def fractional_anisotropy(tensors: Reals) -> Floats:
    """Return FA, 0 to 1, of (..., 3, 3) tensors; 0 for a tensor of zeros.

    Noise can make eigenvalues negative; FA above 1 is set to 1.

    References
    ----------
    Basser and Pierpaoli (1996) J Magn Reson B 111:209-19. doi:10.1006/jmrb.1996.0086

    Examples
    --------
    >>> round(float(fractional_anisotropy(np.diag([1.0, 0.0, 0.0]))), 6)
    1.0
    """
    mean = mean_diffusivity(tensors)[..., None, None] * np.eye(3)
    spread = np.sqrt(np.sum((tensors - mean) ** 2, axis=(-2, -1)))
    size = np.sqrt(np.sum(np.square(tensors), axis=(-2, -1)))
    ratio = np.divide(spread, size, out=np.zeros_like(spread), where=size > 0)
    found: Floats = np.clip(np.sqrt(1.5) * ratio, 0, 1)
    return found


def mean_diffusivity(tensors: Reals) -> Floats:
    """Return a third of the trace of (..., 3, 3) tensors, mm²/s."""
    found: Floats = np.trace(tensors, axis1=-2, axis2=-1) / 3
    return found


def principal_directions(tensors: Reals) -> Floats:
    """Return V1, (..., 3) unit vectors of largest diffusivity; their sign means nothing."""
    found: Floats = np.linalg.eigh(tensors)[1][..., :, 2]
    return found


def six_components(tensors: Reals) -> Reals:
    """Return xx, xy, xz, yy, yz, zz of (..., 3, 3) tensors as (..., 6)."""
    return tensors[..., _ROWS, _COLUMNS]


def from_six_components(components: Reals) -> Reals:
    """Undo `six_components`: (..., 6) gives symmetric (..., 3, 3)."""
    return components[..., _FULL]


def design_matrix(b_values: Reals, *, directions: Reals) -> Floats:
    """Return what takes Dxx, Dxy, Dyy, Dxz, Dyz, Dzz and −ln S0 to the logarithm of the signal.

    Returns
    -------
    (N, 7) array
        −b × (gx², 2 gx gy, gy², 2 gx gz, 2 gy gz, gz²) of each volume, and −1.

    Raises
    ------
    ValueError
        If the volumes do not determine a tensor.
    """
    from dipy.core.gradients import gradient_table
    from dipy.reconst import dti

    if directions.shape != (len(b_values), 3):
        msg = f"expected {len(b_values)} × 3 directions, got {directions.shape}"
        raise ValueError(msg)
    weighted, length = b_values >= B0_MAX, np.linalg.norm(directions, axis=1)
    if np.any(abs(length[weighted] - 1) > _UNIT) or not np.isfinite(directions).all():
        msg = "a diffusion-weighted volume has no direction of length 1"
        raise ValueError(msg)
    unit = np.where(weighted[:, None], directions / np.maximum(length, 1e-9)[:, None], 0)
    table = gradient_table(b_values.astype(float), bvecs=unit, b0_threshold=B0_MAX)
    design: Floats = dti.design_matrix(table)
    scaled = design / np.maximum(abs(design).max(axis=0), 1e-12)
    if np.linalg.matrix_rank(scaled, tol=1e-6) < 1 + MIN_DIRECTIONS:
        msg = (
            f"{int(weighted.sum())} weighted volumes do not determine a tensor: it needs six "
            "directions that differ, not all in one plane, and a volume with b below 50"
        )
        raise ValueError(msg)
    return design


def _usable(signal: Reals, *, mask: Bools | None) -> Bools:
    usable = np.asarray(np.isfinite(signal).all(axis=-1) & (signal > 0).any(axis=-1))
    return usable if mask is None else usable & (np.asarray(mask) > 0)


def _solve(values: Reals, *, design: Floats, robust: bool) -> Floats:
    """Return xx, xy, xz, yy, yz, zz and −ln S0 of each voxel."""
    from dipy.reconst.dti import wls_fit_tensor

    if not len(values):
        return np.zeros((0, 7))
    found, _ = wls_fit_tensor(design, values, return_lower_triangular=True)
    if robust:
        found = _reweighted(values, design=design, start=found)
    return np.asarray(found)[:, (*_FROM_DIPY, 6)]


def _reweighted(values: Reals, *, design: Floats, start: Floats, rounds: int = 4) -> Floats:
    from dipy.reconst.dti import wls_fit_tensor

    found = start
    for _ in range(rounds):
        predicted = np.exp(found @ design.T)
        left = values - predicted
        middle = np.median(left, axis=-1, keepdims=True)
        spread = MAD_TO_SD * np.median(abs(left - middle), axis=-1, keepdims=True)
        spread = np.maximum(spread, 1e-6 * predicted.max(axis=-1, keepdims=True))
        weights = (predicted / (1 + (left / (3 * spread)) ** 2)) ** 2
        found, _ = wls_fit_tensor(design, values, weights=weights, return_lower_triangular=True)
    return found


def _spread(values: Reals, *, where: Bools) -> Floats:
    whole = np.zeros((*where.shape, *values.shape[1:]))
    whole[where] = values
    return whole

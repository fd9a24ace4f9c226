"""A constant gradient that adds itself to all: found in tissue without fibres, and taken out.

Cross terms with the imaging gradients, and background gradients that do not cancel, make a series
behave as if one vector h, a per cent or two of the gradient, were added to every gradient: volume
n is weighted by b |g + h|² along g + h, not by b along g. What diffuses alike in all directions
shows it, because b |g + h|² = b (1 + 2 g·h) to first order is odd in g and no tensor is.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.stats import f as f_distribution

from npsle_app.arrays import Bools, Floats, Reals
from npsle_app.imaging.diffusion.gradients import Gradients
from npsle_app.imaging.diffusion.tensor import (
    MIN_DIRECTIONS,
    fit_tensors,
    fractional_anisotropy,
    mean_diffusivity,
)

MAX_FA = 0.2
GREY_MD = (0.5e-3, 1.1e-3)  # mm²/s: neither fluid nor air
_MIN_VOXELS, _ENOUGH_VOXELS = 1000, 20_000
_RIM_VOXELS = 2
# Grey-like tissue as a whole is not without a direction: its anisotropy, an even function of the
# gradient, may be twice the scatter of the volumes. Three prescriptions of one head agreed in it.
_EVEN_TO_SCATTER = 2.0
_MAX_P, _MAX_LEFT = 0.01, 0.7
_EVEN = np.array(
    [
        np.diag([1, -1, 0]) / np.sqrt(2),
        np.diag([1, 1, -2]) / np.sqrt(6),
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]] / np.sqrt(2),
        [[0, 0, 1], [0, 0, 0], [1, 0, 0]] / np.sqrt(2),
        [[0, 0, 0], [0, 0, 1], [0, 1, 0]] / np.sqrt(2),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientOffset:
    """The vector that adds itself to all gradients, and what taking it out is worth.

    Attributes
    ----------
    vector, se : (3,) arrays
        World axes, as a fraction of the gradient; its standard error along each axis.
    spread_before, spread_after : float
        Standard deviation, over the volumes, of the diffusivity of grey-like tissue relative to
        its mean, with the table as it is and with the vector taken out; degrees of freedom
        are counted.
    n_voxels : int
        That had a say.
    clear : bool
        Whether the spread falls clearly: below 0.7 of itself, p below 0.01. The table is
        corrected then alone.
    """

    vector: Floats
    se: Floats
    spread_before: float
    spread_after: float
    n_voxels: int
    clear: bool

    @property
    def size(self) -> float:
        """Length of the vector, as a fraction of the gradient."""
        return float(np.linalg.norm(self.vector))


def find_offset(
    signal: Reals, *, played_out: Gradients, turned: Gradients, brain: Bools
) -> GradientOffset | None:
    """Estimate the offset from tissue in which diffusion is much the same in all directions.

    In voxels with FA below 0.2 and the diffusivity of tissue the apparent diffusivity of
    volume n, relative to the mean, is on average c + 2 g·h + gᵀAg + noise: linear in h. The
    anisotropy A that this tissue has as a whole is not known, but small: it is a random effect
    with twice the deviation of the noise, and h follows from generalized least squares.

    Parameters
    ----------
    signal : (I, J, K, N) array
        The volumes that the tensor is fitted to, aligned.
    played_out, turned : Gradients
        N of each: along the axes of the scanner, in which the vector is constant, and turned
        with the head, as `signal` is aligned. Volumes with b < 50 serve the fit alone.
    brain : (I, J, K) array of bool
        Two voxels of its rim are left out.

    Returns
    -------
    GradientOffset or None
        None where fewer than 1000 voxels or seven weighted volumes leave nothing to tell.

    References
    ----------
    Özcan (2010) J Magn Reson 207:24-33. doi:10.1016/j.jmr.2010.08.007 (imaging gradients in the
    b-matrix, which gradients of both signs would cancel)
    """
    weighted = turned.weighted
    if weighted.sum() <= MIN_DIRECTIONS:
        return None
    changes, n_voxels = _relative_diffusivity(signal, gradients=turned, brain=brain)
    if n_voxels < _MIN_VOXELS:
        return None
    g = played_out.directions[weighted]
    before, _, _ = _generalized_fit(changes, design=np.ones((len(g), 1)), g=g)
    after, found, covariance = _generalized_fit(changes, design=np.c_[np.ones(len(g)), 2 * g], g=g)
    spare = len(g) - 4
    left = changes - np.c_[np.ones(len(g)), 2 * g] @ found
    spreads = np.sqrt([changes @ changes / (len(g) - 1), left @ left / spare])
    p = f_distribution.sf((before - after) / 3 / max(after / spare, 1e-15), 3, spare)
    return GradientOffset(
        vector=np.asarray(found[1:], dtype=float),
        se=np.sqrt(np.diag(covariance)[1:] * after / spare),
        spread_before=float(spreads[0]),
        spread_after=float(spreads[1]),
        n_voxels=n_voxels,
        clear=bool(p < _MAX_P and spreads[1] < _MAX_LEFT * spreads[0]),
    )


def add_offset(gradients: Gradients, *, vector: Reals) -> Gradients:
    """Return the table that a constant vector makes of one: b |g + h|² along g + h.

    Volumes with b < 50 stay.

    Examples
    --------
    >>> one = Gradients(np.array([0.0, 1000.0]), np.array([[0.0, 0, 0], [0, 0, 1]]))
    >>> add_offset(one, vector=np.array([0, 0, 0.01])).b_values.round(1).tolist()
    [0.0, 1020.1]
    """
    weighted = gradients.weighted
    moved = gradients.directions + np.where(weighted[:, None], vector, 0)
    lengths = np.where(weighted, np.linalg.norm(moved, axis=1), 1)
    return Gradients(gradients.b_values * lengths**2, moved / lengths[:, None])


def _relative_diffusivity(
    signal: Reals, *, gradients: Gradients, brain: Bools
) -> tuple[Floats, int]:
    """Return the mean over grey-like voxels of −ln(S/S0)/(b MD), about 0, and their number.

    So many voxels are fitted as leave some twenty thousand: they tell it to 0.01 %.
    """
    inner = ndimage.binary_erosion(brain, iterations=_RIM_VOXELS)
    places = np.flatnonzero(inner)
    places = places[:: max(1, len(places) // (4 * _ENOUGH_VOXELS))]
    values = np.asarray(signal.reshape(-1, signal.shape[-1])[places], dtype=float)
    values = values[(values > 0).all(axis=1)]
    fit = fit_tensors(values, b_values=gradients.b_values, directions=gradients.directions)
    md = mean_diffusivity(fit.tensors)
    grey = fit.fitted & (fractional_anisotropy(fit.tensors) < MAX_FA)
    grey &= (md > GREY_MD[0]) & (md < GREY_MD[1])
    if not grey.any():
        return np.zeros(int(gradients.weighted.sum())), 0
    weighted = gradients.weighted
    decay = -np.log(values[grey][:, weighted] / fit.s0[grey, None]) / gradients.b_values[weighted]
    mean: Floats = (decay / md[grey, None]).mean(axis=0)
    return mean / mean.mean() - 1, int(grey.sum())


def _generalized_fit(changes: Floats, *, design: Floats, g: Floats) -> tuple[float, Reals, Reals]:
    """Return the weighted sum of squares left, the coefficients, and their unscaled covariance."""
    even = np.einsum("na,kab,nb->nk", g, _EVEN, g)
    scatter = np.eye(len(g)) + _EVEN_TO_SCATTER**2 * even @ even.T
    white = np.linalg.inv(np.linalg.cholesky(scatter))
    own, seen = white @ design, white @ changes
    found = np.linalg.lstsq(own, seen, rcond=None)[0]
    left = seen - own @ found
    return float(left @ left), found, np.linalg.inv(own.T @ own)

"""Lumen and wall below the pixel limit: a blurred annulus fitted to the voxels of a section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import leastsq

from npsle_app.arrays import MAD_TO_SD, Bools, Floats
from npsle_app.imaging.vessels.blur import Kernel, blurred_disc, rician_excess

BLUR_UNCERTAINTY = 0.15  # one SD of the point spread's width, as a share of it
_BLUR_STEP = 0.02  # of the derivative by the blur: 0.15 in one step tells 13 % too little
_ROUNDS, _ROUNDS_FROM_NEAR = 4, 2
_N_SHAPE = 8  # centre (2), log radius, log wall, shift of the outer circle (2), ellipse (2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The voxels of one section: signal, and place in the plane in mm; each (n,).

    `widths` is how wide each kernel is at a voxel, across the line from the vessel's middle, as
    a share of the whole section's; none where it is the same all around.
    """

    signal: Floats
    first_mm: Floats
    second_mm: Floats
    widths: Mapping[Kernel, Floats] = field(default_factory=dict)

    def taken(self, kept: Bools) -> "Section":
        """Return the section with some of its voxels, (n,) True for these."""
        return Section(
            signal=self.signal[kept],
            first_mm=self.first_mm[kept],
            second_mm=self.second_mm[kept],
            widths={kernel: widths[kept] for kernel, widths in self.widths.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur:
    """A point spread: its kernel, and its width as an SD."""

    sigma_mm: float
    kernel: Kernel = Kernel.GAUSSIAN

    def at(self, section: Section) -> float | Floats:
        """Return the SD at each voxel in mm."""
        return self.sigma_mm * section.widths.get(self.kernel, np.float64(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the fit begins, in mm."""

    centre_mm: tuple[float, float]
    radius_mm: float
    wall_mm: float

    @property
    def shape(self) -> Floats:
        """Return the circle and its even wall as the shape of an annulus, (8,)."""
        lengths = np.log([self.radius_mm, max(self.wall_mm, 0.1)])
        return np.array([*self.centre_mm, *lengths, 0, 0, 0, 0], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annulus:
    """A fitted section.

    `shape` is centre (2, mm), log radius, log wall, shift of the outer circle against the
    inner (2, mm) and the ellipse's cosine and sine part (mm). `covariance` is that of `shape`
    from the noise alone; `by_blur` is how `shape` moves, to first order, when the
    point spread is one SD wider; walls below a voxel move more than that to the thin side.
    """

    shape: Floats
    covariance: Floats
    by_blur: Floats
    lumen_signal: float
    wall_signal: float
    outside_signal: float
    noise: float
    n_voxels: int

    @property
    def centre_mm(self) -> tuple[float, float]:
        return float(self.shape[0]), float(self.shape[1])

    @property
    def radius_mm(self) -> float:
        return float(np.exp(self.shape[2]))

    @property
    def wall_mm(self) -> float:
        return float(np.exp(self.shape[3]))

    def contours_mm(self, angles: Floats) -> tuple[Floats, Floats]:
        """Return inner and outer radius about `centre_mm` at the angles (radians)."""
        return _radii(self.shape, angles=angles)


def fit_annulus(
    section: Section, *, start: Start, blur: Blur, near: Annulus | None = None
) -> Annulus | None:
    """Fit lumen, wall and surroundings of one section, all blurred alike.

    The signal outside may differ from side to side; voxels that no annulus explains (a side
    branch, brain) are left out in a second round. With a fit that is `near` it begins there: one
    of another blur leads there sooner. None where there are too few voxels, or the fit runs away.

    Notes
    -----
    Least squares; the signals are solved for within each step (variable projection, Golub
    1973, doi:10.1137/0710036). The covariance is that of all parameters together, with the
    residuals' variance.
    """
    scale = float(np.ptp(section.signal)) if section.signal.size >= 4 * _N_SHAPE else 0.0
    if scale <= 1e-6 * float(np.abs(section.signal).max(initial=0)):
        return None
    shape = near.shape if near else start.shape
    kept, clean = np.ones(section.signal.size, dtype=bool), section
    for _ in range(_ROUNDS_FROM_NEAR if near else _ROUNDS):
        part = clean.taken(kept)
        shape, *_ = leastsq(
            lambda shape, part=part: _residuals(shape, section=part, blur=blur) / scale,
            shape, ftol=1e-4, xtol=1e-4, maxfev=150, diag=np.full(_N_SHAPE, 10.0),
            full_output=True,  # else it warns where it does not converge
        )  # fmt: skip
        if not np.all(np.abs(shape) < 10):
            return None
        model, noise = _model(shape, section=clean, kept=kept, blur=blur)
        kept = np.abs(model - clean.signal) <= 3.5 * noise
        if kept.sum() < 3 * _N_SHAPE:
            return None
        clean = replace(section, signal=section.signal - rician_excess(model, noise=noise))
    return _judged(shape, section=clean.taken(kept), blur=blur, start=start)


def _radii(shape: Floats, *, angles: Floats) -> tuple[Floats, Floats]:
    radius, wall = np.exp(shape[2]), np.exp(shape[3])
    ellipse = shape[6] * np.cos(2 * angles) + shape[7] * np.sin(2 * angles)
    toward = shape[4] * np.cos(angles) + shape[5] * np.sin(angles)
    across = shape[4] * np.sin(angles) - shape[5] * np.cos(angles)
    outer = toward + np.sqrt(np.maximum((radius + wall) ** 2 - across**2, 1e-6))
    return radius + ellipse, outer + ellipse


def _columns(shape: Floats, *, section: Section, blur: Blur) -> Floats:
    """Signals of the parts at 1: lumen, wall, and five patterns outside; (n, 7)."""
    first, second = section.first_mm - shape[0], section.second_mm - shape[1]
    distance, angles = np.hypot(first, second), np.arctan2(second, first)
    inner, outer = _radii(shape, angles=angles)
    sigma = blur.at(section)
    lumen = blurred_disc(
        distance, radius_mm=np.maximum(inner, 0.1), sigma_mm=sigma, kernel=blur.kernel
    )
    whole = blurred_disc(
        distance, radius_mm=np.maximum(outer, 0.1), sigma_mm=sigma, kernel=blur.kernel
    )
    outside = 1 - whole
    patterns = [np.ones_like(angles), np.cos(angles), np.sin(angles),
                np.cos(2 * angles), np.sin(2 * angles)]  # fmt: skip
    return np.stack([lumen, whole - lumen, *(outside * each for each in patterns)], axis=1)


def _signals(columns: Floats, signal: Floats) -> Floats:
    """Solve for the parts' signals; a trace of ridge keeps empty patterns at 0."""
    square = columns.T @ columns
    ridge = np.diag([1e-9, 1e-9, 1e-9, *[1e-2] * 4]) * len(signal) / 10
    found = np.linalg.solve(square + ridge, columns.T @ signal)
    return np.asarray(found, dtype=np.float64)


def _residuals(shape: Floats, *, section: Section, blur: Blur) -> Floats:
    columns = _columns(shape, section=section, blur=blur)
    return columns @ _signals(columns, section.signal) - section.signal


def _model(shape: Floats, *, section: Section, kept: Bools, blur: Blur) -> tuple[Floats, float]:
    """Return the model's signal in all voxels and the noise of the bright ones among `kept`."""
    columns = _columns(shape, section=section, blur=blur)
    signals = _signals(columns[kept], section.signal[kept])
    model = columns @ signals
    residual = np.abs(model - section.signal)
    bright = kept & (model >= np.median(model[kept]))
    return model, MAD_TO_SD * max(
        float(np.median(residual[bright])), 1e-6 * float(np.ptp(model)), 1e-12
    )


def _judged(shape: Floats, *, section: Section, blur: Blur, start: Start) -> Annulus | None:
    """Put the covariance beside the fit; None where shape or signals make no sense."""
    radius, wall = np.exp(shape[2]), np.exp(shape[3])
    far = np.hypot(shape[0] - start.centre_mm[0], shape[1] - start.centre_mm[1])
    if not (0.2 < radius < 5 and 0.02 < wall < 4 and far < 1.0 + start.radius_mm):
        return None
    columns = _columns(shape, section=section, blur=blur)
    signals = _signals(columns, section.signal)
    residual = columns @ signals - section.signal
    slopes = _slopes(shape, section=section, blur=blur, signals=signals)
    jacobian = np.concatenate([slopes, columns], axis=1)
    wider_blur = replace(blur, sigma_mm=blur.sigma_mm * (1 + _BLUR_STEP))
    wider = _columns(shape, section=section, blur=wider_blur) @ signals
    variance = float(residual @ residual) / max(len(residual) - jacobian.shape[1], 1)
    inverse = np.linalg.pinv(jacobian.T @ jacobian, rcond=1e-12)
    moved = -inverse @ (jacobian.T @ (wider - columns @ signals)) * BLUR_UNCERTAINTY / _BLUR_STEP
    return Annulus(
        shape=shape,
        covariance=variance * inverse[:_N_SHAPE, :_N_SHAPE],
        by_blur=moved[:_N_SHAPE],
        lumen_signal=float(signals[0]),
        wall_signal=float(signals[1]),
        outside_signal=float(signals[2]),
        noise=float(np.sqrt(variance)),
        n_voxels=len(residual),
    )


def _slopes(shape: Floats, *, section: Section, blur: Blur, signals: Floats) -> Floats:
    """Return the model's derivatives by the shape, (n, 8), by central differences."""
    made = np.empty((section.signal.size, _N_SHAPE))
    for k in range(_N_SHAPE):
        step = np.zeros(_N_SHAPE)
        step[k] = 1e-4
        above, below = (
            _columns(shape + sign * step, section=section, blur=blur) @ signals for sign in (1, -1)
        )
        made[:, k] = (above - below) / 2e-4
    return made

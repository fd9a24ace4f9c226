"""How a scanner turns a finely drawn object into voxels: point spread, sampling, noise.

Drawn on a grid of `parts` fine voxels to a voxel. Scanners that differ from the one that the
vessel-wall fit expects are here so that its intervals can be tried on them.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal.windows import tukey

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.arteries.tube_drawing import PSF_FWHM_VOXELS

Order = Literal["linear", "centre-out"]


class Scanner(Protocol):
    """What makes a magnitude image of a fine one."""

    @property
    def parts(self) -> tuple[int, int, int]:
        """Return how many fine voxels an acquired voxel has along each axis."""

    def magnitude(self, fine: Volume, *, noise_sd: float, rng: np.random.Generator) -> Volume:
        """Return the magnitude image; noise has this SD in real and imaginary part each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianScanner:
    """A Gaussian point spread times the voxel's box, and white noise."""

    psf_fwhm_voxels: float = PSF_FWHM_VOXELS
    parts: tuple[int, int, int] = (4, 4, 4)

    def magnitude(self, fine: Volume, *, noise_sd: float, rng: np.random.Generator) -> Volume:
        """Return the magnitude image of (I·p, J·q, K·r) fine voxels, (I, J, K)."""
        widths = [self.psf_fwhm_voxels * part / 2.3548 for part in self.parts]
        blurred = ndimage.gaussian_filter(fine, widths, mode="nearest")
        shape = tuple(n // part for n, part in zip(fine.shape, self.parts, strict=True))
        boxes = sum(((n, part) for n, part in zip(shape, self.parts, strict=True)), ())
        signal = blurred.reshape(boxes).mean(axis=(1, 3, 5))
        real, imaginary = rng.normal(0, noise_sd, (2, *shape))
        return np.asarray(np.hypot(signal + real, imaginary), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinEchoTrain:
    """A 3D turbo spin echo (SPACE, CUBE, VISTA): k-space cut off, weighted by the echo train.

    Parameters
    ----------
    train_of_t2
        Length of the echo train over the wall's effective T2; 0 leaves the signal even. The
        flip angles' modulation makes it longer than the tissue's T2.
    order
        How echoes fill the first phase axis: "linear" from one edge to the other, "centre-out"
        the earliest in the middle, which blurs most.
    filtered
        Share of k-space's radius over which a cosine takes the edges down (Tukey); 0 leaves the
        ringing of a sharp cut.
    fraction
        Share of k-space acquired along the second phase axis; the rest is filled with zeros.
    phase, partition
        The axes of the image that the echo train, and the other phase encoding, run along.

    Notes
    -----
    Noise enters in k-space, before the filter, as it does in a scanner. The signal of the echo
    train follows Mugler 2014 (doi:10.1002/jmri.24542) as a plain exponential.
    """

    train_of_t2: float = 0.8
    order: Order = "linear"
    filtered: float = 0.0
    fraction: float = 1.0
    phase: int = 1
    partition: int = 0
    parts: tuple[int, int, int] = (4, 4, 4)

    def magnitude(self, fine: Volume, *, noise_sd: float, rng: np.random.Generator) -> Volume:
        """Return the magnitude image of (I·p, J·q, K·r) fine voxels, (I, J, K)."""
        shape = tuple(n // part for n, part in zip(fine.shape, self.parts, strict=True))
        middle = tuple(
            slice(whole // 2 - n // 2, whole // 2 - n // 2 + n)
            for whole, n in zip(fine.shape, shape, strict=True)
        )
        kept = np.fft.fftshift(np.fft.fftn(fine))[middle] / np.prod(self.parts)
        for axis, (part, n) in enumerate(zip(self.parts, shape, strict=True)):
            # A voxel's place is its middle, half a voxel less half a fine one from its edge.
            shift = (part - 1) / 2 / fine.shape[axis]
            kept = kept * _along(np.exp(2j * np.pi * (np.arange(n) - n // 2) * shift), axis=axis)
        kept = kept * self._train(shape)
        spread = noise_sd * np.sqrt(np.prod(shape))
        kept = kept + spread * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
        image = np.fft.ifftn(np.fft.ifftshift(kept * self._window(shape)))
        return np.asarray(np.abs(image), np.float32)

    def _train(self, shape: tuple[int, ...]) -> Floats:
        """Return the echoes' signal over k-space, 1 in its middle."""
        n = shape[self.phase]
        place = (np.arange(n) - n // 2) / (n / 2)  # -1 to 1
        when = place / 2 if self.order == "linear" else np.abs(place)
        return _along(np.exp(-self.train_of_t2 * when), axis=self.phase)

    def _window(self, shape: tuple[int, ...]) -> Floats:
        window = np.ones((1, 1, 1))
        for axis, n in enumerate(shape):
            if self.filtered:
                window = window * _along(tukey(n + 1, self.filtered)[:n], axis=axis)
        n = shape[self.partition]
        taken = np.arange(n) < np.ceil(self.fraction * n)
        return np.asarray(window * _along(taken.astype(float), axis=self.partition))


def _along(values: NDArray[Any], *, axis: int) -> NDArray[Any]:
    shape = [1, 1, 1]
    shape[axis] = len(values)
    return values.reshape(shape)

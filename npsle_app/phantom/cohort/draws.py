"""Draws with a given mean and standard deviation, inside the bounds of what they stand for."""

import numpy as np

Moments = tuple[float, float]


def bounded(
    rng: np.random.Generator, moments: Moments, *, low: float, high: float, decimals: int = 1
) -> float:
    """Draw between two bounds: a beta distribution with that mean and standard deviation.

    Raises
    ------
    ValueError
        If no beta distribution has these moments inside the bounds.
    """
    mean, sd = moments
    centre, spread = (mean - low) / (high - low), sd / (high - low)
    size = centre * (1 - centre) / spread**2 - 1
    if not (0 < centre < 1 and size > 0):
        msg = f"no spread of {sd} around {mean} fits between {low} and {high}"
        raise ValueError(msg)
    drawn = rng.beta(centre * size, (1 - centre) * size)
    return round(float(low + (high - low) * drawn), decimals)


def positive(rng: np.random.Generator, moments: Moments, *, decimals: int = 2) -> float:
    """Draw above zero: a gamma distribution with that mean and standard deviation."""
    mean, sd = moments
    return round(float(rng.gamma((mean / sd) ** 2, sd**2 / mean)), decimals)


def count(rng: np.random.Generator, moments: Moments) -> int:
    """Draw a whole number from zero on with that mean and standard deviation.

    Negative binomial where the variance exceeds the mean, Poisson where it equals it. Below
    it the draw is binomial, whose number of trials is whole: the mean is kept, and the
    variance comes as near as that allows.
    """
    mean, variance = moments[0], moments[1] ** 2
    if variance > mean:
        return int(rng.negative_binomial(mean**2 / (variance - mean), mean / variance))
    if variance == mean:
        return int(rng.poisson(mean))
    trials = max(round(mean**2 / (mean - variance)), int(np.ceil(mean)))
    return int(rng.binomial(trials, mean / trials))


def chance(rng: np.random.Generator, share: float) -> int:
    """Draw 1 with the given probability, else 0."""
    return int(rng.uniform() < share)


def standard(value: float, moments: Moments) -> float:
    """Return how many standard deviations a value lies above the mean."""
    return (value - moments[0]) / moments[1]

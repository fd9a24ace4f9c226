"""What a measured volume is worth: the loads that could have given it, on people left out."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from npsle_app.arrays import Floats

MEASURED_ML = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_LOADS_ML = np.geomspace(0.02, 300, 400)
_LEAST_FOUND_ML = 0.009  # the smallest lesion that is kept
_CONFIDENCE = 0.95


def interval_rows(found_ml: Mapping[float, Sequence[float]]) -> list[tuple[float, float, float]]:
    """Turn what was found at known loads into the interval of the load for what is measured.

    Parameters
    ----------
    found_ml : mapping
        Volumes found in several people by the load drawn, mL; load 0 among them.

    Returns
    -------
    list of (measured, low, high)
        Loads whose 95 % prediction interval (of the logarithm of found over true, by Student's
        t, between the loads tried by interpolation) holds the measured volume. Down to 0 where
        as much was found in somebody without lesions.
    """
    tried = sorted(load for load in found_ml if load > 0)
    lower, upper = _prediction(found_ml, tried=tried)
    nothing = max(found_ml[0.0])
    rows = []
    for measured in MEASURED_ML:
        seen = max(measured, _LEAST_FOUND_ML)
        possible = _LOADS_ML[(seen >= lower) & (seen <= upper)]
        low, high = (possible[0], possible[-1]) if possible.size else (0.0, measured)
        rows.append((measured, 0.0 if measured <= nothing else float(low), float(high)))
    table = np.array(rows)
    table[:, 1:] = np.maximum.accumulate(table[:, 1:], axis=0)
    return [tuple(np.round(row, 2).tolist()) for row in table]


def _prediction(
    found_ml: Mapping[float, Sequence[float]], *, tried: Sequence[float]
) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % prediction interval of what is found at each load."""
    logs = [np.log(np.maximum(found_ml[load], _LEAST_FOUND_ML) / load) for load in tried]
    variances = np.array([values.var(ddof=1) for values in logs])
    freedom = sum(len(values) - 1 for values in logs)
    # few people per load: its variance is drawn half-way to that of all loads
    settled = np.sqrt((variances + variances.mean()) / 2)
    factor = stats.t.ppf((1 + _CONFIDENCE) / 2, freedom)
    ends = [
        (values.mean() - half, values.mean() + half)
        for values, spread in zip(logs, settled, strict=True)
        for half in [factor * spread * np.sqrt(1 + 1 / len(values))]
    ]
    low, high = (
        _LOADS_ML * np.exp(np.interp(np.log(_LOADS_ML), np.log(tried), column))
        for column in np.transpose(ends)
    )
    return low, high

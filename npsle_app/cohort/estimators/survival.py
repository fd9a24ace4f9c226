"""Time to an event: Kaplan-Meier and log-rank."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats

_LEAST_EVENTS = 2
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
    """Log-rank test of k groups: χ² with k − 1 degrees of freedom."""

    chi2: float
    df: int
    p: float


def check_follow_up(time: Floats, *, event: Bools) -> None:
    """Refuse follow-up that cannot be analysed.

    Raises
    ------
    ValueError
        If a time is missing or not above 0, or there are fewer than two events.
    """
    if len(time) != len(event):
        msg = f"{len(time)} times and {len(event)} events"
        raise ValueError(msg)
    if bad := int((~(time > 0)).sum()):
        msg = f"{bad} of {len(time)} follow-up times are missing or not above 0"
        raise ValueError(msg)
    if event.sum() < _LEAST_EVENTS:
        msg = f"{int(event.sum())} of {len(time)} people had the event: too few"
        raise ValueError(msg)


def estimate_survival(time: Floats, *, event: Bools) -> pd.DataFrame:
    """Estimate the share without the event over time by Kaplan and Meier.

    Parameters
    ----------
    time : (n,) array
        From the scan to the event, or to the end of follow-up.
    event : (n,) array
        Whether it ended with the event.

    Returns
    -------
    DataFrame
        `time` (0 and each time of an event), `at_risk`, `events`, `survival`, `low` and `high`
        (95 %, on the scale of ln(−ln)); limits are missing where survival is 1 or 0.
    """
    from scipy import stats

    curve = stats.ecdf(stats.CensoredData.right_censored(time, ~event)).sf
    with warnings.catch_warnings():  # that there are no limits where survival is 0
        warnings.simplefilter("ignore", RuntimeWarning)
        limits = curve.confidence_interval(_CONFIDENCE, method="log-log")
    times, events = np.unique(time[event], return_counts=True)
    survival = curve.evaluate(times)
    inside = (survival > 0) & (survival < 1)
    low, high = (np.where(inside, one.evaluate(times), np.nan) for one in (limits.low, limits.high))
    return pd.DataFrame(
        {
            "time": [0.0, *times],
            "at_risk": [len(time), *count_at_risk(time, at=times.tolist())],
            "events": [0, *events],
            "survival": [1.0, *survival],
            "low": [np.nan, *low],
            "high": [np.nan, *high],
        }
    )


def count_at_risk(time: Floats, *, at: Sequence[float]) -> list[int]:
    """Count those still followed up just before each time.

    Examples
    --------
    >>> count_at_risk(np.array([1.0, 2.0, 2.0, 5.0]), at=[0, 2, 3])
    [4, 3, 1]
    """
    return [int((time >= moment).sum()) for moment in at]


def compare_survival(time: Floats, *, event: Bools, groups: Sequence[str]) -> LogRank:
    """Compare groups by the log-rank test.

    Raises
    ------
    ValueError
        If there are fewer than two groups, two events, or a time is missing.
    """
    from statsmodels.duration.survfunc import survdiff

    check_follow_up(time, event=event)
    names = sorted(set(groups))
    if len(names) < 2:
        msg = f"all {len(time)} people are in one group ({names[0]})"
        raise ValueError(msg)
    chi2, p = survdiff(time, event.astype(int), np.array(groups, dtype=object))
    return LogRank(chi2=float(chi2), df=len(names) - 1, p=float(p))

"""Time to an event: Kaplan-Meier and log-rank."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Z95, Bools, Floats

_LEAST_EVENTS = 2


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
    times = np.unique(time[event])
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    events = np.searchsorted(np.sort(time[event]), times, side="right")
    events = np.diff(np.concatenate([[0], events]))
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        width = Z95 * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    inside = (survival > 0) & (survival < 1)
    return pd.DataFrame(
        {
            "time": np.concatenate([[0.0], times]),
            "at_risk": np.concatenate([[len(time)], at_risk]).astype(int),
            "events": np.concatenate([[0], events]).astype(int),
            "survival": np.concatenate([[1.0], survival]),
            "low": np.concatenate([[np.nan], np.where(inside, low, np.nan)]),
            "high": np.concatenate([[np.nan], np.where(inside, high, np.nan)]),
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

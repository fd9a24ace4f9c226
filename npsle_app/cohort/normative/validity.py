"""Whether a reference fits the volumes of a study, and how far it can be trusted."""

from collections.abc import Iterable

import numpy as np

from npsle_app.arrays import Z95
from npsle_app.cohort.normative.model import CRITICAL_Z, NormativeModel, Provenance, Tail

FOREIGN = "foreign reference"


def check_reference(
    model: NormativeModel,
    *,
    measured_by: Provenance,
    regions: Iterable[str],
    unit: str,
    allow_foreign: bool = False,
) -> tuple[str, ...]:
    """Refuse a reference that was measured by other means than the study.

    Parameters
    ----------
    measured_by
        Software, version and templates of the study's own volumes.
    allow_foreign
        Label instead of refusing.

    Returns
    -------
    tuple of str
        Labels that every figure must carry; empty for a reference of the same software,
        version and templates.

    Raises
    ------
    ValueError
        With all reasons; always if units differ or no region is shared, whatever is allowed.
    """
    shared = set(model.regions) & set(regions)
    if not shared:
        msg = f"the reference has other regions: {_few(model.regions)}, not {_few(regions)}"
        raise ValueError(msg)
    if model.unit != unit:
        msg = f"the reference is in {model.unit}, the volumes are in {unit}"
        raise ValueError(msg)
    reasons = _differences(model.provenance, measured_by)
    if reasons and not allow_foreign:
        msg = (
            "the reference is foreign: "
            + "; ".join(reasons)
            + ". Volumes of one method cannot be judged by those of another: measure the "
            "reference with this app, or allow a foreign reference to have every figure labelled"
        )
        raise ValueError(msg)
    return tuple(f"{FOREIGN}: {reason}" for reason in reasons)


def calibration_interval(
    n: int, *, tail: Tail = "lower", spread_known: bool = True
) -> tuple[float, float]:
    """Return between what shares of healthy people fall below −1.96, or beyond ±1.96.

    The critical value rests on n controls: what share of the population it truly cuts off
    lies in these limits with 95 % probability.

    Parameters
    ----------
    n
        Controls of that sex.
    spread_known
        The controls give the mean alone, by s.e. 1 / √n (a large reference with controls of
        the own site). If not, the standard deviation rests on them too, by s.e. 1 / √(2n).

    Returns
    -------
    tuple of two floats
        Shares, 0 to 1; the widest, (0, 1), for no controls.

    Examples
    --------
    >>> [round(100 * share, 1) for share in calibration_interval(50)]
    [1.3, 4.6]
    """
    from scipy import stats

    if n < 1:
        return 0.0, 1.0
    error = np.sqrt((1.0 if spread_known else 1.0 + CRITICAL_Z**2 / 2) / n)
    low, high = stats.norm.cdf(-CRITICAL_Z + np.array([-1, 1]) * Z95 * error)
    if tail == "lower":
        return float(low), float(high)
    return _both(error) if not spread_known else _both_shifted(1 / np.sqrt(n))


def _both_shifted(error: float) -> tuple[float, float]:
    """Either tail grows as the other shrinks, so the smallest share is the nominal one."""
    from scipy import stats

    shift = Z95 * error
    most = stats.norm.cdf(-CRITICAL_Z + shift) + stats.norm.cdf(-CRITICAL_Z - shift)
    return float(2 * stats.norm.cdf(-CRITICAL_Z)), float(most)


def _both(error: float) -> tuple[float, float]:
    from scipy import stats

    low, high = 2 * stats.norm.cdf(-CRITICAL_Z + np.array([-1, 1]) * Z95 * error)
    return float(low), float(min(high, 1.0))


def _differences(reference: Provenance, own: Provenance) -> list[str]:
    reasons = []
    if reference.software != own.software:
        reasons.append(
            f"it was measured by {reference.software or 'unknown software'}, not {own.software}"
        )
    elif _public(reference.app_version) != _public(own.app_version):
        reasons.append(
            f"it was measured by version {reference.app_version or 'unknown'}, this is "
            f"{own.app_version}"
        )
    names = sorted({*reference.templates, *own.templates})
    other = [name for name in names if reference.templates.get(name) != own.templates.get(name)]
    if other:
        reasons.append(f"its templates are others: {', '.join(other)}")
    return reasons


def _public(version: str) -> str:
    return version.partition("+")[0]


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"{', '.join(listed[:4])}{' …' if len(listed) > 4 else ''}"

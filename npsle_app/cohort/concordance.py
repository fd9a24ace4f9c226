"""How well a risk tells who has an event first."""

import numpy as np

from npsle_app.arrays import Bools, Floats


def concordance(risk: Floats, *, time: Floats, event: Bools) -> float:
    """Return Harrell's C: how often who had the event first has the greater risk.

    It is the share of comparable pairs (Harrell 1982, doi:10.1001/jama.1982.03320430047030).
    Equal risks count half. A pair is comparable if the earlier time is an event; someone
    censored at the time of an event was event-free longer.

    Returns
    -------
    float
        0.5 is chance; NaN if no pair is comparable.

    Examples
    --------
    >>> late = np.array([1.0, 2.0, 3.0])
    >>> concordance(-late, time=late, event=np.array([True, True, False]))
    1.0
    """
    pairs = 0.0
    agreeing = 0.0
    for row in np.flatnonzero(event):
        later = (time > time[row]) | ((time == time[row]) & ~event)
        pairs += later.sum()
        agreeing += (risk[row] > risk[later]).sum() + 0.5 * (risk[row] == risk[later]).sum()
    return float(agreeing / pairs) if pairs else np.nan

"""Centile curves of one region, for one sex, head size and site."""

from functools import cache

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.cohort.normative.mean import People
from npsle_app.cohort.normative.model import CRITICAL_Z, NormativeModel
from npsle_app.cohort.normative.reference import number_site

CENTILES = (2.5, 10.0, 25.0, 50.0, 75.0, 90.0, 97.5)
_STEPS = 60


def centile_curves(
    model: NormativeModel, *, region: str, sex: str, tiv_ml: float, site: str = ""
) -> tuple[Floats, Floats]:
    """Return the volumes at each centile over the ages of the reference.

    Parameters
    ----------
    tiv_ml
        Of the person who is to stand among the curves: they hold for that head size alone.
    site
        Of that person; one that is not in the reference has the spread between sites on top.

    Returns
    -------
    (k,) array
        Ages in years, rising, from end to end of the reference.
    (k, 7) array
        Volumes at each of `CENTILES`, in the unit of the model. The outermost are those of
        z = ±1.96.

    Raises
    ------
    ValueError
        If the model has no such sex or region.
    """
    own = model.sexes.get(sex)
    if own is None or region not in own.regions:
        why = "" if own is None else own.gaps.get(region, "")
        msg = f"the reference has no {region} of sex {sex}{': ' if why else ''}{why}"
        raise ValueError(msg)
    ages = np.linspace(*own.age_range_years, _STEPS)
    people = People(
        age_years=ages,
        tiv_ml=np.full(_STEPS, tiv_ml),
        sites=np.full(_STEPS, number_site(site, sites=own.sites)),
        n_sites=max(len(own.sites), 1),
    )
    fitted = own.regions[region]
    expected, deviation = fitted.predict(people, tiv_centre_ml=own.tiv_centre_ml)
    standardised = fitted.from_z(scores_of_centiles())
    return ages, expected[:, None] + deviation[:, None] * standardised


@cache
def scores_of_centiles() -> Floats:
    """Return z at each of `CENTILES`; the outermost are ±1.96 without rounding."""
    from scipy import stats

    z: Floats = stats.norm.ppf(np.array(CENTILES) / 100)
    z[0], z[-1] = -CRITICAL_Z, CRITICAL_Z
    z.flags.writeable = False  # all share it
    return z

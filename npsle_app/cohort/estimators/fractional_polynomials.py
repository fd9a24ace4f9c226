"""Fractional polynomials of age, chosen by a closed test for many outcomes at once.

No library of the app has them.
"""

from itertools import combinations_with_replacement

import numpy as np

from npsle_app.arrays import Floats

Powers = tuple[float, ...]

POWERS: Powers = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
LINEAR: Powers = (1.0,)
FIRST_ORDER: tuple[Powers, ...] = tuple((power,) for power in POWERS)
SECOND_ORDER: tuple[Powers, ...] = tuple(combinations_with_replacement(POWERS, 2))
YEARS_PER_UNIT = 10.0
_LEAST_DF = 10  # fewer people left over than this do not decide on a curve


def age_terms(age_years: Floats, *, powers: Powers) -> Floats:
    """Return the terms of a fractional polynomial of age / 10 years.

    Power 0 is the natural logarithm; a power that is repeated is multiplied by the logarithm
    (Royston 1994, doi:10.2307/2986270).

    Parameters
    ----------
    age_years : (n,) array
        Above 0.

    Returns
    -------
    (n, len(powers)) array

    Examples
    --------
    >>> age_terms(np.array([20.0]), powers=(2.0, 2.0)).round(3).tolist()
    [[4.0, 2.773]]
    """
    x = np.asarray(age_years, dtype=float) / YEARS_PER_UNIT
    logarithm = np.log(x)
    columns: list[Floats] = []
    for place, power in enumerate(powers):
        term = logarithm if power == 0 else x**power
        repeated = place > 0 and powers[place - 1] == power
        columns.append(term * logarithm if repeated else term)
    return np.column_stack(columns)


def choose_powers(
    first_order: Floats, *, second_order: Floats, n: int, n_other: int, alpha: float
) -> list[Powers]:
    """Choose order and powers for each outcome by the closed test.

    The best curve of second order is tested against a straight line, and then against the best
    curve of first order, by the F test of Royston and Sauerbrei, in which each power counts as
    a parameter (2008, doi:10.1002/9780470770771). The first step that is not significant ends
    the search. Age always stays in the model.

    Parameters
    ----------
    first_order : (8, R) array
        Residual sums of squares of the candidates of `FIRST_ORDER`.
    second_order : (36, R) array
        Those of `SECOND_ORDER`.
    n
        Number of people.
    n_other
        Number of coefficients besides those of age, the intercept among them.
    alpha
        Level of each test.

    Returns
    -------
    list of R tuples
        Powers; (1.0,) is a straight line, which it is too where fewer than 10 degrees of
        freedom are left.
    """
    from scipy import stats

    df = n - n_other - 4
    outcomes = first_order.shape[1]
    if df < _LEAST_DF:
        return [LINEAR] * outcomes
    line = first_order[FIRST_ORDER.index(LINEAR)]
    one, two = first_order.min(axis=0), second_order.min(axis=0)
    against_line = stats.f.sf((line / two - 1) * df / 3, 3, df)
    against_first = stats.f.sf((one / two - 1) * df / 2, 2, df)
    chosen = []
    for r in range(outcomes):
        if not against_line[r] < alpha:
            chosen.append(LINEAR)
        elif not against_first[r] < alpha:
            chosen.append(FIRST_ORDER[int(first_order[:, r].argmin())])
        else:
            chosen.append(SECOND_ORDER[int(second_order[:, r].argmin())])
    return chosen

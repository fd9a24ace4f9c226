"""How numbers and gaps are written, in one place for tables, sentences and figures."""

import math

_SMALLEST_P = 0.001
NOT_AVAILABLE = "n/a"
ESTIMATED, NOT_ESTIMABLE = "estimated", "not estimable"  # what a column `status` holds


def decimals_for(spread: float) -> int:
    """Choose decimals so that a spread (SD, standard error) shows two digits or whole numbers.

    Examples
    --------
    >>> [decimals_for(spread) for spread in (55, 4.2, 0.13, 0.0021, 0)]
    [0, 1, 2, 4, 2]
    """
    if not math.isfinite(spread) or spread <= 0:
        return 2
    return min(max(1 - math.floor(math.log10(spread)), 0), 6)


def format_number(value: float | None, *, decimals: int) -> str:
    """Write a number with a true minus sign; what cannot be known is `n/a`.

    Examples
    --------
    >>> format_number(-0.304, decimals=2), format_number(-0.001, decimals=2)
    ('−0.30', '0.00')
    """
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def format_p(p: float | None) -> str:
    """Write a p-value: three decimals, never 0.

    Examples
    --------
    >>> format_p(0.0204), format_p(1e-9)
    ('0.020', '<0.001')
    """
    if p is None or not math.isfinite(p):
        return NOT_AVAILABLE
    return f"<{_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def equals_p(p: float | None, *, name: str = "p") -> str:
    """Write `p = 0.020` or `p < 0.001`.

    Examples
    --------
    >>> equals_p(1e-5, name="q")
    'q < 0.001'
    """
    text = format_p(p)
    return f"{name} < {text[1:]}" if text.startswith("<") else f"{name} = {text}"


def format_interval(value: float, low: float, high: float, *, decimals: int) -> str:
    """Write an estimate with its interval.

    Examples
    --------
    >>> format_interval(-17.1, -31.4, -2.8, decimals=1)
    '−17.1 (−31.4 to −2.8)'
    """
    told = [format_number(one, decimals=decimals) for one in (value, low, high)]
    return f"{told[0]} ({told[1]} to {told[2]})"


def format_mean(mean: float, sd: float, *, decimals: int | None = None) -> str:
    """Write mean ± standard deviation; decimals by the standard deviation if none are given."""
    places = decimals_for(sd) if decimals is None else decimals
    return f"{format_number(mean, decimals=places)} ± {format_number(sd, decimals=places)}"


def format_median(median: float, low: float, high: float, *, decimals: int | None = None) -> str:
    """Write median and range of percentiles; decimals by the range if none are given."""
    places = decimals_for_median(median, low, high) if decimals is None else decimals
    told = [format_number(one, decimals=places) for one in (median, low, high)]
    return f"{told[0]} ({told[1]}–{told[2]})"


def decimals_for_median(median: float, low: float, high: float) -> int:
    """Choose decimals so that half the range of percentiles shows two digits."""
    return decimals_for((high - low) / 2 if high > low else median)


def format_how_many(n: int, noun: str, *, several: str = "") -> str:
    """Write how many there are of something, one in the singular.

    Examples
    --------
    >>> format_how_many(1, "parameter"), format_how_many(0, "person", several="people")
    ('1 parameter', 'no people')
    """
    return f"{n or 'no'} {noun if n == 1 else several or noun + 's'}"


def format_count(count: int, of: int) -> str:
    """Write a count and its share.

    Examples
    --------
    >>> format_count(33, 38)
    '33 (87 %)'
    """
    return f"{count} ({100 * count / of:.0f} %)" if of else f"{count} ({NOT_AVAILABLE})"

"""Say every number, date and duration the same way everywhere.

Numbers carry a true minus sign (U+2212), which screen readers speak and which does not break a
line; plain text and Markdown put an ASCII hyphen in its place, so they can be searched and
compared. What is missing or not a number is an en dash, never ``nan``.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import SupportsFloat

MINUS = "\u2212"
MISSING = "\u2013"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_MOST_DECIMALS = 6


def _real(value: SupportsFloat | None) -> float | None:
    """Return the number, or None for what is absent or not a number."""
    if value is None:
        return None
    number = float(value)
    return None if math.isnan(number) else number


def _fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """Write a number with thousands separators; a number that rounds to 0 has no sign."""
    if math.isinf(value):
        return (MINUS if value < 0 else "+" if sign else "") + "∞"
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def count(value: SupportsFloat | None) -> str:
    """Write how many there are.

    Examples
    --------
    >>> count(44700), count(0), count(None)
    ('44,700', '0', '–')
    """
    number = _real(value)
    return MISSING if number is None else _fixed(number, 0)


def counted(value: SupportsFloat | None, noun: str, plural: str = "") -> str:
    """Write how many there are of what.

    Examples
    --------
    >>> print(counted(1, "flag"), counted(1200, "flag"), counted(2, "day of data", "days of data"))
    1 flag 1,200 flags 2 days of data
    """
    number = _real(value)
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def _decimals(value: float, digits: int, *, least: int = 0) -> int:
    """Return the decimals that show ``digits`` significant digits of ``value``."""
    if value == 0 or math.isinf(value):
        return least
    return min(max(digits - 1 - math.floor(math.log10(abs(value))), least), 12)


def number(value: SupportsFloat | None, digits: int = 4, *, sign: bool = False) -> str:
    """Write a number with up to ``digits`` significant digits, never cutting whole ones.

    Examples
    --------
    >>> number(3.14159), number(120345.6), number(0.00041877), number(-2.5), number(7)
    ('3.142', '120,346', '0.0004188', '−2.5', '7')
    >>> number(2.5, sign=True), number(float("nan")), number(float("inf"))
    ('+2.5', '–', '∞')
    """
    real = _real(value)
    if real is None:
        return MISSING
    if real != 0 and not math.isinf(real) and abs(real) < 10**-8:
        mantissa, exponent = f"{real:.{digits - 1}e}".split("e")
        return f"{mantissa.replace('-', MINUS)}e{MINUS}{abs(int(exponent))}"
    text = _fixed(real, _decimals(real, digits), sign=sign)
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: SupportsFloat | None) -> str:
    """Write a mean or a ratio: two decimals, more where two would hide a small number.

    Examples
    --------
    >>> amount(4.8234), amount(1842), amount(0.0301), amount(-12), amount(12345.678)
    ('4.82', '1,842.00', '0.0301', '−12.00', '12,345.68')
    """
    real = _real(value)
    if real is None:
        return MISSING
    return _fixed(real, 2 if abs(real) >= 0.1 or real == 0 else _decimals(real, 3, least=2))


def money(value: SupportsFloat | None, currency: str) -> str:
    """Write an amount of money in the currency the caller names; no currency is ever guessed.

    Examples
    --------
    >>> print(money(4.824, "USD"), money(-1200, "EUR"), money(30, "SEK"))
    $4.82 −€1,200.00 30.00 SEK
    """
    text = amount(value)
    symbol = _SYMBOLS.get(currency.upper())
    if text == MISSING:
        return text
    if symbol is None:
        return f"{text} {currency}"
    return f"{MINUS}{symbol}{text[1:]}" if text.startswith(MINUS) else f"{symbol}{text}"


def percent(fraction: SupportsFloat | None, decimals: int | None = None) -> str:
    """Write a fraction in percent: two decimals for a rate, or as many as asked.

    Examples
    --------
    >>> print(percent(0.1902), percent(0.5, 0), percent(0.00004), percent(1))
    19.02 % 50 % 0.004 % 100.00 %
    """
    real = _real(fraction)
    if real is None:
        return MISSING
    points = real * 100
    if decimals is None:
        decimals = 2 if abs(points) >= 0.01 or points == 0 else _decimals(points, 1)
    return f"{_fixed(points, decimals)} %"


def share(fraction: SupportsFloat | None) -> str:
    """Write a planned share in percent with no more decimals than it has.

    Examples
    --------
    >>> print(share(0.5), share(0.333), share(1 / 3))
    50 % 33.3 % 33.33 %
    """
    real = _real(fraction)
    if real is None:
        return MISSING
    text = _fixed(real * 100, 2)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def precision(*bounds: SupportsFloat | None, percent: bool = True) -> int:
    """Return the decimals worth writing for an estimate whose interval has these bounds.

    A number carries about two digits more than its interval is wide, and a bound that is not 0
    is not written as 0: an interval that leaves out 0 must be seen to leave it out.

    Parameters
    ----------
    *bounds
        The estimate and the bounds that are printed together; absent ones are ignored.
    percent
        Whether they are fractions that will be written in percent.

    Examples
    --------
    >>> precision(-0.069, -0.017), precision(0.0004, 0.0009), precision(0.0002, 0.11)
    (1, 3, 2)
    """
    scale = 100 if percent else 1
    found = [b * scale for b in map(_real, bounds) if b is not None and not math.isinf(b)]
    if not found:
        return 1 if percent else 2
    width = max(found) - min(found) if len(found) > 1 else abs(found[0])
    least = 1 if percent else 0
    decimals = least if width == 0 else max(1 - math.floor(math.log10(width)), least)
    if percent and width >= 1:
        decimals = 1
    for bound in found:
        while bound != 0 and round(bound, decimals) == 0 and decimals < _MOST_DECIMALS:
            decimals += 1
    return min(decimals, _MOST_DECIMALS)


def lift(fraction: SupportsFloat | None, decimals: int | None = None) -> str:
    """Write a relative difference with its sign.

    Examples
    --------
    >>> print(lift(0.101), lift(-0.0430), lift(0), lift(0.00042), lift(12.5))
    +10.1 % −4.3 % 0.0 % +0.042 % +1,250.0 %
    """
    real = _real(fraction)
    if real is None:
        return MISSING
    places = precision(real) if decimals is None else decimals
    return f"{_fixed(real * 100, places, sign=True)} %"


def difference(value: SupportsFloat | None, decimals: int | None = None) -> str:
    """Write an absolute difference with its sign, in the metric's own unit.

    Examples
    --------
    >>> difference(0.1234), difference(-3, 1), difference(0, 2)
    ('+0.123', '−3.0', '0.00')
    """
    real = _real(value)
    if real is None:
        return MISSING
    places = _decimals(real, 3) if decimals is None else decimals
    return _fixed(real, min(places, _MOST_DECIMALS), sign=True)


def points(value: SupportsFloat | None, decimals: int | None = None) -> str:
    """Write a difference of two shares in percentage points, with its sign.

    Examples
    --------
    >>> print(points(0.0609), points(-0.0004), points(0))
    +6.1 points −0.040 points 0.0 points
    """
    real = _real(value)
    if real is None:
        return MISSING
    places = precision(real) if decimals is None else decimals
    return f"{_fixed(real * 100, places, sign=True)} points"


def quantity(value: SupportsFloat | None, unit: str = "") -> str:
    """Write a metric's own value in its unit.

    Examples
    --------
    >>> print(quantity(0.6007, "share"), quantity(7.17, "s"), quantity(28.22, "EUR"), quantity(3))
    60.07 % 7.17 s €28.22 3.00
    """
    if unit == "share":
        return percent(value)
    if not unit or _real(value) is None:
        return amount(value)
    return f"{amount(value)} s" if unit == "s" else money(value, unit)


def interval(
    low: SupportsFloat | None,
    high: SupportsFloat | None,
    *,
    relative: bool = True,
    unit: str = "",
    decimals: int | None = None,
) -> str:
    """Write an interval; one that is open on a side is said in words.

    Examples
    --------
    >>> print(interval(-0.0687, -0.0171))
    −6.9 % to −1.7 %
    >>> print(interval(0.012, float("inf")), "|", interval(float("-inf"), -2, relative=False))
    above +1.2 % | below −2.0
    >>> interval(None, None)
    '–'
    """
    least, most = _real(low), _real(high)
    if least is None or most is None:
        return MISSING
    write = lift if relative else points if unit == "share" else difference
    scaled = relative or unit == "share"
    places = precision(least, most, percent=scaled) if decimals is None else decimals
    if math.isinf(least) and math.isinf(most):
        return "unbounded"
    if math.isinf(most):
        return f"above {write(least, places)}"
    if math.isinf(least):
        return f"below {write(most, places)}"
    if write is points:  # the word once, behind both
        return f"{points(least, places).removesuffix(' points')} to {points(most, places)}"
    return f"{write(least, places)} to {write(most, places)}"


def p_value(value: SupportsFloat | None, alpha: float | None = None) -> str:
    """Write a p-value: below 0.001 as such, four decimals under 0.01, else three.

    With ``alpha``, digits are added until the written number stands on the same side of it.

    Examples
    --------
    >>> print(p_value(0.0012), p_value(0.27), p_value(0.00002), p_value(0), p_value(1))
    0.0012 0.270 < 0.001 < 0.001 1.000
    >>> p_value(0.04996), p_value(0.04996, alpha=0.05)
    ('0.050', '0.04996')
    """
    real = _real(value)
    if real is None:
        return MISSING
    if real < 0.001:
        return "< 0.001"
    decimals = 4 if real < 0.01 else 3
    if alpha is not None and real != alpha:
        below = real < alpha
        while decimals < 8 and (
            (float(f"{real:.{decimals}f}") < alpha) is not below
            or float(f"{real:.{decimals}f}") == alpha
        ):
            decimals += 1
    return f"{real:.{decimals}f}"


def p_words(value: SupportsFloat | None, alpha: float | None = None) -> str:
    """Write a p-value for the middle of a sentence.

    Examples
    --------
    >>> print(p_words(0.27), "and", p_words(0.00002))
    p = 0.270 and p < 0.001
    """
    written = p_value(value, alpha)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


def chance(value: SupportsFloat | None) -> str:
    """Write a chance to win: never quite 0 or 100 %.

    Examples
    --------
    >>> print(chance(0.9128), chance(0.99961), chance(0.0042), chance(0.0001))
    91.3 % > 99.9 % 0.42 % < 0.1 %
    """
    real = _real(value)
    if real is None:
        return MISSING
    if real > 0.999:
        return "> 99.9 %"
    if real < 0.001:
        return "< 0.1 %"
    return percent(real, 2 if real < 0.01 else 1)


def days(value: SupportsFloat | None) -> str:
    """Write a number of days.

    Examples
    --------
    >>> print(days(1), "|", days(14), "|", days(None))
    1 day | 14 days | –
    """
    return MISSING if _real(value) is None else counted(value, "day")


def duration(seconds: SupportsFloat | None) -> str:
    """Write a length of time in its one or two largest units.

    Examples
    --------
    >>> print(", ".join(duration(s) for s in (0.25, 42, 150, 3 * 3600 + 1200, 86400 * 14)))
    0.25 s, 42 s, 2 min 30 s, 3 h 20 min, 14 days
    """
    real = _real(seconds)
    if real is None:
        return MISSING
    if real < 60:
        return f"{number(real, 2)} s"
    whole = round(real)
    if whole < 3600:
        first, rest, names = *divmod(whole, 60), ("min", "s")
    elif whole < 86400:
        first, rest, names = *divmod(whole // 60, 60), ("h", "min")
    else:
        return days(round(real / 86400))
    return f"{first} {names[0]}" + (f" {rest} {names[1]}" if rest else "")


def as_date(value: date | datetime | str | None) -> date | None:
    """Return the calendar day of a date, a datetime or an ISO 8601 text; None if it is none."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def day(value: date | datetime | str | None, *, year: bool = False) -> str:
    """Write a day: short inside one experiment, with its year where years may differ.

    Examples
    --------
    >>> day(date(2026, 3, 12)), day("2026-03-12T09:15:00Z", year=True), day(None)
    ('12 Mar', '12 Mar 2026', '–')
    """
    found = as_date(value)
    if found is None:
        return MISSING
    text = f"{found.day} {_MONTHS[found.month - 1]}"
    return f"{text} {found.year}" if year else text


def moment(value: datetime | str | None) -> str:
    """Write an instant in UTC, to the minute.

    Examples
    --------
    >>> moment("2026-03-31T00:00:00+00:00"), moment(None)
    ('2026-03-31 00:00 UTC', '–')
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    if found is None:
        return MISSING
    known = found if found.tzinfo is None else found.astimezone(UTC)
    return f"{known:%Y-%m-%d %H:%M} UTC"

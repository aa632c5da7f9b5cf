"""Shares of a flag: whom it lets in, and how it splits them into variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exp_jupyter.errors import InputError
from exp_jupyter.schema.flags.flag import FlagFilters

_SUM_TOLERANCE = 1e-9
_MOST_VARIANTS = 20


def checked_share(name: str, share: float | None) -> None:
    """Refuse what is no percentage.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is not between 0 and 100.
    """
    if share is None:
        return
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 100:
        raise InputError(f"{name} is {share!r}.", hint="Give a percentage from 0 to 100.")


def checked_split(shares: Mapping[str, float]) -> None:
    """Refuse shares that do not split everybody.

    Raises
    ------
    exp_jupyter.errors.InputError
        A share is no percentage, or they do not sum to 100.
    """
    for key, share in shares.items():
        checked_share(f"The share of {key}", share)
    whole = sum(shares.values())
    if abs(whole - 100) > _SUM_TOLERANCE:
        raise InputError(
            f"The variants' shares sum to {whole:g} %.", hint="Make them sum to 100 %."
        )


def split_of(variants: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    """Return a new flag's variants and their shares in percent.

    Raises
    ------
    exp_jupyter.errors.InputError
        They are fewer than two, or do not sum to 100.

    Examples
    --------
    >>> split_of(["control", "short", "long"])
    {'control': 33.0, 'short': 33.0, 'long': 34.0}
    """
    if isinstance(variants, Mapping):
        shares = {str(key): share for key, share in variants.items()}
    elif isinstance(variants, str):
        raise InputError(f"variants is {variants!r}.", hint="Give a list, as ['control', 'test'].")
    else:
        keys = [str(key) for key in variants]
        even = 100 // max(len(keys), 1)
        shares = dict.fromkeys(keys, float(even))
        if len(shares) != len(keys):
            raise InputError("variants names one twice.", hint="Give each variant once.")
        if keys:
            shares[keys[-1]] = float(100 - even * (len(keys) - 1))
    if not 2 <= len(shares) <= _MOST_VARIANTS:
        raise InputError(
            f"variants are {', '.join(shares) or 'none'}.",
            hint=f"Give two to {_MOST_VARIANTS} variants; the first is the baseline, unless one is "
            "called control.",
        )
    checked_split(shares)
    return shares


def filters_of(shares: Mapping[str, float], rollout: float) -> FlagFilters:
    """Return the filters of a new flag with these variants."""
    return FlagFilters.model_validate(
        {
            "groups": [{"properties": [], "rollout_percentage": rollout}],
            "multivariate": {
                "variants": [
                    {"key": key, "rollout_percentage": share} for key, share in shares.items()
                ]
            },
        }
    )

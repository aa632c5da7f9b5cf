"""``%exp_create``: a new experiment, on a new flag or on one there is."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, given, number, percent
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exp_jupyter.magics.session import Session

_TWICE = "every variant needs a key of its own and a share"
_SHARES = "Write --variants control=50 test=50, in percent."


def add_metrics(it: Arguments) -> None:
    """Add what an experiment measures."""
    it.add(
        "--metrics",
        nargs="+",
        metavar="METRIC",
        offers="event-metric",
        help="primary metrics: event:total, event:sum(property) (avg, min, max), event:conversion, "
        "event>event:funnel, a/b:ratio, event:retention(1-7 days); Name= before it, :decrease "
        "after it where lower is better",
    )
    it.add(
        "--secondary",
        nargs="+",
        metavar="METRIC",
        offers="event-metric",
        help="secondary metrics, in the same form",
    )
    it.add(
        "--allow-unknown-events",
        action="store_true",
        help="also with events the project has never seen; without it a misspelt one is refused",
    )


def metric_fields(options: Namespace) -> dict[str, Any]:
    """Return the metrics that were given, by the API's names."""
    told = {"metrics": options.metrics, "metrics_secondary": options.secondary}
    fields = {name: value for name, value in told.items() if value is not None}
    return fields | ({"allow_unknown_events": True} if options.allow_unknown_events else {})


def arguments() -> Arguments:
    """Return the arguments of ``%exp_create``."""
    it = Arguments(
        "exp_create",
        """
        Create a draft experiment, after a confirmation.

        A new feature flag, switched off, is made with it, unless the flag key is that of a flag
        there is. Where an approval policy guards new flags, the creation waits for its approval.
        """,
        [
            '%exp_create "Shorter checkout" --metrics checkout_started>purchase:funnel',
            '%exp_create "Bigger photos" --flag-key photos --variants control=80 large=20',
            '%exp_create "Free shipping" --metrics Revenue=purchase:sum(revenue) --rollout 50',
        ],
    )
    it.add("name", metavar="NAME", help="name of the experiment")
    it.add(
        "--flag-key",
        metavar="KEY",
        offers="flag",
        help="key of the flag, new or existing; made from the name by default",
    )
    it.add(
        "--variants",
        nargs="+",
        metavar="VARIANT",
        help="a new flag's variants: control=80 test=20 in percent, or keys alone for an even "
        "split; default control and test",
    )
    it.add("--rollout", type=percent, metavar="PERCENT", help="people a new flag lets in; all")
    add_metrics(it)
    it.add("--description", metavar="TEXT", help="description or hypothesis")
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Create an experiment."""
    write = session.connected().experiments.create(
        options.name,
        options.flag_key,
        variants=_variants(options.variants),
        rollout=options.rollout,
        **given(options, "description"),
        **metric_fields(options),
    )
    return present(session, write, yes=options.yes, again=options.again)


def _variants(words: Sequence[str] | None) -> dict[str, float] | Sequence[str] | None:
    if words is None or not any("=" in word for word in words):
        return words
    shares: dict[str, float] = {}
    for word in words:
        key, _, share = word.rpartition("=")
        if not key or key in shares:
            raise InputError(f"%exp_create: --variants {word}: {_TWICE}.", hint=_SHARES)
        try:
            shares[key] = number(share)
        except ArgumentTypeError as wrong:
            raise InputError(f"%exp_create: --variants {word}: {wrong}.", hint=_SHARES) from None
    return shares

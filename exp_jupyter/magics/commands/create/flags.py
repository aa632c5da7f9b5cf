"""``%exp_flags``: the feature flags an experiment can use."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.line.arguments import Arguments, given, one_of, whole, yes_no

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

RUNTIMES = ("server", "client", "all")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_flags``."""
    it = Arguments(
        "exp_flags",
        """
        Find feature flags an experiment can use: several variants, the first called control.

        A flag that another experiment uses, or that is off, is listed too.
        """,
        ["%exp_flags", "%exp_flags --search checkout --active yes", "%exp_flags --order key"],
    )
    it.add("--search", metavar="TEXT", offers="flag", help="part of the key or of the description")
    it.add(
        "--active", type=yes_no, metavar="YES/NO", offers="yes no", help="only flags that are on"
    )
    it.add(
        "--order",
        metavar="FIELD",
        help="created_at, key or name; a leading - turns it round, as in --order=-created_at",
    )
    it.add("--limit", type=whole, metavar="N", help="how many at most, up to 100; default 20")
    it.add("--offset", type=whole, metavar="N", help="how many to skip; default 0")
    it.add("--created-by", type=whole, metavar="ID", help="only flags this user made")
    it.add(
        "--evaluation-runtime",
        type=one_of(*RUNTIMES),
        metavar="WHERE",
        offers=" ".join(RUNTIMES),
        help="where the flag is evaluated: server, client or all",
    )
    it.add(
        "--has-evaluation-contexts",
        type=yes_no,
        metavar="YES/NO",
        offers="yes no",
        help="whether the flag is tied to evaluation contexts",
    )
    it.add("--form", action="store_true", help="open a form to pick a flag in")
    return it


def run(session: Session, options: Namespace) -> Any:
    """Find flags."""
    project = session.connected()
    query = given(
        options,
        *("search", "active", "order", "limit", "offset", "created_by"),
        *("evaluation_runtime", "has_evaluation_contexts"),
    )
    if options.form:
        from exp_jupyter.widgets.flags import FlagForm

        return FlagForm(project, search=options.search or "")
    found = project.experiments.eligible_flags(**query)
    session.names.see_flags(flag.key for flag in found)
    return found

"""What Tab offers on a magic's line: options, and names this notebook has already seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from exp_jupyter.magics.arguments import Word, words
from exp_jupyter.widgets.reading import quoted

if TYPE_CHECKING:
    from exp_jupyter.magics.extension import ExpMagics
    from exp_jupyter.magics.session import Session

_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*)?%(?P<name>exp\w*)\s(?P<rest>.*)$")


def matcher(magics: ExpMagics) -> Any:
    """Return the completion of one shell's ``%exp`` lines.

    It reads only what the session holds: pressing Tab never asks the project anything.
    """

    def complete(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.match(context.text_until_cursor)
        if line is None or line["name"] not in magics.session.magics:
            return {"completions": [], "suppress": False}
        found = offers(magics, line["name"], line["rest"], context.token)
        return {"completions": found, "suppress": True, "ordered": True}

    return context_matcher(identifier="exp_jupyter", priority=100)(complete)


def offers(magics: ExpMagics, name: str, rest: str, token: str) -> list[SimpleCompletion]:
    """Return the completions of the word being typed at the end of ``rest``.

    Parameters
    ----------
    token
        The text a completion replaces: the end of the word, as the shell cuts it.
    """
    arguments = magics.arguments(name)
    typed = words(rest)
    # A word that is still being written: the last one, unless a blank already ended it.
    unfinished = bool(typed) and (typed[-1].open_quote != "" or not rest[-1:].isspace())
    current = typed.pop() if unfinished else Word("", len(rest), "")
    before = [word.text for word in typed]
    if current.text.startswith("-") and not current.open_quote:
        unused = [option for option in arguments.option_names() if option not in before]
        return [_plain(option) for option in unused if option.startswith(current.text)]
    kind, _ = arguments.slot(before)
    known = _KNOWN[kind](magics.session, before) if kind in _KNOWN else kind.split()
    return [
        _named(text, current, rest, token)
        for text in known
        if text.lower().startswith(current.text.lower())
    ]


def _plain(option: str) -> SimpleCompletion:
    return SimpleCompletion(text=option, type="param")


def _named(text: str, current: Word, rest: str, token: str) -> SimpleCompletion:
    """Return the completion of a name, in quotes if it needs them.

    A completion replaces only the token, which ends at the cursor and may begin inside the word:
    what stands before it is already on the line and is left out.
    """
    written = rest[current.start :]
    whole = quoted(text)
    if current.open_quote:
        whole = f"{current.open_quote}{text}{current.open_quote}"
    ahead = len(written) - len(token)
    shown = whole[ahead:] if 0 < ahead < len(whole) else whole
    return SimpleCompletion(text=shown, type="value")


def _experiments(session: Session, _: list[str]) -> Iterable[str]:
    known = session.names.experiments.values()
    return [*(str(entry.id) for entry in known), *(entry.name for entry in known)]


def _named_experiment(session: Session, before: list[str]) -> str:
    # The experiment stands before its metric or variant, wherever in the line that is.
    return next((word for word in before if session.names.experiment(word)), "")


def _metrics(session: Session, before: list[str]) -> Iterable[str]:
    return session.names.metrics(_named_experiment(session, before))


def _variants(session: Session, before: list[str]) -> Iterable[str]:
    return session.names.variants(_named_experiment(session, before))


_KNOWN: dict[str, Callable[[Session, list[str]], Iterable[str]]] = {
    "experiment": _experiments,
    "metric": _metrics,
    "variant": _variants,
    "flag": lambda session, _: session.names.flags,
    "prompt": lambda session, _: session.names.prompts,
    "magic": lambda session, _: session.magics,
}

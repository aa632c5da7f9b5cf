"""What Tab offers on a magic's line: options, and names this notebook has already seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from exp_jupyter import magic_line
from exp_jupyter.magics.line.offers import Asked, offered
from exp_jupyter.magics.line.words import Word, words

if TYPE_CHECKING:
    from exp_jupyter.magics.extension import ExpMagics

_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*)?%(?P<name>exp\w*)\s(?P<rest>.*)$")
_NOT_IN = {"'": frozenset("'"), '"': frozenset('"{}$')}
"""What ends a quote, or may stand for something else inside it."""


def matcher(magics: ExpMagics) -> Any:
    """Return the completion of one shell's ``%exp`` lines.

    It reads only what the session holds: pressing Tab never asks the project anything.
    """

    def complete(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.match(context.text_until_cursor)
        if line is None or line["name"] not in magics.session.magics:
            return {"completions": [], "suppress": False}
        above = "\n".join(context.full_text.split("\n")[: context.cursor_line])
        return offers(magics, line["name"], line["rest"], above)

    return context_matcher(identifier="exp_jupyter", priority=100)(complete)


def offers(magics: ExpMagics, name: str, rest: str, above: str = "") -> SimpleMatcherResult:
    """Return the completions of the word being typed at the end of ``rest``.

    Parameters
    ----------
    above
        The cell's text in front of the line.
    """
    arguments = magics.arguments(name)
    typed = words(rest)
    # A word that is still being written: the last one, unless a blank already ended it.
    unfinished = bool(typed) and (typed[-1].open_quote != "" or not rest[-1:].isspace())
    current = typed.pop() if unfinished else Word("", len(rest), "")
    before = [word.text for word in typed]
    found: list[SimpleCompletion] = []
    if current.text.startswith("-") and not current.open_quote:
        unused = [option for option in arguments.option_names() if option not in before]
        found = [
            SimpleCompletion(text=option, type="param")
            for option in unused
            if option.startswith(current.text)
        ]
    else:
        kind, places = arguments.slot(before)
        asked = Asked(magics.session, before, places, current.text, above)
        found = [
            SimpleCompletion(text=shown, type="value")
            for text in offered(kind, asked)
            if text.lower().startswith(current.text.lower())
            and (shown := _quoted(text, current.open_quote)) is not None
        ]
    # The whole word is replaced, its opening quote too: a name may need the other one.
    return {
        "completions": found,
        "suppress": True,
        "ordered": True,
        "matched_fragment": rest[current.start :],
    }


def _quoted(text: str, opened: str) -> str | None:
    """Return a name as a word, in the quotes the person opened if they can hold it."""
    shown = magic_line.word(text)
    if shown is not None and opened and not set(text) & _NOT_IN[opened]:
        return f"{opened}{text}{opened}"
    return shown

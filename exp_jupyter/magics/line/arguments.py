"""The arguments of a magic: options, help, and one clear sentence when a line is wrong."""

from __future__ import annotations

import argparse
import builtins
import difflib
import functools
import keyword
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.words import VARIABLES_HELP, Text, words
from exp_jupyter.widgets import reading

T = TypeVar("T")

_WIDTH = 92


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Return ``Did you mean …?`` for a misspelt word, or an empty string.

    Examples
    --------
    >>> nearest("--basline", ["--baseline", "--mde"])
    'Did you mean --baseline?'
    """
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


class Help:
    """A magic's usage, shown as the cell's result."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class Arguments(argparse.ArgumentParser):
    """The arguments of one magic: parsing, usage text, and what Tab may offer.

    Parameters
    ----------
    name
        The magic's name without ``%``.
    description
        What it does; the first line is its summary.
    examples
        Lines a reader can copy, each a whole magic call.
    """

    def __init__(self, name: str, description: str, examples: Sequence[str]) -> None:
        # Newer Pythons colour the help on a terminal; a cell's result must not vary with that.
        extra: dict[str, Any] = {"color": False} if sys.version_info >= (3, 14) else {}
        super().__init__(
            prog=f"%{name}",
            description=textwrap.dedent(description).strip(),
            epilog=_epilog(examples),
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=30, width=_WIDTH
            ),
            add_help=False,
            allow_abbrev=False,
            **extra,
        )
        self.name = name
        self._offers: dict[str, str] = {}
        self._groups: dict[str, Any] = {}
        self._last = self.add_argument_group("every magic")
        self._last.add_argument(
            "--out",
            metavar="NAME",
            type=variable_name,
            help="also keep the result in this variable",
        )
        self._last.add_argument(
            "--help", action="store_true", help="show this text and do nothing else"
        )

    def add(self, *names: str, offers: str = "", group: str = "", **options: Any) -> None:
        """Add an argument.

        Parameters
        ----------
        offers
            What Tab completes its value from: a kind that
            :mod:`exp_jupyter.magics.line.offers` knows, or the words themselves,
            separated by blanks.
        group
            The heading in the usage that it stands under; by default the general one.
        """
        action = self._place(group).add_argument(*names, **options)
        if offers:
            self._offers[action.dest] = offers

    def _place(self, group: str) -> Any:
        """Return the group of a heading, made where it is new; the last one stays the last."""
        if not group:
            return self
        if group not in self._groups:
            self._groups[group] = self.add_argument_group(group)
            self._action_groups.remove(self._last)
            self._action_groups.append(self._last)
        return self._groups[group]

    def read(
        self, line: str, variables: Mapping[str, Any] | None = None
    ) -> argparse.Namespace | Help:
        """Parse a magic's line.

        Parameters
        ----------
        variables
            What ``{name}`` and ``$name`` stand for; by default they are left as they are.

        Returns
        -------
        argparse.Namespace or Help
            The options, or the usage text when the line asks for it.

        Raises
        ------
        exp_jupyter.errors.InputError
            The line does not parse; the message names the word at fault.
        """
        found = words(line, variables)
        if found and found[-1].open_quote:
            raise InputError(
                f"%{self.name}: a quote ({found[-1].open_quote}) is opened and never closed.",
                hint="Put a name that contains a quote inside quotes of the other kind.",
            )
        given = [word.text for word in found]
        if any(word in ("--help", "-h") and not isinstance(word, Text) for word in given):
            return Help(self.usage_text())
        options, extras = self.parse_known_intermixed_args(given)
        if extras:
            self._refuse(extras)
        for name, value in vars(options).items():
            setattr(options, name, _unmarked(value))
        return options

    def _parse_optional(self, arg_string: str) -> Any:
        # What was quoted or came from a variable is a value, also when it begins with a hyphen.
        return None if isinstance(arg_string, Text) else super()._parse_optional(arg_string)

    def usage_text(self) -> str:
        """Return the usage, the description, the options with their units, and the examples."""
        # Positional words first, as they are written; the options are listed right below.
        shown = [self.prog, *map(_written, self._positionals_in_order()), "[options]"]
        self.usage = " ".join(shown).replace("%", "%%")
        return self.format_help().rstrip()

    def option_names(self) -> list[str]:
        """Return the long options in the order of the help."""
        return [
            name
            for action in self._actions
            for name in action.option_strings
            if name.startswith("--")
        ]

    def slot(self, before: Sequence[str]) -> tuple[str, list[str]]:
        """Return what the next word completes from, and the positional words in front of it.

        Parameters
        ----------
        before
            The words already typed.
        """
        positionals = self._positionals_in_order()
        places: list[str] = []
        pending, left = "", 0
        for word in before:
            option = next((a for a in self._actions if word in a.option_strings), None)
            if option is not None:
                pending, left = option.dest, _most(option)
            elif left > 0:
                left -= 1
            else:
                places.append(word)
        if left > 0:
            return self._offers.get(pending, ""), places
        index = min(len(places), len(positionals) - 1)
        if index < 0 or (len(places) > index and _most(positionals[index]) <= 1):
            return "", places
        return self._offers.get(positionals[index].dest, ""), places

    def error(self, message: str) -> NoReturn:
        """Turn the parser's complaint into an InputError; a UsageError never leaves a magic."""
        wrong = re.match(r"argument (?P<name>.+?): (?P<reason>.+)", message, re.DOTALL)
        if wrong:
            name = wrong["name"].split("/")[-1]
            reason = wrong["reason"].replace("expected one argument", "needs a value")
            reason = reason.replace("expected at least one argument", "needs at least one value")
            message = f"{name}: {reason}" if ":" in reason else f"{name} {reason}"
        elif message.startswith("the following arguments are required: "):
            message = f"needs {message.rpartition(': ')[2]}."
        message, _, meant = message.partition(". Did you mean")
        hint = f"Did you mean{meant}" if meant else f"See %{self.name}?"
        raise InputError(f"%{self.name}: {message.rstrip('.')}.", hint=hint)

    def _positionals_in_order(self) -> list[argparse.Action]:
        return [action for action in self._actions if not action.option_strings]

    def _refuse(self, extras: Sequence[str]) -> NoReturn:
        option = next((extra for extra in extras if extra.startswith("--")), None)
        if option is not None:
            name = option.partition("=")[0]
            raise InputError(
                f"%{self.name} has no option {name}.",
                hint=nearest(name, self.option_names()) or f"See %{self.name}?",
            )
        raise InputError(
            f"%{self.name}: there is a word too many: {extras[0]!r}.",
            hint=f"Put a name with blanks in quotes; see %{self.name}?",
        )


def _epilog(examples: Sequence[str]) -> str:
    """Return what stands below the options: lines to copy, and the rule of variables."""
    return "\n".join(("Examples:", *(f"  {one}" for one in examples), "", VARIABLES_HELP))


def _unmarked(value: Any) -> Any:
    """Return an option's value as plain text again."""
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    return str(value) if isinstance(value, Text) else value


def _written(action: argparse.Action) -> str:
    """Return a positional argument as usage writes it."""
    name = str(action.metavar or action.dest)
    forms = {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}
    return forms.get(str(action.nargs), name)


def _most(action: argparse.Action) -> int:
    """Return how many words an argument takes at most."""
    if action.nargs in ("+", "*"):
        return sys.maxsize
    if isinstance(action.nargs, int):
        return action.nargs
    return 1


def variable_name(text: str) -> str:
    """Read a name to keep a result under: an identifier that hides nothing of Python's own."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a Python variable name")
    if hasattr(builtins, text):
        raise argparse.ArgumentTypeError(f"{text!r} would hide Python's own {text}")
    return text


def _reader(read: Callable[[str], T]) -> Callable[[str], T]:
    """Let a reader's own message reach the person; argparse keeps only this kind of error's."""

    @functools.wraps(read)
    def typed(text: str) -> T:
        try:
            return read(text)
        except InputError as wrong:
            raise argparse.ArgumentTypeError(wrong.message.rstrip(".")) from None

    return typed


number = _reader(reading.number)
percent = _reader(reading.percent)
whole = _reader(reading.whole)


def yes_no(text: str) -> bool:
    """Read ``yes`` or ``no`` (also ``true`` and ``false``)."""
    answers = {"yes": True, "true": True, "no": False, "false": False}
    if text.lower() not in answers:
        raise argparse.ArgumentTypeError(f"{text!r} is neither yes nor no")
    return answers[text.lower()]


def one_of(*known: str) -> Callable[[str], str]:
    """Return a reader of one of ``known``; blanks and underscores may stand for hyphens."""

    def read(text: str) -> str:
        for form in (text, text.lower(), text.lower().replace("_", "-").replace(" ", "-")):
            if form in known:
                return form
        hint = nearest(text, known)
        expected = ", ".join(known)
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of {expected}" + (f". {hint}" if hint else "")
        )

    return read


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the named options that have a value, ready to be passed on."""
    values = vars(options)
    return {name: values[name] for name in names if values.get(name) is not None}


def python_call(function: str, *positional: Any, **named: Any) -> str:
    """Return the text of a Python call.

    Examples
    --------
    >>> python_call("exp_jupyter.sample_size", "funnel", baseline=0.12, mde=5.0)
    "exp_jupyter.sample_size('funnel', baseline=0.12, mde=5.0)"
    """
    words_ = [repr(value) for value in positional]
    words_ += [f"{name}={value!r}" for name, value in named.items()]
    return f"{function}({', '.join(words_)})"

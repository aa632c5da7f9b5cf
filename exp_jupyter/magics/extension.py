"""The magics' class: one thin method a magic, its settings, and how a line reaches its family."""

from __future__ import annotations

import functools
import importlib
import inspect
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from IPython.core.magic import Magics, line_magic, magics_class
from traitlets import Bool, Enum, Float, TraitError, Unicode, observe

from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.magics import settings
from exp_jupyter.magics.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from exp_jupyter.magics.arguments import Arguments

Method = Callable[["ExpMagics", str], Any]


class Family(Protocol):
    """What each module of a magic has."""

    def arguments(self) -> Arguments:
        """Return the magic's arguments."""

    def run(self, session: Session, options: Namespace) -> Any:
        """Call the twin and return its object."""


def _written(value: Any) -> str:
    """Return a setting's value as the person wrote it."""
    return "not set" if value is None else f"{value:g}" if type(value) is float else str(value)


@functools.cache
def arguments_of(module: str) -> Arguments:
    """Return a family's arguments, made at the first use."""
    return _family(module).arguments()


def _family(module: str) -> Family:
    return cast("Family", importlib.import_module(f"exp_jupyter.magics.{module}"))


def magic(module: str) -> Callable[[Method], Method]:
    """Make a documented, empty method the magic that ``exp_jupyter.magics.<module>`` carries out.

    Its module is imported when the magic, its help or its completion is first used.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def run(self: ExpMagics, line: str) -> Any:
            return self.carry_out(module, line)

        # IPython asks for getdoc() before it reads a docstring: %exp_size? shows the whole usage.
        run.__dict__.update(getdoc=lambda: arguments_of(module).usage_text(), family=module)
        return cast("Method", line_magic(run))

    return decorate


@magics_class
class ExpMagics(Magics):
    """Plan, watch, analyse and decide experiments. ``%exp`` lists the magics."""

    debug = Bool(False, help="Show the whole traceback of an error.").tag(config=True)
    alpha = Float(
        None, allow_none=True, help="False-positive rate, between 0 and 1; empty for the default."
    ).tag(config=True)
    mode = Enum(
        ["compat", "recommended"],
        default_value=None,
        allow_none=True,
        help="compat: the numbers the project shows; recommended: the method's best form.",
    ).tag(config=True)
    method = Enum(
        ["frequentist", "sequential", "bayesian"],
        default_value=None,
        allow_none=True,
        help="Method for %exp_timeseries; empty for the experiment's own.",
    ).tag(config=True)
    target = Unicode("demo", help="What %exp_connect connects when it names nothing.").tag(
        config=True
    )

    def __init__(self, shell: InteractiveShell) -> None:
        self.sources: dict[str, str] = {}
        super().__init__(shell=shell)
        for name in self.trait_names(config=True):
            if name in self.config.get("ExpMagics", {}):
                self.sources[name] = "IPython configuration"
        for name, (value, source) in settings.found(
            frozenset(self.trait_names(config=True)), folder=Path.cwd()
        ).items():
            try:
                setattr(self, name, value)
            except TraitError as error:
                raise InputError(
                    f"The setting {name} from {source} is not usable: {error}"
                ) from error
            self.sources[name] = source
        self.session = Session(
            shell, self, self._summaries(), lambda name: self.arguments(name).usage_text()
        )
        self.observe(self._set_here, self.trait_names(config=True))

    def carry_out(self, module: str, line: str) -> Any:
        """Parse a magic's line, call its twin, and return what the twin returned."""
        silent = line.rstrip().endswith(";")
        options = arguments_of(module).read(line.rstrip().removesuffix(";") if silent else line)
        if not isinstance(options, Namespace):
            return options
        result = _family(module).run(self.session, options)
        self.session.keep(options.out, result)
        # A closing semicolon means the same as after any other expression: do not show it.
        return None if silent else result

    def arguments(self, name: str) -> Arguments:
        """Return the arguments of the magic ``name``."""
        return arguments_of(getattr(self, name).family)

    @property
    def chosen_target(self) -> str | None:
        """The target, if this session or its IPython says it, and not some file of a project."""
        own = self.sources.get("target") in ("%config", "IPython configuration")
        return str(self.target) if own else None

    def rows(self) -> list[tuple[str, str, str]]:
        """Return each setting's name, value and source."""
        return [
            (name, _written(getattr(self, name)), self.sources.get(name, "default"))
            for name in sorted(self.trait_names(config=True))
        ]

    @classmethod
    def _summaries(cls) -> dict[str, str]:
        return {
            name: inspect.getdoc(getattr(cls, name)) or ""
            for name in vars(cls)
            if name.startswith("exp") and callable(getattr(cls, name))
        }

    @observe("debug")
    def _debug_changed(self, change: Any) -> None:
        ExpError.debug = change["new"]

    def _set_here(self, change: Any) -> None:
        self.sources[change["name"]] = "%config"

    @magic("family")
    def exp(self, line: str) -> Any:
        """List the magics, or show the help of one."""

    @magic("connect")
    def exp_connect(self, line: str) -> Any:
        """Connect a project: the embedded demo, a folder, or a real one."""

    @magic("listing")
    def exp_list(self, line: str) -> Any:
        """List experiments."""

    @magic("show")
    def exp_show(self, line: str) -> Any:
        """Show one experiment: flag, variants, metrics, dates."""

    @magic("size")
    def exp_size(self, line: str) -> Any:
        """Plan sample size and running time."""

    @magic("flags")
    def exp_flags(self, line: str) -> Any:
        """Find feature flags an experiment can use."""

    @magic("timeseries")
    def exp_timeseries(self, line: str) -> Any:
        """Read a metric's daily results."""

    @magic("health")
    def exp_health(self, line: str) -> Any:
        """Check an experiment: split, bias, flag implementation, exposures."""

    @magic("stats")
    def exp_stats(self, line: str) -> Any:
        """Count the project's experiments: launched, active, completed."""

    @magic("templates")
    def exp_templates(self, line: str) -> Any:
        """List the metric templates for prompt experiments."""

    @magic("from_prompt")
    def exp_from_prompt(self, line: str) -> Any:
        """Create an experiment that compares versions of a prompt."""

    @magic("unarchive")
    def exp_unarchive(self, line: str) -> Any:
        """Bring an archived experiment back."""

    @magic("approvals")
    def exp_approvals(self, line: str) -> Any:
        """List change requests; approve, reject or withdraw one."""

    @magic("analyze")
    def exp_analyze(self, line: str) -> Any:
        """Analyse your own table with one row a unit."""

    @magic("compare")
    def exp_compare(self, line: str) -> Any:
        """Compare two arms from their counts."""

    @magic("config")
    def exp_config(self, line: str) -> Any:
        """Show every setting, its value and where it comes from."""

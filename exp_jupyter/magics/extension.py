"""The magics' class: one thin method a magic, its settings, and how a line reaches its family."""

from __future__ import annotations

import functools
import importlib
import inspect
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import Bool, Enum, Float, TraitError, Unicode, observe

from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.magics import settings
from exp_jupyter.magics.session import MagicEntry, Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from exp_jupyter.magics.line.arguments import Arguments

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
    return cast("Family", importlib.import_module(f"exp_jupyter.magics.commands.{module}"))


def magic(module: str, group: str, *, body: bool = False) -> Callable[[Method], Method]:
    """Make a documented, empty method the magic that a module of ``magics.commands`` carries out.

    Its module is imported when the magic, its help or its completion is first used. ``group`` is
    what it is for, as ``%exp`` lists it; with ``body`` its options may also stand in the cell below
    the line, as TOML.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def run(
            self: ExpMagics,
            line: str,
            cell: str | None = None,
            local_ns: Mapping[str, Any] | None = None,
        ) -> Any:
            return self.carry_out(module, line, local_ns or {}, cell)

        # IPython asks for getdoc() before it reads a docstring: %exp_size? shows the whole usage.
        run.__dict__.update(getdoc=lambda: arguments_of(module).usage_text())
        run.__dict__.update(family=module, group=group)
        # We look variables up ourselves: IPython would run any code that stands in braces.
        made = line_cell_magic if body else line_magic
        return cast("Method", made(no_var_expand(needs_local_scope(run))))

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
        help="Method for %exp_results and %exp_timeseries; empty for the experiment's own.",
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
            shell, self, self._entries(), lambda name: self.arguments(name).usage_text()
        )
        self.observe(self._set_here, self.trait_names(config=True))

    def carry_out(
        self, module: str, line: str, local: Mapping[str, Any], body: str | None = None
    ) -> Any:
        """Parse a magic's line, call its twin, and return what the twin returned.

        Parameters
        ----------
        local
            The variables of the function the magic stands in; the notebook's own outside one.
        body
            The cell below the line, with further options as TOML; None for a line alone.
        """
        silent = line.rstrip().endswith(";")
        words = line.rstrip().removesuffix(";") if silent else line
        with self.session.within(local):
            if body is not None:
                from exp_jupyter.magics.line.body import with_body

                words = with_body(arguments_of(module), words, body, self.session.variables)
            options = arguments_of(module).read(words, self.session.variables)
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
    def _entries(cls) -> dict[str, MagicEntry]:
        return {
            name: MagicEntry(f"%{name}", inspect.getdoc(method) or "", method.group)
            for name, method in vars(cls).items()
            if hasattr(method, "group")
        }

    @observe("debug")
    def _debug_changed(self, change: Any) -> None:
        ExpError.debug = change["new"]

    def _set_here(self, change: Any) -> None:
        self.sources[change["name"]] = "%config"

    @magic("plan.size", "Plan")
    def exp_size(self, line: str) -> Any:
        """Plan sample size and running time."""

    @magic("plan.history", "Plan")
    def exp_history(self, line: str) -> Any:
        """Plan from a past period of your own events."""

    @magic("create.flags", "Plan")
    def exp_flags(self, line: str) -> Any:
        """Find feature flags an experiment can use."""

    @magic("create.templates", "Plan")
    def exp_templates(self, line: str) -> Any:
        """List the metric templates for prompt experiments."""

    @magic("create.create", "Plan")
    def exp_create(self, line: str) -> Any:
        """Create an experiment."""

    @magic("create.from_prompt", "Plan")
    def exp_from_prompt(self, line: str) -> Any:
        """Create an experiment that compares versions of a prompt."""

    @magic("create.duplicate", "Plan")
    def exp_duplicate(self, line: str) -> Any:
        """Make a draft with the settings of an experiment."""

    @magic("create.update", "Plan")
    def exp_update(self, line: str) -> Any:
        """Change an experiment's name, description, metrics or conclusion."""

    @magic("lifecycle.launch", "Plan")
    def exp_launch(self, line: str) -> Any:
        """Start a draft and switch its flag on."""

    @magic("watch.listing", "Watch")
    def exp_list(self, line: str) -> Any:
        """List experiments."""

    @magic("watch.show", "Watch")
    def exp_show(self, line: str) -> Any:
        """Show one experiment: flag, variants, metrics, dates."""

    @magic("watch.health", "Watch")
    def exp_health(self, line: str) -> Any:
        """Check an experiment: split, bias, flag implementation, exposures."""

    @magic("watch.exposures", "Watch")
    def exp_exposures(self, line: str) -> Any:
        """Show who saw which variant by day, and whether the split holds."""

    @magic("watch.timeseries", "Watch")
    def exp_timeseries(self, line: str) -> Any:
        """Read a metric's daily results."""

    @magic("watch.stats", "Watch")
    def exp_stats(self, line: str) -> Any:
        """Count the project's experiments: launched, active, completed."""

    @magic("lifecycle.pause", "Watch")
    def exp_pause(self, line: str) -> Any:
        """Switch the flag of a running experiment off."""

    @magic("lifecycle.resume", "Watch")
    def exp_resume(self, line: str) -> Any:
        """Switch it on again."""

    @magic("lifecycle.freeze", "Watch")
    def exp_freeze(self, line: str) -> Any:
        """Keep newcomers out of a running experiment."""

    @magic("lifecycle.unfreeze", "Watch")
    def exp_unfreeze(self, line: str) -> Any:
        """Let newcomers in again."""

    @magic("watch.results", "Analyse")
    def exp_results(self, line: str) -> Any:
        """Read every metric of an experiment as it is now."""

    @magic("plan.aa", "Plan")
    def exp_aa(self, line: str) -> Any:
        """Try a method on your own units: A/A and power runs."""

    @magic("analyze.analyze", "Analyse")
    def exp_analyze(self, line: str) -> Any:
        """Analyse your own table with one row a unit."""

    @magic("analyze.analyze_events", "Analyse", body=True)
    def exp_analyze_events(self, line: str) -> Any:
        """Analyse your own raw events with one row an event."""

    @magic("analyze.compare", "Analyse")
    def exp_compare(self, line: str) -> Any:
        """Compare two arms from their counts."""

    @magic("watch.report", "Decide")
    def exp_report(self, line: str) -> Any:
        """Make one page for those who decide."""

    @magic("lifecycle.ship", "Decide")
    def exp_ship(self, line: str) -> Any:
        """Give everybody one variant and end the experiment."""

    @magic("lifecycle.end", "Decide")
    def exp_end(self, line: str) -> Any:
        """End an experiment and keep what was concluded."""

    @magic("project.approvals", "Decide")
    def exp_approvals(self, line: str) -> Any:
        """List change requests; approve, reject or withdraw one."""

    @magic("lifecycle.archive", "Decide")
    def exp_archive(self, line: str) -> Any:
        """Put an ended experiment into the archive."""

    @magic("lifecycle.unarchive", "Decide")
    def exp_unarchive(self, line: str) -> Any:
        """Bring an archived experiment back."""

    @magic("lifecycle.reset", "Decide")
    def exp_reset(self, line: str) -> Any:
        """Make a launched experiment a draft again."""

    @magic("project.connect", "Project")
    def exp_connect(self, line: str) -> Any:
        """Connect a project: the embedded demo, a folder, or a real one."""

    @magic("project.record", "Project")
    def exp_record(self, line: str) -> Any:
        """Keep what the project answers in a file."""

    @magic("project.replay", "Project")
    def exp_replay(self, line: str) -> Any:
        """Run the notebook again offline from such a file."""

    @magic("project.config", "Project")
    def exp_config(self, line: str) -> Any:
        """Show every setting, its value and where it comes from."""

    @magic("help", "Project")
    def exp(self, line: str) -> Any:
        """List the magics, or show the help of one."""

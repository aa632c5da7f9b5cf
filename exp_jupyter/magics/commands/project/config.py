"""``%exp_config``: every setting, its value, and where the value comes from."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.display.content.blocks import Description
    from exp_jupyter.magics.session import Session


@dataclass(frozen=True)
class Setting:
    """One setting: its value as text, and where it was set."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, repr=False)
class SettingList(Shown):
    """Every setting of the magics."""

    settings: tuple[Setting, ...]


def arguments() -> Arguments:
    """Return the arguments of ``%exp_config``."""
    return Arguments(
        "exp_config",
        """
        Show every setting, its value, and where the value comes from.

        A setting stands in [tool.exp_jupyter] of the nearest pyproject.toml, in the user's
        settings.toml, in an environment variable such as EXP_JUPYTER_ALPHA, or is set with
        %config; the last one wins.
        """,
        ["%exp_config", "%config ExpMagics.alpha = 0.01"],
    )


def run(session: Session, options: Namespace) -> SettingList:
    """Show the settings."""
    from exp_jupyter.display import register

    del options
    register(SettingList, describe)
    return SettingList(tuple(Setting(*row) for row in session.settings.rows()))


def describe(listed: SettingList) -> Description:
    """Describe the settings as a table."""
    from exp_jupyter.display.content import blocks

    names = ("setting", "value", "source")
    columns = tuple(blocks.Column(name.capitalize(), names=(name,)) for name in names)
    rows = tuple(
        blocks.Row((blocks.Text(one.name), blocks.Text(one.value), blocks.Text(one.source)))
        for one in listed.settings
    )
    how = blocks.NextStep("Set one for this notebook:", code="%config ExpMagics.alpha = 0.01")
    table = blocks.Table("Settings of the %exp magics", columns, rows)
    return blocks.Description("settings", "Settings", (table, how))

"""The pages of the magics: each from its own help, with an example that is run on the demo."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

EXAMPLES = {
    "exp": "%exp",
    "exp_aa": "%exp_aa units --metric spent:mean converted:proportion --mde 20",
    "exp_analyze": "%exp_analyze units --metric spent:mean converted:proportion --split equal",
    "exp_analyze_events": "%exp_analyze_events events --flag checkout --start 2026-03-02 "
    "--metric Paid=purchase:conversion",
    "exp_approvals": "%exp_approvals",
    "exp_archive": "%exp_archive 3",
    "exp_compare": "%exp_compare 8502/44700 8279/45489 --names gate_30 gate_40",
    "exp_config": "%exp_config",
    "exp_connect": "%exp_connect",
    "exp_create": '%exp_create "Shorter checkout" --metrics checkout_started>purchase:funnel',
    "exp_duplicate": "%exp_duplicate 4",
    "exp_end": "%exp_end 4 --conclusion won",
    "exp_exposures": "%exp_exposures 4",
    "exp_flags": "%exp_flags --search checkout",
    "exp_freeze": "%exp_freeze 4",
    "exp_from_prompt": "%exp_from_prompt support-reply 1 2 --templates cost latency",
    "exp_health": "%exp_health 5",
    "exp_history": "%exp_history events purchase:conversion --exposure view "
    "--start 2026-03-02 --end 2026-03-08",
    "exp_launch": "%exp_launch 4",
    "exp_list": "%exp_list",
    "exp_pause": "%exp_pause 4",
    "exp_record": "%exp_record analysis.expsnap",
    "exp_report": "%exp_report 4",
    "exp_reset": "%exp_reset 4",
    "exp_results": "%exp_results 4",
    "exp_resume": "%exp_resume 4",
    "exp_ship": "%exp_ship 4 test",
    "exp_show": "%exp_show 4",
    "exp_size": "%exp_size funnel --baseline 0.12 --mde 5 --rate 1800",
    "exp_stats": "%exp_stats",
    "exp_templates": "%exp_templates",
    "exp_timeseries": '%exp_timeseries 4 "Checkout conversion" --method sequential',
    "exp_unarchive": "%exp_unarchive 6",
    "exp_unfreeze": "%exp_unfreeze 4",
    "exp_update": '%exp_update 4 --description "One page instead of three"',
}
"""One line a magic, whose output its page shows."""

NOT_RUN = {"exp_record", "exp_replay"}
"""Magics that change what later ones answer; their pages show help alone."""


@dataclass(frozen=True)
class MagicPage:
    """What the page of a magic shows.

    Attributes
    ----------
    name
        The magic's name without ``%``.
    group
        What it is for.
    summary
        What it does, in one line.
    usage
        Its whole help.
    example
        The line that was run; empty where none is.
    output
        What the line shows, as HTML.
    """

    name: str
    group: str
    summary: str
    usage: str
    example: str
    output: str

    def markdown(self) -> str:
        """Return the page."""
        parts = [f"# %{self.name}", self.summary]
        if self.output:
            parts += [f"```text\n{self.example}\n```", f'<div class="exp">{self.output}</div>']
        parts.append(f"## Help\n\n```text\n{self.usage.strip()}\n```")
        return "\n\n".join(parts) + "\n"


def own_data() -> dict[str, Any]:
    """Return the tables that the examples on own data use: units, and events."""
    rng = np.random.default_rng(7)
    count = 4000
    variant = np.where(rng.random(count) < 0.5, "control", "test")
    converted = rng.random(count) < np.where(variant == "test", 0.15, 0.12)
    spent = np.where(converted, rng.lognormal(3, 0.7, count), 0.0).round(2)
    units = pd.DataFrame({"variant": variant, "converted": converted, "spent": spent})
    began = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(
        rng.integers(0, 6 * 86400, count), unit="s"
    )
    people = np.array([f"p{number}" for number in range(count)])
    seen = pd.DataFrame(
        {
            "event": "$feature_flag_called",
            "distinct_id": people,
            "person_id": people,
            "timestamp": began,
            "properties": [
                f'{{"$feature_flag": "checkout", "$feature_flag_response": "{name}"}}'
                for name in variant
            ],
        }
    )
    viewed = seen.assign(event="view", properties="{}")
    paid = seen[converted].assign(event="purchase")
    paid = paid.assign(
        timestamp=paid["timestamp"] + pd.Timedelta(hours=2),
        properties=[f'{{"revenue": {value}}}' for value in spent[converted]],
    )
    return {"units": units, "events": pd.concat([seen, viewed, paid], ignore_index=True)}


def shell_on_the_demo() -> InteractiveShell:
    """Return an IPython with the magics loaded, the demo connected and own data at hand."""
    shell = InteractiveShell.instance()
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_line_magic("load_ext", "exp_jupyter")
        shell.run_cell("%exp_connect demo;", store_history=False)
    shell.push(own_data())
    return shell


def shown(shell: InteractiveShell, line: str) -> Any:
    """Run a line and return what it returns, with nothing printed."""
    with contextlib.redirect_stdout(io.StringIO()):
        ran = shell.run_cell(line, store_history=False)
    if ran.error_in_exec is not None:
        raise ran.error_in_exec
    return ran.result


def pages() -> list[MagicPage]:
    """Return the page of every magic, in the order of ``%exp``."""
    shell = shell_on_the_demo()
    listed = shown(shell, "%exp")
    made = []
    for entry in listed.entries:
        name = entry.name.lstrip("%")
        usage = str(shown(shell, f"%{name} --help"))
        line = EXAMPLES.get(name, "") if name not in NOT_RUN else ""
        output = ""
        if line:
            result = shown(shell, line)
            output = result.to_html() if result is not None else ""
        made.append(MagicPage(name, entry.group, entry.summary, usage, line, output))
    return made

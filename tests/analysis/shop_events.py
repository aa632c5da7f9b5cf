"""The events of a small shop whose new checkout sells more, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FLAG, START = "new-checkout", "2026-03-02"
COLUMNS = {"$feature_flag": "flag", "$feature_flag_response": "variant"}
"""What the shop's columns hold, where their names do not say it."""

METRICS = {
    "Paid": "view > purchase",
    "Revenue": "purchase:sum(revenue)",
    "Orders per view": "purchase / view",
    "Back": "view:retention(1-7 days)",
}


def shop(people: int = 900, days: int = 10, seed: int = 7) -> pd.DataFrame:
    """Return flag calls, views and purchases of people who come back."""
    draws = np.random.default_rng(seed)
    who = pd.DataFrame({"person_id": range(people)})
    who["variant"] = np.where(draws.random(people) < 0.5, "control", "test")
    who["country"] = draws.choice(["DE", "FR", "NZ"], people)
    who["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(draws.random(people) * days, "D")
    seen = who.assign(event="$feature_flag_called", flag=FLAG)
    views = pd.concat([who, who[draws.random(people) < 0.4]]).assign(event="view")
    late = pd.to_timedelta(draws.random(len(views)) * 50, "h")
    views["timestamp"] = (views["timestamp"] + late).dt.floor("us")
    paid = who[draws.random(people) < np.where(who["variant"] == "test", 0.45, 0.3)]
    paid = paid.assign(event="purchase", revenue=draws.gamma(2.0, 20.0, len(paid)).round(2))
    paid["timestamp"] += pd.to_timedelta(draws.random(len(paid)) * 60, "h")
    table = pd.concat([seen, views, paid], ignore_index=True)
    table["timestamp"] = table["timestamp"].dt.floor("us")
    table = table[table["timestamp"] < pd.Timestamp(START) + pd.Timedelta(days=days)]
    return table.sort_values(["timestamp", "event"], ignore_index=True)


EVENTS = shop()


def analyzed(events: Any = EVENTS, **options: Any) -> Any:
    """Analyse the shop's experiment."""
    import exp_jupyter

    told = {"flag": FLAG, "start": START, "metrics": METRICS, "columns": COLUMNS} | options
    return exp_jupyter.analyze_events(events, **told)


def until(days: float) -> pd.DataFrame:
    """Return what had happened this many days after the start."""
    return EVENTS[EVENTS["timestamp"] < pd.Timestamp(START) + pd.Timedelta(days=days)]

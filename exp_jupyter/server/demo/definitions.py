"""The demo's experiments and flags in the API's words: what was tried, measured and concluded."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.demo.setting import (
    BANNER,
    BUNDLES,
    CHECKLIST,
    CHECKOUT,
    PHOTOS,
    SEARCH,
    SIGNUP,
    Trial,
)

Json = dict[str, Any]


def _metric(kind: str, name: str, **fields: Any) -> Json:
    return {
        "kind": "ExperimentMetric",
        "metric_type": kind,
        "name": name,
        "goal": "increase",
        **fields,
    }


def _event(name: str, **fields: Any) -> Json:
    return {"kind": "EventsNode", "event": name, **fields}


def _sum(event: str, prop: str) -> Json:
    return _event(event, math="sum", math_property=prop)


def _funnel(name: str, *events: str, days: int) -> Json:
    return _metric(
        "funnel",
        name,
        series=[_event(event) for event in events],
        funnel_order_type="ordered",
        conversion_window=days,
        conversion_window_unit="day",
    )


def _retention(name: str, start: str, completion: str, first: int, last: int) -> Json:
    return _metric(
        "retention",
        name,
        start_event=_event(start),
        completion_event=_event(completion),
        retention_window_start=first,
        retention_window_end=last,
        retention_window_unit="day",
        start_handling="first_seen",
    )


_REVENUE = _metric(
    "mean", "Revenue per customer", source=_sum("purchase", "revenue"), upper_bound_percentile=0.99
)
_ORDER_VALUE = _metric(
    "ratio",
    "Average order value",
    numerator=_sum("purchase", "revenue"),
    denominator=_event("purchase"),
)


def _flag(trial: Trial, names: tuple[str, ...]) -> Json:
    variants = [
        {"key": key, "name": name, "rollout_percentage": weight}
        for key, name, weight in zip(trial.variants, names, trial.weights, strict=True)
    ]
    return {
        "filters": {
            "multivariate": {"variants": variants},
            "groups": [{"properties": [], "rollout_percentage": trial.rollout}],
        }
    }


def _experiment(
    trial: Trial,
    name: str,
    description: str,
    variants: tuple[str, ...],
    *,
    metrics: list[Json],
    secondary: list[Json] | None = None,
    stats: Json | None = None,
    plan: tuple[float, int, int] | None = None,
) -> Json:
    fields = {
        "name": name,
        "description": description,
        "feature_flag_key": trial.key,
        "feature_flag": _flag(trial, variants),
        "metrics": metrics,
        "metrics_secondary": secondary or [],
        "stats_config": stats or {"method": "bayesian", "bayesian": {"ci_level": 0.95}},
        "exposure_criteria": {"filterTestAccounts": True, "multiple_variant_handling": "exclude"},
    }
    if plan is not None:
        effect, size, days = plan
        fields["running_time_calculation"] = {
            "minimum_detectable_effect": effect,
            "recommended_sample_size": size,
            "recommended_running_time": days,
        }
    return fields


_FREQUENTIST: Json = {"method": "frequentist", "frequentist": {"alpha": 0.05}}
_SEQUENTIAL: Json = {
    "method": "frequentist",
    "frequentist": {
        "alpha": 0.05,
        "sequential_testing_enabled": True,
        "sequential_tuning_parameter": 5000,
    },
}
_BAYESIAN_CUPED: Json = {
    "method": "bayesian",
    "bayesian": {"ci_level": 0.95},
    "cuped": {"enabled": True, "lookback_days": 14},
}

ONE_STEP_SIGNUP = _experiment(
    SIGNUP,
    "One-step sign-up",
    "Asking for the e-mail address only, and for everything else later, should bring more "
    "accounts without losing orders.",
    ("Three steps", "One step"),
    metrics=[_funnel("Sign-up", "signup", days=7)],
    secondary=[_metric("mean", "Orders per visitor", source=_event("purchase"))],
)

WELCOME_CHECKLIST = _experiment(
    CHECKLIST,
    "Welcome checklist",
    "New customers who are shown what to do first should come back within a week.",
    ("No checklist", "Checklist"),
    metrics=[_retention("Back within a week", "signup", "session_start", 1, 7)],
    secondary=[_metric("mean", "Visits per customer", source=_event("session_start"))],
    stats=_FREQUENTIST,
    plan=(15.0, 3021, 21),
)

LARGER_PHOTOS = _experiment(
    PHOTOS,
    "Larger product photos",
    "Bigger pictures of the beans should fill more carts.",
    ("Small photos", "Large photos"),
    metrics=[_metric("mean", "Products put into the cart", source=_event("add_to_cart"))],
    secondary=[_funnel("Cart after a product page", "add_to_cart", days=3), _ORDER_VALUE],
    stats=_BAYESIAN_CUPED,
    plan=(8.0, 8200, 21),
)

CHECKOUT_REDESIGN = _experiment(
    CHECKOUT,
    "Checkout redesign",
    "One page instead of four should turn more started checkouts into orders.",
    ("Four pages", "One page"),
    metrics=[_funnel("Checkout conversion", "checkout_started", "purchase", days=3)],
    secondary=[
        _REVENUE,
        _ORDER_VALUE,
        _retention("Returns in the week after", "checkout_started", "session_start", 1, 7),
    ],
    plan=(8.0, 4616, 27),
)

SEARCH_RANKING = _experiment(
    SEARCH,
    "Search ranking",
    "Ranking search results by what similar customers bought should fill more carts.",
    ("By name", "By similarity"),
    metrics=[_metric("mean", "Products put into the cart", source=_event("add_to_cart"))],
    secondary=[_funnel("Order after a search", "purchase", days=7)],
    stats=_FREQUENTIST,
    plan=(10.0, 5400, 28),
)

BUNDLE_PRICING = _experiment(
    BUNDLES,
    "Bundle pricing",
    "Offering three bags for the price of two and a half should raise revenue per visitor.",
    ("Single bags", "Bundles"),
    metrics=[
        {**_REVENUE, "name": "Revenue per visitor"},
        _metric("mean", "Orders per visitor", source=_event("purchase")),
    ],
    secondary=[_ORDER_VALUE],
    stats=_SEQUENTIAL,
    plan=(10.0, 9100, 28),
)

FREE_SHIPPING_BANNER = _experiment(
    BANNER,
    "Free shipping banner",
    "Saying on every page that shipping is free from 40 euros should raise the orders.",
    ("No banner", "Banner on top", "Banner in the cart"),
    metrics=[_funnel("Order", "purchase", days=7)],
    secondary=[_metric("mean", "Pages per visitor", source=_event("$pageview"))],
    plan=(12.0, 9800, 21),
)

GIFT_WRAPPING: Json = {
    "name": "Gift wrapping at checkout",
    "description": "Offering gift wrapping for 3 euros should raise the average order value.",
    "feature_flag_key": "gift-wrapping",
    "metrics": [_ORDER_VALUE],
    "metrics_secondary": [_funnel("Checkout conversion", "checkout_started", "purchase", days=3)],
    "stats_config": {"method": "bayesian"},
    "running_time_calculation": {"minimum_detectable_effect": 5.0},
}


def _variants(*keys: str) -> Json:
    share = 100 // len(keys)
    shares = [share] * (len(keys) - 1)
    shares.append(100 - sum(shares))
    return {
        "groups": [{"properties": [], "rollout_percentage": 100}],
        "multivariate": {
            "variants": [
                {"key": key, "name": "", "rollout_percentage": rollout}
                for key, rollout in zip(keys, shares, strict=True)
            ]
        },
    }


def _boolean(rollout: int) -> Json:
    return {"groups": [{"properties": [], "rollout_percentage": rollout}], "multivariate": None}


FLAGS: tuple[Json, ...] = (
    {
        "key": "dark-roast-theme",
        "name": "Dark colours for the whole shop",
        "filters": _boolean(100),
    },
    {
        "key": "homepage-hero",
        "name": "Picture at the top of the home page",
        "filters": _variants("photo", "illustration"),
        "evaluation_runtime": "client",
    },
    {
        "key": "recommendations-v2",
        "name": "Recommended blends, second model",
        "filters": _variants("control", "test"),
        "evaluation_runtime": "server",
    },
    {
        "key": "loyalty-badges",
        "name": "Badges for loyal customers",
        "filters": _variants("control", "test-1", "test-2"),
        "active": False,
    },
    {
        "key": "maintenance-notice",
        "name": "Says that the shop is being worked on",
        "filters": _boolean(0),
        "active": False,
    },
)
"""Flags without an experiment: two could have one, the others lack a control variant."""

PROMPTS: dict[str, tuple[str, ...]] = {
    "order-summary": (
        "Summarise the order below in one friendly sentence.",
        "Summarise the order below in one friendly sentence. Name the delivery day.",
    ),
    "support-reply": (
        "You answer customers of a small coffee shop. Be helpful.",
        "You answer customers of a small coffee shop. Be helpful and very short.",
        "You answer customers of a small coffee shop. Quote their order. Offer help by a human.",
        "You answer customers of a coffee shop. Quote their order. Offer a human if unsure.",
        "You answer customers of a coffee shop in three sentences. Offer a human if unsure.",
        "You answer customers of a coffee shop. Promise them their money back.",
    ),
}
"""The texts of each prompt's versions, the first version first."""

"""What happens on the visits to the demo's shop: pages, searches, carts, orders and their flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.server.demo.draws import Bools, Draws, Ints, log_normal_table
from exp_jupyter.server.demo.people import BASKET_CENTS, BULK_CENTS, People, Visits
from exp_jupyter.server.demo.rows import Rows
from exp_jupyter.server.demo.setting import (
    BANNER,
    BUNDLES,
    CHECKLIST,
    CHECKOUT,
    PHOTOS,
    SEARCH,
    SIGNUP,
    TRIALS,
    Trial,
    milliseconds,
)

NOT_RELEASED = -2
"""The answer of a flag to people outside its rollout; it is sent as ``false``."""

_DWELL_MS = log_normal_table(14_000, 0.9)
_PAUSE_MS = log_normal_table(55_000, 0.8)
_LATER_MS = log_normal_table(16 * 3_600_000, 0.7)  # ordering from the reminder e-mail
_PAGES = (1, 2, 3, 4, 5, 7, 10)
_PAGE_WEIGHTS = (34, 28, 17, 10, 6, 3, 2)

CART_PER_MILLE = np.asarray((130, 420, 640))
"""How likely a visit puts something into the cart, by keenness."""

ORDER_PER_MILLE = np.asarray((430, 530, 640))
"""How likely a checkout becomes an order, by keenness, before the redesign."""

CHECKOUT_LIFT = 1.12
"""By how much the redesigned checkout multiplies orders: the truth behind that experiment."""

SEARCH_LOSS_PER_CENT = 19
"""How many of the new ranking's exposures a broken script swallows: the mismatch to find."""


@dataclass(frozen=True)
class Shop:
    """What the visits are drawn with, and where their events go."""

    draws: Draws
    who: People
    visits: Visits
    rows: Rows

    def answer(self, trial: Trial, visit: Ints) -> Ints:
        """Return the variant that each visit is shown, or `NOT_RELEASED`."""
        person = self.visits.person[visit]
        own = self.who.variants[trial.key][person]
        odd = self.visits.number[visit] % 2 == 1
        other = (own + 1) % len(trial.variants)
        shown = np.where(self.who.switches[trial.key][person] & odd, other, own)
        return np.where(own < 0, NOT_RELEASED, shown)

    def call(self, trial: Trial, visit: Ints, at: Ints) -> Ints:
        """Ask a flag once on each of these visits, record it, and return the variant shown.

        The result is -1 where the flag is not asked: before its experiment began, or after it
        was last asked.
        """
        stop = trial.stop
        asked = at >= milliseconds(trial.start)
        if stop is not None:
            asked &= at < milliseconds(stop)
        variant = np.where(asked, self.answer(trial, visit), -1)
        self.rows.add(
            "$feature_flag_called",
            at[asked],
            visit=visit[asked],
            a=TRIALS.index(trial),
            b=variant[asked],
        )
        return variant


def open_shop(shop: Shop) -> None:
    """Let all visits happen."""
    draws, rows, visits = shop.draws, shop.rows, shop.visits
    every = np.arange(len(visits.start))
    rows.add("session_start", visits.start, visit=every)
    shop.call(BANNER, every, visits.start + 180)

    last_page = _pages(shop, every)
    _sign_ups(shop, every)
    _searches(shop, every)

    keen = shop.who.keenness[visits.person]
    fills = draws.below(1000, len(every)) < CART_PER_MILLE[keen]
    _carts(shop, every[fills], last_page[fills])


def _pages(shop: Shop, every: Ints) -> Ints:
    """Record the page views and return when each visit's last page was opened."""
    draws, visits = shop.draws, shop.visits
    count = np.asarray(_PAGES)[draws.pick(_PAGE_WEIGHTS, len(every))]
    visit = np.repeat(every, count)
    begins = np.zeros(len(visit), dtype=np.bool_)
    begins[np.cumsum(count) - count] = True
    step = np.where(begins, 240, draws.from_table(_DWELL_MS, len(visit)))
    elapsed = np.cumsum(step)
    elapsed -= np.repeat((elapsed - step)[begins], count)
    at = visits.start[visit] + elapsed
    page = np.where(begins, draws.pick((50, 14, 10, 12, 14), len(visit)), -1)
    page = np.where(begins, page, draws.pick((6, 26, 50, 12, 6), len(visit)))
    detail = draws.below(24, len(visit))
    shop.rows.add("$pageview", at, visit=visit, a=page, b=detail)

    # The product page asks two flags, at its first view in a visit.
    product = page == 2
    place = np.flatnonzero(product)
    firsts = place[np.r_[True, visit[place][1:] != visit[place][:-1]]]
    for trial in (PHOTOS, BUNDLES):
        shop.call(trial, visit[firsts], at[firsts] + 35)
    return np.asarray(at[np.cumsum(count) - 1])


def _sign_ups(shop: Shop, every: Ints) -> None:
    draws, visits, who = shop.draws, shop.visits, shop.who
    fresh = every[visits.number == 0]
    shop.call(SIGNUP, fresh, visits.start[fresh] + 900)
    here = every[visits.number == who.signup[visits.person]]
    at = visits.start[here] + 20_000 + draws.from_table(_PAUSE_MS, len(here))
    plan = draws.pick((82, 18), len(here))
    shop.rows.add("$identify", at - 60, visit=here, a=plan)
    shop.rows.add("signup", at, visit=here, a=plan)
    shop.call(CHECKLIST, here, at - 40)


def _searches(shop: Shop, every: Ints) -> None:
    draws, visits = shop.draws, shop.visits
    here = every[draws.below(100, len(every)) < 29]
    at = visits.start[here] + 6_000 + draws.from_table(_DWELL_MS, len(here))
    shown = shop.answer(SEARCH, here)
    lost = (shown == 1) & (draws.below(100, len(here)) < SEARCH_LOSS_PER_CENT)
    shop.rows.add("search", at, visit=here, a=draws.below(12, len(here)))
    shop.call(SEARCH, here[~lost], at[~lost] - 90)


def _carts(shop: Shop, visit: Ints, last_page: Ints) -> None:
    draws, rows = shop.draws, shop.rows
    at = last_page + draws.from_table(_DWELL_MS, len(visit))
    bulk = draws.below(1000, len(visit)) < 18
    cents = np.where(
        bulk,
        draws.from_table(BULK_CENTS, len(visit)),
        draws.from_table(BASKET_CENTS, len(visit)),
    )
    items = 1 + draws.pick((50, 25, 13, 7, 5), len(visit))
    product = draws.below(24, len(visit))
    rows.add("add_to_cart", at, visit=visit, a=product, b=cents)
    more = draws.below(100, len(visit)) < 24
    rows.add(
        "add_to_cart",
        at[more] + draws.from_table(_DWELL_MS, int(more.sum())),
        visit=visit[more],
        a=draws.below(24, int(more.sum())),
        b=draws.from_table(BASKET_CENTS, int(more.sum())),
    )

    goes_on = draws.below(100, len(visit)) < 78
    visit, cents, items = visit[goes_on], cents[goes_on], items[goes_on]
    at = at[goes_on] + 5_000 + draws.from_table(_PAUSE_MS, len(visit))
    variant = shop.call(CHECKOUT, visit, at - 40)
    rows.add("checkout_started", at, visit=visit, a=variant, b=cents, c=items)
    bought = _buys(shop, visit, variant)
    _orders(shop, visit[bought], at[bought], variant[bought], cents[bought], items[bought])


def _buys(shop: Shop, visit: Ints, variant: Ints) -> Bools:
    keen = shop.who.keenness[shop.visits.person[visit]]
    chance = ORDER_PER_MILLE[keen] * np.where(variant == 1, CHECKOUT_LIFT, 1.0)
    return np.asarray(shop.draws.uniform(len(visit)) * 1000.0 < chance)


def _orders(shop: Shop, visit: Ints, at: Ints, variant: Ints, cents: Ints, items: Ints) -> None:
    draws = shop.draws
    soon = 30_000 + draws.from_table(_PAUSE_MS, len(visit))
    later = draws.from_table(_LATER_MS, len(visit))
    wait = np.where(draws.below(100, len(visit)) < 9, later, soon)
    shop.rows.add("purchase", at + wait, visit=visit, a=variant, b=cents, c=items)

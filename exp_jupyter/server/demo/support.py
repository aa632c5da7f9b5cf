"""The demo shop's support chat: generations of a prompt's versions, and how they were judged."""

from __future__ import annotations

import numpy as np

from exp_jupyter.server.demo.draws import Ints, log_normal_table
from exp_jupyter.server.demo.setting import REPLIES
from exp_jupyter.server.demo.shop import Shop

PROMPTS = ("support-reply", "order-summary")
"""The prompts whose generations are recorded."""

_REPLY_TOKENS = log_normal_table(310, 0.45)
_READ_TOKENS = log_normal_table(1_450, 0.30)
_SUMMARY_TOKENS = log_normal_table(90, 0.25)
_OVERHEAD_MS = log_normal_table(420, 0.35)
_MS_PER_TOKEN = log_normal_table(7.2, 0.22, scale=1000)
_TYPING_MS = log_normal_table(48_000, 0.7)

READ_SHARE = (100, 78)
"""How much text versions 3 and 4 send along, in percent: the instructions of 4 are shorter."""

REPLY_SHARE = (100, 93)
"""How long the replies of versions 3 and 4 are, in percent."""

PASS_PER_MILLE = (842, 848)
"""How often a reply of version 3 and of version 4 passes its evaluation: no real difference."""


def open_support(shop: Shop) -> None:
    """Let people ask for help, and let orders be summarised."""
    draws, visits = shop.draws, shop.visits
    every = np.arange(len(visits.start))
    chats = every[draws.below(1000, len(every)) < 104]
    began = visits.start[chats] + 9_000 + draws.from_table(_TYPING_MS, len(chats))
    shop.rows.add("support_chat_started", began, visit=chats, a=draws.below(5, len(chats)))
    variant = shop.call(REPLIES, chats, began + 25)

    turns = 1 + draws.pick((38, 27, 17, 10, 5, 3), len(chats))
    chat = np.repeat(np.arange(len(chats)), turns)
    begins = np.zeros(len(chat), dtype=np.bool_)
    begins[np.cumsum(turns) - turns] = True
    step = np.where(begins, 1_500, 8_000 + draws.from_table(_TYPING_MS, len(chat)))
    elapsed = np.cumsum(step)
    elapsed -= np.repeat((elapsed - step)[begins], turns)
    _replies(shop, chats[chat], began[chat] + elapsed, variant[chat])
    _summaries(shop, every)


def _replies(shop: Shop, visit: Ints, at: Ints, variant: Ints) -> None:
    draws = shop.draws
    treated = (variant == 1).astype(np.int64)
    read = draws.from_table(_READ_TOKENS, len(visit)) * np.asarray(READ_SHARE)[treated] // 100
    written = draws.from_table(_REPLY_TOKENS, len(visit)) * np.asarray(REPLY_SHARE)[treated] // 100
    latency = (
        draws.from_table(_OVERHEAD_MS, len(visit))
        + draws.from_table(_MS_PER_TOKEN, len(visit)) * written // 1000
    )
    at = at + latency
    shop.rows.add(
        "$ai_generation", at, visit=visit, a=_slot(0, 3 + treated), b=variant, c=read, d=written,
        e=latency,
    )  # fmt: skip
    judged = draws.below(100, len(visit)) < 70
    visit, at, variant, treated = visit[judged], at[judged], variant[judged], treated[judged]
    kind = draws.pick((88, 7, 5), len(visit))  # judged, not applicable, rated by stars
    passed = draws.below(1000, len(visit)) < np.asarray(PASS_PER_MILLE)[treated]
    shop.rows.add(
        "$ai_evaluation",
        at + 2_000 + draws.below(9_000, len(visit)),
        visit=visit,
        a=_slot(0, 3 + treated),
        b=variant,
        c=passed,
        d=kind,
        e=1 + draws.below(5, len(visit)),
    )


def _summaries(shop: Shop, every: Ints) -> None:
    draws, visits = shop.draws, shop.visits
    here = every[draws.below(1000, len(every)) < 46]
    written = draws.from_table(_SUMMARY_TOKENS, len(here))
    latency = (
        draws.from_table(_OVERHEAD_MS, len(here))
        + draws.from_table(_MS_PER_TOKEN, len(here)) * written // 1000
    )
    shop.rows.add(
        "$ai_generation", visits.start[here] + 240_000 + latency, visit=here, a=_slot(1, 2), c=600,
        d=written, e=latency,
    )  # fmt: skip


def _slot(prompt: int, version: Ints | int) -> Ints:
    """Return a prompt and its version as one number."""
    return np.asarray(prompt * 100 + version, dtype=np.int64)

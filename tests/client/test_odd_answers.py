"""Five thousand seeded odd bodies and headers: typed errors only, in bounded time, and no key."""

import json
import random
import traceback

import httpx
import pytest

from exp_jupyter.client import open_project
from exp_jupyter.errors import ExpError

PER_RUN = 1000
STATUSES = (200, 200, 200, 201, 204, 301, 307, 400, 401, 402, 403, 404, 405, 409, 409, 418, 422)
STATUSES += (429, 429, 500, 502, 503, 512, 599)
WAITS = ("²", "-1", "1e400", "9" * 40, "٣", "soon", "", "0", "1")
WAITS += ("Fri, 31 Dec 99999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", ", , ,", "\x7f")
PLACES = ("https://[::1", "//x", "http://elsewhere.example/", "/again/", "", "phx://", "\x80\xff")
ENCODINGS = ("utf-8", "utf-8", "utf-16", "utf-32", "utf-8-sig", "latin-1")
DATES = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "²", "2026-13-01", "now")
NAMES = (
    *("id", "name", "results", "next", "count", "previous", "detail", "type", "code", "attr"),
    *("error", "message", "change_request", "existing_change_request", "change_request_id"),
    *("current_version", "conflicting_fields", "conflicting_policies", "guidance", "status"),
    *("feature_flag", "feature_flag_key", "start_date", "tags", "version", "metrics", "health"),
)


class Odd:
    """Makes up answers: shapes near the contract's with anything in them, and no JSON at all."""

    def __init__(self, seed, key):
        self.chance = random.Random(seed)
        self.key = key

    def response(self):
        pick = self.chance.choice
        headers = [("content-type", pick(("application/json", "text/html", "x/y; charset=²")))]
        if self.chance.random() < 0.5:
            headers.append(("retry-after", pick(WAITS)))
        if self.chance.random() < 0.3:
            headers.append(("location", pick(PLACES)))
        if self.chance.random() < 0.05:
            headers.append(("content-encoding", pick(("gzip", "deflate", "nonsense"))))
        raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers]
        return httpx.Response(pick(STATUSES), headers=raw, stream=httpx.ByteStream(self.content()))

    def content(self):
        drawn = self.chance.random()
        if drawn < 0.1:
            return self.chance.randbytes(self.chance.randrange(200))
        if drawn < 0.14:
            return b"[" * self.chance.randrange(2, 5000)
        text = json.dumps(self.body())
        if drawn < 0.2:
            text = text[: self.chance.randrange(len(text) + 1)]
        if drawn < 0.3:
            text = text.replace("p", "\\u0070").replace("_", "\\u005f")
        return text.encode(self.chance.choice(ENCODINGS), "replace")

    def body(self):
        if self.chance.random() < 0.1:
            return self.value(0)
        return {name: self.value(0) for name in self.chance.sample(NAMES, 8)}

    def value(self, depth):
        pick = self.chance.choice
        if depth < 3 and self.chance.random() < 0.4:
            many = range(self.chance.randrange(4))
            if self.chance.random() < 0.5:
                return [self.value(depth + 1) for _ in many]
            return {pick((*NAMES, self.key, "\ud800")): self.value(depth + 1) for _ in many}
        return pick(
            (None, True, 0, -1, 7, 1e308, 10**30, "", "x", self.key, f"see {self.key}!", "\ud800",
             "\x1b[2J\u202e", "../..", "a" * 3000, float("nan"), "?offset=1", pick(DATES))
        )  # fmt: skip


class Strange(httpx.BaseTransport):
    def __init__(self, odd):
        self.odd = odd

    def handle_request(self, request):
        return self.odd.response()


def ways(project):
    experiments = project.experiments
    yield lambda: experiments.list().to_text()
    yield lambda: experiments.get(1).to_text()
    yield lambda: project.approvals.list().to_text()
    yield lambda: project.flags.get("checkout").to_text()
    yield lambda: project.transport.write("POST", project.path("experiments"), {"name": "x"})
    yield lambda: experiments.create("A", "a").send()
    yield lambda: experiments.health(1).to_text()
    yield lambda: [project.name, project.me, project.timezone]


@pytest.mark.parametrize("run", range(5))
def test_odd_answers_end_in_typed_errors_without_the_key(waits, key, run):
    odd = Odd(run, key)
    project = open_project(
        "https://us.posthog.com", 1, key, transport=Strange(odd), pace=waits.pace(attempts=2)
    )
    refused = 0
    for place in range(PER_RUN):
        project.__dict__.pop("_about", None)
        project.__dict__.pop("_me", None)
        way = [*ways(project)][place % 8]
        try:
            shown = repr(way())
        except ExpError as error:
            refused += 1
            shown = "".join(traceback.format_exception_only(error)) + repr(error.lines)
            shown += repr(vars(error))
        assert key.lower() not in shown.lower(), (run, place)
    assert refused > PER_RUN / 2
    project.close()

"""The demo's project, made by living through its history: people, prompts, flags, experiments."""

from __future__ import annotations

from datetime import UTC, datetime

from exp_jupyter.schema.requests.bodies import PromptExperimentRequest
from exp_jupyter.server.demo import definitions
from exp_jupyter.server.demo.setting import (
    BANNER,
    BUNDLES,
    CHECKLIST,
    CHECKOUT,
    EVENTS,
    NOW,
    PHOTOS,
    REPLIES,
    SEARCH,
    SIGNUP,
    STAFF_DOMAIN,
    PastClock,
    Trial,
)
from exp_jupyter.server.services.approvals import policies
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import from_prompt as prompt_experiments
from exp_jupyter.server.services.experiments import lifecycle, prompts
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people.people import (
    ADMIN,
    MEMBER,
    OWNER,
    Actor,
    add_key,
    add_person,
    change_settings,
)
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import ProjectStore, Work


def _at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def found_project(store: ProjectStore) -> dict[str, str]:
    """Fill a new store with the demo's project; its clock stays at the last thing that happened.

    Parameters
    ----------
    store
        A new store.

    Returns
    -------
    dict
        New keys of the people one may be: ``owner`` and ``reviewer``.
    """
    past = PastClock(_at(2, 2, 9))
    store.clock = past
    with store.write() as work:
        return _Founding(work, past).run()


class _Founding:
    """The project's history, one method per kind of thing."""

    def __init__(self, work: Work, past: PastClock) -> None:
        self.work = work
        self.past = past

    def run(self) -> dict[str, str]:
        """Live through it all, in the order of time, and return the keys."""
        metrics.see_events(self.work, EVENTS)
        change_settings(
            self.work,
            daily_job="on_read",
            test_account_filters=[
                {
                    "key": "email",
                    "type": "person",
                    "operator": "not_icontains",
                    "value": f"@{STAFF_DOMAIN}",
                }
            ],
        )
        owner = self._person("ada@example.com", "Ada", "Lindqvist", OWNER, "data")
        reviewer = self._person("noor@example.com", "Noor", "Haddad", ADMIN, "product")
        engineer = self._person("tomas@example.com", "Tomas", "Berg", MEMBER, "engineering")
        self._prompts(engineer)
        self._flags(engineer)
        self._experiments(owner, reviewer, engineer)
        self._policy(reviewer)
        return {
            "owner": add_key(self.work, owner.id, label="notebook"),
            "reviewer": add_key(self.work, reviewer.id, label="notebook"),
        }

    def _person(self, email: str, first: str, last: str, level: int, role: str) -> Actor:
        return Actor(
            add_person(
                self.work, email=email, first_name=first, last_name=last, level=level, role=role
            )
        )

    def _prompts(self, author: Actor) -> None:
        for day, (name, texts) in enumerate(definitions.PROMPTS.items(), start=3):
            for version, text in enumerate(texts):
                self.past.moment = _at(2, day + version, 10)
                if version == 0:
                    prompts.create(self.work, author, name, text)
                else:
                    prompts.publish(self.work, author, name, text, version)
        # The sixth promised more than anybody may.
        rash = prompts.find(self.work, "support-reply", 6)
        self.work.prompts.save({**rash, "deleted": True, "updated_at": self.work.stamp()})

    def _flags(self, author: Actor) -> None:
        for number, fields in enumerate(definitions.FLAGS):
            self.past.moment = _at(2, 5, 11 + number)
            flags.create(self.work, author, fields)

    def _experiments(self, owner: Actor, reviewer: Actor, engineer: Actor) -> None:
        signup = self._draft(reviewer, definitions.ONE_STEP_SIGNUP, _at(2, 10, 14))
        self._launch(reviewer, signup, SIGNUP)
        checklist = self._draft(owner, definitions.WELCOME_CHECKLIST, _at(2, 11, 15, 30))
        self._launch(owner, checklist, CHECKLIST)
        photos = self._draft(engineer, definitions.LARGER_PHOTOS, _at(2, 13, 10))
        self._launch(engineer, photos, PHOTOS)

        self._end(
            owner, signup, SIGNUP, "inconclusive",
            "No difference in accounts after two weeks. To be tried again with the new form.",
        )  # fmt: skip
        self.past.moment = _at(2, 27, 9, 10)
        lifecycle.archive(self.work, reviewer, signup, disable_flag=True)

        checkout = self._draft(owner, definitions.CHECKOUT_REDESIGN, _at(3, 5, 13, 20))
        self._end(
            owner, checklist, CHECKLIST, "won", "More customers come back; the checklist stays."
        )  # fmt: skip
        self._end(
            owner, photos, PHOTOS, "inconclusive",
            "Neither carts nor order values moved. The pages got slower, so the small photos stay.",
        )  # fmt: skip
        self._launch(owner, checkout, CHECKOUT)
        search = self._draft(engineer, definitions.SEARCH_RANKING, _at(3, 11, 9, 45))
        self._launch(engineer, search, SEARCH)
        self._launch(owner, self._prompt_draft(owner, _at(3, 12, 16)), REPLIES)
        bundles = self._draft(owner, definitions.BUNDLE_PRICING, _at(3, 13, 12))
        self._launch(owner, bundles, BUNDLES)
        banner = self._draft(reviewer, definitions.FREE_SHIPPING_BANNER, _at(3, 17, 11))
        self._launch(reviewer, banner, BANNER)
        self.past.moment = BANNER.stop or NOW
        lifecycle.pause(self.work, reviewer, banner)
        self._draft(owner, definitions.GIFT_WRAPPING, _at(3, 27, 15))

    def _draft(self, author: Actor, fields: definitions.Json, moment: datetime) -> int:
        self.past.moment = moment
        made = experiments.create(self.work, author, {**fields, "allow_unknown_events": True})
        return int(made["id"])

    def _prompt_draft(self, author: Actor, moment: datetime) -> int:
        self.past.moment = moment
        request = PromptExperimentRequest.model_validate(
            {
                "prompt_name": "support-reply",
                "versions": [3, 4],
                "templates": ["cost", "latency", "eval_pass_rate"],
                "description": "Shorter instructions should make replies cheaper, not worse.",
            }
        )
        return int(prompt_experiments.create(self.work, author, request)["id"])

    def _launch(self, author: Actor, experiment: int, trial: Trial) -> None:
        self.past.moment = trial.start
        lifecycle.launch(self.work, author, experiment)

    def _end(
        self, author: Actor, experiment: int, trial: Trial, conclusion: str, comment: str
    ) -> None:
        self.past.moment = trial.stop or NOW
        lifecycle.end(self.work, author, experiment, conclusion, comment)

    def _policy(self, reviewer: Actor) -> None:
        """From now on nobody changes a rollout alone."""
        self.past.moment = _at(3, 30, 8)
        policies.create(
            self.work,
            reviewer,
            {
                "action_key": "feature_flag.update",
                "approver_config": {"quorum": 1, "users": [reviewer.id]},
            },
        )

"""The engine's method by its name and the options of a call, the same for every analysis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.methods import Method
    from exp_jupyter.engine.posthog.settings import Settings

METHODS = ("frequentist", "sequential", "bayesian")
_ALPHA = 0.05


@dataclass(frozen=True)
class InferenceOptions:
    """What a call says of its inference: the method's name, and None where it says nothing.

    Parameters
    ----------
    method
        ``frequentist``, ``sequential``, ``bayesian``, or a method of ``exp_jupyter.engine``; None
        for a project's own numbers.
    alpha
        1 minus the level; None for 0.05, or for the level that an experiment states.
    difference
        ``relative`` to the control's mean, or ``absolute``.
    mode
        ``recommended``, or ``compat`` for the project's own formulas.
    interval
        How the interval is formed: ``test``, ``delta``, ``fieller`` or ``log``.
    tuning_n
        Of a sequential method: total units of the two compared arms at which its interval is
        narrowest.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    """

    method: Any
    alpha: float | None = None
    difference: Any = "relative"
    mode: Any = "recommended"
    interval: str | None = None
    tuning_n: float | None = None
    alternative: str = "two-sided"

    def check(self) -> None:
        """Refuse what the method does not have.

        Raises
        ------
        exp_jupyter.errors.InputError
            An option would have been ignored, or there is no such method.
        """
        method = self.method
        if method is None:
            given = self._given
            if given:
                raise InputError(
                    f"{given[0]} changes numbers that are only read here as the project has them.",
                    hint='Compute them again: method="frequentist" or "sequential" '
                    "(--method sequential).",
                )
            return
        if hasattr(method, "judge"):
            # A call cannot tell its default level from the same level given.
            given = [name for name in self._given if name != "alpha" or self.alpha != _ALPHA]
            if given:
                raise InputError(
                    f"{given[0]} was given beside a method that brings its own.",
                    hint=f"Set it there: {type(method).__name__}({given[0]}=…).",
                )
            return
        if method not in METHODS:
            raise InputError(
                f"There is no method {method!r}.", hint=f"Choose from {', '.join(METHODS)}."
            )
        if method == "bayesian" and self.alternative != "two-sided":
            raise InputError(
                "A bayesian analysis has no alternative: its chance to win is one-sided.",
                hint="Leave alternative out.",
            )
        if method != "sequential" and self.tuning_n is not None:
            raise InputError(
                f"tuning_n is for the sequential method; the method here is {method}.",
                hint='Say method="sequential" (--method sequential), or leave tuning_n out.',
            )

    @property
    def _given(self) -> list[str]:
        names = ("alpha", "interval", "tuning_n")
        found = [name for name in names if getattr(self, name) is not None]
        return found + ["alternative"] * (self.alternative != "two-sided")


def method_named(options: InferenceOptions) -> Method:
    """Return the engine's method by its name, or the one given.

    Parameters
    ----------
    options
        What the call says.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method, or an option is not the method's.

    Examples
    --------
    >>> method_named(InferenceOptions("sequential", tuning_n=9000)).tuning_n
    9000
    """
    from exp_jupyter.engine.comparison.methods import (
        DEFAULT_TUNING_N,
        Bayesian,
        Frequentist,
        Sequential,
    )

    options.check()
    method: Any = options.method
    if hasattr(method, "judge"):
        return method  # type: ignore[no-any-return]
    common: dict[str, Any] = {
        "difference": options.difference,
        "mode": options.mode,
        "interval": options.interval,
    }
    alpha = _ALPHA if options.alpha is None else options.alpha
    if method == "bayesian":
        return Bayesian(credible_level=1 - alpha, **common)
    common |= {"alpha": alpha, "alternative": options.alternative}
    if method == "frequentist":
        return Frequentist(**common)
    tuning = DEFAULT_TUNING_N if options.tuning_n is None else options.tuning_n
    return Sequential(tuning_n=tuning, **common)


def planned_tuning(experiment: Any) -> float | None:
    """Return the units of two arms at the size that an experiment's saved plan recommends.

    Parameters
    ----------
    experiment
        Typed or as a dictionary; its ``running_time_calculation`` is the plan.

    Examples
    --------
    >>> planned_tuning(
    ...     {
    ...         "running_time_calculation": {"recommended_sample_size": 9000},
    ...         "parameters": {
    ...             "feature_flag_variants": [
    ...                 {"key": "control", "rollout_percentage": 50},
    ...                 {"key": "a", "rollout_percentage": 25},
    ...                 {"key": "b", "rollout_percentage": 25},
    ...             ]
    ...         },
    ...     }
    ... )
    6750.0
    """
    from exp_jupyter.analysis.definition.experiment import as_mapping, planned_split

    body = as_mapping(experiment)
    total = as_mapping(body.get("running_time_calculation") or {}).get("recommended_sample_size")
    if not isinstance(total, (int, float)) or not 0 < total < 1e15:
        return None
    shares = [share for share in planned_split(body).values() if share > 0]
    if len(shares) < 2:
        return float(total)
    control, *treatments = shares
    return float(total) * (control + min(treatments)) / sum(shares)


def method_of_experiment(
    options: InferenceOptions, settings: Settings, experiment: Any
) -> tuple[Method | None, str]:
    """Return the method with an experiment's own levels, and where its tuning is from.

    In recommended mode a sequential method is narrowest at the size of the experiment's saved
    plan, where there is one; otherwise, and in compat mode, at the settings' own tuning.

    Parameters
    ----------
    options
        What the call says; its difference gives way to the settings', and they say the level
        where the call does not.
    settings
        The experiment's settings.
    experiment
        The experiment, for its plan.

    Returns
    -------
    tuple
        None without a method's name: the project's own numbers stay.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method, or an option is not the method's.
    """
    options.check()
    if options.method is None:
        return None, ""
    source = ""
    if options.method == "sequential" and options.tuning_n is None:
        planned = planned_tuning(experiment) if options.mode == "recommended" else None
        options = replace(options, tuning_n=planned or settings.tuning_n)
        source = "tuned to the experiment’s saved plan" if planned else "tuned by the settings"
    alpha = options.alpha
    if alpha is None:
        alpha = 1 - settings.ci_level if options.method == "bayesian" else settings.alpha
    own = replace(options, alpha=alpha, difference=settings.difference)
    return method_named(own), source

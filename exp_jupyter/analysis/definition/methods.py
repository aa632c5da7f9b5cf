"""The engine's method by its name and the options of a call, the same for every analysis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
    from exp_jupyter.engine.posthog.settings import Settings

METHODS = ("frequentist", "sequential", "bayesian")


@dataclass(frozen=True)
class MethodOptions:
    """What a call may say about its method beside its name; None where it says nothing.

    Parameters
    ----------
    interval
        How the interval is formed: ``test``, ``delta``, ``fieller`` or ``log``.
    tuning_n
        Of a sequential method: total units of the two compared arms at which its interval is
        narrowest.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    """

    interval: str | None = None
    tuning_n: float | None = None
    alternative: str = "two-sided"

    def check(self, method: Any) -> None:
        """Refuse what a method does not have.

        Parameters
        ----------
        method
            The name of a method, a method of the engine, or None for a project's own numbers.

        Raises
        ------
        exp_jupyter.errors.InputError
            An option would have been ignored, or there is no such method.
        """
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
            if self._given:
                raise InputError(
                    f"{self._given[0]} was given beside a method that brings its own.",
                    hint=f"Set it there: {type(method).__name__}({self._given[0]}=…).",
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
        found = [name for name in ("interval", "tuning_n") if getattr(self, name) is not None]
        return found + ["alternative"] * (self.alternative != "two-sided")


def chosen_method(
    method: Any, alpha: float, difference: Any, mode: Any, options: MethodOptions
) -> Any:
    """Return the engine's method, or the one given.

    Parameters
    ----------
    method
        ``frequentist``, ``sequential``, ``bayesian``, or a method of ``exp_jupyter.engine``.
    alpha
        1 minus the level.
    difference, mode
        As the engine's methods take them.
    options
        The rest.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method, or an option is not the method's.

    Examples
    --------
    >>> chosen_method(
    ...     "sequential", 0.05, "relative", "recommended", MethodOptions(tuning_n=9000)
    ... ).tuning_n
    9000
    """
    from exp_jupyter.engine.comparison.methods import (
        DEFAULT_TUNING_N,
        Bayesian,
        Frequentist,
        Sequential,
    )

    options.check(method)
    if hasattr(method, "judge"):
        return method
    common: dict[str, Any] = {
        "difference": difference,
        "mode": mode,
        "interval": options.interval,
    }
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


def project_method(
    method: Any,
    settings: Settings,
    mode: Literal["compat", "recommended"],
    options: MethodOptions,
    experiment: Any,
) -> tuple[Frequentist | Sequential | Bayesian, str]:
    """Return the method with an experiment's own levels, and where its tuning is from.

    In recommended mode a sequential method is narrowest at the size of the experiment's saved
    plan, where there is one; otherwise, and in compat mode, at the settings' own tuning.

    Parameters
    ----------
    method
        The name of a method, or a method of the engine.
    settings
        The experiment's settings.
    mode
        The formulas.
    options
        What the call says.
    experiment
        The experiment, for its plan.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method, or an option is not the method's.
    """
    options.check(method)
    if hasattr(method, "judge"):
        return method, ""
    source = ""
    if method == "sequential" and options.tuning_n is None:
        planned = planned_tuning(experiment) if mode == "recommended" else None
        options = replace(options, tuning_n=planned or settings.tuning_n)
        source = "tuned to the experiment’s saved plan" if planned else "tuned by the settings"
    alpha = 1 - settings.ci_level if method == "bayesian" else settings.alpha
    found = chosen_method(method, alpha, settings.difference, mode, options)
    return found, source

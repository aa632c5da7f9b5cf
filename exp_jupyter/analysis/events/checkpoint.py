"""The file that holds yesterday's state of an analysis, and what it belongs to in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import Metric
from exp_jupyter.warehouse.refresh import Kept, damaged

if TYPE_CHECKING:
    from exp_jupyter.warehouse.request.population import Request


@dataclass(frozen=True)
class State:
    """A state's file.

    Parameters
    ----------
    path
        Where it is, or will be.
    kept
        What it holds; None while there is no file.
    about
        What that belongs to.
    """

    path: Path
    kept: Kept | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def opened(cls, path: str | Path) -> State:
        """Read the file, if there is one.

        Raises
        ------
        exp_jupyter.errors.InputError
            It is no state, or its folder is not there.
        """
        place = Path(path)
        if not place.parent.is_dir():
            raise InputError(
                f"The folder of the state {str(path)!r} does not exist.",
                hint="Make it, or name another file.",
            )
        if not place.exists():
            return cls(place)
        kept, about = Kept.read(place)
        if not _is_readable(about):
            raise damaged(str(path))
        return cls(place, kept, about)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants it knows."""
        return tuple(self.about.get("variants") or ())

    def checked(self, key: str | None, about: Mapping[str, Any]) -> Kept | None:
        """Return what is kept if it belongs to this analysis.

        Raises
        ------
        exp_jupyter.errors.InputError
            It belongs to another one; the message says what differs.
        """
        if self.kept is None or self.kept.key == key:
            return self.kept
        differing = _differing(self.about, about)
        raise InputError(
            f"The state {str(self.path)!r} belongs to another analysis: "
            f"{'; '.join(differing) or 'its definition'} differs.",
            hint="Ask as before, name another file, or delete this one to begin anew.",
        )

    def written(self, kept: Kept, about: Mapping[str, Any]) -> None:
        """Replace what the file holds, in one step.

        Raises
        ------
        exp_jupyter.errors.InputError
            It cannot be written; what was there is still there.
        """
        try:
            kept.write(self.path, about)
        except OSError as error:
            raise InputError(
                f"The state {str(self.path)!r} cannot be written: {error.strerror or error}. "
                "What it held before is still there.",
                hint="Make room on its disk and check its folder's permissions, or name another "
                "file.",
            ) from error


def about_of(spec: ExperimentSpec, metrics: Sequence[Metric], request: Request) -> dict[str, Any]:
    """Return what an analysis is of, in words that JSON can hold."""
    population = request.population
    return {
        "flag": spec.flag_key,
        "variants": list(spec.kept_variants),
        "start": request.days.start.isoformat(),
        "time zone": spec.timezone,
        "exposure": [population.criteria.model_dump(mode="json"), population.variant_from],
        "CUPED": request.covariates.lookback_days if request.covariates else None,
        "metrics": {str(metric.name): metric.model_dump(mode="json") for metric in metrics},
    }


def _is_readable(about: Mapping[str, Any]) -> bool:
    """Whether words are such as `about_of` writes."""
    variants, metrics = about.get("variants"), about.get("metrics")
    return (
        isinstance(variants, list)
        and all(isinstance(variant, str) for variant in variants)
        and isinstance(metrics, dict)
    )


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = [
        f"the {name} ({before[name]} before, {now[name]} now)"
        for name in ("flag", "variants", "start", "time zone", "CUPED")
        if name in before and before[name] != now[name]
    ]
    if before.get("exposure") != now["exposure"]:
        found.append("the exposure")
    known, asked = before.get("metrics") or {}, now["metrics"]
    found += [
        f"metric {name!r}"
        for name in dict.fromkeys([*known, *asked])
        if known.get(name) != asked.get(name)
    ]
    if not found and list(known) != list(asked):
        found.append("the order of the metrics")
    return found

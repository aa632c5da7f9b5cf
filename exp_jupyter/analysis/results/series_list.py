"""The daily series of several metrics of one experiment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import overload

from exp_jupyter.analysis.results.series import Series
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown


@dataclass(frozen=True, repr=False)
class SeriesList(Shown):
    """The daily series of several metrics. Read like a list of them.

    Parameters
    ----------
    experiment_id, experiment_name
        The experiment.
    series
        One entry a metric, in the order they were asked for.

    Examples
    --------
    >>> from exp_jupyter import connect
    >>> found = connect("demo").experiments.all_timeseries(4)
    >>> [one.metric_name for one in found][:2]
    ['Checkout conversion', 'Revenue per customer']
    """

    experiment_id: int
    experiment_name: str
    series: tuple[Series, ...]

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    @overload
    def __getitem__(self, which: int | str) -> Series: ...

    @overload
    def __getitem__(self, which: slice) -> tuple[Series, ...]: ...

    def __getitem__(self, which: int | str | slice) -> Series | tuple[Series, ...]:
        """Return a metric's series by its index, name or uuid."""
        if isinstance(which, (int, slice)):
            return self.series[which]
        for one in self.series:
            if which in (one.metric_name, one.metric_uuid):
                return one
        names = ", ".join(one.metric_name for one in self.series) or "none"
        raise InputError(f"There is no series of {which!r}.", hint=f"There are {names}.")

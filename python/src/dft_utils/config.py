"""How records are aggregated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _abi
from ._library import sized, string, text, texts
from .errors import ConfigError
from .units import Duration, microseconds

# What the ts of a counter with the phase letter C is in its period, by DFT_COUNTER_PERIOD_….
PERIODS = (None, "start", "end")

# The unit of times, by DFT_TIME_UNIT_….
TIME_UNITS = ("us", "ns", "ms", "s")


@dataclass(frozen=True)
class Config:
    """How records are aggregated. An index has one configuration.

    ``interval``: the length of a bucket. ``group_keys``: args whose values keep rows apart.
    ``custom_metrics``: whether every numeric arg without a meaning of its own is kept as a metric, except
    identifiers and labels (such as ``*_hash``, ``fd``, ``flags``); ``"all"`` keeps those too; a sequence keeps only
    the args that it names. ``percentiles``: the relative accuracy of percentiles, such as 0.01; ``None`` keeps none.
    ``group_by_file``: whether rows are kept apart by file. ``counter_period``: whether the ``ts`` of a counter with
    the phase letter C is the ``"start"`` or the ``"end"`` of its period; ``None`` follows each trace.
    ``time_unit``: the unit of times for traces that do not state one: ``"ns"``, ``"us"``, ``"ms"`` or ``"s"``.
    """

    interval: Duration = "1s"
    group_keys: Sequence[str] = ()
    custom_metrics: Union[bool, str, Sequence[str]] = True
    percentiles: Optional[float] = None
    group_by_file: bool = True
    counter_period: Optional[str] = None
    time_unit: str = "us"

    @property
    def interval_us(self) -> int:
        """Return the length of a bucket, in µs."""
        return microseconds(self.interval, "interval")

    def _struct(self) -> Any:
        config = sized(_abi.dft_config)
        config.interval_us = self.interval_us
        if config.interval_us == 0:
            raise ConfigError("the interval is 0: it must be at least 1 µs", status=_abi.DFT_CONFIG)
        config.group_keys, config.group_keys_length = texts(map(text, self.group_keys))
        if isinstance(self.custom_metrics, bool):
            on = _abi.DFT_CUSTOM_METRICS_ON if self.custom_metrics else _abi.DFT_CUSTOM_METRICS_OFF
            config.custom_metrics = on
        elif self.custom_metrics == "all":
            config.custom_metrics = _abi.DFT_CUSTOM_METRICS_ALL
        elif isinstance(self.custom_metrics, str):
            raise ValueError(f"custom_metrics is {self.custom_metrics!r}: give True, False, 'all' or a list of names")
        else:
            config.custom_metrics = _abi.DFT_CUSTOM_METRICS_NAMED
            config.custom_metric_names, config.custom_metric_names_length = texts(map(text, self.custom_metrics))
        config.sketch_accuracy = self.percentiles or 0.0
        config.group_by_file = _abi.DFT_GROUP_BY_FILE_ON if self.group_by_file else _abi.DFT_GROUP_BY_FILE_OFF
        try:
            config.counter_period = PERIODS.index(self.counter_period)
        except ValueError:
            raise ValueError(f"counter_period is {self.counter_period!r}: give 'start', 'end' or None") from None
        try:
            config.time_unit = TIME_UNITS.index(self.time_unit)
        except ValueError:
            raise ValueError(f"time_unit is {self.time_unit!r}: give 'ns', 'us', 'ms' or 's'") from None
        return config

    @classmethod
    def _of(cls, config: Any) -> "Config":
        def names(pointer: Any, length: int) -> Sequence[str]:
            return tuple(string(pointer[at]) for at in range(length))

        metrics: Union[bool, str, Sequence[str]] = config.custom_metrics == _abi.DFT_CUSTOM_METRICS_ON
        if config.custom_metrics == _abi.DFT_CUSTOM_METRICS_NAMED:
            metrics = names(config.custom_metric_names, config.custom_metric_names_length)
        elif config.custom_metrics == _abi.DFT_CUSTOM_METRICS_ALL:
            metrics = "all"
        return cls(
            interval=f"{config.interval_us}us",
            group_keys=names(config.group_keys, config.group_keys_length),
            custom_metrics=metrics,
            percentiles=config.sketch_accuracy or None,
            group_by_file=config.group_by_file == _abi.DFT_GROUP_BY_FILE_ON,
            counter_period=PERIODS[config.counter_period],
            time_unit=TIME_UNITS[config.time_unit],
        )

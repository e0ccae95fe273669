"""Small types of results."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Estimate(NamedTuple):
    """A value with its 95 % interval (None where it is not defined) over n units."""

    value: float
    interval: Optional[tuple[float, float]]
    n: int

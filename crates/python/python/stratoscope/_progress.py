"""Progress bars of long work, by tqdm where it is installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Optional

_wanted: Optional[bool] = None


def set_progress(show: Optional[bool]) -> None:
    """Show progress bars of work that takes long: always (True), never (False), or (None, as at the
    start) on terminals, and in notebooks with ipywidgets. They need tqdm."""
    global _wanted
    _wanted = show


def _shown() -> bool:
    if _wanted is not None:
        return _wanted
    shell = sys.modules.get("IPython")
    ipython = shell.get_ipython() if shell else None
    if getattr(ipython, "kernel", None) is not None:
        # Without widgets, tqdm would print a line for every step.
        return find_spec("ipywidgets") is not None
    return sys.stderr.isatty()


class Bar:
    """The bar of one piece of work, part by part."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._part: Optional[tuple[str, int]] = None
        self._tqdm: Any = None
        if _shown():
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._tqdm = tqdm

    def show(self, what: str, done: int, total: int, tokens: bool) -> None:
        if self._tqdm is None:
            return
        # A part can begin before its length is known.
        if (what, total) != self._part:
            self.close()
            unit = "tok" if tokens else "it"
            self._bar = self._tqdm(total=total or None, desc=what, unit=unit, leave=False)
            self._part = (what, total)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

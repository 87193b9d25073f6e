"""Loading TensorFlow or MLflow makes hundreds of thousands of objects that never die.

Python's collector of cyclic garbage would look through them again and again while they are made, once for every few
runs of a sweep, and once more at the end. That is a third of the time the loading takes.
"""

from __future__ import annotations

import gc
from functools import cache

_held = False


@cache
def hold() -> None:
    """Collect nothing until `settle`: modules are about to be loaded."""
    global _held
    _held = True
    gc.disable()


def settle() -> None:
    """After `hold`, leave what there is by now out of all collections to come; once, as runs leave garbage too."""
    global _held
    if _held:
        _held = False
        gc.freeze()
        gc.enable()

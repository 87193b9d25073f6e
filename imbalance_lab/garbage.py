"""Loading TensorFlow or MLflow makes hundreds of thousands of objects that never die.

Python's collector of cyclic garbage would look through them again and again while they are made, once for every few
runs of a sweep, and once more at the end. That is a third of the time the loading takes.
"""

from __future__ import annotations

import gc
from functools import cache


@cache
def hold() -> None:
    """Collect nothing until `settle`: modules are about to be loaded."""
    gc.disable()


@cache
def settle() -> None:
    """Leave what there is now out of all collections to come; only the first call does, as runs leave garbage too."""
    gc.freeze()
    gc.enable()

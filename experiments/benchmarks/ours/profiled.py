"""cProfile of this project's command: ``python profiled.py ARGUMENT...``; prints the seconds of each function, callees
included, by the end of its file's path and its name.
"""

import cProfile
import json
import pstats
import runpy
import sys
from pathlib import Path

profile = cProfile.Profile()
sys.argv[0] = "imbalance_lab"
profile.enable()
try:
    runpy.run_module("imbalance_lab", run_name="__main__")
except SystemExit as ended:
    if ended.code:
        raise
profile.disable()
seconds: dict[str, float] = {}
for (file, _, function), (*_, total, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
    name = f"{'/'.join(Path(file).parts[-2:])}:{function}"
    seconds[name] = max(total, seconds.get(name, 0.0))
print(json.dumps(seconds))

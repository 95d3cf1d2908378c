"""Describe the machine of a measurement."""

import os
import platform
import sys
from datetime import date

FEATURES = ("avx512f", "avx2", "fma", "asimd")


def describe():
    """Return processor, vector instructions, available cores, system, Python and date."""
    model, flags = platform.processor(), set()
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = (part.strip() for part in line.partition(":"))
            if key == "model name":
                model = value
            elif key in ("flags", "Features"):
                flags = set(value.split())
    return {
        "processor": model,
        "instructions": [feature for feature in FEATURES if feature in flags],
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        "date": date.today().isoformat(),
    }

"""What the machine is, for figures that hang on it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("antspyx", "dipy", "numpy", "onnxruntime", "pandas", "pybids", "scipy")


def describe_machine() -> dict[str, str]:
    """Say processor, cores, memory, system and libraries; nothing that names the machine."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory_gb:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or "unknown"

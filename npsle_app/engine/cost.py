"""What a call cost in time and memory."""

import resource
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def _begin() -> float:
    # not on Linux, or not allowed: the peak is then that of the process's life
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK)
    return time.perf_counter()


@dataclass(frozen=True, slots=True)
class Meter:
    """Starts to count when it is made."""

    started: float = field(default_factory=_begin)

    @property
    def seconds(self) -> float:
        """Wall-clock time since the start."""
        return time.perf_counter() - self.started

    @property
    def peak_mb(self) -> float:
        """Largest resident memory of this process, in MiB.

        On Linux since the start; elsewhere since the process was started. Memory of child
        processes is not in it.
        """
        try:
            lines = _STATUS.read_text().splitlines()
        except OSError:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024

"""What a call cost in time and memory."""

import resource
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def _begin() -> float:
    # not on Linux, or not allowed: the peak is then that of the process's life
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK)
    return time.perf_counter()


class Cost(TypedDict):
    """Seconds by the clock and of the processor, and the largest memory in MiB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Meter:
    """Starts to count when it is made."""

    started: float = field(default_factory=_begin)
    started_cpu: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        """Wall-clock time since the start."""
        return time.perf_counter() - self.started

    @property
    def cpu_seconds(self) -> float:
        """Processor time of this process, all its threads, since the start."""
        return time.process_time() - self.started_cpu

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

    def read(self) -> Cost:
        """Return what it cost until now, by the names that an outcome has for it."""
        return Cost(seconds=self.seconds, cpu_seconds=self.cpu_seconds, peak_mb=self.peak_mb)

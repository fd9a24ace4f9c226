"""A process that watches over the one that computes, so that a signal ends it within seconds.

Python looks at signals between its own steps, and a registration in C++ has none for minutes.
"""

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FrameType

from npsle_app.cli.environment import clear_abandoned

_GRACE_S = 6  # to write tables and tidy up; batch systems and containers wait for 10 s or more
_PR_SET_PDEATHSIG = 1


def split_off(*, grace_s: int = _GRACE_S) -> None:
    """Return in a new process; the one that called stays and ends as the new one does.

    It passes SIGTERM on. A process that has not ended `grace_s` seconds after a signal is killed,
    its temporary folder removed, and the exit code is that of an interrupted run: 143 or 130. If
    the watching process is killed, the other is killed with it. To be called before any thread
    is started.
    """
    child = os.fork()
    if child == 0:
        _die_with_parent()
        return
    code = _watch(child, grace_s=grace_s)
    sys.stdout.flush()
    os._exit(code)


def _watch(child: int, *, grace_s: int) -> int:
    asked: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not asked:
            asked.append(number)
            signal.alarm(grace_s)
            if number == signal.SIGTERM:  # a terminal sends SIGINT to both
                _send(child, number)

    def lose_patience(_number: int, _frame: FrameType | None) -> None:
        _send(child, signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    signal.signal(signal.SIGALRM, lose_patience)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(0)
    return code if code >= 0 else _end_for(child, by=-code, asked=asked)


def _end_for(child: int, *, by: int, asked: list[int]) -> int:
    """Tidy up for a process that a signal has ended, and say so."""
    clear_abandoned(Path(tempfile.gettempdir()))
    code = 128 + (asked[0] if asked else by)
    told = "interrupted" if asked else f"process {child} was ended by signal {by}"
    print(f"npsle_app: {told}: exit {code}", flush=True)  # noqa: T201 - the last line
    return code


def _send(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _die_with_parent() -> None:
    import ctypes

    with suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

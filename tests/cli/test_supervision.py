"""A run ends within seconds of a signal, whatever it is busy with, and tidies up."""

import os
import signal
import subprocess
import sys
import time

import pytest

_BUSY = """
import os, signal, sys, time
from npsle_app.cli.supervision import split_off
split_off(grace_s=1)
from npsle_app.cli.environment import work_folder
with work_folder(None) as folder:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    print(os.getpid(), folder, flush=True)
    time.sleep(60)
"""


def start(script, folder):
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )
    return process, process.stdout.readline().split()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.fault(
    "Runs",
    "SIGTERM or Ctrl-C while a registration does not listen",
    "ended after 6 s with the right exit code; no temporary folder is left",
)
def test_a_process_that_does_not_listen_is_ended_and_tidied_up_for(tmp_path, number, code):
    process, _ = start(_BUSY, tmp_path)
    process.send_signal(number)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert text.splitlines()[-1] == f"npsle_app: interrupted: exit {code}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("Runs", "the run's own process is killed", "told, with the exit code of it")
def test_the_end_of_the_process_that_computes_is_told(tmp_path):
    process, (child, _) = start(_BUSY, tmp_path)
    os.kill(int(child), signal.SIGKILL)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 137
    assert f"process {child} was ended by signal 9: exit 137" in text
    assert list(tmp_path.iterdir()) == []


def test_nothing_goes_on_computing_where_the_watching_process_was_killed(tmp_path):
    process, (child, _) = start(_BUSY, tmp_path)
    process.kill()
    process.communicate(timeout=30)
    end = time.monotonic() + 30
    while is_running(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_exit_code_is_that_of_the_process_that_computes(tmp_path):
    script = "from npsle_app.cli.supervision import split_off; split_off(); print(); exit(3)"
    process, _ = start(script, tmp_path)
    process.communicate(timeout=30)
    assert process.returncode == 3

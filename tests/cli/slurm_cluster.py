"""A Slurm of two nodes on this machine: munged, slurmctld and two slurmd, on loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WAIT_S = 900
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scontrol")
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def find_hindrance() -> str:
    """Say why there can be no Slurm here; nothing where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing:
        return f"no {', '.join(missing)} (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons"


def _free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in taken]
    for one in taken:
        one.close()
    return ports


@dataclass(frozen=True)
class Slurm:
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def run(self, *command: str | Path) -> str:
        done = subprocess.run(  # noqa: S603 - our own commands
            command, capture_output=True, text=True, check=False, env=self.environment
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def wait_until_done(self) -> None:
        end = time.monotonic() + WAIT_S
        while left := self.run("squeue", "--noheader"):
            assert time.monotonic() < end, f"not done in {WAIT_S} s:\n{left}{self.tell()}"
            time.sleep(0.5)

    def wait_until_up(self) -> None:
        end = time.monotonic() + 120
        while True:
            found = subprocess.run(
                ["sinfo", "--noheader", "--states=idle", "--format=%D"],  # noqa: S607
                capture_output=True, text=True, check=False, env=self.environment,
            )  # fmt: skip
            if found.stdout.strip() == "2":
                return
            assert time.monotonic() < end, self.tell()
            time.sleep(0.5)

    def tell(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    folder.chmod(0o755)
    (folder / "slurm.conf").write_text(_configure(folder, _free_ports(3)))
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    cluster = Slurm(folder)
    socket_file = folder / "munge.socket"
    daemons = [
        ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={socket_file}",
         f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed"],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-N", "n1"],
        ["slurmd", "-D", "-N", "n2"],
    ]  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(daemons):
            with (folder / f"{number}-{command[0]}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(  # noqa: S603 - our own commands
                        command, stdout=log, stderr=log, cwd=folder, env=cluster.environment
                    )
                )
            _wait_for_socket(socket_file, cluster)
        cluster.wait_until_up()
        yield cluster
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_socket(file: Path, cluster: Slurm) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, cluster.tell()
        time.sleep(0.1)


def _configure(folder: Path, ports: list[int]) -> str:
    host = socket.gethostname()
    for name in ("state", "n1", "n2"):
        (folder / name).mkdir()
    return f"""
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
MpiDefault=none
ReturnToService=2
MaxArraySize=3
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=8000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""

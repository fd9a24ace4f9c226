"""What a program runs on: machine, libraries, container, threads.

These facts decide last digits, and nothing else is asked for: no name of the machine or of its
user, no path, no variable but those named here.
"""

import os
import platform
import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

# how the one who starts a container tells what no container can know of itself
IMAGE_VARIABLE = "NPSLE_APP_IMAGE"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CPU_INFO = Path("/proc/cpuinfo")
_PODMAN = Path("/run/.containerenv")
_DOCKER = Path("/.dockerenv")
_MIB = 2**20


def describe_host() -> dict[str, str | int]:
    """Name system, processor, memory and Python, and what they make of linear algebra.

    `simd` are the instructions that numpy found, `blas` the kernel that was chosen for this
    processor: sums are taken in another order by another one.
    """
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _name_processor(),
        "cores": _count_cores(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "simd": " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", ())),
        "blas": "; ".join(_list_kernels()),
    }


@cache
def list_libraries(root: str) -> Mapping[str, str]:
    """Return the version of each library that a distribution needs, those behind them too.

    Empty where the distribution is not installed.
    """
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        name = _normalised(waiting.pop())
        if name in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # of another system, or of another Python
        found[name] = one.version
        waiting += _names_of(one.requires or [])
    found.pop(_normalised(root), None)
    return dict(sorted(found.items()))


def find_container(variables: Mapping[str, str] = os.environ) -> dict[str, str] | None:
    """Tell in which kind of container this runs, of which image and digest; None outside.

    Podman and Apptainer say which image it is. Docker does not: whoever starts the container
    may say it with `NPSLE_APP_IMAGE`, for example `name@sha256:…`.
    """
    told = variables.get(IMAGE_VARIABLE, "")
    if image := variables.get("APPTAINER_CONTAINER") or variables.get("SINGULARITY_CONTAINER"):
        own = {"type": "apptainer", "image": Path(image).name, "digest": _read_sif_id(Path(image))}
    elif _PODMAN.is_file():
        keys = dict(line.split("=", 1) for line in _read(_PODMAN).splitlines() if "=" in line)
        plain = {key: value.strip('"') for key, value in keys.items()}
        own = {
            "type": "podman",
            "image": plain.get("image", ""),
            "digest": plain.get("imageid", ""),
        }
    elif _DOCKER.exists():
        own = {"type": "docker", "image": "", "digest": ""}
    elif told:
        own = {"type": "unknown", "image": "", "digest": ""}
    else:
        return None
    if told:
        digest = _DIGEST.search(told)
        own |= {"image": told, "digest": digest[0] if digest else own["digest"]}
    return own


def _name_processor() -> str:
    lines = _read(_CPU_INFO).splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")


def _count_cores() -> int:
    """Count those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _list_kernels() -> Iterator[str]:
    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            parts = (pool["internal_api"], pool.get("version"), pool.get("architecture"))
            yield " ".join(str(part) for part in parts if part)


def _names_of(wishes: list[str]) -> list[str]:
    """Return the names in requirements, without those of extras."""
    plain = (wish for wish in wishes if not re.search(r";.*\bextra\s*==", wish))
    return [name[0] for wish in plain if (name := _NAME.match(wish))]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_sif_id(image: Path) -> str:
    """Return the UUID in the header of an Apptainer image, `sif:…`; empty if it is no such file.

    The header begins with 32 bytes for the shell, ten that say SIF_MAGIC, three of version and
    three of architecture.
    """
    try:
        with image.open("rb") as stream:
            header = stream.read(64)
        _, magic, _, _, identity = struct.unpack("32s10s3s3s16s", header)
    except (OSError, struct.error):
        return ""
    return f"sif:{identity.hex()}" if magic.startswith(b"SIF_MAGIC") else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

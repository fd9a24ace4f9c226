"""Results of two versions do not meet in one output folder, unless it is asked for."""

from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

from npsle_app.bids.output.tree import SIMULATED, previous_version
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options, Request
from npsle_app.cli.version import get_version
from npsle_app.engine.job import printable
from npsle_app.report.page_notes import load_notes

FLAG = "--allow-other-version"


def check_versions(request: Request, options: Options) -> None:
    """Refuse what would mix two versions, as far as that is known before the plan.

    Raises
    ------
    RefusedError
        With the versions and the ways out.
    """
    if options.allow_other_version:
        return
    if "participant" in request.levels:
        check_participant_version(request.output_dir)
    else:
        check_group_versions(request.output_dir)


def check_participant_version(output_dir: Path) -> None:
    """Refuse to measure beside what another version measured.

    Raises
    ------
    RefusedError
        With both versions and the ways out.
    """
    before, own = previous_version(output_dir), get_version()
    if before in (None, own, SIMULATED) or not any(output_dir.glob("sub-*/log/status.tsv")):
        return
    msg = (
        f"OUTPUT_DIR {output_dir} holds results of version {printable(before)}, and this is "
        f"{own}{_say_kin(before, own)}: numbers of two versions do not belong into one study. Give "
        f"another OUTPUT_DIR; or run version {printable(before)}; or, to have what is asked for "
        f"made anew here, add {FLAG} (the group level then names whoever was left out)"
    )
    raise RefusedError(msg)


def check_group_versions(output_dir: Path, *, to_come: Container[str] = ()) -> None:
    """Refuse to gather participants whom another version measured.

    `to_come` are the labels of those whom this run measures anew.

    Raises
    ------
    RefusedError
        With the versions, how many participants each measured, and the ways out.
    """
    if named := name_other_versions(output_dir, but=to_come):
        msg = (
            f"participants in {output_dir} were measured by other versions than that of this group "
            f"level, {get_version()}: {named}. Run the participant level again for them with this "
            f"version ({FLAG}); or run the group level of theirs; or add {FLAG} to gather them "
            "as they are"
        )
        raise RefusedError(msg)


def name_other_versions(output_dir: Path, *, but: Container[str] = ()) -> str:
    """Name the other versions that measured participants, with counts; empty if there are none."""
    versions = Counter(_list_versions(output_dir, but=but))
    others = {one: n for one, n in versions.items() if one not in ("", get_version())}
    return ", ".join(f"{printable(one)} ({n})" for one, n in sorted(others.items()))


def _list_versions(output_dir: Path, *, but: Container[str]) -> Iterator[str]:
    """Return the version that measured each participant; empty for simulated ones."""
    of_all = previous_version(output_dir) or ""
    for path in sorted(output_dir.glob("sub-*/log/status.tsv")):
        label = path.parents[1].name.removeprefix("sub-")
        if label in but:
            continue
        if (path.parent / "page.json").is_file():
            yield load_notes(output_dir, label).run.version
        elif of_all != SIMULATED:
            yield of_all  # its page was never written: the folder's version is all that is known


def _say_kin(before: str, own: str) -> str:
    same = before.partition("+")[0] == own.partition("+")[0]
    return " (the same release from other source)" if same else ""

"""The group level: from the participants' measures to tables and a page of the study."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from npsle_app import pipeline
from npsle_app.bids.output.proof import find_changes, peers_digest
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.logs import LOGGER
from npsle_app.cli.options import Request
from npsle_app.cli.reports import REPORT
from npsle_app.cli.version import get_version
from npsle_app.cli.versions import name_other_versions
from npsle_app.engine.cost import Meter
from npsle_app.engine.executors import map_parts, open_executor
from npsle_app.engine.job import describe, printable
from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import to_row, write_rows
from npsle_app.report import contents, participant
from npsle_app.report.group import write_report
from npsle_app.report.page_notes import load_notes
from npsle_app.report.peers import Peers, read_peers
from npsle_app.settings import Settings
from npsle_app.stages.group import measures, normative, population, shared, statistics
from npsle_app.stages.group.classifier import read_model
from npsle_app.stages.group.reference_io import check_given

_MANY_PAGES = 20  # fewer are written before workers have started


def check_ready(output_dir: Path) -> None:
    """Refuse to begin where there is nothing to gather.

    Raises
    ------
    RefusedError
        If no participant was processed yet.
    """
    if not any(output_dir.glob("sub-*/log/status.tsv")):
        msg = f"{output_dir} holds no processed participant; run the participant level first"
        raise RefusedError(msg)


def check_study(settings: Settings) -> None:
    """Refuse a study file, model or reference that cannot be used, before anything is computed.

    Raises
    ------
    RefusedError
        With the file, what was found in it and what there is.
    """
    try:
        shared.read_study(settings.statistics.study_file)
        if settings.classifier.model_file:
            read_model(Path(settings.classifier.model_file))
        check_given(settings.normative, version=get_version())
    except ValueError as error:
        raise RefusedError(str(error)) from error


def look_at(request: Request, settings: Settings) -> list[str]:
    """Check the study, and say what was seen of the tables of people.

    Raises
    ------
    RefusedError
        If the tables or the study file make no sense.
    """
    check_study(settings)
    to_come = "participant" in request.levels
    return look_at_tables(request.bids_dir, request.output_dir, settings, to_come=to_come)


def tell(request: Request, settings: Settings) -> Iterator[str]:
    """Say who would enter which analysis with what lies in the output folder now.

    Raises
    ------
    RefusedError
        If the tables or the study file make no sense.
    """
    tables = look_at(request, settings)
    yield from _tell_plan(request.output_dir, settings, raw=request.bids_dir, tables=tables)


def _tell_plan(
    output_dir: Path, settings: Settings, *, raw: Path, tables: Sequence[str]
) -> Iterator[str]:
    there = len(list(output_dir.glob("sub-*/log/status.tsv")))
    yield f"group: will gather {there} participants processed so far"
    yield from (f"  {printable(line)}" for line in tables)
    if not there:
        return
    study_file = settings.statistics.study_file
    try:
        found = shared.read_tables(
            output_dir, study_file=study_file, raw=raw, measures=measures.gather(output_dir)
        )
        told = [
            *statistics.plan(found, settings=settings.statistics),
            *normative.plan(found, settings=settings.normative),
            *population.plan(found, settings=settings.population),
        ]
    except ValueError as error:
        raise RefusedError(str(error)) from error
    yield f"study: {study_file or 'no file given: the analyses of the lupus papers'}"
    yield from (f"  {printable(line)}" for line in told)


def look_at_tables(
    bids_dir: Path, output_dir: Path, settings: Settings, *, to_come: bool
) -> list[str]:
    """Say who of the tables was scanned, how many each group has, and what is not understood.

    `to_come` says whether the participants of the dataset are measured in this run, too.

    Raises
    ------
    RefusedError
        If a table cannot be read, not one of the people listed was scanned, or the study file
        asks for what no table has.
    """
    roots = (bids_dir, output_dir) if to_come else (output_dir,)
    scanned = sorted({unit for root in roots for unit in _list_units(root)}, key=str)
    if not scanned:
        return []
    study_file = settings.statistics.study_file
    try:
        return shared.look_at_tables(
            output_dir,
            study_file=study_file,
            raw=bids_dir,
            scanned=scanned,
            by_flair_alone={unit for root in roots for unit in _list_flair_alone(root)},
            measures=None if to_come or not study_file else measures.gather(output_dir),
        )
    except (OSError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _list_units(root: Path) -> Iterator[tuple[str, str | None]]:
    """List folders of participants and sessions; a participant without sessions has None."""
    for folder in root.glob("sub-*/"):
        sessions: list[str | None] = [session.name for session in folder.glob("ses-*/")]
        yield from ((folder.name, session) for session in sessions or [None])


def _list_flair_alone(root: Path) -> Iterator[tuple[str, str | None]]:
    """List participants and sessions whose folder holds FLAIR and no T1w image."""
    for label, session in _list_units(root):
        anat = root / label / (session or "") / "anat"
        if any(anat.glob("*_FLAIR.nii*")) and not any(anat.glob("*_T1w.nii*")):
            yield label, session


def run_group(
    output_dir: Path, settings: Settings, *, datasets: Mapping[str, Path]
) -> dict[str, Outcome]:
    """Run the group stages one after the other, then write the pages.

    A stage that fails blocks those that need it; the pages need the measures alone. Always
    computed anew, but for what `deviations` finds unchanged. `datasets` are those that the
    records of the participants point into.
    """
    _restore_tables(output_dir, datasets=datasets)
    _tell_versions(output_dir)
    outcomes: dict[str, Outcome] = {}
    for stage in pipeline.GROUP:
        section = getattr(settings, stage.name)
        call = partial(stage.run, output_dir=output_dir, settings=section)
        needs = {name: outcomes[name] for name in stage.needs}
        outcomes[stage.name] = _try(stage.name, call, needs=needs)
    measured = {"measures": outcomes["measures"]}
    processes = settings.deviations.processes
    call = partial(_write_pages, output_dir, outcomes, datasets=datasets, processes=processes)
    outcomes[REPORT] = _try(REPORT, call, needs=measured)
    rows = [to_row("n/a", None, stage=name, outcome=done) for name, done in outcomes.items()]
    write_rows(output_dir / "logs" / "group_status.tsv", rows)
    return outcomes


def _restore_tables(output_dir: Path, *, datasets: Mapping[str, Path]) -> None:
    """Make tables anew that were changed since they were written, from the stages' records.

    Raises
    ------
    RefusedError
        If the records do not allow it: a changed number must not enter as a measured one.
    """
    for folder in sorted(output_dir.glob("sub-*/log/report.json")):
        label = folder.parents[1].name.removeprefix("sub-")
        if not (changed := find_changes(output_dir, label)):
            continue
        named = printable(", ".join(changed))
        LOGGER.warning("sub-%s: %s changed since it was written: made anew", label, named)
        notes = load_notes(output_dir, label)
        found = contents.gather(output_dir, label, datasets=datasets, notes=notes)
        if broken := [text for content in found for text in content.unreadable]:
            msg = (
                f"{named} changed since it was written and cannot be made anew "
                f"({printable(broken[0])}): run the participant level for sub-{label} again"
            )
            raise RefusedError(msg)
        participant.write_report(output_dir, label, datasets=datasets, notes=notes)


def _tell_versions(output_dir: Path) -> None:
    """Warn where participants were measured by other code than that of this group level."""
    if named := name_other_versions(output_dir):
        LOGGER.warning(
            "participants were measured by other versions than that of the group level, %s: %s; "
            "run the participant level again, so that all numbers come from the same code",
            get_version(),
            named,
        )


def _try(name: str, call: Callable[[], object], *, needs: dict[str, Outcome]) -> Outcome:
    if waiting := [earlier for earlier, outcome in needs.items() if not outcome.ok]:
        return Outcome(Status.BLOCKED, reason=f"waited for {', '.join(waiting)}")
    meter = Meter()
    LOGGER.info("group %s: started", name)
    try:
        outputs = call()
    except Exception as error:  # noqa: BLE001 - told in the log, the table and the exit code
        LOGGER.error("group %s: %s", name, "".join(traceback.format_exception(error)))
        return Outcome(Status.FAILED, reason=describe(error), seconds=meter.seconds)
    LOGGER.info("group %s: done in %.1f s", name, meter.seconds)
    return Outcome(Status.DONE, outputs, **meter.read())


def _write_pages(
    output_dir: Path,
    outcomes: Mapping[str, Outcome],
    *,
    datasets: Mapping[str, Path],
    processes: int,
) -> object:
    """Write the page of the study, and those of participants of whom it says something new."""
    told = [outcomes[name] for name in ("deviations", "population") if name in outcomes]
    stale = {label for one in told if one.ok for label in one.outputs.changed}
    peers = read_peers(output_dir)
    for folder in sorted(output_dir.glob("sub-*/log/report.json")):
        label = folder.parents[1].name.removeprefix("sub-")
        if peers_digest(output_dir, label) != peers.digest:
            stale.add(label)
    write = partial(_write_people, output_dir, datasets=dict(datasets), peers=peers)
    with open_executor(processes if len(stale) >= _MANY_PAGES else 1) as (executor, _):
        map_parts(executor, write, sorted(stale))
    return write_report(output_dir)


def _write_people(
    output_dir: Path, people: Sequence[str], *, datasets: Mapping[str, Path], peers: Peers
) -> None:
    for label in people:
        participant.write_report(output_dir, label, datasets=datasets, peers=peers)

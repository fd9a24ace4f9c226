"""`npsle_reproduce OUT`: what was recorded, made again and compared."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from npsle_app.bids.output.tree import previous_version
from npsle_app.cli.environment import ended_cleanly
from npsle_app.cli.errors import TerminatedError
from npsle_app.cli.record import RunRecord, describe_surroundings
from npsle_app.engine.job import printable
from npsle_app.reproduce.difference import Difference, Outcome
from npsle_app.reproduce.folders import compare_folders, is_of_group, owner_of
from npsle_app.reproduce.parser import build_parser
from npsle_app.reproduce.plan import Plan, plan_reruns, read_records
from npsle_app.reproduce.report import Report, tell_report, write_report
from npsle_app.reproduce.rerun import Call, InTheWayError, call_app, prepare, run_again
from npsle_app.reproduce.sources import NotFoundError, Places, find_changes
from npsle_app.reproduce.surroundings import Change, find_changed_surroundings
from npsle_app.reproduce.tolerances import Rule, Tolerances, read_tolerances

OK, DIFFERENT, REFUSED = 0, 1, 2
_OF_STUDY = ("npsle_app_measures", "participants", "group")


class RefusedError(Exception):
    """It cannot be begun; the text says what was found and what to do."""


def main(argv: Sequence[str] | None = None, *, call: Call = call_app) -> int:
    """Make an output folder again and compare, or compare two; return the exit code.

    `call` runs the app with the words of its command line, and returns its exit code.
    """
    asked = build_parser().parse_args(argv)
    try:
        with ended_cleanly():
            return _compare_only(asked) if asked.compare_only else _reproduce(asked, call=call)
    except (RefusedError, NotFoundError, InTheWayError, ValueError) as refusal:
        sys.stderr.write(f"npsle_reproduce: {printable(str(refusal))}\n")
        return REFUSED
    except OSError as error:
        told = printable(f"{error.filename or ''}: {error.strerror or error}")
        sys.stderr.write(f"npsle_reproduce: cannot read or write {told}\n")
        return REFUSED
    except KeyboardInterrupt as signal:
        code = 143 if isinstance(signal, TerminatedError) else 130
        sys.stdout.write(
            f"npsle_reproduce: interrupted; the same command goes on from here: exit {code}\n"
        )
        return code


def _reproduce(asked: argparse.Namespace, *, call: Call) -> int:
    output_dir: Path = asked.out.resolve()
    into: Path = (asked.into or output_dir.with_name(f"{output_dir.name}-reproduced")).resolve()
    if into == output_dir or into.is_relative_to(output_dir):
        msg = f"{into} lies in the output folder: name another with --into"
        raise RefusedError(msg)
    tolerances = _read_tolerances(asked)
    plan = plan_reruns(
        output_dir,
        _read_records(output_dir),
        participants=asked.participant_label,
        levels=asked.level,
    )
    if not plan.reruns:
        msg = f"no record in {output_dir}/logs speaks of what was asked for"
        raise RefusedError(msg)
    places = Places(
        output_dir=output_dir,
        datasets={**dict(asked.derivatives), **({"raw": asked.bids} if asked.bids else {})},
        files=dict(asked.file),
    )
    changes = _tell_before(plan)
    inputs = _check_inputs(plan, places, go_on=asked.despite_changes)
    prepare(into, output_dir=output_dir, plan=plan)
    notes = list(plan.notes)
    for rerun in plan.reruns:
        code = run_again(rerun, into=into, places=places, processes=asked.nprocs, call=call)
        if code == REFUSED:
            msg = f"the app refused the {rerun.level} level of the record, as it says above"
            raise RefusedError(msg)
        if code != (rerun.record.exit_code or 0):
            notes.append(
                f"the {rerun.level} level ended with exit code {code}, and then with "
                f"{rerun.record.exit_code}"
            )
    outcome = compare_folders(output_dir, into, tolerances=tolerances, wanted=_choose_files(plan))
    outcome.differences[:0] = inputs
    return _finish(asked, output_dir, into, outcome=outcome, changes=changes, notes=notes)


def _compare_only(asked: argparse.Namespace) -> int:
    output_dir, other = asked.out.resolve(), asked.compare_only.resolve()
    for folder in (output_dir, other):
        if previous_version(folder) is None:
            msg = f"{folder} holds no output of npsle_app"
            raise RefusedError(msg)
    tolerances = _read_tolerances(asked)
    recorded, reproduced = (_last(read_records(folder)) for folder in (output_dir, other))
    known = recorded is not None and reproduced is not None
    changes = (
        find_changed_surroundings(recorded.surroundings, reproduced.surroundings)
        if recorded and reproduced
        else []
    )
    notes = [] if known else ["not both folders have the record of a run: versions not compared"]
    _tell_changes(changes)
    labels = set(asked.participant_label)
    outcome = compare_folders(
        output_dir, other, tolerances=tolerances, wanted=lambda name: _is_of(name, labels)
    )
    return _finish(asked, output_dir, other, outcome=outcome, changes=changes, notes=notes)


def _finish(
    asked: argparse.Namespace,
    recorded: Path,
    reproduced: Path,
    *,
    outcome: Outcome,
    changes: Sequence[Change],
    notes: Sequence[str],
) -> int:
    report = Report(
        recorded=recorded.name,
        reproduced=reproduced.name,
        surroundings=changes,
        notes=notes,
        outcome=outcome,
    )
    default = reproduced.with_name(f"{reproduced.name}-differences.tsv")
    path: Path = asked.report or default
    write_report(report, path)
    for line in (*(f"note: {printable(note)}" for note in notes), *tell_report(report, path)):
        sys.stdout.write(f"{line}\n")
    return OK if outcome.agrees else DIFFERENT


def _read_records(output_dir: Path) -> dict[str, RunRecord]:
    if previous_version(output_dir) is None:
        msg = f"{output_dir} holds no output of npsle_app"
        raise RefusedError(msg)
    if not (records := read_records(output_dir)):
        msg = (
            f"{output_dir}/logs holds no record of a run (run.json): it was written by an earlier "
            "version; logs/<run>/npsle_app.toml repeats its settings, and --compare-only compares"
        )
        raise RefusedError(msg)
    return records


def _last(records: dict[str, RunRecord]) -> RunRecord | None:
    return [*records.values()][-1] if records else None


def _tell_before(plan: Plan) -> list[Change]:
    """Say, before anything is computed, what is otherwise here."""
    here = describe_surroundings()
    found = [
        change
        for rerun in plan.reruns
        for change in find_changed_surroundings(rerun.record.surroundings, here)
    ]
    changes = list(dict.fromkeys(found))
    _tell_changes(changes)
    for label in plan.taken_over if plan.has_group else ():
        sys.stdout.write(f"sub-{label}: no run measured it; its tables are taken as they are\n")
    sys.stdout.flush()
    return changes


def _tell_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        sys.stdout.write(f"otherwise than recorded: {printable(change.line)}\n")
    if not changes:
        sys.stdout.write("version, libraries, templates and host are those of the record\n")


def _check_inputs(plan: Plan, places: Places, *, go_on: bool) -> list[Difference]:
    changed: dict[str, Difference] = {}
    labels = dict.fromkeys(plan.participants)
    for rerun in plan.reruns:
        for one in find_changes(rerun.record, places, participants=labels):
            changed.setdefault(one.file, one)
    for one in changed.values():
        missing = one.reproduced == "missing"
        told = "is missing" if missing else "is not what it was"
        sys.stdout.write(f"input {printable(one.file)} {told}\n")
    sys.stdout.flush()
    if changed and not go_on:
        msg = (
            f"{len(changed)} inputs have changed since the run: give the files of then with "
            "--bids, --derivatives or --file, or go on with --despite-changes"
        )
        raise RefusedError(msg)
    return list(changed.values())


def _choose_files(plan: Plan) -> Callable[[str], bool]:
    """Say of a path whether the reruns make it."""
    labels = set(plan.participants)

    def wanted(name: str) -> bool:
        owner = owner_of(name)
        if owner is None:
            return plan.has_group or ("/" not in name and not name.startswith(_OF_STUDY))
        return plan.has_group if is_of_group(name) else owner in labels

    return wanted


def _is_of(name: str, labels: set[str]) -> bool:
    return not labels or owner_of(name) in labels


def _read_tolerances(asked: argparse.Namespace) -> Tolerances:
    least = Rule(
        files="*",
        absolute=asked.absolute,
        relative=asked.relative,
        share=asked.share,
        reason="command line",
    )
    return read_tolerances(asked.tolerances, least=least)


if __name__ == "__main__":
    sys.exit(main())

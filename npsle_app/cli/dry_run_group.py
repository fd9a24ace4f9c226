"""What a dry run says of the group level: who would enter which analysis, and why not."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.cli.errors import RefusedError
from npsle_app.engine.job import printable
from npsle_app.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from npsle_app.cohort.study.assembly import Cohort
    from npsle_app.cohort.study.study import Study

_NAMED = 10


def tell_group(output_dir: Path, settings: Settings, *, raw: Path) -> Iterator[str]:
    """Say who would enter which analysis with what lies in the output folder now.

    Raises
    ------
    RefusedError
        If the tables or the study file make no sense.
    """
    there = len(list(output_dir.glob("sub-*/log/status.tsv")))
    yield f"group: will gather {there} participants processed so far"
    if not there:
        return
    from npsle_app.stages.group.cohort import read_cohort
    from npsle_app.stages.group.measures import gather
    from npsle_app.stages.group.normative import plan

    study_file = settings.statistics.study_file
    try:
        measures = gather(output_dir)
        study, cohort = read_cohort(output_dir, study_file=study_file, raw=raw, measures=measures)
        normative = plan(output_dir, settings=settings.normative, raw=raw, measures=measures)
    except ValueError as error:
        raise RefusedError(str(error)) from error
    yield f"study: {study_file or 'no file given: the analyses of the lupus papers'}"
    for line in (*_tell_people(study, cohort), *_tell_analyses(study, cohort), *normative):
        yield f"  {printable(line)}"


def _tell_people(study: "Study", cohort: "Cohort") -> Iterator[str]:
    from npsle_app.cohort.statistics.participant_flow import count_exclusions
    from npsle_app.cohort.statistics.statements import tell_cohort

    yield tell_cohort(cohort, study=study).methods
    counts = count_exclusions(cohort)
    for reason, named in zip(counts["reason"], counts["participants"], strict=True):
        people = named.split(", ")
        rest = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
        yield f"left out, {reason}: {', '.join(people[:_NAMED])}{rest}"
    yield from (f"warning: {note}" for note in cohort.notes)


def _tell_analyses(study: "Study", cohort: "Cohort") -> Iterator[str]:
    from npsle_app.cohort.statistics.participant_flow import tell_who_enters

    table = tell_who_enters(cohort, study=study)
    for (analysis, what), rows in table.groupby(["analysis", "what"], sort=False):
        told = "; ".join(dict.fromkeys(_tell_population(rows)))
        yield f"{analysis}, {what}: {told}"


def _tell_population(rows: "DataFrame") -> Iterator[str]:
    columns = ("population_label", "enters", "n", "why_not")
    for label, enters, n, reason in zip(*(rows[name] for name in columns), strict=True):
        yield f"{label} {enters} of {n}" + (f" ({reason})" if reason else "")

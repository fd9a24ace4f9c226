"""Tell each person's deviations: a table, figures and a record for the participant's page."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from npsle_app.bids.output.names import File, GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.bids.tables import read_table
from npsle_app.documents import read_json
from npsle_app.engine.executors import map_parts, open_executor
from npsle_app.settings import DeviationsSettings
from npsle_app.stages.group.person import (
    Person,
    describe,
    forget,
    is_current,
    writers_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationsOutputs:
    """The table of each session, and the participants whose pages are no longer right."""

    tables: tuple[Path, ...]
    changed: tuple[str, ...]


def run(
    *, output_dir: Path, settings: DeviationsSettings, raw: Path | None = None
) -> DeviationsOutputs:
    """Write the files of all participants who were scored; take away what others had.

    What an earlier run wrote from the same scores, reference and measures is kept as it is.
    """
    del raw  # all it says is in the scores already
    people = {person.participant: person for person in _read(output_dir)}
    gone = [name for name in _with_deviations(output_dir) if name not in people]
    for participant in gone:
        forget(output_dir, participant)
    stale = [one for one in people.values() if not is_current(output_dir, one)]
    with open_executor(settings.processes) as (executor, _):
        map_parts(executor, partial(describe, output_dir), stale)
    writers = [w for person in people.values() for w in writers_of(output_dir, person)]
    return DeviationsOutputs(
        tables=tuple(writer.path(File.DEVIATIONS) for writer in writers),
        changed=(*gone, *(person.participant for person in stale)),
    )


def _read(output_dir: Path) -> Iterator[Person]:
    summary = output_dir / GroupFile.NORMATIVE.path
    scores = output_dir / GroupFile.NORMATIVE_SCORES.path
    model = output_dir / GroupFile.NORMATIVE_MODEL.path
    if not (summary.is_file() and scores.is_file() and model.is_file()):
        return
    content = read_json(summary)
    reference = {
        "labels": content.get("labels", []),
        "tail": content.get("tail", "lower"),
        "version": previous_version(output_dir),
        "model": read_json(model),
    }
    text = json.dumps(reference, sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    scans = read_table(output_dir / GroupFile.DEVIATION_COUNTS.path)
    by_person = dict(iter(scans.groupby("participant_id", sort=True)))
    for participant, rows in read_table(scores).groupby("participant_id", sort=True):
        if (output_dir / str(participant)).is_dir():
            yield Person(
                participant=str(participant).removeprefix("sub-"),
                scores=rows.reset_index(drop=True),
                scans=by_person[participant].reset_index(drop=True),
                reference=reference,
                reference_digest=digest,
            )


def _with_deviations(output_dir: Path) -> list[str]:
    found = (
        *output_dir.glob("sub-*/sub-*_deviations.tsv"),
        *output_dir.glob("sub-*/ses-*/sub-*_deviations.tsv"),
    )
    return sorted({path.name.split("_")[0].removeprefix("sub-") for path in found})

"""A simulated cohort on disk, as the participant level of the app would have left it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import File
from npsle_app.bids.output.tree import SIMULATED, write_dataset_files
from npsle_app.bids.output.writer import Writer, replace, write_json, write_tsv
from npsle_app.engine.stage import Status
from npsle_app.engine.status import Row, write_rows
from npsle_app.measures import MEASURES
from npsle_app.phantom.cohort.cohort import tidy
from npsle_app.phantom.cohort.records import Cohort

DERIVATIVE = Path("derivatives", "npsle_app")
_KEYS = ("participant_id", "session_id")
_README = """\
# A simulated cohort for npsle_app: tables only

No person was seen and no image made: every number was drawn at random, with the moments that
a paper prints ({source}).
Made by `npsle_phantom --cohort {cohort} --participants {participants} --seed {seed}`; the same
call makes the same files, and a participant stays the same in a larger cohort.

`sourcedata/truth.json` says which effects were planted, which numbers are printed in the paper
and which are invented. `derivatives/npsle_app` holds measures as the participant level leaves
them. Then

    npsle_app THIS_FOLDER THIS_FOLDER/derivatives/npsle_app group
"""
_DICTIONARY = {
    "measure": {"Description": "Name of the measure; the group tables use it as column name"},
    "value": {"Description": "The number, drawn at random, in the unit beside it"},
    "unit": {"Description": "Unit of the value; 1 for counts and ratios"},
    "stage": {"Description": "Stage that would have measured it"},
    "qc": {"Description": "State of the checks: pass for all, for there was nothing to check"},
    "sources": {"Description": "n/a: there are no images"},
}


def write_cohort(folder: Path, *, cohort: Cohort) -> None:
    """Write the raw dataset of tables, the truth, and the derivative.

    A measure that this version of the app does not know is written to
    `phenotype/imaging.tsv` of the raw dataset, as one measured elsewhere.
    """
    write_raw(folder, cohort=cohort, readme=_README)
    _write_foreign(folder / "phenotype" / "imaging.tsv", cohort.measures)
    write_dataset_files(folder / DERIVATIVE, bids_dir=folder, version=SIMULATED)
    for row in cohort.measures:
        _write_measures(folder / DERIVATIVE, row)
    for participant, rows in _by_participant(cohort.measures).items():
        _write_status(folder / DERIVATIVE / participant, rows)


def write_raw(folder: Path, *, cohort: Cohort, readme: str) -> None:
    """Write the raw dataset of tables, and the truth; `readme` has fields of the truth."""
    write_tsv(folder / "participants.tsv", _frame(cohort.clinical))
    write_json(folder / "participants.json", _meanings(cohort, cohort.clinical))
    write_json(folder / "sourcedata" / "truth.json", dict(cohort.truth))
    write_json(folder / "dataset_description.json", _description(str(cohort.truth["source"])))
    text = readme.format(**{key: cohort.truth[key] for key in _IN_README})
    replace(folder / "README.md", lambda part: part.write_text(text, encoding="utf-8"))
    _write_visits(folder, cohort)


_IN_README = ("source", "cohort", "participants", "seed")


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).convert_dtypes()


def _description(source: str) -> dict[str, Any]:
    return {
        "Name": f"Simulated cohort after {source}",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "License": "CC0",
        "Authors": ["npsle_app developers"],
    }


def _write_foreign(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [name for name in rows[0] if name not in MEASURES] if rows else []
    if not set(names) - set(_KEYS):
        return
    write_tsv(path, pd.DataFrame([{name: tidy(dict(row))[name] for name in names} for row in rows]))
    described = {name: {"Description": f"{name}, measured elsewhere"} for name in names[1:]}
    write_json(
        path.with_suffix(".json"), {"participant_id": {"Description": "Participant"}} | described
    )


def _write_measures(root: Path, row: Mapping[str, Any]) -> None:
    participant = str(row["participant_id"]).removeprefix("sub-")
    known = {name: value for name, value in tidy(dict(row)).items() if name in MEASURES}
    table = pd.DataFrame(
        [
            (name, value, MEASURES[name].unit, MEASURES[name].stage, "pass", None)
            for name, value in known.items()
        ],
        columns=list(_DICTIONARY),
    )
    session = str(row.get("session_id", "")).removeprefix("ses-") or None
    Writer(root, participant, session).table(table, File.MEASURES, dictionary=_DICTIONARY)


def _write_status(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write how the stages ended that would have measured a participant."""
    write_rows(
        folder / "log" / "status.tsv",
        [
            Row(
                participant=folder.name,
                session=str(row.get("session_id", "n/a")),
                stage=stage,
                status=str(Status.DONE),
            )
            for row in rows
            for stage in sorted({MEASURES[name].stage for name in row if name in MEASURES})
        ],
    )


def _write_visits(folder: Path, cohort: Cohort) -> None:
    for participant, rows in _by_participant(cohort.visits).items():
        table = _frame(rows).drop(columns="participant_id")
        write_tsv(folder / participant / f"{participant}_sessions.tsv", table)
    if cohort.visits:
        write_json(folder / "sessions.json", _meanings(cohort, cohort.visits))


def _meanings(cohort: Cohort, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: text for name, text in cohort.columns.items() if rows and name in rows[0]}


def _by_participant(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row["participant_id"]), []).append(row)
    return found

"""Gather the measures of all participants into tables."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.input.dataset import read_session_dates
from npsle_app.bids.input.participants import linked_dataset, participants_table
from npsle_app.bids.input.ratings import RATING_COLUMNS, read_ratings
from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.writer import tsv_lines, write_json, write_lines, write_tsv
from npsle_app.cohort.study.measures import (
    ALONE,
    GIVEN,
    KEYS,
    METHOD,
    SOFTWARE,
    WITH_T1W,
    add_given,
    add_method,
    add_software,
    baseline,
    in_order,
    list_outliers,
    pivot,
)
from npsle_app.measures import MEASURES
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group.shared import MEASURES_FILE, write_table

_TAKEN = ("measure", "value", "qc", "stage")
_MAYBE = ("software", "given_by")  # columns that are there only if they say anything
_KEYS = {
    "participant_id": {"Description": "Participant"},
    "session_id": {"Description": "Session; n/a where the dataset has none"},
}
_TOOL = {"Description": "Measures of npsle_app at the first session of each participant"}
_METHOD = {
    "Description": "What the head was measured by: volumes by FLAIR alone are not to be compared "
    "with those by T1w and FLAIR together",
    "Levels": {
        WITH_T1W: "T1w, and FLAIR where there is one",
        ALONE: "FLAIR, as there is no T1w image",
    },
}
_QC_LEVELS = {
    "pass": "nothing was noticed",
    "warn": "look at the figures before use",
    "fail": "do not use unless the figures say otherwise",
    "not assessable": "the scan does not allow this number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuresOutputs:
    """Tables of the study; each has a dictionary beside it.

    `measures` has a row per participant and session, `phenotype` one per participant (the
    first session), `sessions` one file for each participant who has sessions; `outliers` names
    the values that the page flags.
    """

    measures: Path
    outliers: Path
    phenotype: Path
    participants: Path
    sessions: tuple[Path, ...]


def run(
    *, output_dir: Path, settings: MeasuresSettings, raw: Path | None = None
) -> MeasuresOutputs:
    """Gather all `sub-*` tables of measures and the ratings in `qc/`.

    Participants are all those with a folder in the output, so that one whose scans were
    absent stands in the tables too. The columns of the raw `participants.tsv` are copied;
    without `raw`, from the dataset that the output links to as `raw`.
    """
    del settings  # nothing to choose so far
    wide = gather(output_dir)
    raw = raw or linked_dataset(output_dir, name="raw")
    people, meanings = participants_table(output_dir, raw=raw)
    columns = _describe(wide)
    measures = output_dir / MEASURES_FILE
    _write(measures, wide, _KEYS | columns)
    participants = output_dir / "participants.tsv"
    _write(participants, people, meanings)
    first = people[["participant_id"]].merge(
        baseline(wide, dates=_dates(wide, raw=raw)), how="left", on="participant_id"
    )
    phenotype = output_dir / "phenotype" / "npsle_app.tsv"
    visit = {"baseline_session": {"Description": "Session that the row is taken from"}}
    _write(
        phenotype,
        first.rename(columns={"session_id": "baseline_session"}),
        {"MeasurementToolMetadata": _TOOL, "participant_id": _KEYS["participant_id"]}
        | visit
        | columns,
    )
    return MeasuresOutputs(
        measures=measures,
        outliers=write_table(output_dir, GroupFile.OUTLIERS, list_outliers(wide)),
        phenotype=phenotype,
        participants=participants,
        sessions=_write_sessions(output_dir, wide, columns),
    )


def _dates(wide: pd.DataFrame, *, raw: Path | None) -> dict[tuple[str, str], str]:
    """Read when sessions took place of those who have several."""
    if raw is None:
        return {}
    several = wide[wide["session_id"].notna()].groupby("participant_id")["session_id"]
    return {
        (str(participant), f"ses-{label}"): time
        for participant, sessions in several
        if len(sessions) > 1
        for label, time in read_session_dates(
            raw / str(participant), [str(one).removeprefix("ses-") for one in sessions]
        ).items()
    }


def gather(output_dir: Path) -> pd.DataFrame:
    """Read the measures and ratings of all participants: a row per participant and session."""
    return _join_ratings(_read_all(output_dir), read_ratings(output_dir / "qc"))


def _read_all(output_dir: Path) -> pd.DataFrame:
    paths = [
        *output_dir.glob("sub-*/*_measures.tsv"),
        *output_dir.glob("sub-*/ses-*/*_measures.tsv"),
    ]
    if not paths:
        return pd.DataFrame(columns=KEYS, dtype=object)
    rows = [row for path in sorted(paths) for row in _read(path)]
    long = pd.DataFrame(rows, columns=[*KEYS, *_TAKEN, *_MAYBE])
    wide = add_given(add_software(pivot(long), long=long), long=long)
    return add_method(wide, stages=long)


def _read(path: Path) -> Iterator[tuple[str | float | None, ...]]:
    """Read one participant's rows; a table of its own for each of 10,000 would take a minute."""
    stem = path.name.removesuffix("_measures.tsv")
    participant, _, session = stem.partition("_")
    lines = csv.reader(
        path.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    header = next(lines, [])
    if missing := set(_TAKEN) - set(header):
        msg = f"{path} lacks the columns {sorted(missing)}; run the participant level again"
        raise ValueError(msg)
    places = [header.index(name) for name in _TAKEN]
    maybe = [header.index(name) if name in header else None for name in _MAYBE]
    for line in lines:
        try:
            measure, value, qc, stage = (line[place] for place in places)
            number = None if value == "n/a" else float(value)
            told = ["" if place is None else line[place] for place in maybe]
        except (IndexError, ValueError) as error:
            msg = f"{path} has a damaged line: {line}; run the participant level again"
            raise ValueError(msg) from error
        said = ("" if cell == "n/a" else cell for cell in told)
        yield participant, session or None, measure, number, qc, stage, *said


def _join_ratings(wide: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Add the ratings; a session that was rated and not measured keeps a row."""
    return in_order(wide.merge(ratings, how="outer", on=KEYS))


def _describe(wide: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    meanings: dict[str, Mapping[str, Any]] = {METHOD: _METHOD} if METHOD in wide else {}
    if SOFTWARE in wide:
        meanings[SOFTWARE] = {"Description": "Program and version that measured all of fs_*"}
    if GIVEN in wide:
        meanings[GIVEN] = {
            "Description": "Whose brain mask and tissues the brain volumes rest on; npsle_app "
            "where nothing was given"
        }
    measured = [name for name in MEASURES if name in wide]
    for name in measured:
        measure = MEASURES[name]
        meanings[name] = {
            "Description": measure.description,
            "Units": measure.unit,
            "Derivative": True,
            "Formula": measure.formula,
            "Reference": measure.reference,
        }
    for name in measured:
        meanings[f"{name}_qc"] = {"Description": f"Checks of {name}", "Levels": _QC_LEVELS}
    meanings.update(RATING_COLUMNS)
    return meanings


def _write(path: Path, rows: pd.DataFrame, meanings: Mapping[str, Any]) -> None:
    write_tsv(path, rows)
    write_json(path.with_suffix(".json"), meanings)


def _write_sessions(
    output_dir: Path, wide: pd.DataFrame, columns: Mapping[str, Any]
) -> tuple[Path, ...]:
    """Write a table for each participant with sessions; take old ones away."""
    paths = []
    for old in output_dir.glob("sub-*/sub-*_sessions.tsv"):
        old.unlink()
    (output_dir / "sessions.json").unlink(missing_ok=True)
    visits = wide.dropna(subset="session_id")
    names, *lines = tsv_lines(visits.drop(columns="participant_id"))
    for participant, places in sorted(visits.groupby("participant_id").indices.items()):
        path = output_dir / str(participant) / f"{participant}_sessions.tsv"
        write_lines(path, [names, *(lines[place] for place in places)])
        paths.append(path)
    if paths:
        write_json(
            output_dir / "sessions.json", {"session_id": {"Description": "Session"}, **columns}
        )
    return tuple(paths)

"""The tables of a study as they were read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


def _empty(*columns: str) -> pd.DataFrame:
    return pd.DataFrame(columns=["participant_id", "session_id", "rater", *columns])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderTables:
    """What readers of the reading room said, each table with participant, session and `rater`.

    Attributes
    ----------
    judgements
        `judgement` (usable, acceptable, exclude) of each `item`.
    lesions
        `decision` (keep, reject or missing) on each lesion, told by `i`, `j`, `k` and `voxels`,
        with its `volume_ml`.
    thresholds
        The `threshold` that fits a session, and `volume_ml` at it.
    """

    judgements: pd.DataFrame = field(default_factory=lambda: _empty("item", "judgement"))
    lesions: pd.DataFrame = field(
        default_factory=lambda: _empty("i", "j", "k", "voxels", "volume_ml", "decision")
    )
    thresholds: pd.DataFrame = field(default_factory=lambda: _empty("threshold", "volume_ml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables of a study as they were read, all cells text but those of `measures`.

    Attributes
    ----------
    participants
        `participants.tsv`, one row per participant.
    measures
        One row per participant and session, with a column and a `_qc` column per measure.
    visits
        By the name of their file, tables with `participant_id` and, where visits differ,
        `session_id`: `sub-*_sessions.tsv` joined, and `phenotype/*.tsv`.
    units
        The unit of a column, as JSON dictionaries say it.
    notes
        What was put right when the files were read.
    headings
        What the dataset calls a column whose heading was put right, by the app's name.
    dates
        When sessions were (ISO 8601), by participant and session, as far as known.
    readings
        The table of readings that the study file names.
    readers
        What readers of the reading room said.
    tidied
        Whether all that is certain was put right already.
    """

    participants: pd.DataFrame
    measures: pd.DataFrame
    visits: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    headings: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[tuple[str, str], str] = field(default_factory=dict)
    tidied: bool = False
    readings: pd.DataFrame | None = None
    readers: ReaderTables = field(default_factory=ReaderTables)

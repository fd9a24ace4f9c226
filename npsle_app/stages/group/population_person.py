"""Each participant's table of FreeSurfer volumes beside the population."""

from collections.abc import Iterator
from pathlib import Path

from pandas import DataFrame

from npsle_app.bids.output.names import MEASURES_DIGEST, File
from npsle_app.bids.output.reader import measures_digest
from npsle_app.bids.output.writer import Writer
from npsle_app.cohort.normative.population_scores import CRITICAL
from npsle_app.group_tables import group_tables

_PATTERNS = ("sub-*/sub-*_population.tsv", "sub-*/ses-*/sub-*_population.tsv")
_COUNTED = ("n_deviations", "n_assessed", "n_expected", "expected_low", "expected_high")


def write_people(output_dir: Path, scores: DataFrame, *, counts: DataFrame) -> tuple[str, ...]:
    """Write the scores of each session beside its measures; take old ones away.

    Parameters
    ----------
    scores
        Of all sessions, as `population_scores.tsv` holds them.
    counts
        A row per session: how many volumes deviate, and how many chance gives.

    Returns
    -------
    tuple of str
        Labels of the participants whose pages are no longer right.
    """
    before = {path: path.read_bytes() for path in _list_tables(output_dir)}
    keys = ["participant_id", "session_id"]
    numbers = {_unit(*row[:2]): dict(zip(_COUNTED, row[2:], strict=True))
               for row in counts[[*keys, *_COUNTED]].itertuples(index=False)}  # fmt: skip
    written: dict[Path, str] = {}
    for unit, rows in scores.groupby([scores[name].fillna("") for name in keys], sort=True):
        participant, session = (str(part) for part in unit)
        if (output_dir / participant).is_dir():
            path = _write(
                output_dir, participant, session, rows, numbers.get((participant, session))
            )
            written[path] = participant
    changed = {name for path, name in written.items() if before.get(path) != path.read_bytes()}
    gone = _take_away(set(before) - set(written))
    return tuple(sorted({name.removeprefix("sub-") for name in changed} | set(gone)))


def forget_people(output_dir: Path) -> tuple[str, ...]:
    """Take away all that an earlier run left; return the participants who had any."""
    return _take_away(set(_list_tables(output_dir)))


def _take_away(paths: set[Path]) -> tuple[str, ...]:
    for path in paths:
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)
    return tuple(sorted({path.name.partition("_")[0].removeprefix("sub-") for path in paths}))


def _list_tables(output_dir: Path) -> Iterator[Path]:
    for pattern in _PATTERNS:
        yield from sorted(output_dir.glob(pattern))


def _unit(participant: object, session: object) -> tuple[str, str]:
    return str(participant), session if isinstance(session, str) else ""


def _write(
    output_dir: Path,
    participant: str,
    session: str,
    rows: DataFrame,
    count: dict[str, float] | None,
) -> Path:
    writer = Writer(
        output_dir, participant.removeprefix("sub-"), session.removeprefix("ses-") or None
    )
    columns = [column.name for column in group_tables()["population_session"].columns]
    told = {name: None if value != value else float(value) for name, value in (count or {}).items()}
    told["n_critical"] = float((rows["deviation"] == CRITICAL).sum())
    more = {MEASURES_DIGEST: measures_digest(writer), "Count": told}
    dictionary = group_tables()["population_session"].explain(columns)
    return writer.table(rows[columns], File.POPULATION, dictionary=dictionary | more)

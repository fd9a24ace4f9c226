"""Each participant's FreeSurfer volumes beside the population: table, centile curves, record."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pandas import DataFrame

from npsle_app.bids.output.names import MEASURES_DIGEST, File
from npsle_app.bids.output.reader import measures_digest
from npsle_app.bids.output.writer import Writer
from npsle_app.cohort.normative.population import Population
from npsle_app.cohort.normative.population_scores import CRITICAL
from npsle_app.documents import read_json
from npsle_app.group_tables import group_tables
from npsle_app.records import FigureRecord, Qc, Record, worst
from npsle_app.resources import read_text
from npsle_app.stages.group.population_figures import draw_person

STAGE, _PICTURE = "population", "population-centiles"
_METHODS = (
    "Imported volumes were compared with {population}. z is by age and sex and, where so told, "
    "given the intracranial volume; its limits hold what is not known of the scanner."
)
_PATTERNS = ("sub-*/sub-*_population.tsv", "sub-*/ses-*/sub-*_population.tsv")
_BESIDE = ("log/*_stage-population.json", "figures/*_population-*.webp",
           "figures/*_population-*.svg")  # fmt: skip
_COUNTED = ("n_deviations", "n_assessed", "n_expected", "expected_low", "expected_high")


def write_people(
    output_dir: Path, scores: DataFrame, *, counts: DataFrame, population: Population
) -> tuple[str, ...]:
    """Write the scores of each session beside its measures; take old ones away.

    Curves are drawn anew where the table is another than it was.

    Parameters
    ----------
    scores
        Of all sessions, as `population_scores.tsv` holds them, with what curves need.
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
    changed: set[str] = set()
    for participant, own in scores.groupby("participant_id", sort=True):
        if not (output_dir / str(participant)).is_dir():
            continue
        for session, rows in own.groupby(own["session_id"].fillna(""), sort=True):
            person, unit = str(participant), str(session)
            writer = _writer(output_dir, person, unit)
            path = _write(writer, rows, numbers.get((person, unit)))
            written[path] = person
            record = _record_of(writer)
            said = record.read_bytes() if record.is_file() else b""
            redraw = before.get(path) != path.read_bytes() or not said
            _describe(writer, own, population=population, session_id=unit, redraw=redraw)
            if redraw or said != record.read_bytes():
                changed.add(person)
    gone = _take_away(set(before) - set(written))
    return tuple(sorted({name.removeprefix("sub-") for name in changed} | set(gone)))


def forget_people(output_dir: Path) -> tuple[str, ...]:
    """Take away all that an earlier run left; return the participants who had any."""
    return _take_away(set(_list_tables(output_dir)))


def _take_away(paths: set[Path]) -> tuple[str, ...]:
    for path in paths:
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)
        for pattern in _BESIDE:
            for old in path.parent.glob(pattern):
                old.unlink()
    return tuple(sorted({path.name.partition("_")[0].removeprefix("sub-") for path in paths}))


def _list_tables(output_dir: Path) -> Iterator[Path]:
    for pattern in _PATTERNS:
        yield from sorted(output_dir.glob(pattern))


def _unit(participant: object, session: object) -> tuple[str, str]:
    return str(participant), session if isinstance(session, str) else ""


def _writer(output_dir: Path, participant: str, session: str) -> Writer:
    return Writer(
        output_dir, participant.removeprefix("sub-"), session.removeprefix("ses-") or None
    )


def _record_of(writer: Writer, *, stage: str = STAGE) -> Path:
    return writer.folder / "log" / f"{writer.id}_stage-{stage}.json"


def _write(writer: Writer, rows: DataFrame, count: dict[str, float] | None) -> Path:
    columns = [column.name for column in group_tables()["population_session"].columns]
    told = {name: None if value != value else float(value) for name, value in (count or {}).items()}
    told["n_critical"] = float((rows["deviation"] == CRITICAL).sum())
    more = {MEASURES_DIGEST: measures_digest(writer), "Count": told}
    dictionary = group_tables()["population_session"].explain(columns)
    return writer.table(rows[columns], File.POPULATION, dictionary=dictionary | more)


@cache
def _works() -> str:
    """Return what the app cites: read once, not for each session."""
    return read_text("references.bib")


def _describe(
    writer: Writer, own: DataFrame, *, population: Population, session_id: str, redraw: bool
) -> None:
    """Write the record of a session, with its curves if any of its volumes has a score."""
    path = writer.folder / "figures" / f"{writer.id}_{_PICTURE}.svg"
    if redraw or not path.is_file():
        for old in path.parent.glob(f"{writer.id}_{_PICTURE}.*"):
            old.unlink()
        drawing = draw_person(own, population=population, session_id=session_id)
        if drawing is not None:
            writer.drawing(drawing, _PICTURE)
    # that of a population of the user's own is no key of the app, and is told as it stands
    known = f"{{{population.citation}," in _works()
    cited = (population.citation, "fraza2021") if known else ("fraza2021",)
    told = population.text if known else f"{population.text} ({population.citation})"
    picture = FigureRecord(
        title="Volumes among the population's centile curves",
        path=path,
        caption="Deep structures, lateral ventricles, and other volumes beyond the cut. The "
        "curves hold for this sex, head size and site; a bar reaches over the 95 % limits of z, "
        "which hold what is not known of the scanner.",
    )
    writer.record(
        Record(
            stage=STAGE,
            methods=_METHODS.format(population=told),
            citations=cited,
            figures=(picture,) if path.is_file() else (),
            inherited=_read_state(writer),
        )
    )


def _read_state(writer: Writer) -> Qc:
    """Return the worst state of the checks of the imported volumes; pass where none is told."""
    try:
        told = read_json(_record_of(writer, stage="freesurfer"))
    except (OSError, ValueError):
        return Qc.PASS
    return worst([Qc(one["state"]) for one in told["checks"]])

"""The page of the whole study."""

from collections.abc import Container, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.reader import resolve_uri
from npsle_app.bids.output.writer import replace
from npsle_app.bids.tables import read_table
from npsle_app.documents import read_json
from npsle_app.engine.stage import Status
from npsle_app.engine.status import Row, read_rows
from npsle_app.measures import MEASURES
from npsle_app.report.flags import list_flags
from npsle_app.report.pages import render
from npsle_app.report.pictures import thumbnail
from npsle_app.report.strips import HEIGHT, WIDTH, Strip, draw_strip
from npsle_app.report.study import read_study, write_table_files

_MAX_THUMBNAILS = 200  # of some 25 kB each, so that the page stays under 8 MB
_MOST_POINTS = 8000  # of all strips together, each some 200 bytes
_LEAST_POINTS = 20
_MOST_CELLS = 20_000  # of the table of measures
_MOST_SESSIONS = 300  # of the table of outcomes
_SHOWN_FIRST = ("wmh", "wmh_flair", "anat", "anat_flair", "tissue")


def write_report(output_dir: Path) -> Path:
    """Write `group.html`: the study at a glance, each point a link to its participant.

    Reads the tables and summaries that the group stages wrote, the status tables of the
    participants, `logs/CITATION.md`, and the first figure of each session. Writes the tables
    of the statistics as LaTeX and HTML beside.
    """
    wide = _read_wide(output_dir / "npsle_app_measures.tsv")
    rows = [row for path in _status_tables(output_dir) for row in read_rows(path)]
    people = sorted(path.name for path in output_dir.glob("sub-*") if path.is_dir())
    names = [name for name in MEASURES if name in wide]
    strips = _draw_strips(wide, names, far=_read_outliers(output_dir / GroupFile.OUTLIERS.path))
    outcomes = _by_session(rows)
    study = read_study(output_dir)
    write_table_files(output_dir, study.analyses)
    page = render(
        "group.html.j2",
        title=study.title,
        study=study,
        people=people,
        with_page={name for name in people if (output_dir / f"{name}.html").is_file()},
        n_measured=len(wide),
        n_excluded=int((_column(wide, "qc_exclude") == "yes").sum()),
        wide=_to_rows(wide.head(max(_MOST_CELLS // max(len(names), 1), 1))),
        names=names,
        definitions=MEASURES,
        flags=list_flags(wide, strips),
        strips=strips,
        size=(WIDTH, HEIGHT),
        n_outcomes=len(outcomes),
        outcomes=_failed_first(outcomes),
        stages=list(dict.fromkeys(row.stage for row in rows)),
        statuses=[str(status) for status in Status],
        counts=pd.Series([(row.stage, row.status) for row in rows]).value_counts().to_dict(),
        thumbnails=_thumbnails(output_dir),
        max_thumbnails=_MAX_THUMBNAILS,
        methods=_text(output_dir / "logs" / "CITATION.md"),
        bibtex=_text(output_dir / "logs" / "CITATION.bib"),
    )
    path = output_dir / "group.html"
    replace(path, lambda part: part.write_text(page, encoding="utf-8"))
    return path


def session_id(participant: str, session: object) -> str:
    """Join labels as file names do: `sub-01` or `sub-01_ses-1`."""
    named = isinstance(session, str) and session not in ("", "n/a")
    label = f"_ses-{str(session).removeprefix('ses-')}" if named else ""
    return f"sub-{participant.removeprefix('sub-')}{label}"


def _read_wide(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    table = read_table(path)
    table.index = pd.Index(_session_ids(table), dtype=object)
    return table


def _read_outliers(path: Path) -> dict[str, set[str]]:
    """Read which sessions' values are far from the others, by measure."""
    if not path.is_file():
        return {}
    table = read_table(path)
    far: dict[str, set[str]] = {}
    for measure, session in zip(table["measure"], _session_ids(table), strict=True):
        far.setdefault(measure, set()).add(session)
    return far


def _session_ids(table: pd.DataFrame) -> list[str]:
    labels = zip(table["participant_id"], table["session_id"], strict=True)
    return [session_id(*pair) for pair in labels]


def _draw_strips(
    wide: pd.DataFrame, names: Sequence[str], *, far: Mapping[str, Container[str]]
) -> list[Strip]:
    most = max(_MOST_POINTS // max(len(names), 1), _LEAST_POINTS)
    drawn = (draw_strip(name, wide[name], far=far.get(name, ()), most=most) for name in names)
    return [strip for strip in drawn if strip]


def _column(wide: pd.DataFrame, name: str) -> pd.Series:
    return wide[name] if name in wide else pd.Series(None, wide.index, dtype=object)


def _to_rows(wide: pd.DataFrame) -> Mapping[Hashable, Any]:
    return wide.astype(object).where(wide.notna(), None).to_dict("index")


def _failed_first(outcomes: Mapping[str, Mapping[str, Row]]) -> dict[str, Mapping[str, Row]]:
    """Keep as many sessions as the page shows: all, or first those that something failed in."""
    if len(outcomes) <= _MOST_SESSIONS:
        return dict(outcomes)
    failed = [name for name, rows in outcomes.items() if any(map(_is_failed, rows.values()))]
    order = dict.fromkeys([*failed, *outcomes])
    return {name: outcomes[name] for name in list(order)[:_MOST_SESSIONS]}


def _is_failed(row: Row) -> bool:
    return row.status in (Status.FAILED, Status.BLOCKED)


def _status_tables(output_dir: Path) -> list[Path]:
    return sorted(output_dir.glob("sub-*/log/status.tsv"))


def _by_session(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(session_id(row.participant, row.session), {})[row.stage] = row
    return found


def _thumbnails(output_dir: Path) -> dict[str, str]:
    """One small picture per session: lesions if there are any, else the brain mask."""
    records: dict[str, dict[str, Path]] = {}
    for path in sorted(output_dir.glob("sub-*/**/log/*_stage-*.json")):
        session, _, stage = path.stem.partition("_stage-")
        records.setdefault(session, {})[stage] = path
    shown = {}
    for session, by_stage in list(records.items())[:_MAX_THUMBNAILS]:
        paths = [by_stage[stage] for stage in _SHOWN_FIRST if stage in by_stage]
        pictures = (_first_figure(path, output_dir) for path in paths)
        small = (thumbnail(picture, width=640) for picture in pictures if picture)
        shown[session] = next((uri for uri in small if uri), "")
    return {session: uri for session, uri in shown.items() if uri}


def _first_figure(record: Path, output_dir: Path) -> Path | None:
    try:
        figures = read_json(record)["figures"]
        return resolve_uri(figures[0]["path"], places={"": output_dir}) if figures else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the participant's own page says what is wrong with it


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

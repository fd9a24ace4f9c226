"""The page and the measures of one participant."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame

from npsle_app.bids.output.names import File
from npsle_app.bids.output.proof import write_proof
from npsle_app.bids.output.writer import replace
from npsle_app.records import Record
from npsle_app.report.citations import cited, methods_text
from npsle_app.report.contents import SessionContent, gather
from npsle_app.report.page_notes import PageNotes, Run, load_notes, save_notes
from npsle_app.report.pages import render
from npsle_app.report.peers import Peers, read_peers
from npsle_app.report.pictures import embed, embed_small
from npsle_app.report.references import WORKS
from npsle_app.report.sections import show_sections
from npsle_app.report.summary import Summary, summarise
from npsle_app.report.viewer import read_viewers, viewer_script

DICTIONARY = {
    "measure": {"Description": "Name of the measure; the group tables use it as column name"},
    "value": {"Description": "The number, in the unit beside it; n/a where it is not known"},
    "unit": {"Description": "Unit of the value; 1 for counts and ratios"},
    "stage": {"Description": "Stage that measured it"},
    "qc": {
        "Description": "State of the checks that concern the number",
        "Levels": {
            "pass": "nothing was noticed",
            "warn": "look at the figures before use",
            "fail": "do not use unless the figures say otherwise",
            "not assessable": "the scan does not allow this number",
        },
    },
    "sources": {"Description": "Images that it was taken from, as BIDS URIs, comma-separated"},
}
_WHERE_TOLD = {  # columns that are there only if they say anything
    "software": {"Description": "What measured it, where that was another program; else n/a"},
    "given_by": {
        "Description": "What others made and the number rests on, and of which dataset of "
        "--derivatives; else n/a"
    },
    "read_by": {"Description": "Who read what the number rests on, and when; else n/a"},
}


def write_report(
    output_dir: Path,
    participant: str,
    *,
    datasets: Mapping[str, Path],
    notes: PageNotes | None = None,
    peers: Peers | None = None,
) -> Path:
    """Write `sub-<participant>.html` and each session's table of measures.

    Reads `sub-<participant>/log/status.tsv`, the records of the stages and their figures;
    nothing is computed. All sessions of the participant stand on the one page, the newest first.

    Parameters
    ----------
    output_dir
        Root of the derivative dataset.
    participant
        Label without `sub-`.
    datasets
        Roots of the datasets that BIDS URIs in the records point into, `raw` among them.
    notes
        Choices of scans, problems found before the run, version, command and settings; they
        are kept. Without them those of the last time hold, and the page alone is made again.
    peers
        Numbers of the study's people, for where this one lies among them; else what the group
        level wrote, if it ran.

    Returns
    -------
    Path
        The page. It is one file, needs no network and stays under 12 MB.
    """
    peers = read_peers(output_dir) if peers is None else peers
    told = notes or load_notes(output_dir, participant)
    if notes is not None:
        save_notes(output_dir, participant, notes)
        for content in gather(output_dir, participant, datasets=datasets, notes=told):
            write_measures(content)
    # read after the measures are written: deviations of others are not shown
    contents = gather(output_dir, participant, datasets=datasets, notes=told)
    path = output_dir / f"sub-{participant}.html"
    page = render(
        "participant.html.j2", **_context(participant, contents, run=told.run, peers=peers)
    )
    replace(path, lambda part: part.write_text(page, encoding="utf-8"))
    write_proof(
        output_dir,
        participant,
        _written(output_dir, participant, contents),
        peers=peers.digest,
    )
    return path


def _written(
    output_dir: Path, participant: str, contents: Sequence[SessionContent]
) -> Iterator[Path]:
    """List what a report leaves: page, notes, and the tables that the statistics read."""
    tables = (content.writer.path(File.MEASURES) for content in contents)
    notes = output_dir / f"sub-{participant}" / "log" / "page.json"
    candidates = (output_dir / f"sub-{participant}.html", notes, *tables)
    return (path for path in candidates if path.is_file())


def write_measures(content: SessionContent) -> Path | None:
    """Write a session's table of measures; take an old one away where there are none."""
    rows = [
        {
            "measure": line.measure.name,
            "value": line.exact,
            "unit": line.definition.unit,
            "stage": line.stage,
            "qc": str(line.measure.qc),
            "sources": ", ".join(line.sources) or None,
            "software": line.software or None,
            "given_by": line.given_by or None,
            "read_by": line.read_by or None,
        }
        for line in content.measures
    ]
    if rows:
        table = DataFrame(rows)
        table = table.drop(columns=[name for name in _WHERE_TOLD if table[name].isna().all()])
        told = DICTIONARY | {name: text for name, text in _WHERE_TOLD.items() if name in table}
        return content.writer.table(table, File.MEASURES, dictionary=told)
    stale = content.writer.folder / f"{content.id}_{File.MEASURES.value.tail}"
    stale.unlink(missing_ok=True)
    stale.with_suffix(".json").unlink(missing_ok=True)
    return None


def _context(
    participant: str, contents: Sequence[SessionContent], *, run: Run, peers: Peers
) -> dict[str, Any]:
    records = [record for content in contents for record in content.records]
    markdown, bibtex = methods_text(records)
    name = f"sub-{participant}"
    summaries = [summarise(content, participant=name, peers=peers) for content in contents]
    viewers = read_viewers([content.writer for content in contents])
    return {
        "title": name,
        "participant": name,
        "sessions": [  # the newest first: it is what somebody opens the page for
            (content, summary, show_sections(content), viewer)
            for content, summary, viewer in reversed(
                list(zip(contents, summaries, viewers, strict=True))
            )
        ],
        "libraries": [viewer_script()] if any(viewers) else [],
        "pictures": embed(_figures(records)),
        "small": embed_small(_card_pictures(summaries)),
        "methods": markdown.split("\n# References\n")[0].removeprefix("# Methods\n").strip(),
        "works": [(key, WORKS[key]) for key in cited(records)],
        "bibtex": bibtex,
        "run": run,
        "templates": {name: sha for one in contents for name, sha in one.templates.items()},
    }


def _card_pictures(summaries: Sequence[Summary]) -> list[Path]:
    return [card.picture for one in summaries for card in one.cards if card.picture]


def _figures(records: Sequence[Record]) -> list[Path]:
    figures = [figure for record in records for figure in record.figures]
    paths = [path for figure in figures for path in (figure.path, figure.after) if path]
    return list(dict.fromkeys(paths))

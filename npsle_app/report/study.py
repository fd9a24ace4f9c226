"""What the page of a study shows of its statistics: read from the group stages' files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from npsle_app.bids.output.names import GROUP_TABLES, GroupFile
from npsle_app.bids.output.writer import replace
from npsle_app.documents import read_json
from npsle_app.report.references import WORKS, Work
from npsle_app.report.study_tables import ShownTable, read_tables
from npsle_app.report.table_files import to_latex, to_word_html

_SUMMARIES = (
    GroupFile.STATISTICS,
    GroupFile.POPULATION,
    GroupFile.NORMATIVE,
    GroupFile.CLASSIFIER,
)
ENTERED = "participants"  # the analysis that says who entered
_PROLOG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_NAMED = re.compile(r"""(\bid="|\bhref="#|url\(#)""")  # ids of an SVG, and what points at them


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFigure:
    """A figure as SVG for the page itself, so that its dots are links.

    A `wide` one takes the whole width of the page.
    """

    svg: Markup
    caption: str
    path: str
    pdf: str
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnalysis:
    """One section of the page."""

    name: str
    title: str
    methods: str
    results: tuple[str, ...]
    found: tuple[str, ...]
    not_estimable: int
    reasons: tuple[str, ...]
    figures: tuple[ShownFigure, ...]
    tables: tuple[ShownTable, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show but that nothing could be estimated."""
        tried = [table for table in self.tables if not table.describes]
        return not (tried or self.figures) and bool(self.not_estimable or not self.tables)

    @property
    def why_empty(self) -> str:
        """The first reason, and how many more there are; else what the methods say."""
        if not self.reasons:
            return self.methods
        more = len(self.reasons) - 1
        return self.reasons[0] + (f", and {more} more" if more else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStudy:
    """All that the group stages found out; empty if none ran.

    `needed` says what a comparison would take where groups are small.
    """

    title: str = "Study"
    mode: str = ""
    needed: str = ""
    warnings: tuple[str, ...] = ()
    analyses: tuple[ShownAnalysis, ...] = ()
    works: tuple[tuple[str, Work], ...] = ()

    @property
    def entered(self) -> ShownAnalysis | None:
        """Who entered: methods tell the numbers, the figure the flow."""
        return next((one for one in self.analyses if one.name == ENTERED), None)

    @property
    def full(self) -> tuple[ShownAnalysis, ...]:
        """Those that have something to show, but for who entered."""
        return tuple(one for one in self.analyses if not one.is_empty and one.name != ENTERED)

    @property
    def empty(self) -> tuple[ShownAnalysis, ...]:
        """Those in which nothing could be estimated."""
        return tuple(one for one in self.analyses if one.is_empty and one.name != ENTERED)

    @property
    def methods(self) -> str:
        """The methods text of all analyses, to be pasted into a paper."""
        return " ".join(analysis.methods for analysis in self.analyses)

    @property
    def bibtex(self) -> str:
        """The works that the analyses cite."""
        return "\n".join(work.entry for _, work in self.works)


def read_study(output_dir: Path) -> ShownStudy:
    """Read the summaries that the group stages left; one that is not there is left out."""
    paths = (output_dir / file.path for file in _SUMMARIES)
    found = [read_json(p) for p in paths if p.is_file()]
    if not found:
        return ShownStudy()
    mode = str(found[0].get("mode", "recommended"))
    told = [one for summary in found for one in summary["analyses"]]
    keys = sorted({key for analysis in told for key in analysis["citations"] if key in WORKS})
    return ShownStudy(
        title=str(found[0].get("title", "Study")),
        mode=mode,
        needed=" ".join(str(one["needed"]) for one in found if one.get("needed")),
        warnings=tuple(str(text) for summary in found for text in summary["warnings"]),
        analyses=tuple(_read_analysis(output_dir, analysis, mode=mode) for analysis in told),
        works=tuple((key, WORKS[key]) for key in keys),
    )


def write_table_files(output_dir: Path, analyses: Sequence[ShownAnalysis]) -> None:
    """Write each table that the page shows as LaTeX and as HTML for word processors."""
    for table in (table for analysis in analyses for table in analysis.tables):
        for ending, text in ((".tex", to_latex(table)), (".html", to_word_html(table))):
            path = output_dir / GROUP_TABLES / f"{table.name}{ending}"
            replace(path, partial(Path.write_text, data=text, encoding="utf-8"))


def _read_analysis(output_dir: Path, told: Mapping[str, Any], *, mode: str) -> ShownAnalysis:
    return ShownAnalysis(
        name=str(told["name"]),
        title=str(told["title"]),
        methods=str(told["methods"]),
        results=tuple(map(str, told["results"])),
        found=tuple(map(str, told.get("found") or told["results"][:1])),
        not_estimable=int(told.get("not_estimable", 0)),
        reasons=tuple(map(str, told.get("reasons", ()))),
        figures=tuple(
            _read_figure(output_dir, figure)
            for figure in told["figures"]
            if (output_dir / figure["path"]).is_file()
        ),
        tables=tuple(read_tables(output_dir, tables=told["tables"], mode=mode)),
    )


def _read_figure(output_dir: Path, figure: Mapping[str, str]) -> ShownFigure:
    path = output_dir / figure["path"]
    # figures stand on one page: none may take the ids of another
    text = _NAMED.sub(rf"\g<1>{path.stem}-", path.read_text(encoding="utf-8"))
    return ShownFigure(
        svg=Markup(_PROLOG.sub("", text, count=1)),  # noqa: S704 - drawn by the group stage
        caption=figure["caption"],
        path=figure["path"],
        pdf=f"{figure['path'].removesuffix('.svg')}.pdf",
        wide=figure.get("width") == "page",
    )

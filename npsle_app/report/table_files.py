"""Tables for papers: LaTeX, and HTML that word processors take."""

import re
from collections.abc import Callable
from html import escape

from npsle_app.report.study_tables import ShownTable

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "²": "$^2$",
    "³": "$^3$",
    "⁶": "$^6$",
    "β": r"$\beta$",
    "χ": r"$\chi$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    **{character: f"\\{character}" for character in "#$%&_{}"},
}
_MARKS = re.compile("|".join(map(re.escape, _SPECIAL)))


def to_latex(table: ShownTable) -> str:
    """Write a `table` with a `tabular` of plain rules; no package is needed."""
    shape = "".join("r" if numeric else "l" for numeric in table.numeric)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escape_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{shape}}}",
        r"\hline",
        _join(table.headings, _escape_latex),
        r"\hline",
        *(_join([cell.text for cell in row], _escape_latex) for row in table.rows),
        r"\hline",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_word_html(table: ShownTable) -> str:
    """Write a page with one table, styled cell by cell, as word processors read it."""
    head = "".join(_html_cell("th", text, numeric=n) for text, n in _pair(table.headings, table))
    body = "\n".join(
        "<tr>"
        + "".join(_html_cell("td", t, numeric=n) for t, n in _pair([c.text for c in row], table))
        + "</tr>"
        for row in table.rows
    )
    title = escape(table.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'</head>\n<body><p><b>{title}</b></p>\n<table style="border-collapse: collapse">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></body></html>\n"
    )


def _escape_latex(text: str) -> str:
    return _MARKS.sub(lambda mark: _SPECIAL[mark.group()], text)


def _join(texts: "tuple[str, ...] | list[str]", prepare: Callable[[str], str]) -> str:
    return " & ".join(map(prepare, texts)) + r" \\"


def _pair(texts: "tuple[str, ...] | list[str]", table: ShownTable) -> list[tuple[str, bool]]:
    return list(zip(texts, table.numeric, strict=True))


def _html_cell(tag: str, text: str, *, numeric: bool) -> str:
    side = "right" if numeric else "left"
    style = f"border: 1px solid; padding: 2pt 6pt; text-align: {side}"
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'

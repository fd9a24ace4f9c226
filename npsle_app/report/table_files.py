"""Tables for papers: LaTeX, and HTML that word processors take."""

import re

import pandas as pd

from npsle_app.report.pages import render
from npsle_app.report.study_tables import ShownTable

_RULES = ("toprule", "midrule", "bottomrule")
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
    rows = [[cell.text for cell in row] for row in table.rows]
    styler = pd.DataFrame(rows, columns=list(table.headings)).style.hide(axis="index")
    styler.format(_escape_latex).format_index(_escape_latex, axis="columns")
    styler.set_table_styles([{"selector": rule, "props": ":hline"} for rule in _RULES])
    shape = "".join("r" if numeric else "l" for numeric in table.numeric)
    return styler.to_latex(column_format=shape, caption=_escape_latex(table.title))


def to_word_html(table: ShownTable) -> str:
    """Write a page with one table, styled cell by cell, as word processors read it."""
    return render("word_table.html.j2", table=table) + "\n"


def _escape_latex(text: object) -> str:
    """Write a text as LaTeX shows it; what pandas escapes leaves out signs of mathematics."""
    return _MARKS.sub(lambda mark: _SPECIAL[mark.group()], str(text))

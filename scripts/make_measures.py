"""Write the table in docs/measures.md from npsle_app/data/measures.tsv.

usage: python scripts/make_measures.py [--check]   (--check: only say whether it is up to date)
"""

import sys
from pathlib import Path

from npsle_app.measures import MEASURES, MeasureDefinition

DOCUMENT = Path(__file__).parents[1] / "docs" / "measures.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEADER = ("Measure", "Unit", "Stage", "What it is", "Formula", "Plausible", "Reference")


def row(cells: tuple[str, ...]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plausible(definition: MeasureDefinition) -> str:
    """Return the range outside which the report raises a flag."""
    if definition.plausible is None:
        return "–"
    low, high = definition.plausible
    return f"{low:g}–{high:g}"


def cells(definition: MeasureDefinition) -> tuple[str, ...]:
    """Return one measure's cells, in the header's order."""
    return (
        f"`{definition.name}`",
        definition.unit,
        definition.stage,
        definition.description,
        definition.formula,
        plausible(definition),
        definition.reference,
    )


def table() -> str:
    """Return all measures as a Markdown table."""
    lines = [row(HEADER), row(("---",) * len(HEADER))]
    lines += [row(cells(definition)) for definition in MEASURES.values()]
    return "\n".join(lines)


def rewritten(text: str) -> str:
    """Return the document with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Write the document, or check it."""
    old = DOCUMENT.read_text(encoding="utf-8")
    new = rewritten(old)
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(new, encoding="utf-8")
    elif old != new:
        sys.stderr.write("docs/measures.md is out of date: run scripts/make_measures.py\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

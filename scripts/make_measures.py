"""Write the table in docs/measures.md from npsle_app/data/measures.tsv.

usage: python scripts/make_measures.py [--check]   (--check: only say whether it is up to date)
"""

from pathlib import Path

from written import write_or_check

from npsle_app.measures import MEASURES, MeasureDefinition

DOCUMENT = Path(__file__).parents[1] / "docs" / "measures.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEADER = (
    "Measure",
    "Unit",
    "Stage",
    "What it is",
    "Formula",
    "Plausible",
    "Precision",
    "Reference",
)


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
        f"{definition.precision:g}",
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
    return write_or_check(DOCUMENT, rewritten(DOCUMENT.read_text(encoding="utf-8")))


if __name__ == "__main__":
    raise SystemExit(main())

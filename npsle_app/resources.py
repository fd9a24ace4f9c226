"""What lies in `npsle_app/data` beside the code."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
MISSING = "n/a"


def read_text(name: str) -> str:
    """Return the text of a file of `npsle_app/data`."""
    return (DATA / name).read_text(encoding="utf-8")


def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a tab-separated file of `npsle_app/data`, by the names of its columns."""
    return parse_table(read_text(name), name=name)


def parse_table(text: str, *, name: str) -> tuple[dict[str, str], ...]:
    r"""Return the rows of tab-separated text; a cell `n/a` comes out empty.

    Raises
    ------
    ValueError
        If a line has more or fewer cells than the first, or leaves one empty.

    Examples
    --------
    >>> parse_table("name\tunit\ntype\tn/a\n", name="a.tsv")
    ({'name': 'type', 'unit': ''},)
    """
    header, *rows = (line.split("\t") for line in text.removesuffix("\n").split("\n"))
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header) or not all(cells):
            msg = f"{name}, line {number}: expected {', '.join(header)}, {MISSING} where there is "
            msg += f"nothing to say; got {cells}"
            raise ValueError(msg)
    return tuple(
        {key: "" if cell == MISSING else cell for key, cell in zip(header, cells, strict=True)}
        for cells in rows
    )

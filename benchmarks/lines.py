"""The lines of the one table of `python -m benchmarks`: what was measured, and what was wanted.

Who else uses the machine shows in the clock, and in seconds of the processor too: a core that is
shared loses its caches, and half as much again was seen for the same work. A goal in seconds that
was missed is held against the app only where the process had its core to itself; memory, and
seconds beside those of another program in the same run, are judged always.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

GOALS = Path(__file__).with_name("goals.tsv")
UNITS = {"cpu_s": "CPU s", "clock_s": "s", "peak_mb": "MB", "ratio": ""}
DIGITS = {"cpu_s": 1, "clock_s": 1, "peak_mb": 0, "ratio": 2}
BUSY = "busy machine: not judged"
_OWN_CORE = 0.9  # of the clock, less: others were computing
_EXACT = 10.0  # seconds; of less, loading libraries from the disk is a large part


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table; what was not measured is None.

    Attributes
    ----------
    part, what
        Which part of the benchmark, and what was run or compared; goals are found by both.
    cpu_s, clock_s
        Seconds of the processor, and by the clock.
    peak_mb
        Largest resident memory.
    ratio
        Without a unit: a comparison with what was run beside it, or an agreement.
    undisturbed
        Whether the process had a core to itself.
    """

    part: str
    what: str
    cpu_s: float | None = None
    clock_s: float | None = None
    peak_mb: float | None = None
    ratio: float | None = None
    undisturbed: bool = True


def is_undisturbed(*, cpu_s: float, clock_s: float) -> bool:
    """Say whether a process of one thread had a core to itself.

    Examples
    --------
    >>> is_undisturbed(cpu_s=95, clock_s=100), is_undisturbed(cpu_s=50, clock_s=100)
    (True, False)
    """
    return cpu_s >= _OWN_CORE * clock_s or clock_s < _EXACT


def judge(line: Line) -> tuple[str, str]:
    """Return a line's goals and, for each, whether it was met.

    Examples
    --------
    >>> judge(Line(part="planning", what="one participant of them", cpu_s=0.8))
    ('≤ 1 CPU s', 'met')
    >>> judge(Line(part="planning", what="a walk", cpu_s=0.8))
    ('', '')
    """
    goals = list(_goals_of(line))
    return "; ".join(text for text, _ in goals), "; ".join(state for _, state in goals)


def _goals_of(line: Line) -> Iterator[tuple[str, str]]:
    goals = pd.read_csv(GOALS, sep="\t")
    own = goals[(goals["part"] == line.part) & (goals["what"] == line.what)]
    for goal in own.itertuples():
        found = getattr(line, str(goal.of))
        if found is None:
            continue
        most = goal.bound == "at most"
        reached = found <= goal.limit if most else found >= goal.limit
        text = f"{'≤' if most else '≥'} {goal.limit:g} {UNITS[str(goal.of)]}".rstrip()
        sure = line.undisturbed or goal.of == "peak_mb" or (reached and goal.of == "cpu_s")
        yield text, ("met" if reached else "not met") if sure else BUSY


def to_table(lines: Iterable[Line]) -> pd.DataFrame:
    """Lay lines out with goals and judgements, all as text; `n/a` where nothing was measured."""
    rows = []
    for line in lines:
        goal, state = judge(line)
        cells = {name: _format(getattr(line, name), digits=DIGITS[name]) for name in UNITS}
        rows.append({"part": line.part, "what": line.what} | cells | {"goal": goal, "met": state})
    return pd.DataFrame(rows, columns=["part", "what", *UNITS, "goal", "met"], dtype=str)


def _format(value: float | None, *, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def keep_others(table: pd.DataFrame, *, before: Path, parts: Sequence[str]) -> pd.DataFrame:
    """Put parts that were measured before, and not now, in their place in the table."""
    if before.is_file():
        old = pd.read_csv(before, sep="\t", dtype=str, keep_default_na=False)
        table = pd.concat([old[~old["part"].isin(set(table["part"]))], table])
    order = table["part"].map({part: index for index, part in enumerate(parts)})
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def to_markdown(table: pd.DataFrame) -> str:
    """Write the table as Markdown, numbers to the right.

    Examples
    --------
    >>> print(to_markdown(pd.DataFrame({"part": ["group"], "ratio": ["2.0"]})))
    | part | ratio |
    |---|---:|
    | group | 2.0 |
    """
    names = [name.replace("_s", " s").replace("_mb", " MB") for name in table.columns]
    rules = ["---:" if name in UNITS else "---" for name in table.columns]
    shown = table.replace("n/a", "")
    rows = [" | ".join(row) for row in shown.itertuples(index=False, name=None)]
    heads = [" | ".join(names), *rows]
    lines = [f"| {row} |" for row in heads]
    lines.insert(1, f"|{'|'.join(rules)}|")
    return "\n".join(lines)

"""The sections of a participant's page: each stage's pictures, checks and numbers in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from npsle_app.measures import MEASURES
from npsle_app.records import Check, FigureRecord, Measure, Qc, Record
from npsle_app.report.contents import SessionContent
from npsle_app.report.layout import LAYOUT, SectionLayout
from npsle_app.report.summary import OVERVIEWS, write_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNumber:
    """One number in words; `interval` is empty where there is none."""

    name: str
    text: str
    value: str
    unit: str
    interval: str
    qc: Qc


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    """One stage; checks that did not pass stand first."""

    anchor: str
    stage: str
    title: str
    state: Qc
    figures: tuple[FigureRecord, ...]
    checks: tuple[Check, ...]
    numbers: tuple[ShownNumber, ...]
    n_more: int
    choices: tuple[str, ...]


def show_sections(content: SessionContent) -> tuple[ShownSection, ...]:
    """Lay out a session's stages in the order of `page.toml`; unknown ones come last.

    What the overview holds stands on the first screen already.
    """
    layouts = {layout.stage: layout for layout in LAYOUT.section}
    order = {stage: place for place, stage in enumerate(layouts)}
    records = sorted(content.records, key=lambda one: order.get(one.stage, len(order)))
    return tuple(
        _show(record, layouts.get(record.stage), content)
        for record in records
        if record.stage not in OVERVIEWS
    )


def _show(record: Record, layout: SectionLayout | None, content: SessionContent) -> ShownSection:
    layout = layout or SectionLayout(stage=record.stage, title=record.stage, measures=("*",))
    numbers = tuple(_choose_numbers(record, layout))
    return ShownSection(
        anchor=f"{content.id}-{record.stage}",
        stage=record.stage,
        title=layout.title,
        state=record.state,
        figures=record.figures,
        checks=tuple(sorted(record.checks, key=lambda check: _ORDER.index(check.state))),
        numbers=numbers,
        n_more=len(record.measures) - len(numbers),
        choices=record.choices,
    )


_ORDER = (Qc.FAIL, Qc.WARN, Qc.NOT_ASSESSABLE, Qc.PASS)


def _choose_numbers(record: Record, layout: SectionLayout) -> Iterator[ShownNumber]:
    numbers = {measure.name: measure for measure in record.measures}
    ranks = {name: layout.rank(name) for name in numbers}
    chosen = [name for name, rank in ranks.items() if rank is not None]
    for name in sorted(chosen, key=lambda name: ranks[name] or 0):
        yield _show_number(numbers[name], interval=write_interval(name, numbers))


def _show_number(measure: Measure, *, interval: str) -> ShownNumber:
    definition = MEASURES[measure.name]
    return ShownNumber(
        name=measure.name,
        text=definition.short,
        value=definition.write(measure.value),
        unit=definition.shown_unit,
        interval=interval,
        qc=measure.qc,
    )

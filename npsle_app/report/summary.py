"""The first screen of a participant's page: a verdict of quality, and a card per marker."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from npsle_app.measures import MEASURES, limits_of
from npsle_app.records import Check, Measure, Qc, Record
from npsle_app.report.contents import SessionContent
from npsle_app.report.layout import LAYOUT, CardLayout, Told
from npsle_app.report.peers import Peers, PeerStrip
from npsle_app.report.population import ShownPopulation

ABSENT = "not measured"
WORDS: Mapping[str, str] = {
    Qc.PASS: "usable",
    Qc.WARN: "with care",
    Qc.FAIL: "not usable",
    Qc.NOT_ASSESSABLE: "not assessable",
    ABSENT: ABSENT,
}
EXPECTED = ("t1w", "flair", "dwi", "vwi")  # scans whose absence is told
OVERVIEWS = ("overview", "overview_flair")  # the stages that draw a picture for each card
IMPORTED = "freesurfer"  # the stage that reads volumes of other programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One marker; all but picture and strip is text, empty where there is nothing to say.

    `state` is that of a `Qc`, or `ABSENT`; `cause` names the check behind it, `reason` says what
    it saw; `anchor` is the section that says more.
    """

    layout: CardLayout
    state: str
    value: str = ""
    unit: str = ""
    interval: str = ""
    also: tuple[str, ...] = ()
    cause: str = ""
    reason: str = ""
    picture: Path | None = None
    strip: PeerStrip | None = None
    anchor: str = ""

    @property
    def word(self) -> str:
        """The state as people say it."""
        return WORDS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What can be used of a session, in one sentence; `state` colours it."""

    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands first: scans by kind with the file that was used, verdict, cards."""

    scans: tuple[tuple[str, str], ...]
    verdict: Verdict
    cards: tuple[Card, ...]


def summarise(content: SessionContent, *, participant: str, peers: Peers) -> Summary:
    """Gather the first screen of a session; `participant` is `sub-01`."""
    records = {record.stage: record for record in content.records}
    cards = tuple(
        _fill(layout, content, records, peers=peers, participant=participant)
        for layout in LAYOUT.card
        if not layout.optional or records.keys() & set(layout.stages)
    )
    return Summary(
        scans=tuple(
            (LAYOUT.scans.get(one.kind, one.kind), one.used)
            for one in content.choices
            if one.used or one.kind in EXPECTED
        ),
        verdict=judge(cards),
        cards=cards,
    )


def judge(cards: Sequence[Card]) -> Verdict:
    """Say in a sentence which markers can be used, and what is wrong with the others.

    Deviations rest on the brain volumes and are not named beside them.
    """
    measured = [card for card in cards if card.state != ABSENT and card.layout.measure]
    if not measured:
        return Verdict(state=ABSENT, text="Nothing was measured")
    good, care, bad = (
        [card for card in measured if card.state in states]
        for states in ((Qc.PASS,), (Qc.WARN,), (Qc.FAIL, Qc.NOT_ASSESSABLE))
    )
    opening = "Usable" if good else "Usable with care" if care else "Not usable"
    parts = _group(care, word=" with care" if good else "")
    parts += _group(bad, word=" not" if good or care else "")
    state = Qc.FAIL if bad and not (good or care) else Qc.WARN if bad or care else Qc.PASS
    return Verdict(state=state, text="; ".join([opening, *parts]))


def _group(cards: Sequence[Card], *, word: str) -> list[str]:
    """Name markers together that have one cause."""
    causes = dict.fromkeys(card.cause or card.word for card in cards)
    named = {
        cause: [card.layout.short for card in cards if (card.cause or card.word) == cause]
        for cause in causes
    }
    return [f"{' and '.join(names)}{word}: {cause}" for cause, names in named.items()]


def _fill(
    layout: CardLayout,
    content: SessionContent,
    records: Mapping[str, Record],
    *,
    peers: Peers,
    participant: str,
) -> Card:
    record = next((records[stage] for stage in layout.stages if stage in records), None)
    if not layout.measure:
        return _fill_deviations(layout, content, record)
    numbers = {one.name: one for each in records.values() for one in each.measures}
    measure = numbers.get(layout.measure)
    if record is None or measure is None:
        return Card(layout=layout, state=ABSENT, reason=_why_absent(layout, content))
    definition = MEASURES[layout.measure]
    known = measure.value is not None
    behind = _find_checks(layout, records, state=measure.qc)
    return Card(
        layout=layout,
        state=measure.qc,
        value=definition.write(measure.value),
        unit=definition.shown_unit if known else "",
        interval=write_interval(layout.measure, numbers) if known else "",
        also=(
            *(_tell(told, numbers) for told in layout.also if _is_known(told, numbers)),
            *([f"by {given}"] if (given := record.given_to(layout.measure)) else []),
        ),
        cause=behind[0].name if behind else "",
        reason=_give_reason(behind),
        picture=_find_picture(layout, records),
        strip=peers.draw(layout.measure, measure.value, participant=participant),
        anchor=f"{content.id}-{record.stage}",
    )


def _fill_deviations(layout: CardLayout, content: SessionContent, record: Record | None) -> Card:
    told, beside = content.deviations, content.population
    if told is None or not told.rows:
        if beside is not None and beside.n_deviations is not None:
            imported = next((one for one in content.records if one.stage == IMPORTED), None)
            state = imported.state if imported else Qc.PASS
            return _fill_population(layout, content, beside, state=state)
        reason = told.note if told else "needs the group level with a reference for age and sex"
        return Card(layout=layout, state=ABSENT, reason=reason)
    state = record.state if record else Qc.PASS
    return Card(
        layout=layout,
        state=state,
        value="n/a" if told.n_critical is None else str(told.n_critical),
        unit="" if told.n_critical is None else f"of {told.n_assessed} regions",
        interval=told.chance,
        also=tuple(f"{row.region} z = {row.shown_z}" for row in told.rows[:2] if row.critical),
        picture=record.figures[0].path if record and record.figures else None,
        anchor=f"{content.id}-deviations",
    )


def _fill_population(
    layout: CardLayout, content: SessionContent, told: ShownPopulation, *, state: Qc
) -> Card:
    """Tell the deviations of imported volumes where the app has measured no regions of its own."""
    return Card(
        layout=layout,
        state=state,
        value=str(told.n_deviations),
        unit=f"of {told.n_assessed} imported volumes",
        interval=told.chance,
        also=tuple(f"{row.region} z = {row.z}" for row in told.rows[:2] if row.deviation),
        anchor=f"{content.id}-population",
    )


def _why_absent(layout: CardLayout, content: SessionContent) -> str:
    rows = {row.stage: row for row in content.outcomes}
    told = [rows[stage] for stage in layout.stages if stage in rows]
    return next((f"{row.status}: {row.reason}" for row in told if row.reason != "n/a"), "")


def write_interval(name: str, numbers: Mapping[str, Measure]) -> str:
    """Write the 95 % interval of a measure; empty where it has none."""
    ends = [numbers.get(end) for end in limits_of(name) or ()]
    values = [end.value for end in ends if end is not None and end.value is not None]
    if len(values) < 2:
        return ""
    low, high = (MEASURES[name].write(value, like=numbers[name].value) for value in values)
    return f"95 % CI {low} to {high}"


def _is_known(told: Told, numbers: Mapping[str, Measure]) -> bool:
    return told.measure in numbers and numbers[told.measure].value is not None


def _tell(told: Told, numbers: Mapping[str, Measure]) -> str:
    definition = MEASURES[told.measure]
    number = definition.write(numbers[told.measure].value)
    return told.text.format(f"{number} {definition.shown_unit}".strip())


def _find_checks(
    layout: CardLayout, records: Mapping[str, Record], *, state: Qc
) -> tuple[Check, ...]:
    """Find the checks that are as bad as the number's state; none for one that passed."""
    if state is Qc.PASS:
        return ()
    return tuple(check for check in _checks(layout, records) if check.state is state)


def _give_reason(checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    more = f", and {len(checks) - 1} more" if len(checks) > 1 else ""
    return f"{checks[0].name}, {checks[0].seen}{more}"


def _checks(layout: CardLayout, records: Mapping[str, Record]) -> Iterator[Check]:
    """Yield the checks of the marker's own stages, then those of the stages before."""
    before = [stage for stage in layout.rests_on if stage not in layout.stages]
    for stage in (*layout.stages, *before):
        if stage in records:
            yield from records[stage].checks


def _find_picture(layout: CardLayout, records: Mapping[str, Record]) -> Path | None:
    """Return the picture drawn for the card, or the first of the marker's stage."""
    overview = [one.path for name in OVERVIEWS if name in records for one in records[name].figures]
    drawn = [path for path in overview if path.stem.endswith(f"overview-{layout.name}")]
    first = [
        figure.path
        for stage in layout.stages
        if stage in records
        for figure in records[stage].figures[:1]
    ]
    return next(iter((*drawn, *first)), None)

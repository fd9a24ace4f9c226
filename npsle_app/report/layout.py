"""What a participant's page shows of which stage, as `npsle_app/data/page.toml` says it."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from tomllib import loads

from npsle_app.decoding import decode
from npsle_app.measures import MEASURES
from npsle_app.resources import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A measure in words: `{}` in the text stands for number and unit."""

    measure: str
    text: str

    def __post_init__(self) -> None:
        if self.measure not in MEASURES or self.text.count("{}") != 1:
            msg = f"expected a measure and words around one {{}}, got {self.measure}: {self.text}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLayout:
    """One marker on the first screen; without a `measure` it is that of the deviations."""

    name: str
    title: str
    short: str
    stages: tuple[str, ...]
    rests_on: tuple[str, ...]
    measure: str = ""
    also: tuple[Told, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        if self.measure and self.measure not in MEASURES:
            msg = f"no measure is called {self.measure}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionLayout:
    """One stage further down; `measures` are patterns of the names beside its pictures."""

    stage: str
    title: str
    measures: tuple[str, ...] = ()

    def rank(self, measure: str) -> int | None:
        """Return which pattern a name fits first; None where it fits none."""
        fits = (n for n, pattern in enumerate(self.measures) if fnmatchcase(measure, pattern))
        return next(fits, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLayout:
    """The whole page: scans by kind, cards, sections."""

    scans: dict[str, str] = field(default_factory=dict)
    card: tuple[CardLayout, ...] = ()
    section: tuple[SectionLayout, ...] = ()


LAYOUT = decode(PageLayout, loads(read_text("page.toml")), what="page.toml")

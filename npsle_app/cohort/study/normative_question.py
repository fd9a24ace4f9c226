"""What a study asks of normative modelling: reference, regions, scores, risk and events."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_freesurfer import (
    FLUID,
    PREFIX,
    REGIONS_OF_PAPER,
    TISSUE,
    say_volume,
    volume_name,
)
from npsle_app.measures.names_of_regions import DEEP, PARCELS, SIDES, measure_name

EVERY = "*"
_NOT_OVERLAPPING = (*DEEP, "cerebellum", "insula", *(parcel.name for parcel in PARCELS))
SCORED = tuple(name for name in MEASURES if name.startswith("region_"))
COUNTED = tuple(measure_name(name, side=side) for name in _NOT_OVERLAPPING for side in SIDES)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormativeQuestion:
    """What is asked of each person's deviation from a reference.

    Attributes
    ----------
    reference
        Population whose baseline scans make the reference where none is given.
    population
        In whom scores are related to deviations, and risk to events.
    regions, counted
        Scored, and counted among a person's deviations: measures, names of regions (both
        sides), or `*`: all, and of those to be counted the parcels that do not overlap.
    scores
        Clinical columns; one that is not there is left out unless the study file names it.
    covariates
        Of associations and of Cox regression.
    count_covariates
        Of the comparison of counts; scores are free of age and sex already.
    site
        Columns that may name the site: the first one that is there.
    contrasts
        Names of contrasts; empty: all of the study.
    risk_regions, risk_at_least
        High risk: a critical deviation in one of them, or so many deviations.
    time, event
        Columns of the time from the baseline scan to the event or the end of follow-up, and
        of whether it ended with the event.
    """

    reference: str = "HC"
    population: str = "patients"
    regions: tuple[str, ...] = (EVERY,)
    counted: tuple[str, ...] = (EVERY,)
    scores: tuple[str, ...] = ("sledai_2k", "sdi", "edss", "pasat3_z", "fss_mean")
    covariates: tuple[str, ...] = ("age", "sex")
    count_covariates: tuple[str, ...] = ()
    site: tuple[str, ...] = ("site", "scanner")
    contrasts: tuple[str, ...] = ()
    risk_regions: tuple[str, ...] = ("thalamus",)
    risk_at_least: int = 5
    time: str = "time_to_event_days"
    event: str = "event"
    event_label: str = "the event"

    def __post_init__(self) -> None:
        if self.risk_at_least < 1:
            msg = f"risk_at_least must be 1 or more, got {self.risk_at_least}"
            raise ValueError(msg)
        for names in (self.regions, self.counted, self.risk_regions):
            expand_regions(names, every=SCORED)

    @property
    def scored_regions(self) -> tuple[str, ...]:
        """Measures to be scored, those to be counted among them."""
        asked = expand_regions(self.regions, every=SCORED)
        return tuple(dict.fromkeys((*asked, *self.counted_regions)))

    @property
    def counted_regions(self) -> tuple[str, ...]:
        """Measures whose deviations are counted."""
        return expand_regions(self.counted, every=COUNTED)

    @property
    def risk_measures(self) -> tuple[str, ...]:
        """Measures of which one that deviates makes a high risk."""
        return expand_regions(self.risk_regions, every=SCORED)

    @property
    def columns(self) -> tuple[str, ...]:
        """Clinical columns that the question names."""
        return (*self.scores, *self.covariates, *self.count_covariates, self.time, self.event)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedQuestion(NormativeQuestion):
    """The same question, of the volumes that FreeSurfer measured.

    Attributes
    ----------
    counted_measures
        Volumes whose deviations are counted; names of regions in the study file are those of the
        app's own atlas and choose nothing here.
    """

    counted_measures: tuple[str, ...] = TISSUE

    @property
    def scored_regions(self) -> tuple[str, ...]:
        """Measures to be scored."""
        return tuple(dict.fromkeys((*TISSUE, *FLUID, *self.counted_measures)))

    @property
    def counted_regions(self) -> tuple[str, ...]:
        """Measures whose deviations are counted."""
        return self.counted_measures

    @property
    def risk_measures(self) -> tuple[str, ...]:
        """Volumes of the same names as the regions of the rule; those that there are."""
        names = (volume_name(one, side=side) for one in self.risk_regions for side in SIDES)
        return tuple(name for name in names if name in self.counted_measures)


def ask_of_imported(
    question: NormativeQuestion, *, paper: bool, known: Collection[str] | None = None
) -> ImportedQuestion:
    """Ask of imported volumes what a study asks of the app's own.

    Counted is tissue that does not overlap; as in the paper, its 82 regions. With `known`, those
    of them alone that the reference can score.
    """
    told = {one.name: getattr(question, one.name) for one in fields(NormativeQuestion)}
    counted = REGIONS_OF_PAPER if paper else TISSUE
    kept = tuple(name for name in counted if known is None or name in known)
    return ImportedQuestion(**told, counted_measures=kept)


def expand_regions(names: Iterable[str], *, every: tuple[str, ...]) -> tuple[str, ...]:
    """Turn names of regions into measures: `*` is all, a bare name both sides.

    Raises
    ------
    ValueError
        If the app measures no such region.

    Examples
    --------
    >>> expand_regions(["thalamus"], every=())
    ('region_thalamus_left_ml', 'region_thalamus_right_ml')
    """
    found: list[str] = []
    for name in names:
        sides = [measure_name(name, side=side) for side in SIDES]
        if name == EVERY:
            found += every
        elif name in SCORED:
            found.append(name)
        elif sides[0] in SCORED:
            found += sides
        else:
            msg = f"no region is called {name!r}; there are {list(_bare())}"
            raise ValueError(msg)
    return tuple(dict.fromkeys(found))


def say_region(measure: str) -> str:
    """Write a region's measure as readers call it.

    Examples
    --------
    >>> say_region("region_frontal_sup_left_ml")
    'frontal sup, left'
    """
    if measure.startswith(PREFIX):
        return say_volume(measure)
    name, _, side = measure.removeprefix("region_").removesuffix("_ml").rpartition("_")
    return f"{name.replace('_', ' ')}, {side}" if name else measure


def _bare() -> tuple[str, ...]:
    ending = f"_{SIDES[0]}_ml"
    left = (name for name in SCORED if name.endswith(ending))
    return tuple(name.removeprefix("region_").removesuffix(ending) for name in left)

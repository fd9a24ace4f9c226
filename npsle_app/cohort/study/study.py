"""What a study asks: its groups, columns, analyses and exclusions, as frozen records.

Names of columns and measures are the app's own throughout; `Study.columns` says what the
dataset calls them. `study_defaults` fills the records for the lupus papers, `study_parsing`
reads them from a study file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from npsle_app.cohort.study.normative_question import NormativeQuestion
from npsle_app.decoding import say_nearest

MODES = ("recommended", "paper")
ANALYSES = ("group_tests", "adjusted", "correlations", "regressions")
INFARCT_SUSPECTS = ("list", "exclude")
ODD_CELLS = ("refuse", "missing")
MOST_IMPUTATIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """People picked by their levels: one of `where[column]` in each of its columns."""

    name: str
    label: str
    where: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two populations to compare; effects are those of `group` minus `against`."""

    name: str
    label: str
    group: str
    against: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTable:
    """Table 1: its rows, and the populations of each of its comparisons.

    Without `comparisons` they are the groups, and the two sides of each contrast.
    """

    variables: tuple[str, ...] = ()
    comparisons: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTests:
    """Measures compared between all groups (Kruskal-Wallis, Dunn); `*` means every measure."""

    measures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Partial correlations of each measure with each clinical variable in one population."""

    measures: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    population: str = "patients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressions:
    """Linear models of each outcome on each contrast.

    `ln_outcomes` are those of `outcomes` that enter as ln(value × 10⁶); a zero becomes
    `zero_becomes` before (mL for volumes: half of the smallest lesion of 9 mm³). `secondary`
    covariates are added to `covariates` in the secondary model, each of `sensitivity` alone;
    of each of `interactions` a model asks whether the difference depends on it.
    """

    outcomes: tuple[str, ...] = ()
    ln_outcomes: tuple[str, ...] = ()
    zero_becomes: float = 0.0045
    covariates: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    sensitivity: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.zero_becomes > 0:
            msg = f"zero_becomes must be above 0, for its logarithm is taken: {self.zero_becomes}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedGroups:
    """Measures compared between all groups at equal covariates; volumes at equal TIV as well."""

    measures: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """Single measures that may tell the sides of a contrast apart; empty `contrasts`: all."""

    measures: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Outcomes that are yes or no (`wmh_count > 0`: any) and numbers, at equal covariates."""

    yes_no: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Measures whose yearly changes are compared between the sides of each contrast."""

    measures: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Readings of the same people: a table beside the study file, a row per person and reader."""

    file: str = ""
    reader: str = "reader"
    measures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mediation:
    """Differences in `outcomes` that may go by way of `mediators`; empty `contrasts`: all."""

    outcomes: tuple[str, ...] = ()
    mediators: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ("age", "sex")
    contrasts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Measures compared in pairs of people alike in `covariates`; empty `contrasts`: all.

    `caliper` is in standard deviations of the logit of the propensity.
    """

    measures: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ("age", "sex", "tiv_ml")
    contrasts: tuple[str, ...] = ()
    caliper: float = 0.2

    def __post_init__(self) -> None:
        if not self.caliper > 0:
            msg = f"matching.caliper must be above 0, got {self.caliper}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonisation:
    """Measures that ComBat harmonises over the levels of `site`; none where that is empty.

    `covariates` are what measures may differ by and keep.
    """

    site: str = ""
    measures: tuple[str, ...] = ("*",)
    covariates: tuple[str, ...] = ("age", "sex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Tests that share one false discovery rate; empty `measures` or `contrasts` mean all."""

    name: str = ""
    analysis: str = "group_tests"
    measures: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.analysis not in ANALYSES:
            msg = f"family {self.name!r}: analysis {self.analysis!r} is none of {list(ANALYSES)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierQuestion:
    """What the classifier is asked and with what.

    `clinical` predictors and `imaging` predictors together are the pre-specified ones; the
    difference between clinical alone and both is the incremental value of MRI. `sensitivity`
    are further predictors of models that are no part of the primary question; in another such
    model each of `instead` takes the place of the predictor that it is named for.
    """

    contrast: str = ""
    clinical: tuple[str, ...] = ()
    imaging: tuple[str, ...] = ()
    sensitivity: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def predictors(self) -> tuple[str, ...]:
        """The pre-specified predictors, clinical ones first."""
        return self.clinical + self.imaging


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Who or which number is left out.

    `ratings` and a rater's exclusion leave out the participant, so does `yes`, `true` or 1 in
    one of `columns`. `infarct_suspects` of the lesion map are told ("list") or leave out
    ("exclude"). A number with a state in `measure_qc`, or of a stage that a rater marked, is
    missing.
    """

    ratings: tuple[str, ...] = ("exclude",)
    columns: tuple[str, ...] = ("exclude", "infarct")
    infarct_suspects: str = "list"
    measure_qc: tuple[str, ...] = ("fail", "not assessable")

    def __post_init__(self) -> None:
        if self.infarct_suspects not in INFARCT_SUSPECTS:
            msg = f"infarct_suspects {self.infarct_suspects!r} is none of {list(INFARCT_SUSPECTS)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """Multiple imputation of missing covariates and outcomes; 0 data sets mean none."""

    datasets: int = 0
    iterations: int = 10

    def __post_init__(self) -> None:
        none_or_many = self.datasets == 0 or 2 <= self.datasets <= MOST_IMPUTATIONS
        if not (none_or_many and 1 <= self.iterations <= MOST_IMPUTATIONS):
            msg = (
                "imputation takes 0 or at least 2 data sets and at least 1 iteration, at most "
                f"{MOST_IMPUTATIONS} of each, got {self.datasets} and {self.iterations}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRules:
    """What the study file says of tables that do not tell by themselves.

    Attributes
    ----------
    file
        A table in place of participants.tsv (.tsv, .csv, .xlsx), beside the study file.
    sheet, separator, encoding
        How it is written; found out where empty.
    decimal
        "," where commas may be decimal points although they look like thousands.
    missing
        Codes of missing values by column of the dataset, "*" for all; an empty list says that
        a column has none, although one of its values looks so.
    levels
        By column, what the dataset's texts mean: `levels.group."2" = "NPSLE"`.
    sessions
        The measured session that a table calls otherwise: `sessions.baseline = "01"`.
    odd_cells
        "refuse" the column of a value that cannot be read, or take the cell as "missing".
    """

    file: str = ""
    sheet: str = ""
    separator: str = ""
    encoding: str = ""
    decimal: str = ""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    odd_cells: str = "refuse"

    def __post_init__(self) -> None:
        if self.odd_cells not in ODD_CELLS:
            msg = f"odd_cells {self.odd_cells!r} is none of {list(ODD_CELLS)}"
            raise ValueError(msg)
        if self.decimal not in ("", ".", ","):
            msg = f'decimal is "." or ",", got {self.decimal!r}'
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All that the group level is asked.

    Attributes
    ----------
    mode
        `recommended` or `paper`: which of two tests, computed side by side, sentences quote.
    table
        How the tables are written, and what their texts mean.
    columns
        What the dataset calls a column of the app; those not named here have its own name.
    units
        The unit of a column in the dataset, where no JSON dictionary says it.
    acquisition
        Columns that say how people were scanned. In the mode `recommended`, models are adjusted
        for those that vary.
    groups, reference_group
        Populations that exclude each other, in the order of tables and figures.
    populations
        All that groups, contrasts and analyses refer to, by name.
    baseline_session
        Label of the session that stands for a participant; empty: the first one measured.
    typed
        Names of columns and populations that a study file itself asked for. One that is not
        there is an error; one of the defaults is "not estimable".
    """

    title: str = "Study"
    mode: str = "recommended"
    alpha: float = 0.05
    baseline_session: str = ""
    table: TableRules = field(default_factory=TableRules)
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    acquisition: tuple[str, ...] = ("site", "scanner")
    groups: tuple[str, ...] = ()
    reference_group: str = ""
    populations: Mapping[str, Population] = field(default_factory=dict)
    contrasts: tuple[Contrast, ...] = ()
    table1: BaselineTable = field(default_factory=BaselineTable)
    group_tests: GroupTests = field(default_factory=GroupTests)
    correlations: Correlations = field(default_factory=Correlations)
    regressions: Regressions = field(default_factory=Regressions)
    adjusted: AdjustedGroups = field(default_factory=AdjustedGroups)
    markers: Markers = field(default_factory=Markers)
    outcomes: Outcomes = field(default_factory=Outcomes)
    change: Change = field(default_factory=Change)
    agreement: Agreement = field(default_factory=Agreement)
    mediation: Mediation = field(default_factory=Mediation)
    matching: Matching = field(default_factory=Matching)
    combat: Harmonisation = field(default_factory=Harmonisation)
    families: tuple[Family, ...] = ()
    classifier: ClassifierQuestion = field(default_factory=ClassifierQuestion)
    normative: NormativeQuestion = field(default_factory=NormativeQuestion)
    exclusions: Exclusions = field(default_factory=Exclusions)
    imputation: Imputation = field(default_factory=Imputation)
    typed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            msg = f"mode {self.mode!r} is none of {list(MODES)}"
            raise ValueError(msg)
        if not 0 < self.alpha < 1:
            msg = f"alpha must lie between 0 and 1, got {self.alpha}"
            raise ValueError(msg)
        if len(set(self.groups)) != len(self.groups):
            msg = f"groups names one twice: {list(self.groups)}"
            raise ValueError(msg)
        for place, name in self._named_populations():
            if name not in self.populations:
                msg = f"{place}: no population is called {name!r}; there are "
                msg += f"{sorted(self.populations)}{say_nearest(name, self.populations)}"
                raise ValueError(msg)
        self._check_contrasts()

    def contrast(self, name: str) -> Contrast:
        """Return the contrast of a name.

        Raises
        ------
        ValueError
            If there is none; the message lists those that there are.
        """
        found = {contrast.name: contrast for contrast in self.contrasts}
        if name not in found:
            msg = f"no contrast is called {name!r}; there are {sorted(found)}"
            msg += say_nearest(name, found)
            raise ValueError(msg)
        return found[name]

    def label(self, population: str) -> str:
        """Return what tables call a population."""
        return self.populations[population].label

    @property
    def adjusts_for(self) -> tuple[str, ...]:
        """What models are adjusted for beside their covariates, where it varies."""
        return () if self.mode == "paper" else self.acquisition

    @property
    def comparisons(self) -> tuple[tuple[str, ...], ...]:
        """The populations of each comparison of Table 1, each comparison once."""
        pairs = [(contrast.against, contrast.group) for contrast in self.contrasts]
        given = self.table1.comparisons or (self.groups, *pairs)
        return tuple(dict.fromkeys(names for names in given if len(names) > 1))

    def _named_populations(self) -> Iterator[tuple[str, str]]:
        yield from (("groups", name) for name in self.groups)
        yield "reference_group", self.reference_group or next(iter(self.groups), "")
        yield "correlations.population", self.correlations.population
        yield "normative.reference", self.normative.reference
        yield "normative.population", self.normative.population
        for contrast in self.contrasts:
            yield f"contrasts.{contrast.name}.group", contrast.group
            yield f"contrasts.{contrast.name}.against", contrast.against
        for names in self.table1.comparisons:
            yield from (("table1.comparisons", name) for name in names)

    def _check_contrasts(self) -> None:
        for contrast in self.contrasts:
            if contrast.group == contrast.against:
                msg = f"contrasts.{contrast.name} compares {contrast.group!r} with itself"
                raise ValueError(msg)
        if self.classifier.contrast:
            self.contrast(self.classifier.contrast)
        asked = (self.normative, self.markers, self.mediation, self.matching)
        for name in (name for one in asked for name in one.contrasts):
            self.contrast(name)
        for family in self.families:
            for name in family.contrasts:
                self.contrast(name)

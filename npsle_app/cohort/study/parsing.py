"""From the parsed content of a study file to its records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from npsle_app.cohort.study.defaults import DEFAULT_STUDY, contrast_of
from npsle_app.cohort.study.normative_question import NormativeQuestion
from npsle_app.cohort.study.study import (
    AdjustedGroups,
    Agreement,
    BaselineTable,
    Change,
    ClassifierQuestion,
    Contrast,
    Correlations,
    Exclusions,
    Family,
    GroupTests,
    Harmonisation,
    Imputation,
    Markers,
    Matching,
    Mediation,
    Outcomes,
    Population,
    Regressions,
    Study,
    TableRules,
)
from npsle_app.cohort.study.study_lines import UNKNOWN, list_unknown
from npsle_app.decoding import decode, overlay, say_nearest

_OWN = ("columns", "units", "populations", "contrasts", "families", "typed")
# Of these a study file may say some keys; the others are those of the papers.
_PAPERS = {name: value for name, value in asdict(DEFAULT_STUDY).items() if name not in _OWN}


_ASKED = ("table", "columns", "units")  # where proposed lines may still ask
_NAMING_COLUMNS = (
    "table1",
    "group_tests",
    "adjusted",
    "correlations",
    "regressions",
    "markers",
    "outcomes",
    "change",
    "mediation",
    "matching",
    "combat",
    "classifier",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Population:
    label: str | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    group: str
    against: str
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _StudyFile:
    """The keys of a study file, laid over `_PAPERS`."""

    title: str
    mode: str
    alpha: float
    baseline_session: str
    acquisition: tuple[str, ...]
    groups: tuple[str, ...]
    reference_group: str
    table1: BaselineTable
    group_tests: GroupTests
    correlations: Correlations
    regressions: Regressions
    adjusted: AdjustedGroups
    markers: Markers
    outcomes: Outcomes
    change: Change
    agreement: Agreement
    mediation: Mediation
    matching: Matching
    combat: Harmonisation
    classifier: ClassifierQuestion
    normative: NormativeQuestion
    exclusions: Exclusions
    imputation: Imputation
    table: TableRules
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    populations: Mapping[str, _Population] = field(default_factory=dict)
    contrasts: Mapping[str, _Contrast] = field(default_factory=dict)
    families: tuple[Family, ...] = ()


def parse_study(content: Mapping[str, Any]) -> Study:
    """Read a study; what is not said is that of the papers (`DEFAULT_STUDY`).

    Parameters
    ----------
    content
        The parsed TOML. A group that no population defines is that level of the column
        `group`; groups without contrasts are each compared with the reference group.

    Raises
    ------
    ValueError
        For an unknown name or a value of another type; the message lists what there is.

    Examples
    --------
    >>> study = parse_study({"groups": ["HC", "MS"], "reference_group": "HC"})
    >>> [contrast.label for contrast in study.contrasts]
    ['MS v Controls']
    """
    if places := list(list_unknown({name: content.get(name) for name in _ASKED})):
        msg = f"the study file still holds {UNKNOWN!r} for {', '.join(places)}: write what is meant"
        raise ValueError(msg)
    told = decode(_StudyFile, overlay(_PAPERS, content), what="the study file")
    _check_instead(content, told.classifier)
    parts = {name: getattr(told, name) for name in _PAPERS}
    if "groups" in content and "reference_group" not in content:
        parts["reference_group"] = next(iter(told.groups), "")
    contrasts = _contrasts(content, told, reference=parts["reference_group"])
    if "groups" in content and "classifier" not in content:
        first = next((contrast.name for contrast in contrasts), "")
        parts["classifier"] = replace(told.classifier, contrast=first)
    if "markers" not in content and "classifier" in parts:
        asked = parts["classifier"].contrast
        parts["markers"] = replace(told.markers, contrasts=(asked,) if asked else ())
    return replace(
        DEFAULT_STUDY,
        **parts,
        columns=told.columns,
        units=told.units,
        populations=_populations(told),
        contrasts=contrasts,
        # a test belongs to the first family that it fits
        families=told.families + DEFAULT_STUDY.families,
        typed=_typed(content),
    )


def _check_instead(content: Mapping[str, Any], asked: ClassifierQuestion) -> None:
    """Refuse to replace what is no predictor; replacements of the papers are passed over."""
    for name in content.get("classifier", {}).get("instead", {}):
        if name not in asked.predictors:
            msg = f"classifier.instead: {name!r} is no predictor; there are "
            msg += f"{list(asked.predictors)}{say_nearest(name, asked.predictors)}"
            raise ValueError(msg)


def _populations(told: _StudyFile) -> dict[str, Population]:
    named = {
        name: Population(name=name, label=name if one.label is None else one.label, where=one.where)
        for name, one in told.populations.items()
    }
    known = {**DEFAULT_STUDY.populations, **named}
    return known | {
        name: Population(name=name, label=name, where={"group": (name,)})
        for name in told.groups
        if name not in known
    }


def _contrasts(
    content: Mapping[str, Any], told: _StudyFile, *, reference: str
) -> tuple[Contrast, ...]:
    if "contrasts" in content:
        return tuple(
            Contrast(
                name=name,
                label=f"{one.group} v {one.against}" if one.label is None else one.label,
                group=one.group,
                against=one.against,
            )
            for name, one in told.contrasts.items()
        )
    if "groups" not in content:
        return DEFAULT_STUDY.contrasts
    return tuple(
        contrast_of(f"{name}_v_{reference}", name, reference)
        for name in told.groups
        if name != reference
    )


def _typed(content: Mapping[str, Any]) -> frozenset[str]:
    """Collect the columns that the file itself names."""
    typed = {*content.get("columns", {}), *content.get("units", {})}
    typed |= set(content.get("acquisition", ()))
    for told in content.get("populations", {}).values():
        typed |= set(told.get("where", {}))
    for section in _NAMING_COLUMNS:
        for name, given in content.get(section, {}).items():
            if isinstance(given, list) and name not in ("comparisons", "contrasts"):
                typed |= {str(one).removesuffix(" > 0") for one in given}
    typed |= set(content.get("exclusions", {}).get("columns", []))
    typed |= set(content.get("classifier", {}).get("instead", {}).values())
    typed |= {content["combat"]["site"]} if content.get("combat", {}).get("site") else set()
    asked = content.get("normative", {})
    for name in ("scores", "covariates", "count_covariates", "site"):
        typed |= set(asked.get(name, []))
    typed |= {asked[name] for name in ("time", "event") if name in asked}
    return frozenset(name for name in typed if not name.endswith("*"))

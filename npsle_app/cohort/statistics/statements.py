"""What the group level says of its work: methods with their numbers, and results."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsle_app.cohort.estimators.power import needed_per_group
from npsle_app.cohort.estimators.rank_tests import FEW
from npsle_app.cohort.statistics.multiple_testing import count_expected
from npsle_app.cohort.statistics.participant_flow import count_exclusions
from npsle_app.cohort.statistics.regressions import PRIMARY, SECONDARY
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import (
    ESTIMATED,
    decimals_for,
    equals_p,
    format_how_many,
    format_interval,
    format_number,
)

_PAPER = "paper"
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One analysis in words: `methods`, then `results`; `citations` are keys of references.bib.

    `found` is what of the results belongs into the study's opening paragraph; empty where the
    first of them does.
    """

    methods: str
    results: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def tell_cohort(cohort: Cohort) -> Statement:
    """Say who entered."""
    study = cohort.study
    every, entered = len(cohort.frame), len(cohort.included)
    session = (
        f"session {study.baseline_session}"
        if study.baseline_session
        else ("the first session with measures")
    )
    text = f"Of {every} participants, {entered} entered, each with {session}."
    reasons = count_exclusions(cohort)
    left_out = [
        f"{reason} (n = {n})" for reason, n in zip(reasons["reason"], reasons["n"], strict=True)
    ]
    if left_out:
        text += f" Left out: {', '.join(left_out)}."
    counts = {
        study.label(name): int(members(cohort.frame, population=study.populations[name]).sum())
        for name in study.groups
    }
    there = [f"{label} n = {n}" for label, n in counts.items() if n]
    none = [label for label, n in counts.items() if not n]
    groups = f" Groups: {join(there)}." if there else ""
    lacking = f" There are no {' and no '.join(none)}." if none else ""
    return Statement(methods=f"{text}{groups}{lacking}")


def tell_table1(tests: pd.DataFrame, *, study: Study) -> Statement:
    """Say how characteristics were described and compared."""
    text = (
        "Characteristics are given as n (%), as mean ± standard deviation, or as median "
        "(10th–90th percentile) where skewness or Q–Q plot showed asymmetry. Populations were "
    )
    papers = (
        "compared by Pearson's χ² test without continuity correction, Student's t-test or "
        "analysis of variance, and Mann–Whitney or Kruskal–Wallis tests"
    )
    recommended = (
        "compared by Pearson's χ² test, or Fisher's exact test where an expected count was "
        "below 5, Welch's t-test or analysis of variance, and Mann–Whitney or Kruskal–Wallis "
        "tests"
    )
    text += (
        f"{papers if study.mode == _PAPER else recommended}; standardised differences are given."
    )
    column = f"p_{study.mode}"
    low = tests[tests[column].astype(float) < study.alpha] if len(tests) else tests
    results = tuple(
        f"{row.label} ({_say_compared(row, study)}): {equals_p(getattr(row, column))}."
        for row in each_row(low)
    )
    return Statement(
        methods=text, results=results, citations=("pingouin", "scipy", "austin2009", "yang2012")
    )


def tell_group_tests(overall: pd.DataFrame, pairs: pd.DataFrame, *, study: Study) -> Statement:
    """Say how measures were compared between all groups, and what came of it."""
    done = overall[overall["status"] == ESTIMATED]
    if done.empty:
        return Statement(methods=f"No measure could be compared between groups{say_why(overall)}.")
    compared = {*pairs["group"], *pairs["against"]} or set(study.groups)
    labels = ", ".join(study.label(name) for name in study.groups if name in compared)
    text = (
        f"{format_how_many(len(done), 'measure')} {'was' if len(done) == 1 else 'were'} compared "
        f"between {labels} by Kruskal–Wallis tests with ε² as "
        f"effect size, and, where p < {study.alpha:g}, pairwise by Dunn's test with Bonferroni's "
        "adjustment and Cliff's δ; q-values control the false discovery rate over the measures."
    )
    results = [
        f"{row.label}: H({row.df:.0f}) = {format_number(row.h, decimals=2)}, {equals_p(row.p)}, "
        f"{equals_p(row.q, name='q')}, ε² = "
        f"{format_interval(row.epsilon2, row.low, row.high, decimals=2)}"
        f"{_tell_pairs(pairs, row.measure, study)}."
        for row in each_row(done)
    ]
    keys = ("pingouin", "kruskal1952", "dunn1964", "tomczak2014", "delong1988", "benjamini1995")
    found = tell_low_q(done, "q", noun="measure", study=study)
    return Statement(methods=text, results=tuple(results), citations=keys, found=found)


def tell_correlations(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say how correlations were adjusted, and how many low p-values chance would give."""
    done = table[(table["status"] == ESTIMATED) & (table["quoted"] == "yes")]
    if done.empty:
        return Statement(methods=f"No correlation could be estimated{say_why(table)}.")
    names = join(say(name) for name in study.correlations.covariates) or "nothing"
    asked = {*study.correlations.measures, *study.regressions.ln_outcomes}
    logged = [say(one) for one in study.regressions.ln_outcomes if one in asked]
    text = (
        f"Partial correlations in {study.label(study.correlations.population)} were adjusted for "
        f"{names}{tell_acquisition(done)}, with n − 2 − k degrees of freedom: Spearman's where "
        "the absolute skewness of a variable exceeded 1 or its Q–Q correlation was below 0.95, "
        f"else Pearson's{f'; {join(logged)} entered as logarithm' if logged else ''}. q-values "
        "control the false discovery rate over all pairs."
    )
    tested, expected, seen = count_expected(done, p_column="p", alpha=study.alpha)
    how_many = format_how_many(tested, "correlation")
    told = f"Of {how_many}, {seen or 'none'} had p < {study.alpha:g}"
    results = [f"{told}; chance alone would give {expected:.1f}."]
    results += [
        f"{row.label} and {row.clinical_label}: {'ρ' if row.method == 'spearman' else 'r'} = "
        f"{format_interval(row.r, row.low, row.high, decimals=3)}, n = {row.n:.0f}, df = "
        f"{row.df:.0f}, {equals_p(row.p)}, {equals_p(row.q, name='q')}."
        for row in each_row(done[done["p"] < study.alpha])
    ]
    named = done.assign(label=done["label"] + " with " + done["clinical_label"].map(lower_first))
    return Statement(
        methods=text,
        results=tuple(results),
        citations=("pingouin", "fisher1924", "benjamini1995"),
        found=tell_low_q(named, "q", noun="partial correlation", study=study),
    )


def tell_acquisition(done: pd.DataFrame) -> str:
    """Say for what of the acquisition models are adjusted beside their covariates."""
    used = {name for cell in done["covariates"].dropna() for name in str(cell).split(", ")}
    told = [name for name in ("site", "scanner") if name in used]
    return f" and, where it varied, {join(told)}" if told else ""


def join(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def tell_regressions(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say what the linear models held, and what the primary ones gave."""
    asked = study.regressions
    robust = study.mode != _PAPER
    if not (table["status"] == ESTIMATED).any():
        return Statement(methods=f"No linear regression could be estimated{say_why(table)}.")
    text = (
        "Each contrast was a linear regression of its own, adjusted for "
        f"{join(say(name) for name in asked.covariates) or 'nothing'}"
        f"{tell_acquisition(table[table['status'] == ESTIMATED])}{_tell_constant(table)}"
    )
    if asked.secondary:
        text += f"; a secondary model added {', '.join(say(name) for name in asked.secondary)}"
    if asked.ln_outcomes:
        named = ", ".join(say(name) for name in asked.ln_outcomes)
        text += f". {named} entered as ln(value × 10⁶), zeros as {asked.zero_becomes:g}"
    text += (
        ". Intervals are "
        + ("robust to unequal variances (HC3)" if robust else "those of equal variances")
        + ". Participants without a variable of a model were left out of that model."
    )
    if study.imputation.datasets:
        text += (
            f" As a sensitivity analysis, missing covariates were imputed "
            f"{study.imputation.datasets} times by chained equations and pooled by Rubin's rules."
        )
    done = table[(table["status"] == ESTIMATED) & table["model"].isin([PRIMARY, SECONDARY])]
    results = tuple(_tell_model(row, robust=robust) for row in each_row(done))
    keys = ["statsmodels", "mackinnon1985", "benjamini1995", "inglese2021"]
    keys += ["vanbuuren2011", "barnard1999"] if study.imputation.datasets else []
    ending = "_hc3" if robust else ""
    primary = done[done["model"] == PRIMARY]
    titled = primary.assign(label=primary["label"] + " in " + primary["contrast_label"])
    found = tell_low_q(titled, f"q{ending}", noun="adjusted difference", study=study)
    return Statement(methods=text, results=results, citations=tuple(keys), found=found)


def tell_low_q(table: pd.DataFrame, column: str, *, noun: str, study: Study) -> tuple[str, ...]:
    """Say of how many rows q lies below α, and name those with the lowest; one sentence.

    Rows have a `label`; a row is one of `noun`. Empty where nothing was tested.
    """
    if table.empty:
        return ()
    low = table[table[column].astype(float) < study.alpha].sort_values(column, kind="stable")
    named = [
        f"{row['label']} ({equals_p(row[column], name='q')})"
        for _, row in low.head(_MOST_NAMED).iterrows()
    ]
    first = ", first " if len(low) > _MOST_NAMED else ": "
    told = f"{first}{join(named)}" if named else ""
    count = format_how_many(len(table), noun)
    return (f"Of {count}, {len(low) or 'none'} had q < {study.alpha:g}{told}.",)


def _tell_constant(table: pd.DataFrame) -> str:
    """Say which covariates were left out of every model, being the same in all."""
    start = "constant and left out: "
    done = table[(table["status"] == ESTIMATED) & (table["model"] == PRIMARY)]
    notes = [str(note).split("; ", maxsplit=1)[0] for note in done["note"]]
    names = [
        {*note.removeprefix(start).split(", ")} if note.startswith(start) else set()
        for note in notes
    ]
    always = sorted(set.intersection(*names)) if names else []
    told = join(say(name) for name in always)
    return f" (but not for {told}, the same in all)" if always else ""


def tell_power(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say what effects 80 % power would find."""
    found = [
        f"{row.label} (n = {row.n:.0f} v {row.n_against:.0f}): d = {row.detectable:.2f}"
        if row.effect.startswith("standardised")
        else f"correlations in {row.label} (n = {row.n:.0f}): r = {row.detectable:.2f}"
        for row in each_row(table.dropna(subset="detectable"))
    ]
    text = (
        f"At a two-sided α of {study.alpha:g}, before correction for several tests, the study "
        f"had 80 % power to find: {'; '.join(found)}."
    )
    return Statement(methods=text if found else "No group is large enough to state a power.")


def tell_needed(sizes: Sequence[int], *, study: Study) -> str:
    """Say what a comparison would take where groups are small; empty where two are not.

    Parameters
    ----------
    sizes
        People in each group of the study.
    """
    if sum(size >= FEW for size in sizes) >= 2:
        return ""
    large, medium = (needed_per_group(d, alpha=study.alpha) for d in (0.8, 0.5))
    return (
        f"Fewer than two groups have {FEW} people. To find a large difference (d = 0.8) with "
        f"80 % power at α = {study.alpha:g} takes {large} people in each of two groups, a medium "
        f"one (d = 0.5) {medium}."
    )


def count_not_estimable(tables: Iterable[pd.DataFrame]) -> int:
    """Count the rows that say why nothing could be estimated."""
    return sum(int((table["status"] != ESTIMATED).sum()) for table in tables if "status" in table)


def list_not_estimable(tables: Iterable[pd.DataFrame], *, most: int = 40) -> list[str]:
    """List why rows could not be estimated, each reason once; the rest is counted."""
    causes: dict[str, list[str]] = {}
    for table in tables:
        if "status" in table:
            for reason in table.loc[table["status"] != ESTIMATED, "reason"].map(str):
                where, _, cause = reason.rpartition(": ")
                absent = cause.startswith("no column ")
                causes.setdefault(cause if absent else reason, []).append(where)
    each = [
        f"{cause}: {len(places)} rows" if len(places) > 1 else cause
        for cause, places in causes.items()
    ]
    rest = [f"and {len(each) - most} more reasons in the tables"] if len(each) > most else []
    return each[:most] + rest


def say_why(table: pd.DataFrame) -> str:
    """Name the commonest reason why rows could not be estimated, and how many there are.

    A column that is not there says the least.
    """
    if table.empty:
        return ""
    causes = table["reason"].map(lambda reason: str(reason).partition(": ")[2] or str(reason))
    counts = causes.value_counts()
    counts = counts.iloc[counts.index.str.contains("no column").argsort(kind="stable")]
    others = f", and {format_how_many(len(counts) - 1, 'other reason')}" if len(counts) > 1 else ""
    return f": {counts.index[0]}{others}"


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    return table.itertuples()


def say(name: str) -> str:
    return lower_first(describe_column(name).label)


def lower_first(text: str) -> str:
    """Begin a text in lower case, but for abbreviations (SLEDAI-2K)."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _say_compared(row: Any, study: Study) -> str:
    if isinstance(row.note, str) and " alone: no values in " in row.note:
        return row.note.split("; ", maxsplit=1)[0]
    return " v ".join(study.label(name) for name in row.comparison.split(" v "))


def _tell_pairs(pairs: pd.DataFrame, measure: str, study: Study) -> str:
    told = [
        f"{study.label(row.group)} v {study.label(row.against)} {equals_p(row.p_bonferroni)}"
        for row in each_row(pairs[(pairs["measure"] == measure) & (pairs["to_be_read"] == "yes")])
    ]
    return f"; {', '.join(told)}" if told else ""


def _tell_model(row: Any, *, robust: bool) -> str:
    ending = "_hc3" if robust else ""
    low, high, p, q = (getattr(row, f"{name}{ending}") for name in ("low", "high", "p", "q"))
    b, unit = row.b, row.unit
    logged = row.transform.startswith("ln")
    places = max(decimals_for((high - low) / 4), 1)
    effect = format_interval(b, low, high, decimals=2 if logged else places)
    in_unit = "" if logged or unit in ("", "1") else f" {unit}"
    ratio = ""
    if logged:
        edges = (getattr(row, f"ratio_{side}{ending}") for side in ("low", "high"))
        ratio = f", ratio {format_interval(row.ratio, *edges, decimals=2)}"
    place = f"{row.label}, {row.contrast_label}, {row.model}"
    return f"{place}: B = {effect}{in_unit}{ratio}, {equals_p(p)}, {equals_p(q, name='q')}."

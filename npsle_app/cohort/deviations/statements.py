"""What normative modelling says of its work, and what a reader must know before any number."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from npsle_app.cohort.deviations.associations import ACROSS, ADJUSTED, OVER_TIME, RISK
from npsle_app.cohort.deviations.associations import PUBLISHED as PUBLISHED_MODEL
from npsle_app.cohort.deviations.deviations import N_DEVIATIONS, Deviations, StudyDeviations
from npsle_app.cohort.deviations.events import GROUPS, tell_rule
from npsle_app.cohort.deviations.groups import PUBLISHED, ROBUST
from npsle_app.cohort.normative.gaps import Gap, count_people
from npsle_app.cohort.normative.model import LEAST_FOR_LABEL
from npsle_app.cohort.normative.sources import OWN
from npsle_app.cohort.statistics.statements import Statement
from npsle_app.cohort.study.columns import describe_column
from npsle_app.formatting import (
    ESTIMATED,
    equals_p,
    format_how_many,
    format_interval,
    format_number,
)

_PAPER = "paper"
_TAILS = {"lower": "z < −1.96 (the lower tail)", "both": "|z| > 1.96 (both tails)"}
_MOST_NAMED = 12
_CAREFUL = {
    Gap.LEFT_OUT: "left out of the study, hence no score",
    Gap.AGE_MISSING: "no age, hence no score",
    Gap.AGE_IMPOSSIBLE: "an age that cannot be, hence no score",
    Gap.SEX_MISSING: "no sex, hence no score",
    Gap.TIV_UNUSABLE: "no usable total intracranial volume (checks failed, missing or 0), hence no "
    "score",
    Gap.VOLUME_UNUSABLE: "a region's volume is missing or its checks failed",
    Gap.SEX_NOT_IN_REFERENCE: "of a sex that the reference lacks, hence no score",
    Gap.REGION_NOT_IN_REFERENCE: "no model of a region in the reference, hence no score there",
    Gap.AGE_OUTSIDE: "outside the ages of the reference: z is extrapolated",
    Gap.TIV_OUTSIDE: "outside the head sizes of the reference: z is extrapolated",
    Gap.SITE_UNKNOWN: "of a site that the reference does not know",
    Gap.PERSON_SEEN: "scored at a session whose person the model has seen at another",
    Gap.NAMESAKE: "of the same id and sex as someone in the reference",
    Gap.NO_CONTROLS: "of a site with fewer than 2 controls: whether its scanner measures as the "
    "reference does is not known",
    Gap.OTHER_SOFTWARE: "measured by another program than the reference",
    Gap.TIV_NOT_TAKEN: "a volume scored by age and sex alone, for want of the intracranial volume "
    "or of how it goes with it: no label there",
}
# said of the reference as a whole: its people below ten, and its scans that cannot be right
SAID_OF_REFERENCE = frozenset({Gap.FEW_PEOPLE, Gap.OUTLIER})


def tell_model(deviations: StudyDeviations) -> Statement:
    """Say who made the reference, how it was modelled, and how far its cut is known."""
    reference = deviations.reference
    who = ", ".join(
        f"{sex.n} of sex {name} ({sex.age_range_years[0]:g}–{sex.age_range_years[1]:g} years)"
        for name, sex in reference.model.sexes.items()
    )
    file = "" if reference.source == OWN else f" ({reference.name})"
    text = (
        f"The reference was {reference.source}{file}: {who}. In each sex the volume of each of "
        f"{len(reference.model.regions)} regions was modelled by fractional polynomials of age of "
        "order 2 or less, chosen by a closed test, and linear total intracranial volume"
        f"{_tell_sites(deviations)}; the variance by gamma regression on age and total "
        "intracranial volume; tails by a sinh-arcsinh distribution where Akaike's criterion asked "
        "for it. z is the normal score of a volume, with the uncertainty of the prediction"
    )
    if len(reference.held_out):
        text += "; people of the reference were scored by models without them (ten folds)"
    text += f". A deviation is critical if {_TAILS[deviations.tail]}."
    keys = ("ge2024", "royston1994", "jones2009", "crawford2006")
    results = [f"{label}." for label in reference.labels]
    return Statement(methods=text, results=tuple(results), citations=keys)


def _tell_sites(deviations: StudyDeviations) -> str:
    reference = deviations.reference
    n = len({site for sex in reference.model.sexes.values() for site in sex.sites})
    learned = len(reference.learned_sites)
    if n < 2:
        return ", without a term of sites"
    told = f", with a random intercept of {n} sites"
    return told + (f", {learned} of them learned from this study's controls" if learned else "")


def tell_counts(
    groups: pd.DataFrame, comparisons: pd.DataFrame, *, deviations: Deviations
) -> Statement:
    """Say how counts were compared, and what came of it."""
    paper = deviations.study.mode == _PAPER
    how = "fixed at 1, as published" if paper else "estimated, and robust standard errors (HC3)"
    text = (
        f"Critical deviations among {deviations.counted['region'].nunique()} regions were "
        f"counted at baseline and compared by negative binomial regression with dispersion {how}, "
        "and by permutation of the groups, since regions of one brain depend on each other."
    )
    results = [
        f"{row.population_label}: {format_number(row.mean, decimals=2)} deviations per person "
        f"(n = {row.n:.0f}; chance gives {format_number(row.expected, decimals=2)}, with the "
        f"uncertainty of the cut {format_number(row.expected_low, decimals=2)} to "
        f"{format_number(row.expected_high, decimals=2)})."
        for row in _rows(groups)
    ]
    own = comparisons[comparisons["method"] == (PUBLISHED if paper else ROBUST)]
    results += [
        f"{row.contrast_label}: incidence rate ratio "
        f"{format_interval(row.irr, row.irr_low, row.irr_high, decimals=2)}, by permutation "
        f"{equals_p(row.permutation_p)}, by the model {equals_p(row.p)}; n = {row.n_group:.0f} and "
        f"{row.n_against:.0f}, dispersion {format_number(row.dispersion, decimals=2)}"
        f"{f'; {row.note}' if row.note else ''}."
        for row in _rows(own)
    ]
    keys = ("lawless1987", "mackinnon1985", "phipson2010", "statsmodels")
    return Statement(methods=text, results=tuple(results), citations=keys, found=tuple(results[:3]))


def tell_prevalence(table: pd.DataFrame, *, deviations: Deviations) -> Statement:
    """Say how often regions deviate."""
    text = (
        "How often each region deviates was compared by Fisher's exact test; q-values control the "
        "false discovery rate over the regions of a contrast."
    )
    done = table[table["status"] == ESTIMATED]
    low = done[done["q"].astype(float) < deviations.study.alpha].sort_values("p")
    results = [
        f"{row.contrast_label}, {row.region_label}: {row.percent_group:.0f} % v "
        f"{row.percent_against:.0f} %, {equals_p(row.p)}, {equals_p(row.q, name='q')}."
        for row in _rows(low.head(_MOST_NAMED))
    ]
    if not results and len(done):
        results = [f"No region deviates more often in a group (q < {deviations.study.alpha:g})."]
    return Statement(methods=text, results=tuple(results), citations=("benjamini1995",))


def tell_associations(table: pd.DataFrame, *, deviations: Deviations) -> Statement:
    """Say how scores were related to deviations, and what the primary models gave."""
    asked = deviations.study.normative
    paper = deviations.study.mode == _PAPER
    names = ", ".join(describe_column(name).label.lower() for name in asked.covariates)
    text = (
        f"In {deviations.study.label(asked.population)}, scores were related to the number of "
        f"deviations and to each region's z by linear regression adjusted for {names or 'nothing'} "
        "(HC3), and over visits by a linear mixed model with a random intercept, in which the "
        "mean of a person and the difference from it have effects of their own; its limits are "
        "also those of a bootstrap of people."
    )
    model = PUBLISHED_MODEL if paper else ADJUSTED
    done = table[(table["status"] == ESTIMATED) & (table["model"] == model)]
    # the course by risk has no published form: one model in both modes
    risk = table[(table["status"] == ESTIMATED) & (table["predictor"] == RISK)]
    counts = pd.concat([done[done["predictor"] == N_DEVIATIONS], risk])
    results = [_tell_association(row) for row in _rows(counts) if row.effect != "per year"]
    single = done[~done["predictor"].isin([N_DEVIATIONS, RISK])]
    for design, effects in ((ACROSS, ("",)), (OVER_TIME, ("between people", "both together"))):
        regional = single[(single["design"] == design) & single["effect"].isin(effects)]
        if len(regional):
            low = regional[regional["q"].astype(float) < deviations.study.alpha]
            span = low["std_b"].astype(float)
            edges = (format_number(one, decimals=2) for one in (span.min(), span.max()))
            found = f", β {' to '.join(edges)}" if len(low) else ""
            results.append(
                f"Of {format_how_many(len(regional), 'association')} of scores with single "
                f"regions {design}, {len(low) or 'none'} had q < {deviations.study.alpha:g}{found}."
            )
    keys = ("mundlak1978", "laird1982", "statsmodels", "benjamini1995", "mackinnon1985")
    return Statement(methods=text, results=tuple(results), citations=keys)


def tell_course(table: pd.DataFrame) -> Statement:
    """Say how deviations came and went."""
    text = (
        "From each visit to the next, a region's state worsened (became critical), improved or "
        "stayed; Shannon's entropy of its states over visits is 0 where they never change."
    )
    done = table[(table["status"] == ESTIMATED) & (table["region"] == "")]
    results = [
        f"{row.population_label}: of {row.pairs:.0f} pairs of visits of regions, "
        f"{row.worsened:.0f} worsened and {row.improved:.0f} improved (n = {row.n:.0f})."
        for row in _rows(done)
    ]
    return Statement(methods=text, results=tuple(results), citations=())


def tell_events(
    risk: pd.DataFrame, tests: pd.DataFrame, cox: pd.DataFrame, *, deviations: Deviations
) -> Statement:
    """Say what the rule of risk was and what followed."""
    asked = deviations.study.normative
    text = (
        f"High risk was defined beforehand as {tell_rule(deviations)}. Time runs from the baseline "
        f"scan to {asked.event_label}. Groups were compared by Kaplan–Meier curves, the log-rank "
        "test, and Cox regression with Efron's ties; proportional hazards were checked by scaled "
        "Schoenfeld residuals, and Harrell's C was corrected for optimism by bootstrap."
    )
    results = [
        f"{row.risk} risk: {row.n:.0f} people"
        + (f", {row.followed:.0f} followed, {row.events:.0f} events." if row.followed > 0 else ".")
        for row in _every(risk[risk["risk"].isin(GROUPS)])
    ]
    results += [
        f"Log-rank test: χ²({row.df:.0f}) = {format_number(row.chi2, decimals=2)}, "
        f"{equals_p(row.p)}."
        for row in _rows(tests)
    ]
    results += [
        f"Hazard ratio of {row.variable}: "
        f"{format_interval(row.hazard_ratio, row.hr_low, row.hr_high, decimals=2)}, "
        f"{equals_p(row.p)}; Schoenfeld {equals_p(row.schoenfeld_p)}; Harrell's C "
        f"{format_number(row.concordance, decimals=2)}, corrected "
        f"{format_number(row.concordance_corrected, decimals=2)}."
        for row in _rows(cox.head(1))
    ]
    keys = ("kaplan1958", "mantel1966", "cox1972", "grambsch1994", "harrell1982")
    return Statement(methods=text, results=tuple(results), citations=keys)


def _tell_association(row: Any) -> str:
    place = "" if row.design != OVER_TIME else f", over time, {row.effect}"
    beta = format_interval(row.std_b, row.std_low, row.std_high, decimals=2)
    return (
        f"{row.score_label} and {row.predictor_label}{place}: β = {beta}, {equals_p(row.p)}, "
        f"{equals_p(row.q, name='q')}, n = {row.n:.0f}."
    )


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    return _every(table[table["status"] == ESTIMATED])


def _every(table: pd.DataFrame) -> Iterator[Any]:
    return table.itertuples()


def list_warnings(deviations: StudyDeviations, *, notes: tuple[str, ...]) -> list[str]:
    """List what a reader must know before any number: of reference, scans and sites."""
    reference = deviations.reference
    told = list(reference.labels)
    if not reference.model.sexes:
        told.append("the reference has no one")
    told += [
        f"{_count(sex.n)} of sex {name} made the reference: below {LEAST_FOR_LABEL} nothing is "
        "called critical, and no deviation of that sex is counted"
        for name, sex in reference.model.sexes.items()
        if sex.n < LEAST_FOR_LABEL
    ]
    told += _tell_outliers(deviations)
    sessions = _sessions_of_reference(deviations)
    told += [
        f"{name} {sessions.get(name, '')}".strip() + f" is not in the reference: {why}"
        for name, why in list(_left_out(deviations).items())[:_MOST_NAMED]
    ]
    told += tell_gaps(deviations)
    return [*told, *notes]


def _tell_outliers(deviations: StudyDeviations) -> list[str]:
    outliers = deviations.reference.outliers
    named = list(dict.fromkeys(outliers["participant_id"]))
    if not named:
        return []
    shown = ", ".join(named[:_MOST_NAMED]) + (" …" if len(named) > _MOST_NAMED else "")
    told = f"{len(named)} scans of the reference cannot be right and were left out of its fit"
    return [f"{told}; look at them: {shown}"]


def _sessions_of_reference(deviations: StudyDeviations) -> dict[str, str]:
    """Return which session of each control made the reference."""
    if deviations.reference.source != OWN:
        return {}
    controls = deviations.reference.controls
    return dict(zip(controls["participant_id"], controls["session_id"], strict=True))


def _left_out(deviations: StudyDeviations) -> dict[str, str]:
    outliers = set(deviations.reference.outliers["participant_id"].astype(str))
    left = deviations.reference.model.left_out
    return {name: why for name, why in left.items() if name not in outliers}


def tell_gaps(deviations: Deviations) -> list[str]:
    """Count people by the reason why they have no score, or one to be careful with."""
    people = count_people(deviations.scores)
    return [f"{_count(people[gap])}: {what}" for gap, what in _CAREFUL.items() if gap in people]


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people} people"

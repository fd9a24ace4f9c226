"""What the group level says of adjusted groups, outcomes, single markers and change."""

from typing import Any

import pandas as pd

from npsle_app.cohort.statistics.change import EFFECTS
from npsle_app.cohort.statistics.outcomes import NUMBERS, ODDS
from npsle_app.cohort.statistics.statements import (
    Statement,
    each_row,
    join,
    say,
    say_why,
    tell_acquisition,
)
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


def tell_adjusted(tests: pd.DataFrame, pairs: pd.DataFrame, *, study: Study) -> Statement:
    """Say how groups were compared at equal covariates, and what came of it."""
    done = tests[tests["status"] == ESTIMATED]
    if done.empty:
        told = f"No measure could be compared between groups at equal covariates{say_why(tests)}."
        return Statement(methods=told)
    robust = study.mode != _PAPER
    ending, kind = ("_hc3", "robust to unequal variances (HC3)") if robust else ("", "classic")
    used = {name for cell in done["covariates"] for name in cell.split(", ")}
    names = [one for one in (*study.adjusted.covariates, "tiv_ml") if one in used]
    text = (
        f"{format_how_many(len(done), 'measure')} entered an analysis of covariance over the "
        f"groups, adjusted for {join(say(name) for name in names) or 'nothing'}"
        f"{tell_acquisition(done)}{_tell_volumes(done)}; adjusted means are those at the mean of "
        "the covariates. Pairs were compared with Holm's adjustment, and with Tukey's; tests and "
        f"limits are {kind}."
    )
    results = [
        f"{row.label}: F({row.df:.0f}, {row.df_residual:.0f}) = "
        f"{format_number(getattr(row, f'f{ending}'), decimals=2)}, "
        f"{equals_p(getattr(row, f'p{ending}'))}, "
        f"{equals_p(getattr(row, f'q{ending}'), name='q')}, partial η² = "
        f"{format_number(row.partial_eta2, decimals=2)}{_tell_pairs(pairs, row.measure)}."
        for row in each_row(done)
    ]
    keys = ("statsmodels", "mackinnon1985", "benjamini1995", "pingouin")
    return Statement(methods=text, results=tuple(results), citations=keys)


def _tell_volumes(done: pd.DataFrame) -> str:
    """Say that intracranial volume is for volumes alone, where there are other measures."""
    by_tiv = done["covariates"].str.split(", ").map(lambda names: "tiv_ml" in names)
    return " (intracranial volume for volumes alone)" if by_tiv.any() and not by_tiv.all() else ""


def _tell_pairs(pairs: pd.DataFrame, measure: str) -> str:
    own = pairs[(pairs["measure"] == measure) & (pairs["to_be_read"] == "yes")]
    told = []
    for row in each_row(own):
        places = decimals_for(abs(row.high - row.low) / 4)
        effect = (
            f"ratio {format_interval(row.ratio, row.ratio_low, row.ratio_high, decimals=2)}"
            if row.ratio == row.ratio
            else format_interval(row.difference, row.low, row.high, decimals=places)
        )
        told.append(
            f"{row.group_label} v {row.against_label} {effect}, Holm {equals_p(row.p_holm)}"
        )
    return f"; {'; '.join(told)}" if told else ""


def tell_outcomes(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say what yes-or-no outcomes and numbers gave."""
    done = table[table["status"] == ESTIMATED]
    if done.empty:
        told = f"No outcome that is yes or no, or a number, could be modelled{say_why(table)}."
        return Statement(methods=told)
    models = {
        ODDS: "yes-or-no outcomes by logistic regression (p by likelihood ratio)",
        NUMBERS: "numbers by negative binomial regression with HC3",
    }
    asked = [text for model, text in models.items() if model in set(done["model"])]
    names = join(say(one) for one in study.outcomes.covariates) or "nothing"
    results = [
        f"{row.label}, {row.contrast_label}: "
        f"{'odds ratio' if row.model == ODDS else 'ratio'} "
        f"{format_interval(row.ratio, row.ratio_low, row.ratio_high, decimals=2)}, "
        f"{equals_p(row.p)} ({row.with_group:.0f} of {row.n_group:.0f} v {row.with_against:.0f} of "
        f"{row.n_against:.0f} have any)."
        for row in each_row(done)
    ]
    return Statement(
        methods=f"Adjusted for {names}{tell_acquisition(done)}, {' and '.join(asked)}.",
        results=tuple(results),
        citations=("statsmodels", "lawless1987", "mackinnon1985"),
    )


def tell_markers(table: pd.DataFrame, pairs: pd.DataFrame, *, study: Study) -> Statement:
    """Say how well single measures told the sides of a contrast apart."""
    done = table[table["status"] == ESTIMATED]
    if done.empty:
        return Statement(methods=f"No single measure could be judged as a marker{say_why(table)}.")
    text = (
        f"{format_how_many(len(done), 'single measure')} {'was' if len(done) == 1 else 'were'} "
        "judged by the area under the ROC "
        "curve with DeLong's limits, pairs of them by DeLong's test. Cuts are Youden's, found in "
        "the same people: sensitivity and specificity, with Wilson's limits, are too good."
    )
    results = [
        f"{row.label}, {row.contrast_label}: AUC "
        f"{format_interval(row.auc, row.auc_low, row.auc_high, decimals=2)}, {row.direction} in "
        f"the first; at {'≤' if row.direction == 'lower' else '≥'} "
        f"{format_number(row.cut, decimals=2)} sensitivity "
        f"{format_interval(row.sensitivity, row.sensitivity_low, row.sensitivity_high, decimals=2)}"
        ", specificity "
        f"{format_interval(row.specificity, row.specificity_low, row.specificity_high, decimals=2)}"
        "."
        for row in each_row(done)
    ]
    low = pairs[(pairs["status"] == ESTIMATED) & (pairs["p"].astype(float) < study.alpha)]
    results += [
        f"{row.label} against {row.other_label}, {row.contrast_label}: difference of AUC "
        f"{format_interval(row.difference, row.low, row.high, decimals=2)}, {equals_p(row.p)}."
        for row in each_row(low)
    ]
    return Statement(methods=text, results=tuple(results), citations=("delong1988",))


def tell_change(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say how yearly changes were compared."""
    done = table[table["status"] == ESTIMATED]
    if done.empty:
        return Statement(methods="Nobody was measured often enough to compare changes over visits.")
    text = (
        "Yearly changes were compared by linear mixed models (REML) with group, time, their "
        f"product and {join(say(one) for one in study.change.covariates) or 'no covariate'} at the "
        "first visit, and a random intercept of each person, with slopes where most people have "
        "three visits and slopes can be told from noise."
    )
    own = done[done["effect"] == EFFECTS["in_group_by_time"]]
    results = []
    for row in each_row(own):
        places = decimals_for(abs(row.high - row.low) / 4)
        unit = "" if row.transform != "none" or row.unit in ("", "1") else f" {row.unit}"
        logged = " (of the logarithm)" if row.transform.startswith("ln") else ""
        results.append(
            f"{row.label}, {row.contrast_label}: difference of yearly changes{logged} "
            f"{format_interval(row.b, row.low, row.high, decimals=places)}{unit}, "
            f"{equals_p(row.p)}, {row.n} people, {row.visits} visits."
        )
    return Statement(methods=text, results=tuple(results), citations=("laird1982", "statsmodels"))


def tell_agreement(table: pd.DataFrame) -> Statement:
    """Say how far readings agreed."""
    text = (
        "Agreement of readings of the same people is given as intraclass correlation of single "
        "readings, absolute, ICC(2,1), and consistent, ICC(3,1), as Bland-Altman limits of two "
        "readings, and as within-subject coefficient of variation."
    )
    results = [
        f"{row.label}, {row.readers} (n = {row.n:.0f}): ICC(2,1) "
        f"{format_interval(row.icc2, row.icc2_low, row.icc2_high, decimals=2)}, ICC(3,1) "
        f"{format_interval(row.icc3, row.icc3_low, row.icc3_high, decimals=2)}"
        f"{_tell_limits(row)}, within-subject CV {format_number(100 * row.cv, decimals=1)} %."
        for row in each_row(table[table["status"] == ESTIMATED])
    ]
    keys = ("bland1986", "shrout1979")
    return Statement(methods=text, results=tuple(results), citations=keys)


def tell_readers(
    judgements: pd.DataFrame, volumes: pd.DataFrame, thresholds: pd.DataFrame
) -> Statement:
    """Say how far the readers of the reading room agreed, and what they changed."""
    text = (
        "Readers judged scans, maps and single lesions in the app's reading room, blind to group, "
        "age and each other. Their agreement is given as Cohen's kappa, plain and with linear "
        "weights; that of lesion volumes as ICC(2,1) and Bland-Altman limits."
    )
    kappas = [
        f"{row.item}, {row.readers} (n = {row.n:.0f}): same judgement in "
        f"{format_number(100 * row.agreement, decimals=0)} %, kappa "
        f"{format_interval(row.kappa, row.kappa_low, row.kappa_high, decimals=2)}, weighted "
        + format_interval(
            row.weighted_kappa, row.weighted_kappa_low, row.weighted_kappa_high, decimals=2
        )
        + "."
        for row in each_row(judgements[judgements["status"] == ESTIMATED])
    ]
    sizes = [
        f"Lesion volumes {row.volumes}, {row.readers} (n = {row.n:.0f}): ICC(2,1) "
        f"{format_interval(row.icc2, row.icc2_low, row.icc2_high, decimals=2)}"
        f"{_tell_limits(row)} mL."
        for row in each_row(volumes[volumes["status"] == ESTIMATED])
    ]
    cuts = [
        f"Threshold chosen by {row.rater} in {format_how_many(row.n, 'session')}: median "
        f"{row.threshold_median:g} ({row.chosen})."
        for row in each_row(thresholds)
    ]
    return Statement(
        methods=text,
        results=(*kappas, *sizes, *cuts),
        citations=("cohen1960", "cohen1968", "bland1986", "shrout1979", "statsmodels"),
    )


def _tell_limits(row: Any) -> str:
    if row.bias != row.bias:
        return ""
    places = decimals_for(abs(row.loa_high - row.loa_low) / 4)
    return (
        f", bias {format_number(row.bias, decimals=places)} with limits of agreement "
        f"{format_number(row.loa_low, decimals=places)} to "
        f"{format_number(row.loa_high, decimals=places)}"
    )


def tell_mediation(table: pd.DataFrame, *, study: Study) -> Statement:
    """Say how much of a difference went by way of a mediator."""
    names = join(say(one) for one in study.mediation.covariates) or "nothing"
    text = (
        f"Differences were split, adjusted for {names}, into a direct part and one by way of a "
        "mediator, with bootstrap limits. That the mediator comes before the outcome is assumed, "
        "not shown."
    )
    results = []
    for row in each_row(table[(table["status"] == ESTIMATED) & (table["path"] == "indirect")]):
        places = decimals_for(abs(row.high - row.low) / 4)
        results.append(
            f"{row.label}, {row.contrast_label}, by way of {row.mediator_label}: "
            f"{format_interval(row.b, row.low, row.high, decimals=places)}, {equals_p(row.p)}, "
            f"n = {row.n:.0f}."
        )
    return Statement(methods=text, results=tuple(results), citations=("pingouin",))


def tell_harmonised(sites: pd.DataFrame, contrasts: pd.DataFrame) -> Statement:
    """Say what ComBat took away, and what groups differ by before and after."""
    done = sites[sites["status"] == ESTIMATED]
    if done.empty:
        return Statement(methods=f"Sites could not be harmonised{say_why(sites)}.")
    first = next(each_row(done))
    names = join(say(one) for one in first.covariates.split(", ") if one) or "no covariate"
    text = (
        f"{format_how_many(len(done), 'measure')} of people of {first.sites} were harmonised by "
        f"ComBat with parametric empirical Bayes, keeping what they owe to {names}. It was fitted "
        "to all of them, so the site's share after it is too small; that of their groups it does "
        "not know, and where sites have other shares of the groups it takes part of their "
        "difference away. Limits do not count that the sites' offsets are estimates."
    )
    if first.note:
        text += f" There are {first.note}."
    results = [
        f"{row.label}: site explains {format_number(100 * row.eta2_before, decimals=1)} % before "
        f"({equals_p(row.p_before)}) and {format_number(100 * row.eta2_after, decimals=1)} % after "
        f"({equals_p(row.p_after)}){_tell_harmonised_groups(contrasts, row.measure)}."
        for row in each_row(done)
    ]
    keys = ("johnson2007", "fortin2018", "statsmodels")
    return Statement(methods=text, results=tuple(results), citations=keys)


def _tell_harmonised_groups(contrasts: pd.DataFrame, measure: str) -> str:
    own = contrasts[(contrasts["measure"] == measure) & (contrasts["status"] == ESTIMATED)]
    told = []
    for row in each_row(own):
        places = decimals_for(abs(row.high_after - row.low_after) / 4)
        after = format_interval(row.b_after, row.low_after, row.high_after, decimals=places)
        before = format_number(row.b_before, decimals=places)
        told.append(f"{row.contrast_label} {before} before, {after} after")
    return f"; {'; '.join(told)}" if told else ""


def tell_matched(differences: pd.DataFrame, balance: pd.DataFrame, *, study: Study) -> Statement:
    """Say how people were matched, how alike they became, and how far pairs differ."""
    done = balance[balance["status"] == ESTIMATED]
    if done.empty:
        return Statement(methods=f"Nobody could be matched{say_why(balance)}.")
    names = join(say(one) for one in study.matching.covariates)
    alike = done.groupby("contrast_label", sort=False).agg(
        pairs=("pairs", "first"), n=("n_group", "first"), worst=("smd_after", _greatest)
    )
    made = "; ".join(
        f"{label}: {row.pairs} of {row.n} of the group in pairs, the covariates then at most "
        f"{row.worst:.2f} SD apart"
        for label, row in zip(alike.index, each_row(alike), strict=True)
    )
    text = (
        f"People were matched one to one by the propensity to be in the group, given {names}, "
        f"within {study.matching.caliper:g} SD of its logit, with the smallest sum of distances. "
        f"{made}. Differences are means of pairs with limits by t, beside Wilcoxon's test."
    )
    results = []
    for row in each_row(differences[differences["status"] == ESTIMATED]):
        places = decimals_for(abs(row.high - row.low) / 4)
        unit = "" if row.unit in ("", "1") else f" {row.unit}"
        results.append(
            f"{row.label}, {row.contrast_label}: "
            f"{format_interval(row.difference, row.low, row.high, decimals=places)}{unit}, "
            f"{equals_p(row.p)}, {format_how_many(int(row.pairs), 'pair')}."
        )
    keys = ("austin2011", "rosenbaum1989", "austin2009", "scipy")
    return Statement(methods=text, results=tuple(results), citations=keys)


def _greatest(differences: pd.Series) -> float:
    return float(differences.abs().max())

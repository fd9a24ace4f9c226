"""Deviations of groups: counts, their ratios, and how often each region deviates."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.counts import CountComparison, compare_counts
from npsle_app.cohort.deviations.deviations import N_DEVIATIONS, Deviations
from npsle_app.cohort.statistics.multiple_testing import control_false_discoveries
from npsle_app.cohort.study.covariates import encode
from npsle_app.cohort.study.normative_question import say_region
from npsle_app.cohort.study.populations import explain_empty, members
from npsle_app.cohort.study.study import Contrast
from npsle_app.cohort.study.visits import index_scans
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

ROBUST, PUBLISHED = "dispersion estimated, HC3", "dispersion 1, as published"
CONTRAST = ["contrast", "contrast_label", "group", "against"]
STATE = ["status", "reason", "note"]
_ESTIMATES = [
    *("n_group", "n_against", "mean_group", "mean_against", "expected_group"),
    *("expected_against", "zeros_group", "zeros_against", "irr", "irr_low", "irr_high", "p"),
    *("dispersion", "poisson_overdispersion", "permutation_p"),
]
COMPARISON_COLUMNS = [*CONTRAST, "method", "covariates", *_ESTIMATES, *STATE]
PREVALENCE_COLUMNS = [
    *(*CONTRAST, "region", "region_label", "n_group", "percent_group", "n_against"),
    *("percent_against", "odds_ratio", "p", "q", *STATE),
]
GROUP_COLUMNS = [
    *("population", "population_label", "n", "mean", "sd", "median_count", "zeros", "expected"),
    *("expected_low", "expected_high", "status", "reason"),
]


def describe_counts(deviations: Deviations) -> pd.DataFrame:
    """Describe the baseline counts of the groups of the study, and of the reference."""
    names = dict.fromkeys((deviations.study.normative.reference, *deviations.study.groups))
    return pd.DataFrame([_describe(deviations, name) for name in names], columns=GROUP_COLUMNS)


def compare_groups_by_count(
    deviations: Deviations, *, permutations: int, seed: int
) -> pd.DataFrame:
    """Compare counts in each contrast at baseline, both ways (`method`).

    A contrast that cannot be estimated has a row that says why.
    """
    rows = []
    for contrast in list_contrasts(deviations):
        for method in (ROBUST, PUBLISHED):
            told = _name(contrast) | {"method": method, "covariates": ""}
            try:
                rows.append(told | _compare(deviations, contrast, method, permutations, seed))
            except ValueError as error:
                rows.append(told | {"status": NOT_ESTIMABLE, "reason": str(error)})
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def compare_regions(deviations: Deviations) -> pd.DataFrame:
    """Compare how often each counted region deviates; q over the regions of a contrast."""
    tables = []
    for contrast in list_contrasts(deviations):
        told = _name(contrast)
        try:
            rows = _take_sides(deviations, contrast)
        except ValueError as error:
            gap = told | {"status": NOT_ESTIMABLE, "reason": str(error)}
            tables.append(pd.DataFrame([gap], columns=PREVALENCE_COLUMNS))
            continue
        sides = [
            frozenset(rows.loc[rows["in_group"] == one, "participant_id"]) for one in (True, False)
        ]
        baseline = index_scans(deviations.counted).isin(index_scans(rows))
        table = compare_prevalence(deviations.counted[baseline], group=sides[0], against=sides[1])
        known = table["p"].notna()
        tables.append(
            table.assign(
                **told,
                percent_group=100 * table["share_group"],
                percent_against=100 * table["share_against"],
                region_label=[say_region(name) for name in table["region"]],
                status=np.where(known, ESTIMATED, NOT_ESTIMABLE),
                reason=np.where(known, "", "no one on one side has a label"),
                note="",
            )[PREVALENCE_COLUMNS]
        )
    return (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PREVALENCE_COLUMNS)
    )


def list_contrasts(deviations: Deviations) -> Iterator[Contrast]:
    """List the contrasts that the study asks of deviations."""
    wanted = deviations.study.normative.contrasts
    for contrast in deviations.study.contrasts:
        if not wanted or contrast.name in wanted:
            yield contrast


def _name(contrast: Contrast) -> dict[str, Any]:
    return {
        "contrast": contrast.name,
        "contrast_label": contrast.label,
        "group": contrast.group,
        "against": contrast.against,
    }


def _describe(deviations: Deviations, name: str) -> dict[str, object]:
    population = deviations.study.populations[name]
    rows = deviations.baseline[members(deviations.baseline, population=population)]
    told = {"population": name, "population_label": population.label}
    counts = rows[N_DEVIATIONS].dropna()
    if counts.empty:
        reason = (
            explain_empty(deviations.cohort, population=population)
            if rows.empty
            else (f"{population.label}: no one has a count")
        )
        return told | {"n": 0, "status": NOT_ESTIMABLE, "reason": reason}
    return told | {
        "n": len(counts),
        "mean": float(counts.mean()),
        "sd": float(counts.std()) if len(counts) > 1 else np.nan,
        "median_count": float(counts.median()),
        "zeros": 100 * float((counts == 0).mean()),
        "expected": float(rows["n_expected"].mean()),
        "expected_low": float(rows["expected_low"].mean()),
        "expected_high": float(rows["expected_high"].mean()),
        "status": ESTIMATED,
        "reason": "",
    }


def _take_sides(deviations: Deviations, contrast: Contrast) -> pd.DataFrame:
    """Return the baseline visits of both sides with a count, and `in_group`.

    Raises
    ------
    ValueError
        If a side is empty, or someone is on both.
    """
    rows = deviations.baseline
    sides = []
    for name in (contrast.group, contrast.against):
        population = deviations.study.populations[name]
        inside = members(rows, population=population)
        if not inside.any():
            raise ValueError(explain_empty(deviations.cohort, population=population))
        sides.append(inside)
    if both := int((sides[0] & sides[1]).sum()):
        msg = f"{both} participants are on both sides of {contrast.label}"
        raise ValueError(msg)
    either = rows[sides[0] | sides[1]]
    return either.assign(in_group=sides[0][either.index])


def _compare(
    deviations: Deviations, contrast: Contrast, method: str, permutations: int, seed: int
) -> dict[str, object]:
    rows = _take_sides(deviations, contrast)
    names = () if method == PUBLISHED else deviations.study.normative.count_covariates
    if absent := [why for name in names if (why := deviations.cohort.find_absence(name))]:
        raise ValueError("; ".join(absent))
    rows = rows.dropna(subset=[N_DEVIATIONS, *names])
    encoded = {key: one for name in names for key, one in encode(rows[name]).items()}
    result = compare_counts(
        rows,
        in_group=rows["in_group"].to_numpy(dtype=bool),
        covariates=np.column_stack(list(encoded.values())) if encoded else None,
        paper=method == PUBLISHED,
        permutations=permutations,
        seed=seed,
    )
    return _lay_out(result) | {"covariates": ", ".join(names)}


def _lay_out(result: CountComparison) -> dict[str, object]:
    told = asdict(result)
    told |= {"irr_low": told.pop("low"), "irr_high": told.pop("high")}
    known = np.isfinite(result.irr)
    reason = "" if known else result.note
    return told | {
        "status": ESTIMATED if known else NOT_ESTIMABLE,
        "reason": reason,
        "note": result.note if known else "",
        "zeros_group": 100 * result.zeros_group,
        "zeros_against": 100 * result.zeros_against,
    }


def compare_prevalence(
    scores: pd.DataFrame, *, group: frozenset[str], against: frozenset[str]
) -> pd.DataFrame:
    """Compare the share of people who deviate in each region, with a false discovery rate.

    Parameters
    ----------
    group, against
        Participants.

    Returns
    -------
    DataFrame
        One row per region in its order: `n_group`, `share_group`, `n_against`,
        `share_against` (of those with a label), `odds_ratio` (0.5 added to each cell), Fisher's
        exact `p` and Benjamini-Hochberg `q`; p is missing where no one has a label.
    """
    labelled = scores[scores["critical"].notna()]
    rows = []
    for region in dict.fromkeys(scores["region"]):
        own = labelled[labelled["region"] == region]
        cells = [_cells(own, people) for people in (group, against)]
        rows.append({"region": region} | _compare_shares(*cells))
    table = pd.DataFrame(rows)
    return table.assign(q=control_false_discoveries(table["p"].to_numpy(dtype=float)))


def _cells(own: pd.DataFrame, people: frozenset[str]) -> tuple[int, int]:
    critical = own.loc[own["participant_id"].isin(people), "critical"].astype(bool)
    return int(critical.sum()), len(critical)


def _compare_shares(group: tuple[int, int], against: tuple[int, int]) -> dict[str, float]:
    from scipy import stats

    (a, n), (b, m) = group, against
    enough = min(n, m) > 0
    return {
        "n_group": n,
        "share_group": a / n if n else np.nan,
        "n_against": m,
        "share_against": b / m if m else np.nan,
        "odds_ratio": (a + 0.5) * (m - b + 0.5) / ((n - a + 0.5) * (b + 0.5)) if enough else np.nan,
        "p": float(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue) if enough else np.nan,
    }

"""Measures compared between all groups: Kruskal-Wallis, then Dunn for each pair."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.rank_tests import (
    FEW,
    cliffs_delta,
    dunn,
    kruskal_wallis,
    median_limits,
)
from npsle_app.cohort.estimators.two_sample import LEAST_FOR_SHAPE, is_symmetric
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.populations import explain_empty, find_members
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE, format_mean, format_median
from npsle_app.measures import MEASURES

_LEAST = 2
STUDY_WIDE = "patients"  # a population of several groups, which are described one by one


def expand(names: tuple[str, ...], *, cohort: Cohort) -> tuple[str, ...]:
    """Replace `*` by every measure that the tables hold, `fs_*` by those that begin so.

    They follow in the app's order what is named without a star.
    """
    begins = tuple(name.removesuffix("*") for name in names if name.endswith("*"))
    if not begins:
        return names
    present = [name for name in MEASURES if name in cohort.frame and name.startswith(begins)]
    return tuple(dict.fromkeys([*(name for name in names if not name.endswith("*")), *present]))


def compare_groups(cohort: Cohort) -> pd.DataFrame:
    """Compare each measure between the groups of the study.

    Groups without two values are left out and named in `note`; a measure that fewer than two
    groups have is not estimable, with the reason.

    Returns
    -------
    DataFrame
        A row per measure: `n`, `h`, `df`, `p`, `epsilon2` with limits `low` and `high`.
    """
    rows = []
    inside = find_members(cohort)
    for name in expand(cohort.study.group_tests.measures, cohort=cohort):
        column = describe_column(name)
        row = {"measure": name, "label": column.label, "unit": column.unit}
        groups, note = split_groups(cohort, name=name, inside=inside)
        try:
            _refuse_absent(cohort, name)
            found = asdict(kruskal_wallis(list(groups.values())))
            if min(map(len, groups.values())) < FEW:
                caution = f"fewer than {FEW} in a group: p is permuted, and says little"
                note = f"{note}; {caution}" if note else caution
            rows.append(row | found | {"status": ESTIMATED, "reason": "", "note": note})
        except ValueError as error:
            absent = cohort.find_absence(name)
            reason = f"{name}: {error}" + (f" ({note})" if note and not absent else "")
            rows.append(row | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""})
    columns = ["measure", "label", "unit", "n", "h", "df", "p", "epsilon2", "low", "high"]
    return _table(rows, [*columns, "status", "reason", "note"])


def compare_pairs(cohort: Cohort, *, overall: pd.DataFrame) -> pd.DataFrame:
    """Compare each pair of groups by Dunn's test, with Cliff's δ.

    `to_be_read` says whether the Kruskal-Wallis test of the measure is below alpha: pairs of
    a measure that shows no difference at all are listed and not to be read.
    """
    study = cohort.study
    tables = []
    inside = find_members(cohort)
    done = overall[overall["status"] == ESTIMATED]
    for name, p in zip(done["measure"], done["p"], strict=True):
        groups, _ = split_groups(cohort, name=name, inside=inside)
        pairs = dunn(groups)
        sides = zip(pairs["group"], pairs["against"], strict=True)
        effects = [cliffs_delta(groups[one], against=groups[other]) for one, other in sides]
        pairs[["delta", "delta_low", "delta_high"]] = np.array(effects)
        pairs.insert(0, "measure", name)
        pairs.insert(1, "label", describe_column(name).label)
        for side in ("against", "group"):
            pairs[f"{side}_label"] = [study.label(group) for group in pairs[side]]
        tables.append(pairs.assign(to_be_read="yes" if p < study.alpha else "no"))
    columns = ["measure", "label", "against", "against_label", "group", "group_label"]
    columns += [
        "z",
        "p",
        "p_bonferroni",
        "p_holm",
        "delta",
        "delta_low",
        "delta_high",
        "to_be_read",
    ]
    return pd.concat(tables, ignore_index=True)[columns] if tables else _table([], columns)


def describe_groups(cohort: Cohort) -> pd.DataFrame:
    """Describe each measure in each group, and in each other population of a contrast.

    n, missing, mean, SD, median with limits, range; `shown` is the mean with SD or, of measures
    that are skewed in a group, the median with the 10th and 90th percentile.
    """
    study = cohort.study
    rows = []
    inside = find_members(cohort)
    sides = [name for one in study.contrasts for name in (one.against, one.group)]
    others = [name for name in sides if inside[name].any() and name != STUDY_WIDE]
    names = tuple(dict.fromkeys((*study.groups, *others)))
    for name in expand(study.group_tests.measures, cohort=cohort):
        column = describe_column(name)
        samples = {group: _values(cohort, inside[group], name) for group in names}
        large = [one for one in samples.values() if len(one) >= LEAST_FOR_SHAPE]
        symmetric = bool(large) and is_symmetric(large)
        for group, values in samples.items():
            told = {
                "measure": name,
                "label": column.label,
                "unit": column.unit,
                "group": group,
                "group_label": study.label(group),
                "n": len(values),
                "missing": int(inside[group].sum()) - len(values),
            }
            found = summarise(values)
            rows.append(told | found | {"shown": _show(found, symmetric=symmetric)})
    columns = ["measure", "label", "unit", "group", "group_label", "n", "missing"]
    columns += ["shown", "mean", "sd", "median"]
    columns += ["median_low", "median_high", "p10", "p25", "p75", "p90", "least", "greatest"]
    return _table(rows, columns)


def _show(found: Mapping[str, float], *, symmetric: bool) -> str:
    if symmetric:
        return format_mean(found["mean"], found["sd"])
    return format_median(found["median"], found["p10"], found["p90"])


def summarise(values: Floats) -> dict[str, float]:
    """Describe a sample; what it is too small for is NaN."""
    n = len(values)
    median, low, high = median_limits(values)
    cuts = np.percentile(values, [0, 10, 25, 75, 90, 100]) if n else np.full(6, np.nan)
    names = ("least", "p10", "p25", "p75", "p90", "greatest")
    return {
        "mean": float(values.mean()) if n else np.nan,
        "sd": float(values.std(ddof=1)) if n > 1 else np.nan,
        "median": median,
        "median_low": low,
        "median_high": high,
    } | dict(zip(names, map(float, cuts), strict=True))


def split_groups(
    cohort: Cohort, *, name: str, inside: Mapping[str, pd.Series]
) -> tuple[dict[str, Floats], str]:
    """Return the values of each group that has two or more, and a note on the others."""
    study = cohort.study
    groups, lacking = {}, []
    for group in study.groups:
        population = study.populations[group]
        values = _values(cohort, inside[group], name)
        if len(values) >= _LEAST:
            groups[group] = values
        elif inside[group].any():
            lacking.append(f"{population.label}: {len(values)} values of {name}")
        else:
            lacking.append(explain_empty(cohort, population=population))
    return groups, f"left out: {'; '.join(lacking)}" if lacking else ""


def _values(cohort: Cohort, inside: pd.Series, name: str) -> Floats:
    if name not in cohort.frame or cohort.frame[name].dtype == object:
        return np.array([])
    values: Floats = cohort.frame.loc[inside, name].dropna().to_numpy(dtype=float)
    return values


def _refuse_absent(cohort: Cohort, name: str) -> None:
    if absence := cohort.find_absence(name):
        raise ValueError(absence)
    if cohort.frame[name].dtype == object:
        msg = f"holds levels, not numbers: {sorted(set(cohort.frame[name].dropna()))[:4]}"
        raise ValueError(msg)


def _table(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)

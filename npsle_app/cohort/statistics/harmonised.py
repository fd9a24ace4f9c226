"""Measures before and after ComBat over sites, where a study asks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.estimators.combat import LEAST_PER_SITE, fit_combat
from npsle_app.cohort.estimators.linear_model import Interval, fit_linear
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import list_sides, take_sides, transform_outcome
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import take_covariates
from npsle_app.cohort.study.populations import find_members
from npsle_app.cohort.study.sites import Sites, take_sites
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

SITE_COLUMNS = [
    *("measure", "label", "unit", "transform", "covariates", "n", "sites", "eta2_before"),
    *("p_before", "eta2_after", "p_after", "spread_before", "spread_after", "status", "reason"),
    "note",
]
CONTRAST_COLUMNS = [
    *("contrast", "contrast_label", "measure", "label", "unit", "transform", "covariates", "n"),
    *("b_before", "low_before", "high_before", "p_before", "b_after", "low_after", "high_after"),
    *("p_after", "status", "reason"),
]
VALUE_COLUMNS = ["participant_id", "site", "measure", "unit", "transform", "before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmonisedTables:
    """How far sites differ, what groups differ by, and each value, before and after."""

    sites: pd.DataFrame
    contrasts: pd.DataFrame
    people: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Harmonised:
    """The measures of all who have a site: (n, p) before and after, by participant."""

    sites: Sites
    measures: tuple[str, ...]
    transforms: tuple[str, ...]
    before: Floats
    after: Floats
    left_out: dict[str, str]


def harmonise_sites(cohort: Cohort) -> HarmonisedTables:
    """Harmonise measures over sites, fitted to everyone who enters.

    The groups are not known to ComBat unless the study file names their column among the
    covariates. Where nothing can be harmonised there is one row, which says why.
    """
    try:
        found = _harmonise(cohort)
    except ValueError as error:
        reason = f"sites are not harmonised: {error}"
        row = {"measure": "n/a", "status": NOT_ESTIMABLE, "reason": reason, "note": ""}
        return HarmonisedTables(
            sites=pd.DataFrame([row], columns=SITE_COLUMNS),
            contrasts=pd.DataFrame(columns=CONTRAST_COLUMNS),
            people=pd.DataFrame(columns=VALUE_COLUMNS),
        )
    return HarmonisedTables(
        sites=pd.DataFrame(_compare_sites(found), columns=SITE_COLUMNS),
        contrasts=pd.DataFrame(_compare_groups(cohort, found), columns=CONTRAST_COLUMNS),
        people=_list_values(cohort, found),
    )


def _harmonise(cohort: Cohort) -> _Harmonised:
    people = cohort.included
    sites = take_sites(cohort, people=people, groups=_name_groups(cohort))
    kept: dict[str, Floats] = {}
    transforms, left_out = [], {}
    for measure in expand(cohort.study.combat.measures, cohort=cohort):
        try:
            kept[measure], transform = _take(cohort, people.loc[sites.rows], measure, sites)
        except ValueError as error:
            left_out[measure] = str(error)
        else:
            transforms.append(transform)
    if not kept:
        msg = "; ".join(left_out.values()) or "the study has no measure"
        raise ValueError(msg)
    before = np.column_stack(list(kept.values()))
    numbers, kept_by = sites.numbers, sites.covariates
    fitted = fit_combat(before, sites=numbers, covariates=kept_by)
    return _Harmonised(
        sites=sites,
        measures=tuple(kept),
        transforms=tuple(transforms),
        before=before,
        after=fitted.apply(before, sites=numbers, covariates=kept_by),
        left_out=left_out,
    )


def _name_groups(cohort: Cohort) -> pd.Series:
    inside = find_members(cohort)
    named = pd.Series(None, index=cohort.frame.index, dtype=object)
    for group in cohort.study.groups:
        named[inside[group]] = group
    return named


def _take(cohort: Cohort, people: pd.DataFrame, measure: str, sites: Sites) -> tuple[Floats, str]:
    """Return one measure as it enters, NaN where it is missing, and its transform."""
    if absence := cohort.find_absence(measure):
        raise ValueError(absence)
    if not pd.api.types.is_numeric_dtype(people[measure]):
        msg = f"{measure} holds levels, not numbers"
        raise ValueError(msg)
    seen = people[measure].notna().to_numpy()
    counts = np.bincount(sites.numbers[seen], minlength=len(sites.names))
    if counts.min() < LEAST_PER_SITE:
        least = int(counts.argmin())
        msg = f"{measure}: {sites.names[least]} has {counts[least]} values"
        raise ValueError(msg)
    try:
        found, transform, _ = transform_outcome(people.loc[seen, measure], study=cohort.study)
    except ValueError as error:
        msg = f"{measure}: {error}"
        raise ValueError(msg) from error
    values = np.full(len(people), np.nan)
    values[seen] = found
    return values, transform


def _name(measure: str) -> dict[str, object]:
    column = describe_column(measure)
    return {"measure": measure, "label": column.label, "unit": column.unit}


def _compare_sites(found: _Harmonised) -> Iterator[dict[str, object]]:
    for place, measure in enumerate(found.measures):
        row: dict[str, object] = _name(measure)
        for when, values in (("before", found.before), ("after", found.after)):
            seen = np.isfinite(values[:, place])
            share, p, spread = _site_share(
                values[seen, place],
                sites=found.sites.numbers[seen],
                covariates=found.sites.covariates[seen],
            )
            row |= {f"eta2_{when}": share, f"p_{when}": p, f"spread_{when}": spread}
            row["n"] = int(seen.sum())
        yield row | {
            "transform": found.transforms[place],
            "covariates": ", ".join(found.sites.used),
            "sites": ", ".join(found.sites.names),
            "status": ESTIMATED,
            "reason": "",
            "note": "; ".join(found.sites.notes),
        }
    for measure, reason in found.left_out.items():
        yield _name(measure) | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}


def _site_share(y: Floats, *, sites: Ints, covariates: Floats) -> tuple[float, float, float]:
    """Return partial η² of the site, its p, and the largest over the smallest SD of a site."""
    from statsmodels.regression.linear_model import OLS

    own = np.eye(int(sites.max()) + 1)[sites]
    with_sites = OLS(y, np.column_stack([own, covariates])).fit()
    without = OLS(y, np.column_stack([np.ones(len(y)), covariates])).fit()
    _, p, _ = with_sites.compare_f_test(without)
    left = np.asarray(with_sites.resid)
    spreads = [float(left[sites == site].std(ddof=1)) for site in range(own.shape[1])]
    ratio = max(spreads) / min(spreads) if min(spreads) > 0 else np.nan
    return float(1 - with_sites.ssr / without.ssr), float(p), ratio


def _compare_groups(cohort: Cohort, found: _Harmonised) -> Iterator[dict[str, object]]:
    for sides in list_sides(cohort):
        told: dict[str, object] = {
            "contrast": sides.contrast.name,
            "contrast_label": sides.contrast.label,
        }
        for place, measure in enumerate(found.measures):
            row = told | _name(measure) | {"transform": found.transforms[place]}
            try:
                telling = _columns_of_sides(cohort, sides.contrast.group, sides.contrast.against)
                names = tuple(one for one in found.sites.used if one not in telling)
                side, rows = take_sides(cohort, sides=sides, columns=(measure, *names))
                rows = rows.loc[rows.index.intersection(found.sites.rows)]
                taken = take_covariates(cohort, rows=rows, names=names, needed=(measure,))
                design = np.column_stack([side[taken.rows].to_numpy(), taken.matrix])
                at = found.sites.rows.get_indexer(taken.rows)
                for when, values in (("before", found.before), ("after", found.after)):
                    fit = fit_linear(values[at, place], design=design)
                    limits = fit.classic if cohort.study.mode == "paper" else fit.hc3
                    row |= _lay_out(fit.estimate, limits, when)
            except ValueError as error:
                reason = f"{measure}, {sides.contrast.label}: {error}"
                yield row | {"status": NOT_ESTIMABLE, "reason": reason}
                continue
            n = {"n": len(at), "covariates": ", ".join(taken.used)}
            yield row | n | {"status": ESTIMATED, "reason": ""}


def _columns_of_sides(cohort: Cohort, *names: str) -> frozenset[str]:
    """Name the columns that tell populations."""
    return frozenset(column for name in names for column in cohort.study.populations[name].where)


def _lay_out(estimate: float, limits: Interval, when: str) -> dict[str, object]:
    return {
        f"b_{when}": estimate,
        f"low_{when}": limits.low,
        f"high_{when}": limits.high,
        f"p_{when}": limits.p,
    }


def _list_values(cohort: Cohort, found: _Harmonised) -> pd.DataFrame:
    people = cohort.frame.loc[found.sites.rows, "participant_id"].to_numpy()
    names = np.array(found.sites.names)[found.sites.numbers]
    parts = [
        pd.DataFrame(
            {
                "participant_id": people,
                "site": names,
                "measure": measure,
                "unit": describe_column(measure).unit,
                "transform": found.transforms[place],
                "before": found.before[:, place],
                "after": found.after[:, place],
            }
        )
        for place, measure in enumerate(found.measures)
    ]
    values = pd.concat(parts, ignore_index=True)
    return values[values["before"].notna()].reset_index(drop=True)[VALUE_COLUMNS]

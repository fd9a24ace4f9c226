"""The numbers behind the figures of a study: who is where."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats
from npsle_app.cohort.estimators.partial_correlation import residuals
from npsle_app.cohort.statistics.regressions import PRIMARY, SECONDARY
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.covariates import take_covariates
from npsle_app.cohort.study.populations import members
from npsle_app.formatting import ESTIMATED

OTHERS = "other groups"
_T = TypeVar("_T")


def keep_lowest(rows: Sequence[_T], *, p_of: Callable[[_T], float], most: int) -> list[_T]:
    """Keep the `most` rows with the lowest p, in the order that they had.

    Examples
    --------
    >>> keep_lowest([0.3, 0.01, 0.2], p_of=lambda p: p, most=2)
    [0.01, 0.2]
    """
    kept = sorted(sorted(range(len(rows)), key=lambda i: p_of(rows[i]))[:most])
    return [rows[i] for i in kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """Two variables with the covariates taken away, in their own units; mean 0.

    `group` names the study's group of each participant.
    """

    participant_id: tuple[str, ...]
    group: tuple[str, ...]
    x: Floats
    y: Floats


def list_values(cohort: Cohort, *, measure: str) -> dict[str, pd.Series]:
    """Return a measure's values by the label of the group, indexed by participant."""
    study = cohort.study
    found = {}
    for name in study.groups:
        rows = cohort.frame[members(cohort.frame, population=study.populations[name])]
        values = rows.set_index("participant_id")[measure].dropna().astype(float)
        found[study.label(name)] = values
    return found


def adjust_pair(cohort: Cohort, *, measure: str, clinical: str) -> Adjusted:
    """Take the covariates of the correlations away from a clinical variable and a measure.

    Raises
    ------
    ValueError
        If a column is not there, or nobody has all of them.
    """
    study = cohort.study
    asked = study.correlations
    inside = members(cohort.frame, population=study.populations[asked.population])
    names = tuple(name for name in asked.covariates if name not in (measure, clinical))
    taken = take_covariates(
        cohort, rows=cohort.frame[inside], names=names, needed=(measure, clinical)
    )
    pair = cohort.frame.loc[taken.rows, [clinical, measure]].to_numpy(dtype=float)
    left = residuals(pair, covariates=taken.matrix)
    labels = _label_groups(cohort).loc[taken.rows]
    people = cohort.frame.loc[taken.rows, "participant_id"]
    return Adjusted(participant_id=tuple(people), group=tuple(labels), x=left[:, 0], y=left[:, 1])


def split(pair: Adjusted, *, names: Iterable[str]) -> Iterator[Adjusted]:
    """Give the part of each group; one without participants is empty."""
    for name in names:
        inside = np.array([group == name for group in pair.group], dtype=bool)
        people = (person for person, kept in zip(pair.participant_id, inside, strict=True) if kept)
        yield Adjusted(
            participant_id=tuple(people),
            group=(name,) * int(inside.sum()),
            x=pair.x[inside],
            y=pair.y[inside],
        )


def _label_groups(cohort: Cohort) -> pd.Series:
    study = cohort.study
    labels = pd.Series(OTHERS, index=cohort.frame.index, dtype=object)
    for name in study.groups:
        labels[members(cohort.frame, population=study.populations[name])] = study.label(name)
    return labels


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationTable:
    """Correlations by measure (rows) and clinical variable (columns); NaN: not estimable."""

    measures: tuple[str, ...]
    clinical: tuple[str, ...]
    r: Floats
    notable: Bools


def tabulate_correlations(table: pd.DataFrame, *, alpha: float, most: int) -> CorrelationTable:
    """Lay out the correlations that are quoted; those with q < alpha are notable.

    Measures and variables without any estimate are left out; so are measures beyond the
    `most` with the lowest p of any variable.
    """
    rows = table[(table["quoted"] == "yes") & (table["status"] == ESTIMATED)]
    measures, clinical = (tuple(dict.fromkeys(rows[name])) for name in ("label", "clinical_label"))
    lowest = rows.groupby("label")["p"].min()
    measures = tuple(keep_lowest(measures, p_of=lambda name: float(lowest[name]), most=most))
    pairs = rows.set_index(["label", "clinical_label"])[["r", "q"]].astype(float)
    every = pd.MultiIndex.from_product([measures, clinical])
    shape = (len(measures), len(clinical))
    r, q = (pairs[name].reindex(every).to_numpy().reshape(shape) for name in ("r", "q"))
    return CorrelationTable(measures=measures, clinical=clinical, r=r, notable=q < alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A model's estimate over the standard deviation of its residuals, with 95 % limits."""

    label: str
    value: float
    low: float
    high: float
    p: float
    n: int


def list_effects(table: pd.DataFrame, *, contrast: str, robust: bool) -> list[Effect]:
    """List primary and secondary models of a contrast on one scale, for a forest plot.

    `robust` takes the limits and p-values that allow for unequal variances (HC3).
    """
    ending = "_hc3" if robust else ""
    rows = table[(table["contrast"] == contrast) & (table["status"] == ESTIMATED)]
    rows = rows[rows["model"].isin([PRIMARY, SECONDARY])]
    found = []
    for row in rows.to_dict("records"):
        spread = row["b"] / row["beta"] if row["beta"] else np.nan
        low, high = row[f"low{ending}"] / spread, row[f"high{ending}"] / spread
        found.append(
            Effect(
                label=f"{row['label']}, {row['model']}",
                value=float(row["beta"]),
                low=float(low),
                high=float(high),
                p=float(row[f"p{ending}"]),
                n=int(row["n"]),
            )
        )
    return found

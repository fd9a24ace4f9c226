"""What one person's page shows of the deviations: which regions, where, and how sure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.normative.curves import CENTILES, centile_curves
from npsle_app.cohort.normative.model import LEAST_FOR_LABEL, NormativeModel
from npsle_app.cohort.normative.scores import remark_few
from npsle_app.measures.names_of_regions import (
    DEEP,
    LATERAL_VENTRICLE,
    REGIONS,
    RIGHT_LABELS,
    SIDES,
    measure_name,
)
from npsle_app.records import Check, Qc

_ALWAYS = tuple(
    measure_name(region, side=side) for region in (*DEEP, LATERAL_VENTRICLE) for side in SIDES
)
_MOST_OTHERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the expectation of one scan rests on; `site` is empty where none is known."""

    age_years: float
    sex: str
    tiv_ml: float
    site: str = ""


def read_scan(row: pd.Series) -> Scan | None:
    """Take age, sex, TIV and site of a session; None where one of the first three is unknown."""
    age, tiv, site = float(row["age"]), float(row["tiv_ml"]), row.get("site")
    if not (np.isfinite(age) and np.isfinite(tiv) and isinstance(row["sex"], str)):
        return None
    return Scan(
        age_years=age, sex=row["sex"], tiv_ml=tiv, site=site if isinstance(site, str) else ""
    )


def choose_regions(scores: pd.DataFrame) -> list[str]:
    """Choose the regions whose curves are drawn.

    The deep ones and the lateral ventricles of both sides, then at most ten other critical
    deviations, the largest first. What has no score is left out.
    """
    known = scores[np.isfinite(scores["z"].astype(float))].set_index("region")["z"].abs()
    usual = [name for name in _ALWAYS if name in known.index]
    critical = scores.loc[scores["critical"].eq(True), "region"]
    others = known[[name for name in critical if name not in usual and name in known.index]]
    return [*usual, *others.sort_values(ascending=False, kind="stable").index[:_MOST_OTHERS]]


def draw_from(
    model: NormativeModel, *, region: str, scan: Scan
) -> tuple[np.ndarray, dict[float, np.ndarray]] | None:
    """Return ages and curves by centile for this person; None if the model has none."""
    try:
        ages, volumes = centile_curves(
            model, region=region, sex=scan.sex, tiv_ml=scan.tiv_ml, site=scan.site
        )
    except ValueError:
        return None
    return ages, dict(zip(CENTILES, volumes.T, strict=True))


def scores_by_label(scores: pd.DataFrame) -> dict[int, float]:
    """Return z by the number that a region has in the person's label image."""
    numbers = _numbers()
    return {
        numbers[name]: float(z)
        for name, z in zip(scores["region"], scores["z"].astype(float), strict=True)
        if name in numbers
    }


def check_scores(scores: pd.DataFrame) -> tuple[Check, ...]:
    """Say how many healthy people the scores rest on, and what was odd about the person."""
    reasons = sorted(_list_reasons(scores))
    known = scores["z"].notna()
    people = scores.loc[known, "n_reference"].astype(float)
    n = int(people.min()) if len(people) else 0
    return (
        Check(
            name="People of the reference",
            seen=f"{n} of this sex",
            expected=f"at least {LEAST_FOR_LABEL}",
            state=Qc.PASS if n >= LEAST_FOR_LABEL else Qc.WARN if n else Qc.FAIL,
            advice="" if n >= LEAST_FOR_LABEL else "no deviation is called critical: read no z",
        ),
        Check(
            name="Fit of the person to the reference",
            seen="; ".join(reasons) if reasons else "age, head size and site are inside it",
            expected="age, head size and site inside the reference, all regions measured",
            state=Qc.WARN if reasons else Qc.PASS,
            advice="scores outside the reference are extrapolated" if reasons else "",
        ),
    )


def _list_reasons(scores: pd.DataFrame) -> set[str]:
    """List what was remarked of the scores, but for few people, which the other check tells."""
    known = scores.dropna(subset="reason")
    reasons: set[str] = set()
    for reason, n in zip(known["reason"], known["n_reference"], strict=True):
        few = remark_few(int(n)).text if n < LEAST_FOR_LABEL else ""
        reasons |= set(reason.split("; ")) - set(few.split("; "))
    return reasons


def _numbers() -> Mapping[str, int]:
    single = [region for region in REGIONS if len(region.labels) == 1]
    return {
        measure_name(region.name, side=side): region.labels[0] + first
        for region in single
        for side, first in zip(SIDES, (0, RIGHT_LABELS), strict=True)
    }

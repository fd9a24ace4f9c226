"""What the analyses of deviations start from: scores, counts and risk of each session."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.counts import count_deviations
from npsle_app.cohort.deviations.states import RiskRule, classify_risk
from npsle_app.cohort.normative.model import Tail
from npsle_app.cohort.normative.scoring import Calibration, calibrate
from npsle_app.cohort.normative.sources import StudyReference
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.visits import (
    IS_BASELINE,
    SCAN,
    index_scans,
    none_if_blank,
    site_column,
)

COUNT_COLUMNS = [
    *(*SCAN, "n_regions", "n_assessed", "n_deviations", "n_expected"),
    *("expected_low", "expected_high", "risk", "reason", "age", "sex", "tiv_ml", "site"),
]
N_DEVIATIONS = "n_deviations"
_NUMBERS = (N_DEVIATIONS, "n_assessed", "n_expected", "expected_low", "expected_high")
_UNKNOWN = Calibration(n=0, low=np.nan, high=np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviations:
    """A study with the scores of all its sessions.

    Attributes
    ----------
    visits
        As `list_visits` gives them, with the numbers of `counts` and `risk`.
    scores
        As `score_visits` gives them.
    counts
        One row per session: `COUNT_COLUMNS`.
    """

    cohort: Cohort
    tail: Tail
    visits: pd.DataFrame
    scores: pd.DataFrame
    counts: pd.DataFrame

    @property
    def study(self) -> Study:
        """What is asked."""
        return self.cohort.study

    @property
    def baseline(self) -> pd.DataFrame:
        """The baseline visits."""
        return self.visits[self.visits[IS_BASELINE].astype(bool)]

    @property
    def counted(self) -> pd.DataFrame:
        """Scores of the regions that are counted."""
        return self.scores[self.scores["region"].isin(self.study.normative.counted_regions)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDeviations(Deviations):
    """Those from a reference that the study fitted, or that was given in the app's own form."""

    reference: StudyReference


def collect_deviations(
    visits: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    cohort: Cohort,
    reference: StudyReference,
    tail: Tail,
) -> StudyDeviations:
    """Count each session's deviations and judge its risk.

    Counts have the number that chance gives, and its limits by how well the cut is known.
    """
    shares = _calibrate_each(visits, study=cohort.study, reference=reference, tail=tail)
    found = count_in_visits(visits, scores, shares=shares, cohort=cohort, tail=tail)
    parts = {one.name: getattr(found, one.name) for one in fields(Deviations)}
    return StudyDeviations(**parts, reference=reference)


def count_in_visits(
    visits: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    shares: pd.DataFrame,
    cohort: Cohort,
    tail: Tail,
) -> Deviations:
    """Count each session's deviations and judge its risk.

    Parameters
    ----------
    shares
        `low` and `high` of each row of `visits`: between what shares of healthy people lie
        beyond the cut.
    """
    study = cohort.study
    counted = scores[scores["region"].isin(study.normative.counted_regions)]
    counts = count_deviations(counted, tail=tail).set_index(SCAN)
    table = counts.reindex(index_scans(visits)).reset_index()
    table = table.assign(
        site=_or_none(visits, site_column(visits, study=study)),
        **{name: _or_none(visits, name) for name in ("age", "sex", "tiv_ml")},
    )
    n = table["n_assessed"].to_numpy(dtype=float)
    assessed = np.where(n > 0, n, np.nan)
    table = table.assign(
        expected_low=assessed * shares["low"].to_numpy(dtype=float),
        expected_high=assessed * shares["high"].to_numpy(dtype=float),
    )
    risk = _judge(counted, study)
    table["risk"] = pd.Series([risk.get(scan) for scan in index_scans(table)], dtype=object)
    numbers = {name: table[name].to_numpy(dtype=float) for name in _NUMBERS}
    enriched = visits.assign(**numbers, risk=table["risk"].to_numpy(dtype=object))
    return Deviations(
        cohort=cohort,
        tail=tail,
        visits=enriched,
        scores=scores,
        counts=table.assign(session_id=none_if_blank(table["session_id"]))[COUNT_COLUMNS],
    )


def risk_rule(study: Study) -> RiskRule:
    """Return the rule of the study, said before anyone looked."""
    asked = study.normative
    return RiskRule(regions=asked.risk_measures, at_least=asked.risk_at_least)


def _or_none(visits: pd.DataFrame, name: str | None) -> np.ndarray | None:
    return visits[name].to_numpy() if name in visits else None


def _judge(scores: pd.DataFrame, study: Study) -> dict[tuple[str, str], str | None]:
    """Judge each scan; none where the rule names what was not scored."""
    try:
        return dict(classify_risk(scores, rule=risk_rule(study)))
    except ValueError:
        return {}


def _calibrate_each(
    visits: pd.DataFrame, *, study: Study, reference: StudyReference, tail: Tail
) -> pd.DataFrame:
    """Say for each visit between what shares healthy people lie beyond the cut."""
    sexes = visits["sex"] if "sex" in visits else pd.Series(None, index=visits.index)
    named = site_column(visits, study=study)
    sites = visits[named] if named else pd.Series(None, index=visits.index)
    known: dict[tuple[str, str | None], Calibration] = {}
    found = []
    for sex, site in zip(sexes, sites, strict=True):
        key = (str(sex), None if pd.isna(site) else str(site))
        if key not in known:
            own = reference.model.sexes.get(key[0])
            known[key] = (
                calibrate(own, reference=reference, tail=tail, site=key[1]) if own else _UNKNOWN
            )
        found.append(known[key])
    return pd.DataFrame({"low": [one.low for one in found], "high": [one.high for one in found]})

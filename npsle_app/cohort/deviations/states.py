"""How deviations come and go between visits, and whom they put at high risk."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.study.visits import SCAN

IMPROVED, WORSENED, STABLE = "improved", "worsened", "stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRule:
    """High risk, said before anyone looked: a region that deviates, or many of them.

    `at_least` deviations, or a critical deviation in any of `regions`, make a high risk.
    """

    regions: tuple[str, ...]
    at_least: int

    @property
    def text(self) -> str:
        """The rule as a reader wants it."""
        parts = [f"a critical deviation in {' or '.join(self.regions)}"] if self.regions else []
        return " or ".join([*parts, f"{self.at_least} or more critical deviations"])


def list_transitions(scores: pd.DataFrame) -> pd.DataFrame:
    """Say for each region how its state changed from each visit to the next.

    Parameters
    ----------
    scores
        One row per person, visit and region: `participant_id`, `visit` (sortable), `region`,
        `critical`.

    Returns
    -------
    DataFrame
        One row per person, region and pair of visits: `visit`, `next_visit`, `transition`:
        worsened (became critical), improved (ceased to be), stable. Visits without a label are
        passed over, so a pair may span them.
    """
    known = scores[scores["critical"].notna()]
    ordered = known.sort_values(["participant_id", "region", "visit"], kind="stable")
    grouped = ordered.groupby(["participant_id", "region"], sort=False)
    state = ordered["critical"].astype(bool)
    before = state.astype(int).groupby([ordered["participant_id"], ordered["region"]]).shift()
    change = state.astype(int) - before
    table = pd.DataFrame(
        {
            "participant_id": ordered["participant_id"],
            "region": ordered["region"],
            "visit": grouped["visit"].shift(),
            "next_visit": ordered["visit"],
            "transition": change.map({1: WORSENED, 0: STABLE, -1: IMPROVED}),
        }
    )
    return table[before.notna()].reset_index(drop=True)


def describe_states(scores: pd.DataFrame) -> pd.DataFrame:
    """Return per person and region the share of visits that deviate and its Shannon entropy.

    Returns
    -------
    DataFrame
        `participant_id`, `region`, `visits` (with a label), `share`, `entropy_bits` (0 where
        the state never changes, 1 where it is critical half of the time).
    """
    from scipy import stats

    known = scores[scores["critical"].notna()]
    state = known.assign(critical=known["critical"].astype(float))
    grouped = state.groupby(["participant_id", "region"], sort=True)["critical"]
    table = pd.DataFrame({"visits": grouped.size(), "share": grouped.mean()}).reset_index()
    p = table["share"].to_numpy(dtype=float)
    return table.assign(entropy_bits=stats.entropy(np.array([p, 1 - p]), base=2, axis=0))


def classify_risk(scores: pd.DataFrame, *, rule: RiskRule) -> pd.Series:
    """Say at which scan someone is at high risk by a rule that was fixed beforehand.

    Returns
    -------
    Series
        Of `high`, `low` or None by participant and session; None where the rule cannot be
        decided: no high risk was seen, but regions without a label could have made one.

    Raises
    ------
    ValueError
        If the rule names a region that is not in the table, or nothing at all.
    """
    if unknown := sorted(set(rule.regions) - set(scores["region"])):
        msg = f"the rule names {', '.join(unknown)}, which no one has"
        raise ValueError(msg)
    if rule.at_least < 1:
        msg = f"the rule asks for {rule.at_least} deviations; 1 is the least"
        raise ValueError(msg)
    known = scores["critical"].notna()
    critical = scores["critical"].eq(True) & known
    named = scores["region"].isin(rule.regions)
    flags = pd.DataFrame(
        {
            "critical": critical,
            "critical_named": critical & named,
            "open": ~known,
            "open_named": ~known & named,
        }
    )
    sums = flags.groupby([scores[name] for name in SCAN], sort=True).sum()
    high = (sums["critical_named"] > 0) | (sums["critical"] >= rule.at_least)
    possible = sums["critical"] + sums["open"] >= rule.at_least
    undecided = ~high & ((sums["open_named"] > 0) | possible)
    told = np.select([high, undecided], ["high", None], default="low")  # type: ignore[list-item]
    return pd.Series(told, index=sums.index, dtype=object)

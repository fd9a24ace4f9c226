"""Why a scan has no score, or one to be careful with: a code to count by beside the sentence.

Sentences are for people and may change; whatever counts, labels or warns goes by the code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import pandas as pd


class Gap(StrEnum):
    """What is missing of a score, or odd about it."""

    AGE_MISSING = "age missing"
    AGE_IMPOSSIBLE = "age impossible"
    SEX_MISSING = "sex missing"
    TIV_UNUSABLE = "TIV unusable"
    OUTLIER = "outlier of the reference"
    SEX_NOT_IN_REFERENCE = "sex not in the reference"
    REGION_NOT_IN_REFERENCE = "region not in the reference"
    VOLUME_UNUSABLE = "volume unusable"
    FEW_PEOPLE = "few people of the reference"
    AGE_OUTSIDE = "age outside the reference"
    TIV_OUTSIDE = "TIV outside the reference"
    SITE_UNKNOWN = "site unknown to the reference"
    LEFT_OUT = "left out of the study"
    PERSON_SEEN = "person seen by the model"
    NAMESAKE = "namesake in the reference"
    NO_CONTROLS = "no controls of the site"
    OTHER_SOFTWARE = "measured by another program than the reference"
    TIV_NOT_TAKEN = "not given the intracranial volume"


@dataclass(frozen=True, slots=True)
class Remark:
    """A gap, and the sentence about it."""

    gap: Gap
    text: str


Remarks: TypeAlias = tuple[Remark, ...]  # of one score; empty if there is nothing to remark


def tell(remarks: Remarks) -> str | None:
    """Put all sentences into one; None if there is none."""
    return "; ".join(remark.text for remark in remarks) or None


def tell_each(remarks: Iterable[Remarks]) -> list[str | None]:
    """Put the sentences of each score into one."""
    return [tell(one) for one in remarks]


def has_gap(remarks: pd.Series, gap: Gap) -> pd.Series:
    """Say of which rows something is remarked."""
    return remarks.map(lambda own: any(one.gap is gap for one in own)).astype(bool)


def count_people(scores: pd.DataFrame) -> Mapping[Gap, int]:
    """Count the participants by what is remarked of any of their scores.

    Parameters
    ----------
    scores
        `participant_id` and `remarks`, a row per score.
    """
    remarks = scores.set_index("participant_id")["remarks"].explode().dropna()
    gaps = pd.DataFrame({"gap": remarks.map(lambda one: one.gap), "person": remarks.index})
    counts = gaps.groupby("gap")["person"].nunique()
    return {Gap(str(gap)): int(n) for gap, n in counts.items()}

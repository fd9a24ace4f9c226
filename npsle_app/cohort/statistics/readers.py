"""How far readers agree on what they judged, and what their decisions did to volumes."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from npsle_app.cohort.estimators.agreement import assess_agreement, assess_kappa
from npsle_app.cohort.study.tables import ReaderTables
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

JUDGEMENT_COLUMNS = [
    *("item", "readers", "n", "agreement", "kappa", "kappa_low", "kappa_high"),
    *("weighted_kappa", "weighted_kappa_low", "weighted_kappa_high", "status", "reason"),
]
VOLUME_COLUMNS = [
    *("volumes", "readers", "unit", "n", "icc2", "icc2_low", "icc2_high", "bias", "loa_low"),
    *("loa_high", "status", "reason"),
]
THRESHOLD_COLUMNS = ["rater", "n", "threshold_median", "threshold_low", "threshold_high", "chosen"]
VERDICTS = ("usable", "acceptable", "exclude")
DECISIONS = ("keep", "reject")
SINGLE_LESIONS = "single lesions"
BETWEEN, BEFORE_AFTER = "after the reading, by two readers", "before and after the reading"
_SESSION = ["participant_id", "session_id"]
_LESION = [*_SESSION, "i", "j", "k", "voxels"]


def has_readers(readers: ReaderTables) -> bool:
    """Tell whether there is anything of which agreement, or a change, could be told."""
    pairs = any(True for _ in _pairs(readers.judgements))
    return pairs or not readers.lesions.empty or not readers.thresholds.empty


def compare_judgements(readers: ReaderTables) -> pd.DataFrame:
    """Compare each two readers on each item that both judged, and on single lesions."""
    decided = readers.lesions.dropna(subset=["decision"])
    rows = [
        *(
            _compare(rows, what=str(item), keys=_SESSION, cell="judgement", order=VERDICTS)
            for item, rows in readers.judgements.groupby("item", sort=False)
        ),
        _compare(decided, what=SINGLE_LESIONS, keys=_LESION, cell="decision", order=DECISIONS),
    ]
    return pd.DataFrame([row for of_item in rows for row in of_item], columns=JUDGEMENT_COLUMNS)


def _pairs(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    yield from combinations(sorted(set(table["rater"].map(str))), 2)


def _compare(
    table: pd.DataFrame, *, what: str, keys: list[str], cell: str, order: tuple[str, ...]
) -> list[dict[str, object]]:
    known = table[table[cell].isin(order)]
    wide = known.drop_duplicates([*keys, "rater"], keep="last").pivot_table(
        index=keys, columns="rater", values=cell, aggfunc="first"
    )
    rows = []
    for one, other in _pairs(known):
        both = wide[[one, other]].dropna()
        told: dict[str, object] = {"item": what, "readers": f"{one}, {other}", "n": len(both)}
        try:
            found = assess_kappa(list(both[one]), list(both[other]), order=order)
        except ValueError as error:
            reason = f"{what}, {one} and {other}: {error}"
            rows.append(told | {"status": NOT_ESTIMABLE, "reason": reason})
            continue
        kappa, kappa_low, kappa_high = found.plain
        weighted, weighted_low, weighted_high = found.weighted
        rows.append(
            told
            | {
                "agreement": found.share,
                "kappa": kappa,
                "kappa_low": kappa_low,
                "kappa_high": kappa_high,
                "weighted_kappa": weighted,
                "weighted_kappa_low": weighted_low,
                "weighted_kappa_high": weighted_high,
                "status": ESTIMATED,
                "reason": "",
            }
        )
    return rows


def compare_volumes(readers: ReaderTables) -> pd.DataFrame:
    """Compare lesion volumes after the reading between readers, and before it with after.

    A lesion that a reader left open counts as kept; sessions in which a reader decided nothing
    do not enter.
    """
    volumes = _sum_volumes(readers.lesions)
    wide = volumes.pivot_table(index=_SESSION, columns="rater", values="after")
    rows = []
    for one, other in _pairs(readers.lesions):
        pair = wide[[one, other]].dropna().to_numpy(dtype=float)
        rows.append(_assess(pair, volumes=BETWEEN, readers=f"{one}, {other}"))
    for reader, own in volumes.groupby("rater"):
        pair = own[["before", "after"]].to_numpy(dtype=float)
        rows.append(_assess(pair, volumes=BEFORE_AFTER, readers=str(reader)))
    return pd.DataFrame(rows, columns=VOLUME_COLUMNS)


def _sum_volumes(lesions: pd.DataFrame) -> pd.DataFrame:
    kept = lesions["volume_ml"].where(lesions["decision"] != "reject", 0.0)
    parts = lesions.assign(before=lesions["volume_ml"], after=kept)
    sums = parts.groupby(["rater", *_SESSION])[["before", "after"]].sum()
    return sums.astype(float).reset_index()


def _assess(
    pair: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, volumes: str, readers: str
) -> dict[str, object]:
    told: dict[str, object] = {
        "volumes": volumes, "readers": readers, "unit": "mL", "n": len(pair),
    }  # fmt: skip
    try:
        found = assess_agreement(pair)
    except ValueError as error:
        reason = f"lesion volumes, {readers}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason}
    icc, low, high = found.icc2
    return told | {
        "icc2": icc,
        "icc2_low": low,
        "icc2_high": high,
        "bias": found.bias,
        "loa_low": found.loa_low,
        "loa_high": found.loa_high,
        "status": ESTIMATED,
        "reason": "",
    }


def count_thresholds(readers: ReaderTables) -> pd.DataFrame:
    """Count which thresholds each reader chose, and all together."""
    groups = [(str(rater), rows) for rater, rows in readers.thresholds.groupby("rater")]
    if len(groups) > 1:
        groups.append(("all", readers.thresholds))
    rows = []
    for rater, chosen in groups:
        values = chosen["threshold"].astype(float)
        counts = values.value_counts().sort_index()
        rows.append(
            {
                "rater": rater,
                "n": len(values),
                "threshold_median": values.median(),
                "threshold_low": values.min(),
                "threshold_high": values.max(),
                "chosen": ", ".join(f"{value:g} × {count}" for value, count in counts.items()),
            }
        )
    return pd.DataFrame(rows, columns=THRESHOLD_COLUMNS)

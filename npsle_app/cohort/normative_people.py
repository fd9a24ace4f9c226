"""What a person needs for a normative model, and what is missing."""

import numpy as np
import pandas as pd

_KEPT = ("participant_id", "sex", "site", "tbv_ml")
KEYS = ("participant_id", "age", "sex", "tiv_ml")


def find_gaps(frame: pd.DataFrame) -> pd.Series:
    """Say for each row what keeps a person from being fitted or scored; None if nothing does."""
    age, tiv = frame["age"].to_numpy(dtype=float), frame["tiv_ml"].to_numpy(dtype=float)
    unknown = frame["sex"].isna().to_numpy()
    told = [
        "; ".join(filter(None, (_check_age(a), "sex is missing" if u else "", _check_tiv(t))))
        for a, u, t in zip(age, unknown, tiv, strict=True)
    ]
    return pd.Series([text or None for text in told], index=frame.index, dtype=object)


def usable_volumes(frame: pd.DataFrame, *, regions: tuple[str, ...]) -> pd.DataFrame:
    """Sort by participant, and make numbers of all volumes: those not above 0 are missing."""
    numbers = frame[["age", "tiv_ml", *regions]].apply(pd.to_numeric, errors="coerce")
    numbers = numbers.astype(float).where(np.isfinite(numbers.astype(float)))
    volumes = numbers[list(regions)]
    numbers[list(regions)] = volumes.where(volumes > 0)
    others = frame[[name for name in _KEPT if name in frame]]
    whole = pd.concat([others, numbers], axis=1)
    ordered: pd.DataFrame = whole.sort_values("participant_id", ignore_index=True)
    return ordered


def _check_age(age: float) -> str:
    if np.isnan(age):
        return "age is missing"
    return "" if age > 0 else f"age is {age:g}"


def _check_tiv(tiv: float) -> str:
    if np.isnan(tiv):
        return "TIV is missing"
    return "" if tiv > 0 else f"TIV is {tiv:g} mL"

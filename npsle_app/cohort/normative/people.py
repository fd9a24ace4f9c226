"""What a person needs for a normative model, and a table of healthy people read as such."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.normative.gaps import Gap, Remark, Remarks
from npsle_app.cohort.normative.model import Provenance
from npsle_app.cohort.study.cells import read_values
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.normative_question import SCORED
from npsle_app.cohort.study.visits import SCAN

_KEPT = (*SCAN, "sex", "site", "tbv_ml")
KEYS = ("participant_id", "age", "sex", "tiv_ml")
_OPTIONAL = ("site", "tbv_ml")


def find_gaps(frame: pd.DataFrame) -> pd.Series:
    """Say for each row what keeps a person from being fitted or scored: `Remarks`."""
    age, tiv = frame["age"].to_numpy(dtype=float), frame["tiv_ml"].to_numpy(dtype=float)
    unknown = frame["sex"].isna().to_numpy()
    sex = (Remark(Gap.SEX_MISSING, "sex is missing"),)
    gaps = [
        (*_check_age(a), *(sex if u else ()), *_check_tiv(t))
        for a, u, t in zip(age, unknown, tiv, strict=True)
    ]
    return pd.Series(gaps, index=frame.index, dtype=object)


def is_usable(frame: pd.DataFrame) -> pd.Series:
    """Say which rows have all that a person needs to be fitted or scored."""
    return ~find_gaps(frame).astype(bool)


def usable_volumes(frame: pd.DataFrame, *, regions: tuple[str, ...]) -> pd.DataFrame:
    """Sort by scan, and make numbers of all volumes: those not above 0 are missing."""
    numbers = frame[["age", "tiv_ml", *regions]].apply(pd.to_numeric, errors="coerce")
    numbers = numbers.astype(float).where(np.isfinite(numbers.astype(float)))
    volumes = numbers[list(regions)]
    numbers[list(regions)] = volumes.where(volumes > 0)
    others = frame[[name for name in _KEPT if name in frame]]
    whole = pd.concat([others, numbers], axis=1)
    ordered: pd.DataFrame = whole.sort_values(SCAN, ignore_index=True)
    return ordered


def _check_age(age: float) -> Remarks:
    if np.isnan(age):
        return (Remark(Gap.AGE_MISSING, "age is missing"),)
    return () if age > 0 else (Remark(Gap.AGE_IMPOSSIBLE, f"age is {age:g}"),)


def _check_tiv(tiv: float) -> Remarks:
    if tiv > 0:
        return ()
    text = "TIV is missing" if np.isnan(tiv) else f"TIV is {tiv:g} mL"
    return (Remark(Gap.TIV_UNUSABLE, text),)


def read_people(texts: pd.DataFrame, *, units: Mapping[str, str]) -> pd.DataFrame:
    """Read a table of healthy people, one row each.

    Parameters
    ----------
    texts
        `participant_id`, `age`, `sex`, `tiv_ml`, if there `site` and `tbv_ml`, and volumes
        under the app's names of regions; every cell as text. Other columns are left out.
    units
        Of columns, as a dictionary says; else years and mL.

    Raises
    ------
    ValueError
        If a column is missing or holds what is no such value, or there is no region.
    """
    if missing := [name for name in KEYS if name not in texts]:
        msg = f"it has no column {', '.join(missing)}; it has {list(texts.columns)[:12]}"
        raise ValueError(msg)
    regions = [name for name in SCORED if name in texts]
    if not regions:
        msg = f"it has no region's volume, such as {SCORED[0]}; it has {list(texts.columns)[:12]}"
        raise ValueError(msg)
    people = texts["participant_id"].astype(str)
    names = [*KEYS[1:], *(name for name in _OPTIONAL if name in texts), *regions]
    columns = {
        name: read_values(
            texts[name], column=describe_column(name), unit=units.get(name, ""), people=people
        )
        for name in names
    }
    return pd.DataFrame({"participant_id": people} | columns)


def read_provenance(sidecar: Mapping[str, Any]) -> Provenance:
    """Read what measured a table: `GeneratedBy` (Name, Version) and `Templates` of its sidecar.

    What is not said is empty, which is another software.
    """
    made = sidecar.get("GeneratedBy")
    first = made[0] if isinstance(made, list) and made else made
    told = first if isinstance(first, Mapping) else {}
    templates = sidecar.get("Templates")
    return Provenance(
        software=str(told.get("Name", "")),
        app_version=str(told.get("Version", "")),
        templates={str(k): str(v) for k, v in templates.items()}
        if isinstance(templates, Mapping)
        else {},
    )


def tell_provenance(provenance: Provenance) -> dict[str, Any]:
    """Write what `read_provenance` reads."""
    return {
        "GeneratedBy": [{"Name": provenance.software, "Version": provenance.app_version}],
        "Templates": dict(sorted(provenance.templates.items())),
    }

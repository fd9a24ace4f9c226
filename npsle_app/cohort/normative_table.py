"""A table of healthy people as a reference: from the text of its cells to numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from npsle_app.cohort.columns import describe_column
from npsle_app.cohort.normative_model import Provenance
from npsle_app.cohort.normative_people import KEYS
from npsle_app.cohort.study_normative import SCORED
from npsle_app.cohort.values import read_values

_OPTIONAL = ("site", "tbv_ml")


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

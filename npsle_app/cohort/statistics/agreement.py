"""How far readers, scans or software agree on measures of the same people."""

import pandas as pd

from npsle_app.cohort.estimators.agreement import assess_agreement
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

_PAIR = 2
COLUMNS = [
    *("measure", "label", "unit", "readers", "n", "icc2", "icc2_low", "icc2_high", "icc3"),
    *("icc3_low", "icc3_high", "bias", "loa_low", "loa_high", "cv", "status", "reason", "note"),
]


def assess_readings(cohort: Cohort) -> pd.DataFrame:
    """Assess each measure over all readers, and over each two of them.

    Without a table of readings in the study file there are no rows. People with a reading by
    every reader of a row enter.
    """
    asked, readings = cohort.study.agreement, cohort.tables.readings
    if not asked.file or readings is None:
        return pd.DataFrame(columns=COLUMNS)
    for column in (asked.reader, *asked.measures):
        if column not in readings:
            msg = f"agreement: {asked.file} has no column {column!r}, but {list(readings.columns)}"
            raise ValueError(msg)
    readers = list(dict.fromkeys(readings[asked.reader].dropna().map(str)))
    pairs = [(one, other) for i, one in enumerate(readers) for other in readers[i + 1 :]]
    wanted = [tuple(readers), *(pairs if len(readers) > _PAIR else ())]
    rows = [
        _assess(cohort, measure, names, readings=readings)
        for measure in asked.measures
        for names in wanted
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _assess(
    cohort: Cohort, measure: str, readers: tuple[str, ...], *, readings: pd.DataFrame
) -> dict[str, object]:
    asked = cohort.study.agreement
    column = describe_column(measure)
    told: dict[str, object] = {
        "measure": measure,
        "label": column.label,
        "unit": column.unit,
        "readers": ", ".join(readers),
    }
    try:
        table = pd.DataFrame(
            {
                "person": readings["participant_id"],
                "reader": readings[asked.reader].map(str),
                "value": pd.to_numeric(readings[measure], errors="coerce"),
            }
        )
        if (twice := table[table.duplicated(["person", "reader"])]).size:
            person, reader = twice.iloc[0][["person", "reader"]]
            msg = f"{person} has two readings by {reader}"
            raise ValueError(msg)  # noqa: TRY301 - told in the row, as all other reasons
        wide = table.pivot_table(index="person", columns="reader", values="value")
        complete = wide.reindex(columns=list(readers)).dropna()
        found = assess_agreement(complete.to_numpy(dtype=float))
    except ValueError as error:
        reason = f"{measure}, {told['readers']}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    limits = {
        f"{name}{ending}": value
        for name in ("icc2", "icc3")
        for ending, value in zip(("", "_low", "_high"), getattr(found, name), strict=True)
    }
    left_out = table["person"].nunique() - found.people
    note = f"{left_out} people lack a reading" if left_out else ""
    numbers = {name: getattr(found, name) for name in ("bias", "loa_low", "loa_high", "cv")}
    state = {"status": ESTIMATED, "reason": "", "note": note}
    return told | {"n": found.people} | limits | numbers | state

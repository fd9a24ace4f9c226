"""What the columns of a study mean: label, unit, kind, bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from npsle_app.decoding import say_nearest
from npsle_app.measures import MEASURES

Kind = Literal["number", "yes_no", "category", "unknown"]
CHOLESTEROL_MG_DL = 1 / 38.67  # mmol/L per mg/dL
_PER_YEAR = {"month": 1 / 12, "week": 7 / 365.25, "day": 1 / 365.25}
_PER_DL = {"mg/dL": 0.01}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the analysis frame.

    `bounds` are those of what can be, not of what is normal: a value outside is an error of
    the table. `conversions` hold, for other units, the factor to `unit`.
    """

    name: str
    label: str
    kind: Kind
    unit: str = ""
    bounds: tuple[float, float] | None = None
    conversions: Mapping[str, float] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """Label with unit, as tables and axes show it."""
        return f"{self.label}, {self.unit}" if self.unit not in ("", "1") else self.label


def _number(
    name: str,
    label: str,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    conversions: Mapping[str, float] | None = None,
) -> Column:
    return Column(
        name=name,
        label=label,
        kind="number",
        unit=unit,
        bounds=bounds,
        conversions=conversions or {},
    )


def _yes_no(name: str, label: str) -> Column:
    return Column(name=name, label=label, kind="yes_no", bounds=(0, 1))


def _category(name: str, label: str) -> Column:
    return Column(name=name, label=label, kind="category")


_CHOLESTEROL = {"mg/dL": CHOLESTEROL_MG_DL}
_CLINICAL = (
    _number("age", "Age", "year", (0, 120), _PER_YEAR),
    _category("sex", "Sex"),
    _category("group", "Group"),
    _category("np_phenotype", "Phenotype of NPSLE"),
    _category("np_attribution", "Attribution to lupus"),
    _category("site", "Site"),
    _category("scanner", "Scanner"),
    _category("flair_type", "Type of FLAIR"),
    _number("bmi", "Body mass index", "kg/m²", (8, 100)),
    _yes_no("hypertension", "Hypertension"),
    _yes_no("diabetes", "Diabetes"),
    _category("smoking", "Smoking"),
    _yes_no("current_smoking", "Current smoking"),
    _number("disease_duration_years", "Disease duration", "year", (0, 100), _PER_YEAR),
    _number("sledai_2k", "SLEDAI-2K", "", (0, 105)),
    _number("sledai_2k_non_np", "SLEDAI-2K without neurological items", "", (0, 49)),
    _number("sdi", "SDI", "", (0, 47)),
    _number("total_cholesterol_mmol_l", "Total cholesterol", "mmol/L", (0, 50), _CHOLESTEROL),
    _number("ldl_mmol_l", "LDL cholesterol", "mmol/L", (0, 50), _CHOLESTEROL),
    _number("iga_g_l", "Immunoglobulin A", "g/L", (0, 100), _PER_DL),
    _number("c3", "Complement C3", "g/L", (0, 10), _PER_DL),
    _number("c4", "Complement C4", "g/L", (0, 10), _PER_DL),
    _number("anti_dsdna", "Anti-dsDNA"),
    _category("apl_status", "Antiphospholipid antibodies"),
    _number("prednisone_mg_d", "Prednisone", "mg/d", (0, 2000)),
    _yes_no("immunosuppressant", "Immunosuppressant"),
    _number("edss", "EDSS", "", (0, 10)),
    _number("pasat3_z", "PASAT-3, z"),
    _number("fss_mean", "Fatigue Severity Scale, mean", "", (0, 7)),
    _number("time_to_event_days", "Time to event", "day", (0, 50000)),
    _yes_no("event", "Event"),
    _yes_no("wmh_status", "WMH status"),
)
CLINICAL = {column.name: column for column in _CLINICAL}

_MEASURE_LABELS = {
    "alps_mean": "DTI-ALPS index, mean of both sides",
    "alps_left": "DTI-ALPS index, left",
    "alps_right": "DTI-ALPS index, right",
    "vw_nwi": "Normalised wall index",
    "vw_lumen_area_mm2": "Lumen area",
    "tiv_ml": "Total intracranial volume",
    "tbv_ml": "Total brain volume",
    "gm_ml": "Grey matter volume",
    "wm_ml": "White matter volume",
    "wmh_ml": "WMH volume",
}
_MEASURE_UNITS = {"vw_lumen_area_mm2": "mm²"}
_UNITS = {
    "years": "year",
    "yr": "year",
    "y": "year",
    "months": "month",
    "weeks": "week",
    "days": "day",
    "d": "day",
    "mg/dl": "mg/dL",
    "mmol/l": "mmol/L",
    "g/l": "g/L",
    "kg/m2": "kg/m²",
    "kg/m^2": "kg/m²",
    "mm2": "mm²",
    "mm^2": "mm²",
    "mg": "mg/d",
    "mg/day": "mg/d",
    "mg/d": "mg/d",
    "ml": "mL",
    "arbitrary": "",
    "1": "",
}


def describe_column(name: str) -> Column:
    """Say what a column means; one that the app does not know is of unknown kind.

    Examples
    --------
    >>> describe_column("age").heading
    'Age, year'
    >>> describe_column("shoe_size").kind
    'unknown'
    """
    if name in CLINICAL:
        return CLINICAL[name]
    if name in MEASURES or name in _MEASURE_LABELS:
        unit = MEASURES[name].unit if name in MEASURES else _MEASURE_UNITS.get(name, "")
        return _number(name, _MEASURE_LABELS.get(name, name), unit)
    if name.startswith("acr_np_"):
        return _yes_no(name, name)
    return Column(name=name, label=name, kind="unknown")


def knows_unit(column: Column, *, given: str) -> bool:
    """Say whether a unit can be converted to that of a column."""
    try:
        unit_factor(column, given=given)
    except ValueError:
        return False
    return True


def explain_column(name: str) -> dict[str, object]:
    """Return the entry of a JSON dictionary for a column of the analysis frame.

    Examples
    --------
    >>> explain_column("age")
    {'LongName': 'Age', 'Description': 'Age at the baseline session', 'Units': 'year'}
    """
    column = describe_column(name)
    description = f"{column.label} at the baseline session"
    told: dict[str, object] = {"LongName": column.label, "Description": description}
    if column.kind == "yes_no":
        return told | {"Levels": {"1": "yes", "0": "no"}}
    return told | ({"Units": column.unit} if column.unit else {})


def unit_factor(column: Column, *, given: str) -> float:
    """Return what to multiply a value in the unit `given` by.

    Raises
    ------
    ValueError
        If the app does not know how to convert it; the message lists what it knows.

    Examples
    --------
    >>> unit_factor(describe_column("age"), given="months") * 24
    2.0
    """
    unit = _UNITS.get(given.strip().lower(), _UNITS.get(given.strip(), given.strip()))
    if unit == _UNITS.get(column.unit.lower(), column.unit) or not column.unit:
        return 1.0
    if unit in column.conversions:
        return column.conversions[unit]
    known = [column.unit, *column.conversions]
    msg = f"{column.name} is in {given!r}; units known for it are {known}"
    msg += say_nearest(given, known)
    raise ValueError(msg)

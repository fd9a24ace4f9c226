"""The numbers of all vessels as tables and by the names of the measures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import nibabel as nib
import numpy as np
import pandas as pd

from npsle_app.imaging.space.volumes import voxel_mm3
from npsle_app.imaging.vessels.measures import FLOOR_VOXELS, Summary, nwi_at_radius, section_table
from npsle_app.imaging.vessels.results import LostVessel, MeasuredVessel, Mode, StudiedVessel
from npsle_app.measures import OF_ARTERY
from npsle_app.measures.names_of_vessels import STANDARD, VesselName

Numbers = dict[str, float | None]

_NAMES = tuple(OF_ARTERY)
_INTERVALS = ("nwi_low", "nwi_high", "lumen_area_low_mm2", "lumen_area_high_mm2",
              "wall_thickness_low_mm", "wall_thickness_high_mm")  # fmt: skip
_OF_SECTIONS = ("lumen_area_low_mm2", "lumen_area_high_mm2", "nwi_low", "nwi_high")
_ABOUT: Mapping[str, Mapping[str, object]] = {
    "vessel": {"Description": "Label of the vessel, as in the names of the masks"},
    "side": {"Description": "left, right, or middle"},
    "mode": {
        "Description": "What course and contours rest on, in order of trust",
        "Levels": {
            "masks": "lumen and outer wall drawn by a reader",
            "landmarks": "points set by a reader; contours by the app",
            "automatic": "found in a search box; nobody has looked at it",
            "rejected": "not measured, for a reader rejected it",
        },
    },
}
_UNITS = {"mm2": "mm2", "mm": "mm", "percent": "%"}


def vessel_numbers(vessel: StudiedVessel) -> Numbers:
    """Return all numbers of a vessel by their short names; None for what cannot be known.

    Drawn masks have no intervals: what another reader would draw is not in them.
    """
    if isinstance(vessel, LostVessel) or vessel.summary is None:
        return dict.fromkeys(_NAMES)
    made = _of_summary(vessel.summary) | {"enhancement_ratio": vessel.enhancement}
    if vessel.mode is Mode.MASKS:
        made |= dict.fromkeys(_INTERVALS)
    return {name: _known(made[name]) for name in _NAMES}


def numbers_by_vessel(vessels: Sequence[StudiedVessel]) -> dict[VesselName, Numbers]:
    """Return the numbers of all seven standard vessels, None where one was not measured.

    Vessels beyond them are in the tables alone.
    """
    known = {vessel.name: vessel_numbers(vessel) for vessel in vessels}
    return {name: known.get(name, dict.fromkeys(_NAMES)) for name in STANDARD}


def named(numbers: Numbers, *, vessel: VesselName) -> Numbers:
    """Name the numbers of a vessel as the app's measures."""
    return {f"{vessel.measure}_{name}": value for name, value in numbers.items()}


def mean_numbers(by_vessel: Mapping[VesselName, Numbers], *, floor_mm: float) -> Numbers:
    """Return the participant's own measures: means over the vessels that were measured."""
    rows = list(by_vessel.values())
    return {
        "vw_nwi": _mean(rows, "nwi"),
        "vw_nwi_at_reference_radius": _mean(rows, "nwi_at_reference_radius"),
        "vw_lumen_area_mm2": _mean(rows, "lumen_area_mm2"),
        "vw_vessels_count": float(sum(row["nwi"] is not None for row in rows)),
        "vw_wall_floor_mm": floor_mm,
    }


def make_vessel_table(vessels: Sequence[StudiedVessel], *, floor_mm: float) -> pd.DataFrame:
    """Return one row per vessel: mode, whether it was measured or why not, and all numbers."""
    return pd.DataFrame(
        {
            **_name_cells(vessel),
            "state": "not assessable" if (why := reason(vessel)) else "measured",
            "reason": why or None,
            **vessel_numbers(vessel),
            "wall_floor_mm": floor_mm,
        }
        for vessel in vessels
    ).reindex(columns=list(VESSELS))


def wall_floor_mm(image: nib.Nifti1Image) -> float:
    """Return the thinnest wall that contours can show at the image's voxel size, in mm."""
    return float(FLOOR_VOXELS * voxel_mm3(image) ** (1 / 3))


def reason(vessel: StudiedVessel) -> str:
    """Say why a vessel has no numbers; empty where it has."""
    if isinstance(vessel, LostVessel):
        return vessel.reason
    if vessel.summary is None:
        against = sorted({text for text in vessel.rejected if text})
        return f"too few sections were accepted ({'; '.join(against)})"
    return ""


def make_section_table(vessels: Sequence[StudiedVessel]) -> pd.DataFrame:
    """Return one row per section of each vessel that was traced, with its place in mm, RAS."""
    traced = [vessel for vessel in vessels if isinstance(vessel, MeasuredVessel)]
    rows = [sections_of(vessel) for vessel in traced]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(SECTIONS))


def make_line_table(vessel: MeasuredVessel) -> pd.DataFrame:
    """Return the centreline, one row per point, in the order of the vessel."""
    table = pd.DataFrame(vessel.line.points.round(4), columns=["x_mm", "y_mm", "z_mm"])
    table.insert(0, "along_mm", vessel.line.along_mm)
    return table


def nwi_at_floor(vessel: MeasuredVessel, *, floor_mm: float) -> np.ndarray:
    """Return the NWI that a wall as thick as the floor would have in each section, (n,)."""
    radii = np.sqrt(vessel.sections.lumen_mm2 / np.pi)
    return np.array([nwi_at_radius(floor_mm, radius_mm=float(radius)) for radius in radii])


def sections_of(vessel: MeasuredVessel) -> pd.DataFrame:
    """Return one row per section of a vessel, with the columns of `SECTIONS`."""
    table = section_table(vessel.sections)
    if vessel.mode is Mode.MASKS:
        table[list(_OF_SECTIONS)] = np.nan
    place = pd.DataFrame(vessel.line.points.round(4), columns=["x_mm", "y_mm", "z_mm"])
    cells = {name: [value] * len(table) for name, value in _name_cells(vessel).items()}
    rejected = pd.Series([text or None for text in vessel.rejected], dtype=object)
    table["accepted"] = table["accepted"].map({True: "yes", False: "no"})
    whole = pd.concat([pd.DataFrame(cells), place, table.round(6)], axis=1)
    return whole.assign(rejected_because=rejected)[list(SECTIONS)]


def _name_cells(vessel: StudiedVessel) -> dict[str, str]:
    return {
        "vessel": vessel.name.label,
        "side": vessel.name.side,
        "mode": str(vessel.mode),
    }


def _of_summary(summary: Summary) -> Numbers:
    plain = {
        "nwi_mean_of_slices", "nwi_of_contours", "nwi_at_reference_radius", "eccentricity",
        "stenosis_percent", "length_mm",
    }  # fmt: skip
    whole = asdict(summary)
    return {name: whole[name] for name in plain} | {
        "nwi": summary.nwi.value,
        "nwi_low": summary.nwi.low,
        "nwi_high": summary.nwi.high,
        "lumen_area_mm2": summary.lumen_mm2.value,
        "lumen_area_low_mm2": summary.lumen_mm2.low,
        "lumen_area_high_mm2": summary.lumen_mm2.high,
        "outer_wall_area_mm2": summary.outer_mm2,
        "wall_area_mm2": summary.wall_mm2,
        "wall_thickness_mean_mm": summary.thickness_mean_mm.value,
        "wall_thickness_low_mm": summary.thickness_mean_mm.low,
        "wall_thickness_high_mm": summary.thickness_mean_mm.high,
        "wall_thickness_max_mm": summary.thickness_max_mm,
        "wall_thickness_min_mm": summary.thickness_min_mm,
        "remodelling_ratio": summary.remodelling,
        "sections_count": float(summary.n_slices),
        "sections_accepted_count": float(summary.n_accepted),
    }


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _mean(rows: Sequence[Numbers], name: str) -> float | None:
    known = [value for row in rows if (value := row[name]) is not None]
    return float(np.mean(known)) if known else None


def _unit(name: str) -> dict[str, str]:
    last = name.rpartition("_")[2]
    return {"Units": _UNITS.get(last, "1")}


VESSELS: Mapping[str, Mapping[str, object]] = {
    **_ABOUT,
    "state": {"Description": "measured, or not assessable"},
    "reason": {"Description": "Why a vessel is not assessable"},
    **{name: {"Description": text, **_unit(name)} for name, text in OF_ARTERY.items()},
    "wall_floor_mm": {
        "Description": "Thinnest wall that contours can show: 1.3 voxels; thinner ones rest on "
        "the fitted point spread",
        "Units": "mm",
    },
}
SECTIONS: Mapping[str, Mapping[str, object]] = {
    **_ABOUT,
    "along_mm": {"Description": "Length along the centreline", "Units": "mm"},
    **{
        f"{axis}_mm": {"Description": f"Centre, world {axis} of the image (RAS)", "Units": "mm"}
        for axis in "xyz"
    },
    **{
        name: {"Description": text, **_unit(name)}
        for name, text in {
            "lumen_area_mm2": "Lumen area",
            "lumen_area_low_mm2": "Lower end of its 95 % interval",
            "lumen_area_high_mm2": "Upper end of its 95 % interval",
            "outer_wall_area_mm2": "Area within the outer wall",
            "wall_area_mm2": "Wall area",
            "nwi": "Normalized wall index",
            "nwi_low": "Lower end of its 95 % interval",
            "nwi_high": "Upper end of its 95 % interval",
            "nwi_of_contours": "The same by the plain contours",
            "wall_thickness_mean_mm": "Mean wall thickness",
            "wall_thickness_max_mm": "Greatest wall thickness",
            "wall_thickness_min_mm": "Least wall thickness",
        }.items()
    },
    "accepted": {"Description": "Whether the section counts: yes or no"},
    "rejected_because": {"Description": "Why it does not count"},
}
LINE: Mapping[str, Mapping[str, object]] = {
    "along_mm": SECTIONS["along_mm"],
    **{f"{axis}_mm": SECTIONS[f"{axis}_mm"] for axis in "xyz"},
}

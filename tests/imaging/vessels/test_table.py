"""The tables and measures of vessels: what is in them, and what is not known."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.measures import Sections, nwi_at_radius, summarise
from npsle_app.imaging.vessels.results import LostVessel, MeasuredVessel, Mode
from npsle_app.imaging.vessels.table import (
    SECTIONS,
    VESSELS,
    make_line_table,
    make_section_table,
    make_vessel_table,
    mean_numbers,
    named,
    numbers_by_vessel,
    nwi_at_floor,
    reason,
    vessel_numbers,
)
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.records import Qc

FLOOR_MM = 0.65
N = 25


def vessel(label="M1", side="left", *, radius_mm=1.0, wall_mm=0.5, mode=Mode.LANDMARKS, good=True):
    full = np.full(N, 1.0)
    blank = 0.05 * full
    sections = Sections(
        along_mm=np.arange(N) * 0.5,
        lumen_mm2=np.pi * radius_mm**2 * full,
        outer_mm2=np.pi * (radius_mm + wall_mm) ** 2 * full,
        log_radius_sd=blank, log_radius_by_blur=blank, log_ratio_sd=blank, log_ratio_by_blur=blank,
        thickness_mean_mm=wall_mm * full, thickness_max_mm=1.2 * wall_mm * full,
        thickness_min_mm=0.8 * wall_mm * full,
        contour_lumen_mm2=np.pi * radius_mm**2 * full,
        contour_outer_mm2=np.pi * (radius_mm + wall_mm) ** 2 * full,
        accepted=np.full(N, good),
    )  # fmt: skip
    return MeasuredVessel(
        name=VesselName(label, side),
        mode=mode,
        line=make_centreline(np.linspace([0.0, 0, 0], [0, 0, (N - 1) / 2 + 0.01], 60)),
        inner_mm=np.zeros((N, 72, 2)),
        outer_mm=np.zeros((N, 72, 2)),
        sections=sections,
        summary=summarise(sections, voxel_mm=0.5) if good else None,
        rejected=("" if good else "NWI implausible",) * N,
        checks=(),
    )


def lost(label="BA", side="middle", *, mode=Mode.AUTOMATIC):
    return LostVessel(name=VesselName(label, side), mode=mode, reason="not there")


def test_the_measures_are_those_that_are_defined():
    by_vessel = numbers_by_vessel([vessel(), lost()])
    found = [*mean_numbers(by_vessel, floor_mm=FLOOR_MM)]
    for name, numbers in by_vessel.items():
        found += named(numbers, vessel=name)
    assert len(found) == len(set(found))
    assert set(found) == {name for name, one in MEASURES.items() if one.stage == "vessel_wall"}


def test_means_are_over_the_standard_vessels_that_were_measured():
    wide, narrow = vessel(radius_mm=1.5), vessel("ICA", "right", radius_mm=1.0)
    by_vessel = numbers_by_vessel([wide, narrow, vessel("M2"), lost()])
    found = mean_numbers(by_vessel, floor_mm=FLOOR_MM)
    both = [nwi_at_radius(0.5, radius_mm=radius) for radius in (1.5, 1.0)]
    assert by_vessel[VesselName("M1", "left")]["nwi"] == pytest.approx(both[0])
    assert found["vw_nwi"] == pytest.approx(np.mean(both))
    assert found["vw_lumen_area_mm2"] == pytest.approx(np.pi * (1.5**2 + 1) / 2)
    assert found["vw_vessels_count"] == 2
    assert by_vessel[VesselName("BA", "middle")]["nwi"] is None


def test_the_adjusted_index_is_that_of_the_wall_alone():
    wide, narrow = (vessel_numbers(vessel(radius_mm=radius)) for radius in (1.5, 1.0))
    assert narrow["nwi"] > wide["nwi"] + 0.1
    assert narrow["nwi_at_reference_radius"] == pytest.approx(wide["nwi_at_reference_radius"])


def test_drawn_masks_have_values_and_no_intervals():
    drawn, fitted = (vessel_numbers(vessel(mode=mode)) for mode in (Mode.MASKS, Mode.LANDMARKS))
    assert drawn["nwi"] == fitted["nwi"]
    assert fitted["nwi_low"] < fitted["nwi"] < fitted["nwi_high"]
    names = ("nwi_low", "nwi_high", "lumen_area_low_mm2", "wall_thickness_high_mm")
    assert [drawn[name] for name in names] == [None] * 4
    table = make_section_table([vessel(mode=Mode.MASKS)])
    assert table[["nwi_low", "lumen_area_high_mm2"]].isna().all(axis=None)


def test_a_vessel_of_too_few_sections_has_no_number_and_says_why():
    poor = vessel(good=False)
    assert set(vessel_numbers(poor).values()) == {None}
    assert reason(poor) == "too few sections were accepted (NWI implausible)"
    table = make_vessel_table([poor, vessel("BA", "middle"), lost()], floor_mm=FLOOR_MM)
    assert list(table.state) == ["not assessable", "measured", "not assessable"]
    assert list(table.columns) == list(VESSELS)


def test_every_section_of_a_traced_vessel_has_a_row_and_a_place():
    table = make_section_table([vessel(), lost(), vessel("BA", "middle", good=False)])
    assert list(table.columns) == list(SECTIONS)
    assert len(table) == 2 * N
    assert table.z_mm.to_numpy()[:N] == pytest.approx(table.along_mm.to_numpy()[:N], abs=0.02)
    assert set(table[table.vessel == "BA"].rejected_because) == {"NWI implausible"}
    assert len(make_section_table([lost()])) == 0


def test_a_centreline_table_holds_the_points_in_mm():
    one = vessel()
    table = make_line_table(one)
    assert table[["x_mm", "y_mm", "z_mm"]].to_numpy() == pytest.approx(one.line.points, abs=1e-4)


def test_the_floor_as_an_index_grows_as_the_lumen_narrows():
    wide, narrow = (nwi_at_floor(vessel(radius_mm=r), floor_mm=FLOOR_MM)[0] for r in (1.5, 1.0))
    assert wide == pytest.approx(1 - (1.5 / 2.15) ** 2)
    assert narrow > wide


def test_what_a_reader_gave_and_cannot_be_used_fails_its_check():
    assert lost(mode=Mode.LANDMARKS).checks[0].state is Qc.FAIL
    assert lost().checks[0].state is Qc.NOT_ASSESSABLE

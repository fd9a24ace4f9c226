"""Checks of vessel-wall images, sections and vessels."""

from dataclasses import replace

import numpy as np
import pytest

from npsle_app.imaging.vessels.checks import (
    Quality,
    accepted,
    check_floor,
    check_flow,
    check_sections,
    check_voxels,
    reasons_against,
)
from npsle_app.imaging.vessels.measures import summarise
from npsle_app.records import Qc
from tests.imaging.vessels.test_measures import sections


def quality(n=20, **changed):
    values = {
        "cnr_lumen": 15.0,
        "cnr_outside": 8.0,
        "lumen_of_wall": 0.1,
        "rays": 1.0,
        "lumen_mm2": 6.0,
        "nwi": 0.6,
    }
    arrays = {name: np.full(n, value) for name, value in values.items()}
    return replace(Quality(**arrays, agrees=np.ones(n, dtype=bool)), **changed)


def test_good_sections_are_accepted():
    assert accepted(quality()).all()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cnr_lumen": np.full(20, 3.9)}, "wall as dark as the lumen"),
        ({"cnr_outside": np.full(20, 1.4)}, "wall as dark as its surroundings"),
        ({"lumen_of_wall": np.full(20, 0.5)}, "blood not black"),
        ({"rays": np.full(20, 0.7)}, "edges faint"),
        ({"lumen_mm2": np.full(20, 31.0)}, "lumen area implausible"),
        ({"nwi": np.full(20, 0.97)}, "NWI implausible"),
        ({"nwi": np.full(20, np.nan)}, "no fit"),
        ({"agrees": np.zeros(20, dtype=bool)}, "disagree"),
    ],
)
def test_each_fault_rejects_a_section_by_its_own_name(changed, reason):
    found = {text for text, bad in reasons_against(quality(**changed)).items() if bad.any()}
    assert len(found) == 1
    assert reason in found.pop()
    assert not accepted(quality(**changed)).any()


def test_slow_flow_is_left_out_with_the_sections_that_share_its_voxels():
    share = np.full(20, 0.05)
    share[8:12] = 0.25
    assert np.flatnonzero(~accepted(quality(lumen_of_wall=share))).tolist() == [*range(7, 13)]
    assert check_flow(quality(lumen_of_wall=share), vessel="BA").state is Qc.WARN


def test_a_vessel_with_too_few_sections_is_not_assessable_and_says_why():
    rays = np.ones(20)
    rays[:8] = 0.5
    check = check_sections(quality(rays=rays), vessel="BA")
    assert check.state is Qc.NOT_ASSESSABLE
    assert check.seen == "60 % of 20"
    assert "edges faint on too many rays: 8" in check.advice


@pytest.mark.parametrize(
    ("voxel_mm", "state"), [(0.5, Qc.PASS), (0.6, Qc.PASS), (0.7, Qc.WARN), (1.0, Qc.FAIL)]
)
def test_voxels_are_judged_by_their_longest_edge(voxel_mm, state):
    assert check_voxels((0.5, 0.5, voxel_mm)).state is state


def test_a_wall_below_the_floor_is_told():
    thin, thick = (summarise(sections(wall=wall), voxel_mm=0.5) for wall in (0.5, 1.0))
    assert check_floor(thin, vessel="BA").state is Qc.WARN
    assert check_floor(thick, vessel="BA").state is Qc.PASS
    assert "0.65 mm" in check_floor(thick, vessel="BA").expected
    assert check_floor(None, vessel="BA").state is Qc.NOT_ASSESSABLE


def test_without_any_fit_flow_is_not_assessable():
    nothing = quality(lumen_of_wall=np.full(20, np.nan))
    assert check_flow(nothing, vessel="BA").state is Qc.NOT_ASSESSABLE

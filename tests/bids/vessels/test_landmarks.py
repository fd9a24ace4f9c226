"""Landmarks of vessels, in our own JSON and in that of 3D Slicer."""

import json

import pytest

from npsle_app.bids.vessels.landmarks import landmark_fault, read_landmarks, read_line
from npsle_app.measures.names_of_vessels import VesselName

M1, BA = VesselName("M1", "left"), VesselName("BA", "middle")
POINTS = ((-12.0, 3.0, -18.0), (-20.0, 5.0, -18.0), (-30.0, 8.0, -19.0))


def write(folder, content, *, name="sub-01_desc-landmarks.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def lps(points):
    return [[-x, -y, z] for x, y, z in points]


def slicer(*markups):
    return {"@schema": "markups-schema-v1.0.3.json#", "markups": list(markups)}


def curve(points, *, system="LPS", label="M1_L", status="defined"):
    return {
        "type": "Curve",
        "coordinateSystem": system,
        "coordinateUnits": "mm",
        "controlPoints": [
            {"id": str(n), "label": f"{label}-{n}", "position": list(p), "positionStatus": status}
            for n, p in enumerate(points, start=1)
        ],
    }


def test_start_via_and_end_are_the_points_in_their_order(tmp_path):
    told = {"start": POINTS[0], "via": [POINTS[1]], "end": POINTS[2]}
    path = write(tmp_path, {"space": "scanner RAS mm", "vessels": {"M1_L": told}})
    assert read_landmarks(path) == {M1: POINTS}


def test_points_may_be_listed_and_a_vessel_of_the_middle_has_no_side(tmp_path):
    path = write(tmp_path, {"space": "RAS", "vessels": {"BA": {"points": POINTS}}})
    assert read_landmarks(path) == {BA: POINTS}


def test_points_in_lps_become_ras(tmp_path):
    told = {"points": lps(POINTS)}
    path = write(tmp_path, {"space": "scanner LPS mm", "vessels": {"M1_L": told}})
    assert read_landmarks(path) == {M1: POINTS}


@pytest.mark.parametrize(
    ("system", "points"), [("LPS", lps(POINTS)), ("1", lps(POINTS)), ("RAS", POINTS), ("0", POINTS)]
)
def test_a_markup_file_of_slicer_is_read_as_it_says(tmp_path, system, points):
    path = write(tmp_path, slicer(curve(points, system=system)), name="sub-01_x.mrk.json")
    assert read_landmarks(path) == {M1: POINTS}


def test_one_markup_may_hold_several_vessels_and_points_not_yet_placed(tmp_path):
    path = write(
        tmp_path,
        slicer(
            curve(lps(POINTS)),
            curve(lps(POINTS), label="BA"),
            curve(lps(POINTS), label="V4_R", status="undefined"),
        ),
    )
    assert read_landmarks(path) == {M1: POINTS, BA: POINTS}


FAULTY = {
    "no JSON": ("{", "holds no landmarks of vessels"),
    "a list": ([1], "holds no landmarks of vessels"),
    "no vessels": ({"space": "RAS"}, "KeyError: 'vessels'"),
    "an empty file": ({"space": "RAS", "vessels": {}}, "names no vessel"),
    "no axes": ({"vessels": {"BA": {"points": POINTS}}}, "where RAS or LPS is needed"),
    "both axes": ({"space": "RAS or LPS", "vessels": {}}, "where RAS or LPS is needed"),
    "no end": (
        {"space": "RAS", "vessels": {"BA": {"start": POINTS[0]}}},
        "BA has no start and end",
    ),
    "two numbers": (
        {"space": "RAS", "vessels": {"BA": {"points": [[1, 2]]}}},
        "holds no landmarks",
    ),
    "text": ({"space": "RAS", "vessels": {"BA": {"points": [["a", 1, 2]]}}}, "holds no landmarks"),
    "NaN": ({"space": "RAS", "vessels": {"BA": {"points": [[1, 2, float("nan")]]}}}, "not finite"),
    "no side": ({"space": "RAS", "vessels": {"M1": {"points": POINTS}}}, "say which, L or R"),
    "a side too many": ({"space": "RAS", "vessels": {"BA_L": {"points": POINTS}}}, "in the middle"),
    "a path": ({"space": "RAS", "vessels": {"../M1_L": {"points": POINTS}}}, "no name of a vessel"),
    "inches": (slicer(curve(POINTS) | {"coordinateUnits": "inch"}), "not mm"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_file_is_refused_by_name_with_what_is_wrong(tmp_path, fault):
    content, message = FAULTY[fault]
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=rf"^sub-01_desc-landmarks\.json .*{message}"):
        read_landmarks(path)
    assert landmark_fault(path)


def test_a_centreline_is_read_from_its_columns(tmp_path):
    rows = "".join(f"{n}\t{x}\t{y}\t{z}\n" for n, (x, y, z) in enumerate(POINTS))
    path = write(tmp_path, "along_mm\tx_mm\ty_mm\tz_mm\n" + rows, name="sub-01_points.tsv")
    assert read_line(path) == POINTS


@pytest.mark.parametrize("text", ["x\ty\tz\n1\t2\t3\n", "x_mm\ty_mm\tz_mm\n1\tn/a\t3\n"])
def test_a_table_without_such_points_is_refused(tmp_path, text):
    path = write(tmp_path, text, name="sub-01_points.tsv")
    with pytest.raises(ValueError, match=r"sub-01_points\.tsv is no table of points"):
        read_line(path)

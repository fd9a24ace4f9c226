"""Vessel-wall figures: outlines where the wall is, the right side, what was left out is seen."""

import io

import nibabel as nib
import numpy as np
import pytest

from npsle_app.figures.brain.drawn_vessel import DrawnVessel
from npsle_app.figures.brain.vessel_courses import draw_courses
from npsle_app.figures.brain.vessel_profiles import draw_profiles
from npsle_app.figures.brain.vessels import crossings, draw_gallery, draw_straightened

N, N_PIXELS = 13, 121
LUMEN_MM, WALL_MM = 1.5, 0.8


def ring(radius_mm, *, shift_mm=0.0):
    angles = np.arange(72) * 2 * np.pi / 72
    outline = radius_mm * np.stack([np.cos(angles), np.sin(angles)], axis=1) + [shift_mm, 0]
    return np.tile(outline, (N, 1, 1))


def vessel(**changes):
    axis = (np.arange(N_PIXELS) - N_PIXELS // 2) * 0.1
    distance = np.hypot(*np.meshgrid(axis, axis, indexing="ij"))
    plane = np.where(distance < LUMEN_MM, 5.0, np.where(distance < LUMEN_MM + WALL_MM, 100.0, 25.0))
    along = np.arange(N) * 0.5
    accepted = np.ones(N, dtype=bool)
    accepted[[0, -1]] = False
    value = np.ones(N)
    made = {
        "name": "M1 left", "mode": "landmarks",
        "points": np.stack([-8 - along, 0 * along, 0 * along], axis=1),
        "along_mm": along, "planes": np.tile(plane, (N, 1, 1)), "pixel_mm": 0.1,
        "inner_mm": ring(LUMEN_MM), "outer_mm": ring(LUMEN_MM + WALL_MM), "accepted": accepted,
        "nwi": 0.57 * value, "nwi_low": 0.5 * value, "nwi_high": 0.64 * value,
        "lumen_mm2": 7.1 * value, "lumen_low_mm2": 6.8 * value, "lumen_high_mm2": 7.4 * value,
        "nwi_at_floor": 0.5 * value, "nwi_pooled": 0.57, "floor_mm": 0.65,
    }  # fmt: skip
    return DrawnVessel(**{**made, **changes})


def texts(figure):
    every = [text.get_text() for text in figure.texts]
    return " | ".join(every + [t.get_text() for axes in figure.axes for t in axes.texts])


def image(*, axes="RAS"):
    """Bright, with a black tube 4 mm wide on the left side, at x from -20 to -4 mm."""
    data = np.full((64, 40, 32), 100, np.float32)
    data[12:28, 18:22, 14:18] = 1.0
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = (-32, -20, -16)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes)
    )
    return nib.Nifti1Image(data, affine).as_reoriented(turn)


DRAWINGS = {
    "straightened": draw_straightened,
    "gallery": draw_gallery,
    "profiles": draw_profiles,
    "courses": lambda vessels: draw_courses(image(), vessels=vessels),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_same_vessels_give_the_same_bytes(name):
    made = []
    for _ in range(2):
        buffer = io.BytesIO()
        DRAWINGS[name]([vessel(), vessel(name="BA")]).savefig(buffer, format="png", metadata={})
        made.append(buffer.getvalue())
    assert made[0] == made[1]


@pytest.mark.parametrize("name", DRAWINGS)
def test_sections_without_a_fit_or_signal_and_vessels_that_fail_are_drawn_all_the_same(name):
    nothing = np.full(N, np.nan)
    lost = vessel(
        planes=np.full((N, N_PIXELS, N_PIXELS), np.nan), inner_mm=ring(np.nan),
        outer_mm=ring(np.nan), accepted=np.zeros(N, dtype=bool), nwi=nothing, nwi_low=nothing,
        nwi_high=nothing, lumen_mm2=nothing, lumen_low_mm2=nothing, lumen_high_mm2=nothing,
        nwi_at_floor=nothing, nwi_pooled=None,
    )  # fmt: skip
    DRAWINGS[name]([vessel(), lost]).savefig(io.BytesIO(), format="png")


def test_outlines_cross_an_axis_at_their_radius():
    low, high = crossings(ring(1.5, shift_mm=0.2), axis=0)
    assert low == pytest.approx(-1.3)
    assert high == pytest.approx(1.7)
    low, high = crossings(ring(1.5, shift_mm=0.2), axis=1)
    assert high == pytest.approx(np.sqrt(1.5**2 - 0.2**2), abs=0.005)
    assert low == pytest.approx(-high)


def test_outlines_that_miss_the_axis_or_are_missing_cross_it_nowhere():
    beside = ring(1.0)
    beside[..., 1] += 3
    assert np.isnan(crossings(beside, axis=0)).all()
    assert np.isnan(crossings(ring(np.nan), axis=0)).all()


def test_the_straightened_lumen_lies_between_its_lines():
    axes = draw_straightened([vessel()]).axes[0]
    edges = sorted(float(np.median(line.get_ydata())) for line in axes.lines[:4])
    assert edges == pytest.approx([-2.3, -1.5, 1.5, 2.3], abs=0.01)
    shown = np.asarray(axes.images[0].get_array())
    low, high = axes.images[0].get_extent()[2:]
    rows = low + (np.arange(len(shown)) + 0.5) * (high - low) / len(shown)
    assert shown[np.abs(rows) < 1.4].max() < 10
    assert shown[(np.abs(rows) > 1.6) & (np.abs(rows) < 2.2)].min() > 90


def test_all_straightened_vessels_are_to_one_scale():
    short = vessel(
        along_mm=np.arange(N) * 0.5, name="short"
    )  # fmt: skip
    long = vessel(along_mm=np.arange(N) * 2.0, name="long")
    figure = draw_straightened([short, long])
    widths = [axes.get_position().width / np.ptp(axes.get_xlim()) for axes in figure.axes]
    assert widths == pytest.approx([widths[0]] * 4)


def test_sections_that_do_not_count_are_marked_in_words_and_not_by_colour_alone():
    accepted = np.ones(N, dtype=bool)
    accepted[1] = False
    figure = draw_gallery([vessel(accepted=accepted)])
    assert "left out (NWI 0.57)" in texts(figure)
    styles = [axes.lines[0].get_linestyle() for axes in figure.axes]
    assert styles == [":"] + ["-"] * (len(styles) - 1)


def test_a_vessel_that_is_not_assessable_shows_no_number_for_it():
    for draw in (draw_gallery, draw_profiles, draw_straightened):
        figure = draw([vessel(nwi_pooled=None)])
        assert "not assessable" in texts(figure)
        assert ", NWI" not in texts(figure)


def test_the_profile_shows_value_interval_and_floor():
    axes = draw_profiles([vessel()]).axes[0]
    floor, value, out, pooled = axes.lines
    assert floor.get_ydata() == pytest.approx(0.5 * np.ones(N))
    assert np.isfinite(value.get_ydata()).sum() == N - 2
    assert np.isfinite(out.get_ydata()).sum() == 2
    assert pooled.get_ydata()[0] == 0.57
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.5, 0.64))


def lines(figure):
    return [line for line in figure.axes[0].lines if len(line.get_xdata()) == N]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR"])
def test_left_is_on_the_right_and_the_line_lies_on_the_black_tube(axes):
    figure = draw_courses(image(axes=axes), vessels=[vessel()])
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    for line, half in zip(lines(figure), (0, 1), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert (np.diff(x) > 0).all()  # away from the midline, to the left of the body
        assert (x >= 650 * half).all()
        assert pixels[y.astype(int), x.astype(int)].max() < 0.1


def test_names_are_not_read_as_formulas():
    figure = draw_courses(image(), vessels=[vessel(name="a$b$")])
    figure.savefig(io.BytesIO(), format="png")
    assert "a$b$" in texts(figure)

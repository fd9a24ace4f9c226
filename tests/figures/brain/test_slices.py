import io

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from npsle_app.figures.brain.charts import draw_curve
from npsle_app.figures.brain.slices import (
    draw_change,
    draw_contours,
    draw_labels,
    draw_lesions,
    draw_pair,
)

_AFFINE = np.diag([4.0, 4.0, 8.0, 1.0])


def _image(data) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.asarray(data, dtype=np.float32), _AFFINE)


@pytest.fixture(scope="module")
def head() -> nib.Nifti1Image:
    grid = np.indices((40, 48, 20)) - np.array([20, 24, 10])[:, None, None, None]
    radius = np.sqrt((grid**2 / np.array([16, 20, 8])[:, None, None, None] ** 2).sum(axis=0))
    return _image(np.where(radius < 1, 100 * (2 - radius), 0))


@pytest.fixture(scope="module")
def brain(head) -> nib.Nifti1Image:
    return _image(head.get_fdata() > 120)


def _empty(image) -> nib.Nifti1Image:
    return _image(np.zeros(image.shape))


def _pixels(figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, facecolor="black")
    return np.asarray(Image.open(buffer).convert("RGB")).astype(int)


def _reddish(pixels) -> int:
    red, green, blue = np.moveaxis(pixels[30:], -1, 0)
    return int(((red > 150) & (green < 110) & (blue < 110)).sum())


def test_outlines_are_drawn_and_the_figure_is_1300_pixels_wide(head, brain):
    pixels = _pixels(draw_contours(head, masks={"brain": brain}))
    assert pixels.shape[1] == 1300
    assert _reddish(pixels) > 500


def test_a_figure_has_the_same_bytes_each_time(head, brain):
    def saved() -> bytes:
        buffer = io.BytesIO()
        draw_contours(head, masks={"brain": brain}).savefig(buffer, format="webp", dpi=80)
        return buffer.getvalue()

    assert saved() == saved()


def test_an_empty_mask_is_named_and_has_no_outline(head):
    figure = draw_contours(head, masks={"brain": _empty(head)})
    assert "brain" in [text.get_text() for text in figure.axes[0].texts]
    assert _reddish(_pixels(figure)) == 0


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_a_constant_image_does_not_fail(head, brain, value):
    constant = _image(np.full(head.shape, value))
    draw_contours(constant, masks={"brain": brain})
    draw_pair(constant, head)
    draw_lesions(constant, probability=constant, mask=_empty(head), brain=brain)


def test_the_sides_and_positions_are_written_and_the_convention_is_told(head, brain):
    figure = draw_contours(head, masks={"brain": brain})
    texts = [text.get_text() for text in figure.axes[0].texts]
    right = next(text for text in figure.axes[0].texts if text.get_text() == "R")
    left = next(text for text in figure.axes[0].texts if text.get_text() == "L")
    assert right.get_position()[0] < left.get_position()[0]
    assert any("radiological" in text for text in texts)
    assert any(text.startswith("z = ") and text.endswith(" mm") for text in texts)


def test_lesions_are_outlined_above_and_coloured_by_probability_below(head, brain):
    lesions = np.zeros(head.shape)
    lesions[12:18, 20:26, 9:12] = 1
    figure = draw_lesions(
        head, probability=_image(lesions * 0.9), mask=_image(lesions), brain=brain
    )
    pixels = _pixels(figure)
    half = pixels.shape[0] // 2
    assert _reddish(pixels[:half]) > 50
    orange = (pixels[half:, :, 0] - pixels[half:, :, 2]) > 60
    assert orange.sum() > 200


def test_without_any_lesion_the_lesion_figure_still_stands(head, brain):
    none = _empty(head)
    assert _pixels(draw_lesions(head, probability=none, mask=none, brain=brain)).size


def test_labels_take_the_colour_of_the_legend(head, brain):
    figure = draw_labels(head, labels=brain, names={1: "grey matter", 2: "white matter"})
    tinted = _pixels(figure)[30:]
    assert ((tinted[..., 0] - tinted[..., 1]) > 30).sum() > 1000


def test_before_and_after_have_one_size_and_one_geometry(head, brain):
    brighter = _image(head.get_fdata() * (np.indices(head.shape)[0] > 20))
    before, after = draw_pair(head, brighter, focus=brain, contours={"brain": brain})
    first, second = _pixels(before), _pixels(after)
    assert first.shape == second.shape
    assert (first != second).any()
    same, again = draw_pair(head, head, focus=brain)
    np.testing.assert_array_equal(_pixels(same), _pixels(again))


def test_text_in_names_is_no_markup(head, brain):
    _pixels(draw_contours(head, masks={r"$\frac{x$ 100 %": brain}))


def test_a_curve_tells_the_value_at_its_marker():
    figure = draw_curve([0.1, 0.3], [10, 6], x_label="threshold", y_label="mL", marker=0.2)
    assert [text.get_text() for text in figure.axes[0].texts] == ["8"]


def _change(head, brain, *, new, before=None):
    changes = {"stable": (_empty(head), "#b388ff"), "new": (new, "#ff0000")}
    return _pixels(draw_change(before or head, head, changes=changes, brain=brain))


def test_a_change_of_one_slice_is_shown_before_and_after(head, brain):
    spot = np.zeros(head.shape)
    spot[18:22, 30:34, 13] = 1
    pixels = _change(head, brain, new=_image(spot))
    half = pixels.shape[0] // 2
    assert _reddish(pixels[:half]) > 10
    assert _reddish(pixels[half - 30 :]) > 10


def test_the_upper_rows_show_the_first_image_and_the_lower_the_second(head, brain):
    lit = np.where(brain.get_fdata() > 0, head.get_fdata(), 0)
    lit[:20] *= 0.5
    pixels = _change(head, brain, new=_empty(head), before=_image(lit))
    half = pixels.shape[0] // 2
    assert not np.allclose(pixels[40:half], pixels[half + 40 :][: half - 40], atol=20)


def test_where_nothing_changed_slices_spread_over_the_brain(head, brain):
    pixels = _change(head, brain, new=_empty(head))
    assert pixels.shape[1] == 1300
    assert _reddish(pixels) == 0

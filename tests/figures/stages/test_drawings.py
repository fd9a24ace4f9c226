"""Drawings of stages: their words follow from what is drawn, and no two pictures share a name."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.figures.stages.dwi import draw_on_t1w
from npsle_app.figures.stages.lesions import draw_places, draw_sizes
from npsle_app.figures.stages.vessel_wall import draw_vessels
from npsle_app.figures.stages.wmh import draw_wmh


@pytest.fixture
def head():
    x, y, z = np.indices((12, 14, 12)) - 5.5
    data = 100 * (np.sqrt(x**2 + y**2 + z**2) < 5)
    return nib.Nifti1Image(data.astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0]))


@pytest.mark.parametrize(
    ("fazekas", "expected"),
    [
        ((1.0, 2.0), "Fazekas, estimated, not rated: periventricular 1, deep 2."),
        (None, "Fazekas grades cannot be estimated without the ventricles."),
    ],
)
def test_the_caption_of_lesions_gives_the_grades_or_says_why_not(head, fazekas, expected):
    drawing = draw_places(
        head, regions=head, names={100: "deep"}, brain=head, ventricles=head, fazekas=fazekas
    )
    assert drawing.caption.endswith(expected)
    assert drawing.after is None


def test_before_and_after_the_correction_have_titles_and_names_of_their_own(head):
    before, after = (
        draw_on_t1w(head, t1w=head, brain=head, corrected=corrected) for corrected in (False, True)
    )
    assert (before.title, after.title) == ("b 0 on T1w, as distorted", "b 0 on T1w, corrected")
    pictures = [before.picture, before.after, after.picture, after.after]
    assert len({picture.name for picture in pictures}) == 4


def test_pictures_of_a_stage_have_different_names(head):
    drawings = draw_wmh(
        head,
        t1w=head,
        brain=head,
        probability=head,
        mask=head,
        volumes_ml={0.1: 2.0, 0.5: 1.0},
        threshold=0.2,
    )
    names = [one.name for d in drawings for one in (d.picture, d.after) if one]
    assert len(names) == len(set(names)) == 4


def test_where_no_vessel_was_traced_nothing_is_drawn(head):
    assert draw_vessels(head, vessels=[]) == ()


def test_sizes_are_bars_with_their_numbers():
    figure = draw_sizes({"< 10": 3.0, "≥ 1000": 0.0}).picture.figure
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "0"]

"""Pictures of lesions by region and of their sizes."""

import nibabel as nib
import numpy as np

from npsle_app.figures.brain.canvas import COLOURS
from npsle_app.figures.brain.charts import draw_bars
from npsle_app.figures.brain.slices import draw_regions

NAMES = {1: "periventricular", 2: "confluent"}


def image(data):
    return nib.Nifti1Image(data.astype(np.float32), np.eye(4))


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def draw(labels):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    head = np.zeros((40, 40, 40))
    head[5:35, 5:35, 5:35] = 100
    figure = draw_regions(
        image(head),
        labels=image(labels),
        names=NAMES,
        brain=image(head > 0),
        outlined=("lateral ventricles", image(labels * 0)),
    )
    FigureCanvasAgg(figure)
    return figure


def test_a_lesion_on_the_left_is_coloured_on_the_right_of_the_panels():
    labels = np.zeros((40, 40, 40))
    labels[8:14, 18:22, 5:35] = 1  # x grows to the right: this is the left side
    shown = pixels(draw(labels))[26:210, :185]
    reddish = shown[..., 0] - shown[..., 2] > 40
    columns = np.flatnonzero(reddish.any(axis=0))
    assert columns.size
    assert columns.min() > 185 / 2


def test_all_regions_and_the_outline_are_in_the_legend():
    texts = [text.get_text() for text in draw(np.zeros((40, 40, 40))).axes[0].texts]
    assert {"periventricular", "confluent", "lateral ventricles"} <= set(texts)
    assert len(set(COLOURS)) >= len(NAMES)


def test_each_bar_carries_its_number():
    figure = draw_bars({"< 10": 3, "≥ 10": 0}, x_label="volume", y_label="lesions")
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "0"]
    assert [bar.get_height() for bar in figure.axes[0].patches] == [3, 0]

"""The last steps of every stage: measures of numbers, pictures on disk."""

from matplotlib.figure import Figure

from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.records import Qc
from npsle_app.stages.participant.shared import figure_paths, measured, save_drawings


def test_a_number_that_is_not_known_is_not_assessable_whatever_the_checks_said(tmp_path):
    numbers = {"gm_ml": 600.0, "wm_ml": None, "csf_ml": 200.0}
    found = measured(
        numbers, qc=Qc.WARN, sources=(tmp_path,), exceptions={"csf_ml": Qc.FAIL, "wm_ml": Qc.PASS}
    )
    states = {measure.name: measure.qc for measure in found}
    assert states == {"gm_ml": Qc.WARN, "wm_ml": Qc.NOT_ASSESSABLE, "csf_ml": Qc.FAIL}
    assert [measure.value for measure in found] == list(numbers.values())


def test_pictures_are_saved_under_their_names_with_title_and_caption(tmp_path):
    out = Writer(root=tmp_path, participant="01")
    drawings = (
        Drawing(title="One", caption="a", picture=Picture("one", Figure())),
        Drawing(
            title="Pair", caption="b", picture=Picture("now", Figure()),
            after=Picture("then", Figure()),
        ),
    )  # fmt: skip
    one, pair = save_drawings(drawings, out=out)
    assert (one.title, one.caption, one.after) == ("One", "a", None)
    names = [path.name for path in figure_paths([one, pair])]
    assert names == ["sub-01_one.webp", "sub-01_now.webp", "sub-01_then.webp"]
    assert all(path.is_file() for path in figure_paths([one, pair]))

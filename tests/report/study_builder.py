"""What the group stages leave, made by hand, with any text in it."""

import json
from pathlib import Path

import pandas as pd

from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.output.writer import write_tsv, write_vector_figure
from npsle_app.figures.paper.estimates import Estimate, draw_forest

STUDY_TEXT = "<script>x</script> & 50 % of $a_b$"


def dunn() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "measure": ["wmh_ml", "wmh_ml"],
            "label": [STUDY_TEXT, "WMH volume"],
            "against": ["HC", "HC"],
            "against_label": ["Controls", "Controls"],
            "group": ["SLE", "NPSLE"],
            "group_label": ["non-NPSLE", "NPSLE"],
            "z": [-1.25, 3.5],
            "p": [0.2113, 0.0004],
            "p_bonferroni": [0.6339, 0.0012],
            "p_holm": [0.2113, 0.0012],
            "delta": [-0.123, 0.456],
            "delta_low": [-0.4, 0.2],
            "delta_high": [0.2, 0.7],
            "to_be_read": ["yes", "yes"],
        }
    )


def make_statistics(output: Path, *, text: str = STUDY_TEXT) -> None:
    """Write a summary with one analysis: a table, a figure, and one that is not there."""
    write_tsv(output / GroupFile.DUNN.path, dunn())
    figure = draw_forest([Estimate(name=text, value=1, low=0, high=2)], label=text)
    write_vector_figure(output / GROUP_FIGURES / "forest.svg", figure)
    analysis = {
        "name": "group_tests",
        "title": text,
        "methods": "Groups were compared.",
        "results": [text],
        "citations": ["scipy", "dunn1964"],
        "tables": {"dunn": GroupFile.DUNN.path, "power": "group/none.tsv"},
        "figures": [
            {"path": f"{GROUP_FIGURES}/{name}.svg", "caption": text} for name in ("forest", "none")
        ],
        "not_estimable": 1,
        "reasons": [text],
    }
    summary = {"title": text, "mode": "paper", "warnings": [text], "analyses": [analysis]}
    (output / GroupFile.STATISTICS.path).write_text(json.dumps(summary))

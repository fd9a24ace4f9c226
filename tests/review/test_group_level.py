"""What readers said reaches the statistics: who is out, and how far readers agree."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.report.group import write_report
from npsle_app.report.participant import DICTIONARY
from npsle_app.settings import MeasuresSettings, StatisticsSettings
from npsle_app.stages.group import measures, statistics
from tests.review.browsing import Browser, open_room
from tests.review.made_output import make_output

pytestmark = pytest.mark.long

NAMES = ("wmh_ml", "gm_ml", "alps_left", "alps_right", "alps_mean")
STAGES = {"wmh_ml": "wmh", "gm_ml": "tissue"}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Eight people judged by two readers, and the group level after it."""
    folder = tmp_path_factory.mktemp("group")
    output, raw = make_output(folder / "out", participants=8), folder / "raw"
    raw.mkdir()
    people = [f"sub-{number:02d}\tSLE\t{30 + number}" for number in range(1, 9)]
    (raw / "participants.tsv").write_text("\n".join(["participant_id\tgroup\tage", *people]) + "\n")
    for number in range(1, 9):
        rows = pd.DataFrame({"measure": NAMES, "value": [1.0 + number / 10] * len(NAMES)})
        table = rows.assign(
            unit="1", stage=[STAGES.get(name, "alps") for name in NAMES], qc="pass", sources=None
        )
        Writer(output, f"{number:02d}").table(table, File.MEASURES, dictionary=DICTIONARY)
    said = judge(output)
    measures.run(output_dir=output, settings=MeasuresSettings(), raw=raw)
    statistics.run(output_dir=output, settings=StatisticsSettings(), raw=raw)
    return output, said


def judge(output):
    verdicts = {
        "AB": [
            "usable",
            "usable",
            "exclude",
            "acceptable",
            "usable",
            "exclude",
            "usable",
            "usable",
        ],
        "CD": [
            "usable",
            "acceptable",
            "exclude",
            "acceptable",
            "usable",
            "usable",
            "usable",
            "usable",
        ],
    }
    rng = np.random.default_rng(3)
    room = open_room(output, blinded=False)
    for reader, told in verdicts.items():
        browser = Browser(room, reader)
        keys = {one["name"]: one["key"] for one in browser.get("/queue")["cases"]}
        for number, verdict in enumerate(told, start=1):
            key = keys[f"sub-{number:02d}"]
            browser.judge(key, "session", "usable")
            browser.judge(key, "flair", verdict)
            for lesion in browser.get(f"/case/{key}/lesions")["all"]:
                gone = rng.random() < 0.3
                browser.decide(key, lesion["number"], "reject" if gone else "keep")
        if reader == "AB":
            browser.judge(keys["sub-08"], "session", "exclude")
            name = "alps_left"
            browser.post("/structure", case=keys["sub-07"], name=name, decision="reject")
            browser.post("/threshold", case=keys["sub-01"], threshold=0.25)
    room.close()
    return verdicts


def table(output, name):
    return pd.read_csv(output / "group" / f"{name}.tsv", sep="\t", keep_default_na=False)


def test_a_rejected_scan_leaves_the_statistics_and_a_rejected_session_the_study(read):
    output, _ = read
    frame = table(output, "analysis_frame").set_index("participant_id")
    assert frame.loc["sub-08", "excluded_because"] == "excluded by a rater"
    lost = frame[frame["wmh_ml"] == "n/a"].index
    assert list(lost) == ["sub-03", "sub-06"]  # either reader excluded FLAIR
    assert (frame["gm_ml"] != "n/a").all()
    assert frame.loc["sub-07", ["alps_left", "alps_mean"]].tolist() == ["n/a", "n/a"]
    assert frame.loc["sub-07", "alps_right"] != "n/a"


def test_kappa_of_the_study_is_that_of_scikit_learn(read):
    output, said = read
    row = table(output, "reader_judgements").set_index("item").loc["flair"]
    labels = ["usable", "acceptable", "exclude"]
    plain, weighted = (
        cohen_kappa_score(said["AB"], said["CD"], labels=labels, weights=weights)
        for weights in (None, "linear")
    )
    assert float(row["kappa"]) == pytest.approx(plain)
    assert float(row["weighted_kappa"]) == pytest.approx(weighted)


def test_volumes_and_thresholds_of_readers_stand_in_tables_and_on_the_page(read):
    output, _ = read
    volumes = table(output, "reader_volumes")
    assert volumes["readers"].tolist() == ["AB, CD", "AB", "CD"]
    assert set(volumes["n"]) == {8}
    assert table(output, "reader_thresholds")["chosen"].tolist() == ["0.25 × 1"]
    page = write_report(output).read_text(encoding="utf-8")
    for title in ("Agreement of readers", "Lesion volumes by reader", "Thresholds that readers"):
        assert title in page

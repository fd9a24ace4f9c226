"""Measured, read by two, measured again, told on the study's page: all with the app itself.

The heads are small and few stages are run; `test_in_browser` does the reading in Chromium.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pingouin
import pytest
from sklearn.metrics import cohen_kappa_score

from npsle_app.__main__ import main
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.executors import limit_threads
from tests.review.browsing import Browser, open_room
from tests.review.small_study import LESIONS, measure_quickly, write_raw

pytestmark = pytest.mark.slow

NAMES = [f"sub-{number:02d}" for number in range(1, len(LESIONS) + 1)]
LABELS = ("usable", "acceptable", "exclude")
SAID = {  # of the FLAIR of each; that of sub-05 is the rejected scan
    "AB": ("usable", "acceptable", "usable", "usable", "exclude", "acceptable"),
    "CD": ("usable", "usable", "usable", "usable", "exclude", "acceptable"),
}
AGREED = {"sub-01": 2, "sub-02": 1}  # the three lesions that both reject
DISPUTED = "sub-03"  # CD rejects one that AB keeps


@dataclass(frozen=True)
class Reading:
    """What lay in the output folder before the reading, and the folder after the second run."""

    out: Path
    code: int
    before: dict[str, np.ndarray]
    receipts: dict[str, bytes]

    def table(self, name: str) -> pd.DataFrame:
        path = self.out / "group" / f"{name}.tsv"
        return pd.read_csv(path, sep="\t", keep_default_na=False)

    def decisions(self, reader: str) -> pd.DataFrame:
        paths = sorted(self.out.glob(f"qc/readings/*_reader-{reader}_lesions.tsv"))
        return pd.concat([pd.read_csv(path, sep="\t") for path in paths])

    def measures(self, name: str) -> pd.DataFrame:
        path = self.out / name / f"{name}_measures.tsv"
        return pd.read_csv(path, sep="\t").set_index("measure")

    def removed(self, name: str) -> np.ndarray:
        paths = self.out.with_name("out-reading").glob(f"{name}/anat/*wmhremoved_mask.nii.gz")
        return sum((load(path) for path in paths), start=np.zeros_like(self.before[name]))


def load(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj) > 0


def masks(out: Path) -> dict[str, np.ndarray]:
    return {
        name: load(Writer(out, name.removeprefix("sub-")).path(File.WMH_MASK)) for name in NAMES
    }


def receipts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*/log/*_receipt-*.json"))}


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    bids, out = write_raw(folder / "bids"), folder / "out"
    words = ["--skip-bids-validation", str(bids), str(out), "participant"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limit_threads(1).items():  # the app sets them; restored after the test
            patch.setenv(name, value)
        measure_quickly(patch, folder / "head")
        assert main(words) == 0
        before, old = masks(out), receipts(out)
        read_all(out)
        code = main([*words, "group", f"--derivatives=reading={folder / 'out-reading'}"])
    return Reading(out=out, code=code, before=before, receipts=old)


def read_all(out):
    """AB reads three cases, the room ends, AB goes on in another; then CD reads all."""
    first = open_room(out, blinded=False)
    read(Browser(first, "AB"), "AB", NAMES[:3])
    first.close()
    second = open_room(out, blinded=False)
    browser = Browser(second, "AB")
    assert browser.get("/queue")["done"] == 3
    read(browser, "AB", NAMES[3:])
    read(Browser(second, "CD"), "CD", NAMES)
    second.close()


def read(browser, reader, names):
    keys = {case["name"]: case["key"] for case in browser.get("/queue")["cases"]}
    for name in names:
        browser.judge(keys[name], "session", "usable")
        browser.judge(keys[name], "flair", SAID[reader][NAMES.index(name)])
        rejected = AGREED.get(name, int(name == DISPUTED and reader == "CD"))
        for place, lesion in enumerate(browser.get(f"/case/{keys[name]}/lesions")["all"]):
            decision = "reject" if place < rejected else "keep"
            browser.decide(keys[name], lesion["number"], decision)


def test_volumes_fall_by_the_rejected_lesions_to_the_voxel(reading):
    assert reading.code == 0
    agreed = reading.decisions("AB").query("decision == 'reject'")
    assert agreed.groupby("participant_id").size().to_dict() == AGREED
    after = masks(reading.out)
    for name, was in reading.before.items():
        removed = reading.removed(name)
        own = agreed[agreed["participant_id"] == name]
        assert removed.sum() == own["voxels"].sum()
        assert np.array_equal(after[name], was & ~removed)
        lost_ml = (was.sum() - after[name].sum()) * 8 / 1000
        assert lost_ml == pytest.approx(own["volume_ml"].sum())
        assert reading.measures(name).value["wmh_ml"] == pytest.approx(after[name].sum() * 0.008)


def test_only_what_hangs_on_a_reading_was_computed_again(reading):
    status = pd.read_csv(reading.out / "logs" / "status.tsv", sep="\t")
    done = status[status["status"] == "done"].groupby("participant")["stage"].agg(set).to_dict()
    assert done == {name: {"wmh", "filling", "tissue"} for name in AGREED}
    assert set(status["status"]) == {"done", "reused"}
    now = receipts(reading.out)
    changed = {name for name in now if now[name] != reading.receipts[name]}
    assert changed == {
        f"{person}_receipt-{stage}.json" for person, stages in done.items() for stage in stages
    }


def test_numbers_that_rest_on_a_reading_say_by_whom_and_others_do_not(reading):
    for name in AGREED:
        told = reading.measures(name)["read_by"]
        assert told["wmh_ml"] == told["gm_ml"]
        assert re.match(r"AB(,| and) CD, \d{4}-\d\d-\d\d$", told["wmh_ml"])
    assert "read_by" not in reading.measures(DISPUTED)


def test_the_rejected_scan_is_out_of_the_statistics(reading):
    frame = reading.table("analysis_frame").set_index("participant_id")
    assert list(frame.index[frame["wmh_ml"] == "n/a"]) == ["sub-05"]
    assert (frame["gm_ml"] != "n/a").all()


def test_agreement_on_the_study_page_is_that_of_scikit_learn_and_pingouin(reading):
    row = reading.table("reader_judgements").set_index("item").loc["flair"]
    plain, weighted = (
        cohen_kappa_score(*SAID.values(), labels=list(LABELS), weights=weights)
        for weights in (None, "linear")
    )
    assert float(row["kappa"]) == pytest.approx(plain)
    assert float(row["weighted_kappa"]) == pytest.approx(weighted)
    icc = oracle_icc(pd.concat([volumes(reading, reader) for reader in SAID]))
    between = reading.table("reader_volumes").set_index("readers").loc["AB, CD"]
    assert float(between["icc2"]) == pytest.approx(icc)
    page = re.sub(r"<[^>]+>", " ", (reading.out / "group.html").read_text(encoding="utf-8"))
    for number in (plain, weighted, icc):
        assert f"{number:.2f} (" in page


def volumes(reading, reader):
    table = reading.decisions(reader)
    kept = table.assign(volume_ml=table["volume_ml"].where(table["decision"] == "keep", 0.0))
    sums = kept.groupby("participant_id", as_index=False)["volume_ml"].sum()
    return sums.assign(rater=reader)


def oracle_icc(table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pingouin asks pandas for what it will not do later
        found = pingouin.intraclass_corr(
            table, targets="participant_id", raters="rater", ratings="volume_ml"
        )
    kinds = found["Type"].str.replace(" ", "")
    return float(found[kinds.isin(["ICC2", "ICC(A,1)"])].iloc[0]["ICC"])

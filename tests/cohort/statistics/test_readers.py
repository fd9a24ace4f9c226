"""Agreement of readers is what other libraries compute of the same judgements."""

import warnings

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from sklearn.metrics import cohen_kappa_score

from npsle_app.cohort.estimators.agreement import assess_kappa
from npsle_app.cohort.statistics.further_statements import tell_readers
from npsle_app.cohort.statistics.readers import (
    BEFORE_AFTER,
    BETWEEN,
    DECISIONS,
    SINGLE_LESIONS,
    VERDICTS,
    compare_judgements,
    compare_volumes,
    count_thresholds,
    has_readers,
)
from npsle_app.cohort.study.tables import ReaderTables

PEOPLE = [f"sub-{number:02d}" for number in range(1, 25)]


@pytest.fixture
def said(rng):
    first = rng.choice(VERDICTS, size=len(PEOPLE), p=[0.5, 0.3, 0.2])
    other = np.where(rng.random(len(PEOPLE)) < 0.7, first, rng.choice(VERDICTS, size=len(PEOPLE)))
    return list(first), list(other)


def judgements(*readers, item="flair"):
    return pd.DataFrame(
        [
            (person, "", rater, item, verdict)
            for rater, verdicts in zip(("AB", "CD", "EF"), readers, strict=False)
            for person, verdict in zip(PEOPLE, verdicts, strict=False)
        ],
        columns=["participant_id", "session_id", "rater", "item", "judgement"],
    )


def lesions(rng, *, raters=("AB", "CD"), people=PEOPLE):
    rows = []
    for person in people:
        volumes = rng.uniform(0.01, 2.0, size=6)
        for rater in raters:
            rejects = rng.random(6) < 0.3
            rows += [
                (person, "", rater, str(n), "1", "1", 10, volume, "reject" if gone else "keep")
                for n, (volume, gone) in enumerate(zip(volumes, rejects, strict=True))
            ]
    columns = ["participant_id", "session_id", "rater", "i", "j", "k", "voxels", "volume_ml"]
    return pd.DataFrame(rows, columns=[*columns, "decision"])


@pytest.mark.parametrize("weights", [None, "linear"])
def test_kappa_is_that_of_scikit_learn(said, weights):
    found = assess_kappa(*said, order=VERDICTS)
    kappa, low, high = found.weighted if weights else found.plain
    oracle = cohen_kappa_score(*said, labels=VERDICTS, weights=weights)
    assert kappa == pytest.approx(oracle)
    assert -1 <= low < kappa < high <= 1


def test_limits_of_kappa_hold_the_truth(rng):
    """Of many readings whose true kappa is known, 95 of 100 limits should hold it."""
    held = 0
    for _ in range(200):
        truth = rng.choice(3, size=150)
        copies = [np.where(rng.random(150) < 0.8, truth, rng.choice(3, size=150)) for _ in "ab"]
        texts = [[VERDICTS[one] for one in copy] for copy in copies]
        _, low, high = assess_kappa(*texts, order=VERDICTS).plain
        held += low <= 0.64 <= high  # 0.8 × 0.8 beyond chance, three answers alike
    assert 180 <= held <= 200


def test_readers_who_agree_on_all_have_a_kappa_of_one_and_no_limits(said):
    found = assess_kappa(said[0], said[0], order=VERDICTS)
    assert found.plain[0] == found.weighted[0] == 1
    assert np.isnan(found.plain[1:]).all()


def test_a_reader_who_says_the_same_of_all_gives_a_kappa_of_zero_without_limits(said):
    for weighted in assess_kappa(["usable"] * 24, said[1], order=VERDICTS).weighted[1:]:
        assert np.isnan(weighted)
    assert assess_kappa(["usable"] * 24, said[1], order=VERDICTS).plain[0] == 0


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (["usable"] * 3, ["usable"] * 3, "needed are 5"),
        (["usable"] * 9, ["usable"] * 9, "both said usable of all 9"),
    ],
)
def test_kappa_that_cannot_be_is_told(first, second, told):
    with pytest.raises(ValueError, match=told):
        assess_kappa(first, second, order=VERDICTS)


def test_each_two_readers_are_compared_on_what_both_judged(said):
    first, second = said
    table = pd.concat(
        [
            judgements(first, second, first[:4]),
            judgements(first[:10], second, item="lesions"),
        ]
    )
    rows = compare_judgements(ReaderTables(judgements=table)).set_index(["item", "readers"])
    assert list(rows.loc["flair"].index) == ["AB, CD", "AB, EF", "CD, EF"]
    assert rows.loc[("flair", "AB, CD"), "n"] == 24
    assert rows.loc[("lesions", "AB, CD"), "n"] == 10
    few = rows.loc[("flair", "AB, EF")]
    assert few["status"] == "not estimable"
    assert "4 were judged by both" in few["reason"]


def test_single_lesions_are_compared_lesion_by_lesion(rng):
    table = lesions(rng)
    (row,) = compare_judgements(ReaderTables(lesions=table)).to_dict("records")
    decided = [list(table[table["rater"] == rater]["decision"]) for rater in ("AB", "CD")]
    assert (row["item"], row["n"]) == (SINGLE_LESIONS, 6 * len(PEOPLE))
    assert row["kappa"] == pytest.approx(cohen_kappa_score(*decided, labels=DECISIONS))


def test_agreement_of_volumes_is_that_of_pingouin(rng):
    table = lesions(rng)
    rows = compare_volumes(ReaderTables(lesions=table)).set_index(["volumes", "readers"])
    kept = table.assign(after=table["volume_ml"].where(table["decision"] == "keep", 0.0))
    volumes = kept.groupby(["participant_id", "rater"], as_index=False)["after"].sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pingouin asks pandas for what it will not do later
        oracle = pg.intraclass_corr(
            volumes, targets="participant_id", raters="rater", ratings="after"
        )
    second = oracle[oracle["Type"].str.replace(" ", "").isin(["ICC2", "ICC(A,1)"])].iloc[0]
    row = rows.loc[(BETWEEN, "AB, CD")]
    assert row["icc2"] == pytest.approx(second["ICC"])
    limits = next(second[name] for name in second.index if name.startswith("CI95"))
    assert [row["icc2_low"], row["icc2_high"]] == pytest.approx(list(limits), abs=0.006)
    wide = volumes.pivot_table(index="participant_id", columns="rater", values="after")
    differences = wide["CD"] - wide["AB"]
    assert row["bias"] == pytest.approx(differences.mean())
    assert row["loa_high"] == pytest.approx(differences.mean() + 1.96 * differences.std())


def test_volumes_before_and_after_differ_by_what_was_rejected(rng):
    table = lesions(rng, raters=("AB",))
    (row,) = compare_volumes(ReaderTables(lesions=table)).to_dict("records")
    gone = table[table["decision"] == "reject"]["volume_ml"].sum() / len(PEOPLE)
    assert row["volumes"] == BEFORE_AFTER
    assert row["bias"] == pytest.approx(-gone)


def test_thresholds_are_counted_by_reader_and_together():
    rows = [("sub-01", "", "AB", 0.2), ("sub-02", "", "AB", 0.3), ("sub-01", "", "CD", 0.2)]
    chosen = pd.DataFrame(rows, columns=["participant_id", "session_id", "rater", "threshold"])
    table = count_thresholds(ReaderTables(thresholds=chosen)).set_index("rater")
    assert table.loc["AB", "chosen"] == "0.2 × 1, 0.3 × 1"
    assert table.loc["AB", "threshold_median"] == 0.25
    assert table.loc["all", "n"] == 3


def test_without_readers_there_is_nothing_to_compare(said):
    assert not has_readers(ReaderTables())
    assert not has_readers(ReaderTables(judgements=judgements(said[0])))
    assert has_readers(ReaderTables(judgements=judgements(*said)))


def test_what_was_found_is_told_in_words(said, rng):
    readers = ReaderTables(judgements=judgements(*said), lesions=lesions(rng))
    tables = compare_judgements(readers), compare_volumes(readers), count_thresholds(readers)
    told = tell_readers(*tables)
    assert "flair, AB, CD (n = 24): same judgement in" in told.results[0]
    assert "ICC(2,1)" in " ".join(told.results)

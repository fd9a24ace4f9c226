"""Dates, numbers and plain words tell the order of sessions; nothing else does."""

from itertools import permutations

import pytest

from npsle_app.session_order import order_sessions

IN_ORDER = {
    "numbers": [("1", "2", "10"), ("01", "02"), ("v1", "v2", "v10"), ("M00", "M06", "M12"),
                ("20190101", "20210301"), ("baseline", "m06", "12m", "2y"), ("bl", "w6", "m3"),
                ("visit1", "visit2"), ("6months", "1year"), ("baseline", "fu6m", "fu12m"),
                ("time01", "time02")],
    "words": [("pre", "post"), ("preTreatment", "postTreatment"), ("baseline", "followup"),
              ("BL", "FU1", "FU2"), ("baseline", "followup", "followup2")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("by", "labels"), [(by, labels) for by, every in IN_ORDER.items() for labels in every]
)
def test_labels_that_tell_an_order_are_put_in_it_however_they_come(by, labels):
    for given in permutations(labels):
        order = order_sessions(given)
        assert (order.labels, order.by) == (labels, by)
    assert bool(order_sessions(labels).note) is (by == "words")


@pytest.mark.parametrize(
    "labels",
    [("scanA", "scanB"), ("mri", "rescan"), ("1", "followup"), ("3T", "7T", "retest"),
     ("1", "01"), ("pre", "post", "late"), ("spring", "autumn"), ("pre1", "pre2x", "post")],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "sessions whose order neither dates nor names tell",
    "not guessed: acq_time is asked for, nothing is compared, and no session is the baseline",
)
def test_what_tells_no_order_is_not_guessed_and_asked_for(labels):
    order = order_sessions(labels)
    assert not order.known
    assert "is not known: write acq_time of each" in order.note


@pytest.mark.fault(
    "Images",
    "sessions called pre and post",
    "dates tell the order; without them the words do, and that is said",
)
def test_dates_come_before_names():
    dates = {"pre": "2020-03-01", "post": "2019-03-01T10:00:00Z"}
    order = order_sessions(["post", "pre"], dates=dates)
    assert (order.labels, order.by, order.note) == (("post", "pre"), "dates", "")
    assert order_sessions(["post", "pre"], dates={"pre": "2020-03-01"}).labels == ("pre", "post")
    same = dict.fromkeys(("a", "b"), "2020-03-01")
    assert not order_sessions(["a", "b"], dates=same).known


def test_one_session_is_the_first():
    assert order_sessions(["any"]).known
    assert order_sessions([]).known

"""A site or scanner that may pass for a disease is told before any number."""

import pytest

from npsle_app.cohort.statistics.imbalance import find_imbalances
from tests.cohort.study_tables import make_cohort


@pytest.mark.fault("Tables", "a site for each group", "told first; no model pretends to adjust")
def test_a_site_that_is_the_group_is_told_and_nothing_is_said_to_adjust_for_it():
    people = {"site": ["A", "B", "C"] * 20, "scanner": "S", "flair_type": "3D"}
    told = find_imbalances(make_cohort(participants=people))
    assert told[0].startswith("Site tells Controls and non-NPSLE and NPSLE apart: no site has more")
    assert told[0].endswith("no model can adjust for it")


def test_groups_that_were_not_scanned_alike_are_told_with_counts():
    scanner = ["A" if i % 3 < 2 or i % 5 == 0 else "B" for i in range(60)]
    people = {"scanner": scanner, "flair_type": "3D"}
    told = find_imbalances(make_cohort(participants=people))
    assert "non-NPSLE 20 A, 0 B; NPSLE 4 A, 16 B; p < 0.001" in told[0]
    assert told[0].endswith("models are adjusted for it, tests of ranks are not")


def test_groups_that_were_scanned_alike_are_not_told():
    scanner = ["A" if i % 2 else "B" for i in range(60)]
    people = {"scanner": scanner, "flair_type": "3D"}
    assert find_imbalances(make_cohort(participants=people)) == []

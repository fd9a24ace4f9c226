"""Measures before and after ComBat: what sites explain, what groups differ by, and refusals."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from npsle_app.cohort.classifier.question import ask
from npsle_app.cohort.classifier.result import Effort
from npsle_app.cohort.classifier.statements import list_citations, tell_results
from npsle_app.cohort.statistics.analyses import analyse
from npsle_app.cohort.statistics.further_statements import tell_harmonised
from npsle_app.cohort.statistics.harmonised import harmonise_sites
from npsle_app.cohort.study.assembly import assemble, check_typed
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_tables

pytestmark = pytest.mark.long

ASKED = {"combat": {"site": "site", "measures": ["wm_ml", "gm_ml", "alps_mean", "wmh_ml"]}}
LEAN = {  # of the other analyses
    "group_tests": {"measures": ["gm_ml"]},
    "correlations": {"measures": []},
    "regressions": {"outcomes": []},
}


def make(sites, *, n=60, content=ASKED, shift=100.0):
    """Three groups, of which those of site B have larger volumes."""
    tables = make_tables(n=n, participants={"site": sites})
    moved = np.where(np.array(sites, dtype=object) == "B", shift, 0.0)
    measures = tables.measures
    tables.measures["wm_ml"] = measures["wm_ml"] + moved
    tables.measures["gm_ml"] = measures["gm_ml"] + moved
    return assemble(tables, study=parse_study(content))


def test_what_a_site_explains_goes_and_the_difference_of_groups_stays():
    cohort = make(list("AAABBB" * 10))
    found = harmonise_sites(cohort)
    rows = found.sites.set_index("measure")
    assert rows.loc["wm_ml", "eta2_before"] > 0.2
    assert rows.loc["wm_ml", "eta2_after"] < 0.01
    assert rows.loc["wm_ml", "p_before"] < 1e-4
    assert rows.loc["wmh_ml", "transform"] == "ln(value × 10⁶)"
    own = found.contrasts.set_index(["contrast", "measure"]).loc["npsle_v_non"]
    assert own.loc["wm_ml", "n"] == 40
    wide = own.loc["wm_ml", "high_before"] - own.loc["wm_ml", "low_before"]
    narrow = own.loc["wm_ml", "high_after"] - own.loc["wm_ml", "low_after"]
    assert narrow < wide
    values = found.people.set_index(["participant_id", "measure"])
    assert values.loc[("sub-000", "wm_ml"), "before"] == cohort.frame["wm_ml"].iloc[0]
    said = tell_harmonised(found.sites, found.contrasts)
    assert said.citations[:2] == ("johnson2007", "fortin2018")
    assert any("site explains" in line for line in said.results)


@pytest.mark.parametrize(
    ("sites", "reason"),
    [
        (["A"] * 60, "everyone is of site A: there is nothing to harmonise"),
        (list("ABC" * 20), "no site has people of more than one group"),
        ([*("AAABBB" * 9 + "AAAB"), "C", "C"], r"ComBat needs 3 people of each site: C has 2"),
        (["n/a"] * 60, "site is missing for all"),
    ],
)
def test_what_cannot_be_harmonised_has_one_row_that_says_why(sites, reason):
    found = harmonise_sites(make(sites))
    row = found.sites.iloc[0]
    assert len(found.sites) == 1
    assert (row["status"], found.contrasts.empty, found.people.empty) == (
        "not estimable",
        True,
        True,
    )
    assert reason in row["reason"]
    assert tell_harmonised(found.sites, found.contrasts).methods.startswith(
        "Sites could not be harmonised"
    )


def test_a_site_of_one_group_alone_is_told_beside_the_others():
    sites = ["C" if number % 3 == 0 and number < 30 else "AB"[number % 2] for number in range(60)]
    assert harmonise_sites(make(sites)).sites["note"].iloc[0] == (
        "people of one group alone at site C"
    )


def test_a_site_that_no_table_has_is_refused_before_anything_is_computed():
    tables = make_tables()
    cohort = assemble(tables, study=parse_study({"combat": {"site": "scaner"}}))
    with pytest.raises(ValueError, match=r"'scaner', which no table has.*scanner"):
        check_typed(cohort)


def test_the_analysis_stands_among_the_others_where_a_study_asks(rng):
    names = [one.name for one in analyse(make(list("AAABBB" * 10), content=ASKED | LEAN), rng=rng)]
    assert names.index("combat") > names.index("group_tests")
    plain = make(list("AAABBB" * 10), content=LEAN)
    assert "combat" not in [one.name for one in analyse(plain, rng=rng)]


def classify(cohort):
    effort = Effort(repeats=1, alternative_repeats=1, bootstrap_samples=10, permutations=5, seed=1)
    with ThreadPoolExecutor(1) as executor:
        return ask(cohort).assess(effort=effort, executor=executor, app_version="1")


def test_the_classifier_has_the_auc_before_and_after_in_the_same_people():
    content = {**ASKED, "classifier": {"clinical": ["sledai_2k"], "imaging": ["wm_ml", "gm_ml"]}}
    cohort = make(list("AAABBB" * 20), n=120, content=content, shift=400.0)
    result = classify(cohort)
    named = {one.name: one for one in result.alternatives}
    before, after = named["sites as they are"], named["sites harmonised"]
    assert before.participants == after.participants == 80
    assert after.auc.value != before.auc.value
    assert "keeping age, sex" in after.description
    assert any("harmonised over sites" in line for line in tell_results(result))
    assert "johnson2007" in list_citations(result)


def test_the_classifier_never_keeps_what_its_classes_are_made_of():
    content = {"combat": {"site": "site", "covariates": ["age", "group"]}}
    asked = ask(make(list("AAABBB" * 20), n=120, content=content)).over_sites
    assert asked.told == "ComBat over A, B, keeping age"
    assert asked.harmoniser.covariates.shape == (80, 1)


def test_a_site_of_one_class_each_is_said_where_the_auc_would_stand():
    sites = list("ABC" * 40)
    result = classify(make(sites, n=120, content=ASKED))
    after = {one.name: one for one in result.alternatives}["sites harmonised"]
    assert "no site has people of more than one group" in after.note
    assert np.isnan(after.auc.value)
    assert "Sites could not be harmonised" in tell_results(result)[-1]

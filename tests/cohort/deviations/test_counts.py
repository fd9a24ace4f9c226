"""Counts of deviating regions between groups; oracle: statsmodels' formula interface."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from npsle_app.cohort.deviations.counts import compare_counts, count_deviations
from npsle_app.cohort.deviations.groups import compare_prevalence


def scores(critical, *, regions=None, reason=None):
    """One row per (participant, region) of a (people, regions) table of labels."""
    people, count = len(critical), len(critical[0])
    names = regions or [f"region_{place}" for place in range(count)]
    return pd.DataFrame(
        {
            "participant_id": np.repeat([f"sub-{place:03d}" for place in range(people)], count),
            "session_id": "",
            "region": np.tile(names, people),
            "critical": pd.Series([one for row in critical for one in row], dtype=object),
            "reason": [reason if one is None else None for row in critical for one in row],
        }
    )


def counts(*groups, n_assessed=82):
    """People of two groups with given counts."""
    values = np.concatenate(groups).astype(float)
    table = pd.DataFrame({"n_deviations": values, "n_assessed": n_assessed})
    table["n_expected"] = table["n_assessed"] * 0.025
    return table, np.arange(len(values)) < len(groups[0])


def draw(rng, *, mean, n, dispersion=1.0):
    size = 1 / dispersion
    return rng.negative_binomial(size, size / (size + mean), n)


def with_mean(values, *, mean):
    """Move counts by ones until they have a mean."""
    values = values.copy()
    missing = round(mean * len(values)) - values.sum()
    order = np.argsort(-values)[: abs(missing)]
    values[order] += np.sign(missing)
    return values


@pytest.fixture
def paper(rng):
    """Counts with the means that Korbmacher 2026 prints, 4.51 and 1.67."""
    patients = with_mean(draw(rng, mean=4.51, n=400), mean=4.51)
    controls = with_mean(draw(rng, mean=1.67, n=400), mean=1.67)
    return counts(patients, controls)


def test_printed_means_give_the_printed_ratio_as_published(paper):
    found = compare_counts(paper[0], in_group=paper[1], paper=True, permutations=99)
    assert round(found.irr, 2) == 2.70
    assert found.dispersion == 1
    assert found.mean_group == pytest.approx(4.51, abs=0.01)
    assert found.permutation_p == 0.01


def test_it_equals_statsmodels_with_a_fixed_dispersion(paper):
    """smf.glm("y ~ group", family=NegativeBinomial(alpha=1)).fit(scale="X2")."""
    frame = paper[0].assign(group=paper[1].astype(float))
    family = sm.families.NegativeBinomial(alpha=1)
    theirs = smf.glm("n_deviations ~ group", frame, family=family).fit(scale="X2")
    found = compare_counts(paper[0], in_group=paper[1], paper=True, permutations=9)
    limits = np.exp(theirs.conf_int().loc["group"]).tolist()
    assert [found.low, found.high] == pytest.approx(limits)
    assert found.p == pytest.approx(theirs.pvalues["group"])


def test_an_estimated_dispersion_equals_that_of_statsmodels(paper):
    """smf.negativebinomial("y ~ group").fit()."""
    frame = paper[0].assign(group=paper[1].astype(float))
    theirs = smf.negativebinomial("n_deviations ~ group", frame).fit(disp=0)
    found = compare_counts(paper[0], in_group=paper[1], permutations=9)
    assert found.irr == pytest.approx(np.exp(theirs.params["group"]), rel=1e-4)
    assert found.dispersion == pytest.approx(theirs.params["alpha"], rel=1e-2)
    assert round(found.irr, 2) == 2.70


def test_poisson_counts_have_no_dispersion(rng):
    table, group = counts(rng.poisson(4, 300), rng.poisson(2, 300))
    found = compare_counts(table, in_group=group, permutations=9)
    assert found.irr == pytest.approx(2, rel=0.15)
    assert found.dispersion < 0.1
    assert found.poisson_overdispersion == pytest.approx(1, abs=0.15)


def test_who_has_twice_the_regions_is_expected_to_have_twice_the_deviations(rng):
    table, group = counts(rng.poisson(6, 200), rng.poisson(3, 200))
    table.loc[group, ["n_assessed", "n_expected"]] *= 2
    found = compare_counts(table, in_group=group, permutations=9)
    assert found.irr == pytest.approx(1, rel=0.1)


def test_swapping_the_groups_inverts_the_ratio(paper):
    table, group = paper
    one, other = (compare_counts(table, in_group=g, permutations=9) for g in (group, ~group))
    assert one.irr == pytest.approx(1 / other.irr)
    assert one.low == pytest.approx(1 / other.high)


def test_a_covariate_that_explains_the_difference_takes_it_away(rng):
    age = np.concatenate([rng.normal(60, 5, 250), rng.normal(40, 5, 250)])
    drawn = rng.poisson(np.exp(0.03 * (age - 40) + 0.5))
    table, group = counts(drawn[:250], drawn[250:])
    crude = compare_counts(table, in_group=group, permutations=9)
    adjusted = compare_counts(table, in_group=group, covariates=age[:, None], permutations=9)
    assert crude.irr > 1.5
    assert adjusted.low < 1 < adjusted.high


def test_a_permutation_p_is_never_zero_and_is_one_without_a_difference():
    table, group = counts([9] * 12, [0] * 12)
    assert compare_counts(table, in_group=group, permutations=49).permutation_p == 1 / 50
    table, group = counts([1, 2] * 6, [1, 2] * 6)
    assert compare_counts(table, in_group=group, permutations=49).permutation_p == 1


def test_a_group_without_any_deviation_has_no_ratio_but_says_so():
    table, group = counts([3, 2, 1, 4], [0, 0, 0, 0])
    found = compare_counts(table, in_group=group, permutations=9)
    assert np.isnan(found.irr)
    assert found.zeros_against == 1
    assert found.note == "a group has no deviation at all: no ratio can be estimated"


def test_counts_that_do_not_differ_within_groups_have_no_ratio_but_say_so():
    table, group = counts([2, 2, 2], [1, 1, 1])
    found = compare_counts(table, in_group=group, permutations=9)
    assert np.isnan(found.irr)
    assert found.note == "counts do not differ within the groups: the ratio has no standard error"


def test_below_thirty_people_the_limits_are_told_to_be_perhaps_too_narrow(rng):
    few, many = (
        compare_counts(table, in_group=group, permutations=9)
        for table, group in (_counts_of(rng, size, means=(4, 4)) for size in (12, 40))
    )
    assert few.note.startswith("fewer than 30 people in a group: the limits may be too narrow")
    assert many.note == ""


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [12, 20, 60])
def test_a_ratio_of_one_is_rejected_in_one_of_twenty_studies(rng, size):
    """2,000 studies have a standard error of 0.5 %; docs/validation.md has the table."""
    low, covered = zip(*(_rejects(rng, size) for _ in range(2000)), strict=True)
    assert np.mean(low) == pytest.approx(0.05, abs=0.015)
    assert 0.93 <= np.mean(covered) <= 0.97


def _rejects(rng, size):
    null, other = (
        compare_counts(table, in_group=group, permutations=0)
        for table, group in (_counts_of(rng, size, means=(mean, 1.67)) for mean in (1.67, 4.51))
    )
    return null.p < 0.05, other.low <= 4.51 / 1.67 <= other.high


def _counts_of(rng, size, *, means):
    return counts(*(draw(rng, mean=mean, n=size) for mean in means))


def test_one_person_is_no_group():
    table, group = counts([3], [0, 1, 2])
    with pytest.raises(ValueError, match="1 and 3 people with counts; needed are 2"):
        compare_counts(table, in_group=group)


def test_deviations_are_counted_among_the_labelled_regions():
    table = scores([[True, False, None, True], [None] * 4], reason="no volume")
    found = count_deviations(table)
    assert found["n_assessed"].tolist() == [3, 0]
    assert found["n_deviations"].tolist()[0] == 2
    assert np.isnan(found["n_deviations"].tolist()[1])
    assert found["n_expected"].tolist()[0] == pytest.approx(0.075)
    assert found["reason"].tolist() == ["no volume"] * 2


def test_two_tails_are_expected_to_deviate_twice_as_often():
    table = scores([[False] * 40])
    assert count_deviations(table, tail="both")["n_expected"].tolist() == [2.0]
    assert count_deviations(table)["n_expected"].tolist() == [1.0]


def test_prevalence_is_that_of_the_labelled_and_q_that_of_all_regions():
    sick = [[True, False], [True, None], [True, False], [False, False]] * 5
    well = [[False, False]] * 20
    table = scores(sick + well, regions=["thalamus", "caudate"])
    names = table["participant_id"].unique()
    found = compare_prevalence(table, group=frozenset(names[:20]), against=frozenset(names[20:]))
    assert found["region"].tolist() == ["thalamus", "caudate"]
    assert found["share_group"].tolist() == [0.75, 0.0]
    assert found["n_group"].tolist() == [20, 15]
    assert found["p"].iloc[1] == 1
    assert found["q"].iloc[0] == pytest.approx(2 * found["p"].iloc[0])


def test_a_region_without_labels_has_no_p():
    table = scores([[None]] * 4)
    names = table["participant_id"].unique()
    found = compare_prevalence(table, group=frozenset(names[:2]), against=frozenset(names[2:]))
    assert found[["p", "q", "share_group"]].isna().all(axis=None)

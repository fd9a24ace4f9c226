"""Z-scores of healthy people are standard normal, whoever they are."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.normative.model import PAPER, RECOMMENDED
from npsle_app.cohort.normative.outliers import find_outlier_scans
from npsle_app.cohort.normative.reference import fit_reference
from npsle_app.cohort.normative.scores import score, score_reference
from tests.cohort.healthy_people import OWN, make_people, region_names, tail_probabilities


def fit(people, *, regions=None, **changed):
    names = regions or tuple(name for name in people if name.startswith("region_"))
    return fit_reference(people, regions=names, unit="mL", provenance=OWN, **changed)


def wide(table, column="z"):
    return table.pivot_table(index="participant_id", columns="region", values=column)


@pytest.fixture(scope="module")
def reference():
    return fit(make_people(400))


@pytest.mark.exhaustive
def test_five_thousand_healthy_people_score_standard_normal_at_every_age_and_sex():
    people = make_people(5000, regions=40)
    found = fit(people)
    z = wide(found.held_out).to_numpy()
    assert z.mean() == pytest.approx(0, abs=0.02)
    assert z.std() == pytest.approx(1, abs=0.03)
    chances = pd.concat(
        [tail_probabilities(found.model, people, region=name) for name in region_names(40)]
    )
    decile = pd.qcut(chances["age"], 10, labels=False)
    tails = chances.groupby([decile, "sex"])[["low", "high"]].mean()
    assert len(tails) == 20
    assert ((tails - 0.025).abs() < 0.004).all(axis=None), tails


def test_scores_of_new_people_are_standard_normal_in_both_sexes(reference):
    new = make_people(600, seed=2)
    z = wide(score(reference.model, new))
    for sex in ("F", "M"):
        own = z[(new["sex"] == sex).to_numpy()].to_numpy()
        assert own.mean() == pytest.approx(0, abs=0.1)
        assert own.std() == pytest.approx(1, abs=0.07)


def test_women_are_divided_by_the_womens_spread():
    """The published code divides everyone by the men's: women's scores shrink by a third."""
    people = make_people(400)
    for method in (RECOMMENDED, PAPER):
        model = fit(people, method=method).model
        rmse = {
            sex: np.mean([one.mean.rmse for one in model.sexes[sex].regions.values()])
            for sex in ("F", "M")
        }
        assert rmse["F"] / rmse["M"] == pytest.approx(0.30 / 0.45, rel=0.12)
        z = wide(score(model, people))[(people["sex"] == "F").to_numpy()]
        assert z.to_numpy().std() == pytest.approx(1, abs=0.08)


def test_a_reference_of_the_paper_is_the_difference_over_the_root_mean_squared_error():
    people = make_people(200, regions=1)
    model = fit(people, method=PAPER).model
    table = score(model, people)
    rmse = {sex: model.sexes[sex].regions["region_0_ml"].mean.rmse for sex in ("F", "M")}
    by_hand = (table["volume"] - table["expected"]) / people["sex"].map(rmse)
    assert table["z"].to_numpy(dtype=float) == pytest.approx(by_hand.to_numpy(dtype=float))


def test_the_spread_that_grows_with_age_is_found():
    people = make_people(1000, regions=1)
    for changing, expected in ((True, np.exp(0.01 * 40)), (False, 1.0)):
        method = dataclasses.replace(RECOMMENDED, changing_spread=changing)
        model = fit(people, method=method).model
        old, young = (
            score(model, people.iloc[:1].assign(age=age))["sd"].iloc[0] for age in (70, 30)
        )
        assert old / young == pytest.approx(expected, rel=0.2 if changing else 0.02)


def test_skewed_volumes_have_equal_tails():
    people = make_people(800, regions=4, noise="skewed")
    tails = {}
    for shaped in (True, False):
        method = dataclasses.replace(RECOMMENDED, shaped_tails=shaped)
        z = wide(fit(people, method=method).held_out).to_numpy()
        tails[shaped] = ((z < -1.96).mean(), (z > 1.96).mean())
    assert tails[True] == pytest.approx((0.025, 0.025), abs=0.01)
    assert tails[False][0] < 0.012 < 0.03 < tails[False][1]


def test_sites_with_offsets_have_equal_tails_and_means():
    people = make_people(300, regions=4, sites=6, site_sd_ml=0.4)
    means = {}
    for site_term in (True, False):
        method = dataclasses.replace(RECOMMENDED, site_term=site_term)
        z = wide(fit(people, method=method).held_out)
        means[site_term] = z.groupby(people.set_index("participant_id")["site"]).mean()
    assert means[True].abs().max(axis=None) < 0.25
    assert means[False].abs().max(axis=None) > 0.7


def test_someone_from_an_unknown_site_is_uncertain_and_told_so():
    people = make_people(200, regions=1, sites=6, site_sd_ml=0.4)
    model = fit(people).model
    one = people.iloc[[0]]
    known, unknown = score(model, one), score(model, one.assign(site="elsewhere"))
    assert unknown["sd"].iloc[0] > 1.15 * known["sd"].iloc[0]
    assert unknown["qc"].iloc[0] == "warn"
    assert "'elsewhere' is not in the reference" in unknown["reason"].iloc[0]
    assert known["reason"].iloc[0] is None


def test_controls_are_scored_by_models_that_have_not_seen_them():
    """One control far away must not pull the curve towards himself."""
    people = make_people(30, regions=1, ages=(30.0, 40.0))
    people.loc[0, "region_0_ml"] -= 1.5
    found = fit(people, leave_outliers_out=False)
    held_out = score_reference(found.held_out, model=found.model, frame=people)
    naive = score(found.model, people)
    assert held_out["z"].iloc[0] < naive["z"].iloc[0] - 0.2
    assert held_out.columns.tolist() == naive.columns.tolist()


def test_a_sex_of_too_few_controls_leaves_the_scores_of_the_other():
    people = make_people(60, regions=1).query("sex == 'F' or participant_id < 'sub-00004'")
    found = fit(people, leave_outliers_out=False)
    assert found.model.sexes["M"].gaps
    scores = score_reference(found.held_out, model=found.model, frame=people)
    known = scores.set_index("participant_id")["z"].notna()
    women = people.set_index("participant_id")["sex"].eq("F")
    pd.testing.assert_series_equal(known, women, check_names=False)


def test_few_controls_still_cut_off_one_in_forty_on_average():
    """With 12 controls of a sex the uncertainty of curve and spread is part of the score."""
    below = []
    for seed in range(5):
        found = fit(make_people(24, regions=60, seed=seed, ages=(25.0, 55.0)))
        new = make_people(60, regions=60, seed=1000 + seed, ages=(27.0, 53.0))
        below.append((score(found.model, new)["z"] < -1.96).mean())
    assert np.mean(below) == pytest.approx(0.025, abs=0.012)


def test_the_same_scan_twice_has_the_same_score(reference):
    one = make_people(2, seed=5)
    again = one.assign(participant_id=["sub-b1", "sub-b2"])
    assert score(reference.model, one)["z"].tolist() == score(reference.model, again)["z"].tolist()


def test_a_model_does_not_depend_on_the_order_of_the_table():
    people = make_people(120, regions=2)
    one, other = fit(people), fit(people.sample(frac=1, random_state=3))
    assert wide(one.held_out).equals(wide(other.held_out))


def test_scores_do_not_depend_on_the_unit():
    people = make_people(120, regions=1)
    larger = people.assign(region_0_ml=people["region_0_ml"] * 1000)
    one, other = (wide(fit(table).held_out).to_numpy() for table in (people, larger))
    assert one == pytest.approx(other, abs=1e-6)


def test_many_regions_at_once_equal_one_at_a_time():
    people = make_people(200, regions=4, sites=3, site_sd_ml=0.2, noise="skewed")
    together = fit(people).model
    alone = fit(people, regions=("region_2_ml",)).model
    new = make_people(20, regions=4, seed=9)
    z = wide(score(together, new))["region_2_ml"].to_numpy()
    assert wide(score(alone, new))["region_2_ml"].to_numpy() == pytest.approx(z, abs=0.02)


def test_ages_outside_the_reference_are_flagged_and_never_called_critical(reference):
    old = make_people(4, seed=3).assign(age=95.0, region_0_ml=0.5)
    table = score(reference.model, old)
    assert table["reason"].str.contains("age 95 is outside the reference's ages, 18").all()
    assert (table["qc"] == "warn").all()
    assert table["critical"].isna().all()
    assert table["z"].notna().all()


def test_no_label_is_given_below_ten_controls_of_a_sex():
    table = score(fit(make_people(18)).model, make_people(4, seed=3, ages=(45.0, 46.0)))
    assert table["critical"].isna().all()
    assert table["reason"].str.contains("9 people of this sex made the reference").all()
    assert (table["qc"] == "warn").all()


def test_both_tails_are_labelled_on_demand(reference):
    people = make_people(4, seed=3, ages=(40.0, 50.0))
    people["region_0_ml"] = [3.0, 20.0, 3.0, 20.0]
    for tail, expected in (("lower", [True, False] * 2), ("both", [True] * 4)):
        table = score(reference.model, people, tail=tail)
        assert table.loc[table["region"] == "region_0_ml", "critical"].tolist() == expected


def test_one_missing_volume_is_one_labelled_gap(reference):
    people = make_people(4, seed=3, ages=(40.0, 50.0))
    people.loc[0, "region_1_ml"] = np.nan
    people.loc[1, "region_1_ml"] = 0.0
    gaps = score(reference.model, people).query("qc == 'not assessable'")
    assert gaps["region"].tolist() == ["region_1_ml"] * 2
    assert set(gaps["reason"]) == {"the volume is missing or not above 0"}
    assert gaps["critical"].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("age", np.nan, "age is missing"),
        ("sex", None, "sex is missing"),
        ("tiv_ml", 0.0, "TIV is 0 mL"),
        ("tiv_ml", np.nan, "TIV is missing"),
        ("age", -1.0, "age is -1"),
    ],
)
def test_who_lacks_age_sex_or_tiv_is_a_labelled_gap(reference, column, value, told):
    people = make_people(60)
    people.loc[0, column] = value
    gaps = score(reference.model, people).query("qc == 'not assessable'")
    assert set(gaps["participant_id"]) == {"sub-00000"}
    assert set(gaps["reason"]) == {told}
    assert fit(people).model.left_out == {"sub-00000": told}


def test_a_reference_of_one_sex_scores_that_sex_alone():
    people = make_people(80)
    model = fit(people[people["sex"] == "F"]).model
    table = score(model, make_people(4, seed=3, ages=(40.0, 50.0)))
    men = table["participant_id"].isin(["sub-00001", "sub-00003"])
    assert set(table.loc[men, "reason"]) == {"the reference has no one of sex M, but F"}
    assert table.loc[men, "z"].isna().all()
    assert table.loc[~men, "z"].notna().all()


def test_a_region_that_few_controls_have_is_a_gap_and_the_others_go_on():
    people = make_people(80, regions=2)
    people.loc[8:, "region_1_ml"] = np.nan
    table = score(fit(people).model, make_people(2, seed=3, regions=2, ages=(40.0, 50.0)))
    gap = table["region"] == "region_1_ml"
    assert table.loc[gap, "reason"].str.contains("the reference has 4 people of sex").all()
    assert table.loc[~gap, "z"].notna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda people: people.iloc[:0], "there are no controls: the table has no row"),
        (lambda people: people.drop(columns="tiv_ml"), "the table has no column tiv_ml"),
        (lambda people: people.assign(tiv_ml=0.0), "no one of the 40 .*TIV is 0 mL"),
        (lambda people: people.assign(age=np.nan), "no one of the 40 .*age is missing"),
        (lambda people: people.assign(participant_id="sub-1"), "sub-1 are in the table more"),
    ],
)
def test_a_reference_that_cannot_be_fitted_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fit(change(make_people(40)), regions=region_names(3))


def test_a_reference_whose_age_does_not_vary_says_so():
    gaps = fit(make_people(40).assign(age=30.0)).model.sexes["F"].gaps
    assert set(gaps.values()) == {"age is 30 in all 20 people of the reference"}


def test_other_regions_are_refused(reference):
    other = make_people(4).rename(columns=lambda name: name.replace("region", "area"))
    with pytest.raises(ValueError, match="none of the reference's regions, which are"):
        score(reference.model, other)


def test_outlier_scans_are_named_and_left_out():
    people = make_people(200)
    people.loc[7, "region_1_ml"] = 0.9
    people.loc[9, "tiv_ml"] = 700.0
    people["tbv_ml"] = 1100.0
    people.loc[9, "tbv_ml"] = 1000.0
    found = fit(people)
    assert set(found.outliers["participant_id"]) == {"sub-00007", "sub-00009"}
    assert found.model.left_out["sub-00007"].startswith("region_1_ml for age, sex and TIV lies")
    assert (
        "the brain (1000 mL) is not smaller than the TIV (700 mL)"
        in found.model.left_out["sub-00009"]
    )
    assert "TIV for the sum of its volumes" in found.model.left_out["sub-00009"]
    assert "sub-00007" not in set(found.held_out["participant_id"])


@pytest.mark.exhaustive
def test_real_volumes_of_thirteen_sites_have_equal_tails(shared_data):
    """Freesurfer volumes; the three people of one site have brains larger than the TIV."""
    table = pd.read_csv(shared_data / "tables" / "freesurfer_volumes.csv")
    regions = tuple(name for name in table if name.startswith(("Left-", "Right-")))
    people = table.assign(
        participant_id=[f"sub-{row:03d}" for row in range(len(table))],
        sex=table["sex"].map({0: "F", 1: "M"}),
        tiv_ml=table["EstimatedTotalIntraCranialVol"] / 1000,
        tbv_ml=table["BrainSegVol"] / 1000,
    )
    found = fit_reference(people, regions=regions, unit="mm³", provenance=OWN)
    z = wide(found.held_out)
    assert found.outliers["participant_id"].nunique() == 23
    beyond = pd.DataFrame({"lower": (z < -1.96).mean(axis=1), "upper": (z > 1.96).mean(axis=1)})
    assert beyond.mean().between(0.02, 0.03).all()
    site = people.set_index("participant_id")["site"].loc[z.index]
    sites = beyond.groupby(site).mean()
    assert site.value_counts().min() >= 10
    assert len(sites) == 12
    assert ((sites > 0.01) & (sites < 0.045)).all(axis=None), sites


def test_healthy_people_are_no_outliers():
    people = make_people(500, regions=6)
    assert find_outlier_scans(people, regions=region_names(6)).empty
    skewed = make_people(500, regions=6, noise="skewed")
    assert len(find_outlier_scans(skewed, regions=region_names(6))) <= 2

"""States of regions over visits, and the rule of risk."""

import pandas as pd
import pytest

from npsle_app.cohort.deviations.states import (
    RiskRule,
    classify_risk,
    describe_states,
    list_transitions,
)


def visits(*states, region="thalamus", participant="sub-a"):
    return pd.DataFrame(
        {
            "participant_id": participant,
            "visit": range(len(states)),
            "region": region,
            "critical": pd.Series(states, dtype=object),
        }
    )


def test_transitions_are_from_each_visit_to_the_next_that_has_a_label():
    table = pd.concat([visits(False, True, None, True, False), visits(True, participant="sub-b")])
    found = list_transitions(table)
    assert found["transition"].tolist() == ["worsened", "stable", "improved"]
    assert found[["visit", "next_visit"]].astype(int).to_numpy().tolist() == [
        [0, 1],
        [1, 3],
        [3, 4],
    ]
    assert set(found["participant_id"]) == {"sub-a"}


def test_entropy_is_one_bit_for_a_state_that_is_there_half_of_the_time():
    table = pd.concat(
        [
            visits(True, False, True, False),
            visits(True, True, None, region="caudate"),
            visits(True, False, False, False, region="putamen"),
        ]
    )
    found = describe_states(table).set_index("region")
    assert found.loc["thalamus", ["visits", "share", "entropy_bits"]].tolist() == [4, 0.5, 1.0]
    assert found.loc["caudate", ["visits", "share", "entropy_bits"]].tolist() == [2, 1.0, 0.0]
    assert found.loc["putamen", "entropy_bits"] == pytest.approx(0.8113, abs=1e-4)


def labels(**people):
    names = ["thalamus", "caudate", "putamen"]
    return pd.DataFrame(
        [
            {"participant_id": name, "session_id": "1", "region": region, "critical": state}
            for name, states in people.items()
            for region, state in zip(names, states, strict=True)
        ]
    ).astype({"critical": object})


def test_the_rule_decides_on_named_regions_or_the_number_of_deviations():
    table = labels(
        named=[True, False, False],
        many=[False, True, True],
        one=[False, True, False],
        unknown=[None, False, False],
        open=[False, True, None],
        unknown_but_high=[None, True, True],
    )
    rule = RiskRule(regions=("thalamus",), at_least=2)
    found = classify_risk(table, rule=rule).xs("1", level="session_id")
    assert found[["named", "many", "unknown_but_high"]].tolist() == ["high"] * 3
    assert found["one"] == "low"
    assert found[["unknown", "open"]].isna().all()
    assert rule.text == "a critical deviation in thalamus or 2 or more critical deviations"


def test_each_scan_of_a_person_is_judged_on_its_own():
    first = labels(a=[True, False, False])
    again = labels(a=[False, False, False]).assign(session_id="2")
    rule = RiskRule(regions=("thalamus",), at_least=2)
    found = classify_risk(pd.concat([first, again]), rule=rule)
    assert found.to_dict() == {("a", "1"): "high", ("a", "2"): "low"}


def test_a_rule_on_what_no_one_has_is_refused():
    with pytest.raises(ValueError, match="the rule names insula, which no one has"):
        classify_risk(labels(a=[True] * 3), rule=RiskRule(regions=("insula",), at_least=2))
    with pytest.raises(ValueError, match="asks for 0 deviations"):
        classify_risk(labels(a=[True] * 3), rule=RiskRule(regions=(), at_least=0))

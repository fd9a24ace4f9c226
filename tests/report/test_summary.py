"""The first screen of a participant's page: verdict and cards."""

from pathlib import Path

import pytest

from npsle_app.bids.output.writer import Writer
from npsle_app.engine.status import Row
from npsle_app.measures import MEASURES
from npsle_app.pipeline import PARTICIPANT
from npsle_app.records import Check, FigureRecord, Measure, Qc, Record
from npsle_app.report.contents import SessionContent
from npsle_app.report.layout import LAYOUT, SectionLayout, Told
from npsle_app.report.peers import Peers
from npsle_app.report.population import ShownPopulation
from npsle_app.report.sections import show_sections
from npsle_app.report.summary import ABSENT, summarise

_STAGES = {stage.name: stage for stage in PARTICIPANT}


def _check(name, state, seen="seen"):
    return Check(name=name, seen=seen, expected="less", state=state, advice="look")


def _record(stage, numbers, *, qc=Qc.PASS, checks=(), figures=()):
    measures = tuple(
        Measure(name=name, value=value, qc=qc, sources=()) for name, value in numbers.items()
    )
    return Record(
        stage=stage, methods="", citations=(), measures=measures, checks=checks, figures=figures
    )


WMH = {"wmh_ml": 6.85538, "wmh_low_ml": 4.1, "wmh_high_ml": 9.94, "wmh_count": 17.0}
VOLUMES = {"tbv_ml": 1252.4, "gm_ml": 762.2, "tiv_ml": None}


def _summary(tmp_path, *records, outcomes=()):
    content = SessionContent(
        writer=Writer(tmp_path, "01", None), records=records, outcomes=tuple(outcomes)
    )
    return summarise(content, participant="sub-01", peers=Peers())


def _cards(summary):
    return {card.layout.name: card for card in summary.cards}


def test_a_card_has_number_unit_interval_and_what_belongs_to_it(tmp_path):
    card = _cards(_summary(tmp_path, _record("wmh", WMH)))["wmh"]
    assert (card.value, card.unit, card.interval) == ("6.86", "mL", "95 % CI 4.10 to 9.94")
    assert card.also == ("17 lesions",)
    assert (card.word, card.reason) == ("usable", "")


def test_a_number_that_is_not_known_is_left_out_of_a_card(tmp_path):
    card = _cards(_summary(tmp_path, _record("tissue", VOLUMES)))["brain"]
    assert (card.value, card.unit) == ("1252", "mL")
    assert card.also == ("762 mL grey",)


def test_all_that_passed_is_usable(tmp_path):
    verdict = _summary(tmp_path, _record("wmh", WMH), _record("tissue", VOLUMES)).verdict
    assert (verdict.state, verdict.text) == (Qc.PASS, "Usable")


def test_the_verdict_names_what_cannot_be_used_and_the_check_that_says_so(tmp_path):
    moved = _check("FLAIR motion", Qc.FAIL, seen="24 mm, 18°")
    noise = _check("FLAIR noise", Qc.WARN)
    wmh = _record("wmh", WMH, qc=Qc.FAIL, checks=(noise, moved))
    summary = _summary(tmp_path, wmh, _record("tissue", VOLUMES))
    assert summary.verdict.text == "Usable; WMH not: FLAIR motion"
    assert summary.verdict.state is Qc.WARN
    assert _cards(summary)["wmh"].reason == "FLAIR motion, 24 mm, 18°"


def test_a_check_of_a_stage_before_is_named_where_the_stages_own_passed(tmp_path):
    anat = _record("anat", {}, checks=(_check("Field of view", Qc.WARN),))
    tissue = _record("tissue", VOLUMES, qc=Qc.WARN, checks=(_check("Fluid", Qc.PASS),))
    summary = _summary(tmp_path, anat, _record("wmh", WMH), tissue)
    assert summary.verdict.text == "Usable; brain volumes with care: Field of view"


def test_nothing_that_passed_is_usable_with_care_or_not(tmp_path):
    check = (_check("FLAIR noise", Qc.WARN),)
    careful = _summary(tmp_path, _record("wmh", WMH, qc=Qc.WARN, checks=check))
    assert careful.verdict.text == "Usable with care; WMH: FLAIR noise"
    failed = _summary(tmp_path, _record("wmh", WMH, qc=Qc.FAIL))
    assert (failed.verdict.state, failed.verdict.text) == (
        Qc.FAIL,
        "Not usable; WMH: not usable",
    )


def test_markers_with_one_cause_are_named_together(tmp_path):
    check = (_check("Field of view", Qc.WARN),)
    anat = _record("anat", {}, checks=check)
    records = [
        _record("tissue", VOLUMES, qc=Qc.WARN),
        _record("alps", {"alps_mean": 1.4}, qc=Qc.WARN),
    ]
    verdict = _summary(tmp_path, anat, _record("wmh", WMH), *records).verdict
    assert verdict.text == "Usable; brain volumes and DTI-ALPS with care: Field of view"


def test_what_was_not_measured_says_why(tmp_path):
    row = Row(participant="sub-01", session="n/a", stage="alps", status="blocked", reason="no dwi")
    summary = _summary(tmp_path, outcomes=[row])
    card = _cards(summary)["alps"]
    assert (card.state, card.reason, card.value) == (ABSENT, "blocked: no dwi", "")
    assert summary.verdict.text == "Nothing was measured"


def test_the_picture_drawn_for_a_card_goes_before_those_of_its_stage(tmp_path):
    drawn, first = (
        FigureRecord(title="a", path=Path(f"sub-01_{name}.webp"), caption="b")
        for name in ("overview-wmh", "wmh-lesions")
    )
    wmh = _record("wmh", WMH, figures=(first,))
    assert _cards(_summary(tmp_path, wmh))["wmh"].picture == first.path
    overview = _record("overview", {}, figures=(drawn,))
    assert _cards(_summary(tmp_path, wmh, overview))["wmh"].picture == drawn.path


@pytest.mark.parametrize("card", LAYOUT.card, ids=lambda card: card.name)
def test_a_card_knows_all_stages_that_its_number_rests_on(card):
    waiting = [stage for stage in card.stages if stage in _STAGES]
    needed = set(waiting)
    while waiting:
        stage = _STAGES[waiting.pop()]
        # imported volumes are compared with the app's own tissue, and do not rest on it
        compared = stage.uses if stage.name == "freesurfer" else ()
        new = {*stage.needs, *stage.uses} - needed - set(compared)
        needed |= new
        waiting += new
    assert needed <= set(card.rests_on)


def test_every_stage_that_measures_has_a_section():
    sections = {section.stage for section in LAYOUT.section}
    assert {measure.stage for measure in MEASURES.values()} <= sections


def test_every_pattern_of_a_section_fits_a_measure_of_its_stage():
    for section in LAYOUT.section:
        for pattern in section.measures:
            alone = SectionLayout(stage=section.stage, title="", measures=(pattern,))
            assert any(alone.rank(name) is not None for name in MEASURES), (section, pattern)


def test_words_about_a_measure_hold_its_place():
    with pytest.raises(ValueError, match="words around one"):
        Told(measure="wmh_count", text="lesions")


def test_a_section_has_failed_checks_first_and_numbers_in_words(tmp_path):
    checks = (_check("b", Qc.PASS), _check("a", Qc.FAIL))
    content = SessionContent(
        writer=Writer(tmp_path, "01", None),
        records=(_record("wmh", {**WMH, "wmh_ml_at_0.2": 6.8}, checks=checks),),
    )
    (section,) = show_sections(content)
    assert [check.name for check in section.checks] == ["a", "b"]
    first = section.numbers[0]
    assert (first.text, first.value) == (
        "White-matter hyperintensities at the chosen threshold, after clean-up",
        "6.86",
    )
    assert first.interval == "95 % CI 4.10 to 9.94"
    assert section.n_more == 5 - len(section.numbers)


def test_imported_volumes_alone_are_something_measured(tmp_path):
    numbers = {"fs_thalamus_left_ml": 7.2, "fs_hippocampus_left_ml": 4.0, "fs_etiv_ml": None}
    summary = _summary(tmp_path, _record("freesurfer", numbers))
    assert summary.verdict.text == "Usable"
    card = _cards(summary)["freesurfer"]
    assert (card.value, card.unit, card.also) == ("7.20", "mL", ("hippocampus 4.00 mL left",))
    assert "freesurfer" not in _cards(_summary(tmp_path))


def test_deviations_from_a_population_are_told_where_there_are_no_own_regions(tmp_path):
    beside = ShownPopulation(n_deviations=2, n_assessed=16, n_critical=1, chance="chance alone")
    content = SessionContent(writer=Writer(tmp_path, "01", None), population=beside)
    card = _cards(summarise(content, participant="sub-01", peers=Peers()))["deviations"]
    assert (card.value, card.unit, card.interval) == ("2", "of 16 imported volumes", "chance alone")
    assert card.anchor == "sub-01-population"

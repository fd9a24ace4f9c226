import tomllib

import pytest

from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.study import Contrast, Family, Imputation, Population, Study


def _parse(text):
    return parse_study(tomllib.loads(text))


def test_an_empty_file_asks_for_the_analyses_of_the_papers():
    assert _parse("") == DEFAULT_STUDY


def test_the_defaults_hold_the_contrasts_of_both_papers():
    sides = {(contrast.group, contrast.against) for contrast in DEFAULT_STUDY.contrasts}
    assert {
        ("NPSLE", "non-NPSLE"),
        ("inflammatory", "non-NPSLE"),
        ("ischaemic", "non-NPSLE"),
        ("inflammatory", "ischaemic"),
        ("patients", "HC"),
    } == sides


def test_every_section_can_be_written():
    study = _parse(
        """
        title = "Ours"
        mode = "paper"
        alpha = 0.01
        baseline_session = "2"
        groups = ["HC", "lupus"]
        reference_group = "HC"
        columns = { age = "leeftijd" }
        units = { age = "month" }
        [populations.lupus]
        label = "Lupus"
        where = { dx = ["SLE", "NPSLE"] }
        [contrasts.main]
        group = "lupus"
        against = "HC"
        [table1]
        variables = ["age"]
        comparisons = [["HC", "lupus"]]
        [group_tests]
        measures = ["*"]
        [correlations]
        measures = ["alps_mean"]
        clinical = ["crp"]
        covariates = ["age"]
        population = "lupus"
        [regressions]
        outcomes = ["wmh_ml"]
        zero_becomes = 1
        [[families]]
        name = "volumes"
        analysis = "regressions"
        contrasts = ["main"]
        [classifier]
        contrast = "main"
        imaging = ["alps_mean"]
        [exclusions]
        infarct_suspects = "exclude"
        [imputation]
        datasets = 5
        """
    )
    assert study.populations["lupus"].where == {"dx": ("SLE", "NPSLE")}
    assert study.contrasts == (
        Contrast(name="main", label="lupus v HC", group="lupus", against="HC"),
    )
    assert study.regressions.zero_becomes == 1.0
    assert study.families[0] == Family(name="volumes", analysis="regressions", contrasts=("main",))
    assert study.comparisons == (("HC", "lupus"),)
    assert {"age", "dx", "crp", "alps_mean"} <= study.typed
    assert "*" not in study.typed


def test_a_group_that_nothing_defines_is_a_level_of_the_column_group():
    study = _parse('groups = ["A", "B", "C"]')
    assert study.populations["B"] == Population(name="B", label="B", where={"group": ("B",)})
    assert [(one.group, one.against) for one in study.contrasts] == [("B", "A"), ("C", "A")]
    assert study.classifier.contrast == study.contrasts[0].name


def test_comparisons_are_the_groups_and_both_sides_of_each_contrast():
    assert DEFAULT_STUDY.comparisons[:2] == (
        ("HC", "non-NPSLE", "NPSLE"),
        ("non-NPSLE", "NPSLE"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "grups = []",
            r"the study file has no key 'grups'; there are \['acquisition', .*\]: is it 'groups'\?",
        ),
        ("mode = 'best'", r"mode 'best' is none of \['recommended', 'paper'\]"),
        ("mode = 1", "mode: expected a text, got 1"),
        ("alpha = 5.0", "alpha must lie between 0 and 1, got 5.0"),
        ("alpha = true", "alpha: expected a number, got True"),
        ("groups = 'HC'", "groups: expected a list of texts, got 'HC'"),
        ("groups = ['A', 'A']", "groups names one twice"),
        (
            "reference_group = 'X'",
            r"reference_group: no population is called 'X'; there are \['HC'",
        ),
        ("populations = 3", "populations: expected a table, got 3"),
        ("[populations.A]\nwho = 1", r"populations\.A has no key 'who'; there are \['label'"),
        ("[contrasts.c]\ngroup = 'HC'", r"contrasts\.c lacks the key 'against'"),
        (
            "[contrasts.c]\ngroup = 'HC'\nagainst = 'HC'\n[classifier]\ncontrast = 'c'",
            "compares 'HC' with itself",
        ),
        (
            "[contrasts.c]\ngroup = 'X'\nagainst = 'HC'\n[classifier]\ncontrast = 'c'",
            r"contrasts\.c\.group: no population is called 'X'",
        ),
        ("[classifier]\ncontrast = 'x'", "no contrast is called 'x'; there are"),
        (
            "[classifier]\nimaging = ['alps_mean']\ninstead = {alps_men = 'alps_left'}",
            r"classifier\.instead: 'alps_men' is no predictor; .*: is it 'alps_mean'",
        ),
        ("[table1]\nvariables = [1]", r"table1\.variables: expected a text, got 1"),
        ("[table1]\nrows = []", r"table1 has no key 'rows'; there are \['comparisons'"),
        ("families = 1", "families: expected a list of tables, got 1"),
        ("[[families]]\nanalysis = 'x'", "analysis 'x' is none of"),
        ("[[families]]\nanalysis = 'regressions'\ncontrasts = ['x']", "no contrast is called 'x'"),
        ("[regressions]\nzero_becomes = 0", "zero_becomes must be above 0"),
        ("[imputation]\ndatasets = 1", "imputation takes 0 or at least 2 data sets"),
        ("[imputation]\ndatasets = 1000000", "at most 1000 of each, got 1000000 and 10"),
        ("[imputation]\ndatasets = 5\niterations = -5", "at least 1 iteration, .* got 5 and -5"),
        (
            "[regressions]\nzero_becomes = nan",
            r"regressions\.zero_becomes: expected a number, got nan",
        ),
        ("alpha = nan", "alpha: expected a number, got nan"),
        ("[columns]\nage = 3", r"columns\.age: expected a text, got 3"),
        ("[populations.A.where]\ndx = 'SLE'", r"A\.where\.dx: expected a list of texts, got 'SLE'"),
        ("[table1]\ncomparisons = ['HC']", r"comparisons: expected a list of texts, got 'HC'"),
        ("[normative]\nrisk_at_least = 0", "normative: risk_at_least must be 1 or more, got 0"),
        ("[exclusions]\ninfarct_suspects = 'x'", "infarct_suspects 'x' is none of"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_there_is(text, message):
    with pytest.raises(ValueError, match=message):
        _parse(text)


def test_records_do_not_change():
    with pytest.raises(AttributeError):
        Study(populations=DEFAULT_STUDY.populations, groups=("HC",)).mode = "paper"
    assert Imputation().datasets == 0

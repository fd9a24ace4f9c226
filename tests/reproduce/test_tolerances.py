"""Tolerances are a table: the user's rules come before those of the app."""

import pytest

from npsle_app.reproduce.tolerances import Compared, Rule, read_tolerances

HEADER = "files\tpart\tcompared\tabsolute\trelative\tshare\treason\n"


def test_those_of_the_app_can_be_read_and_each_says_why():
    rules = read_tolerances().rules
    assert rules
    assert all(one.reason for one in rules)


@pytest.mark.parametrize(
    ("name", "part", "compared"),
    [
        ("dataset_description.json", "GeneratedBy[0].Version", Compared.NOT),
        ("dataset_description.json", "Name", Compared.CONTENT),
        ("logs/status.tsv", "seconds", Compared.NOT),
        ("sub-01/log/sub-01_receipt-anat.json", "version", Compared.NOT),
        ("sub-01/log/sub-01_stage-anat.json", "measures[0].value", Compared.CONTENT),
        ("sub-01/anat/sub-01_label-GM_probseg.nii.gz", "", Compared.CONTENT),
        ("group/statistics.json", "analyses[0].results", Compared.CONTENT),
        ("sub-01.html", "", Compared.THERE),
    ],
)
def test_what_tells_of_the_run_is_not_compared_and_all_else_is(name, part, compared):
    rule = read_tolerances().of_part(name, part)
    assert rule.compared is compared


def test_rules_of_the_user_come_first(tmp_path):
    own = tmp_path / "rules.tsv"
    own.write_text(HEADER + "sub-*_measures.tsv\tvalue\tcontent\t0\t0.01\tn/a\tother scanner\n")
    rule = read_tolerances(own).of_part("sub-01/sub-01_measures.tsv", "value")
    assert (rule.relative, rule.reason) == (0.01, "other scanner")


def test_what_the_command_line_allows_is_allowed_everywhere():
    least = Rule(files="*", absolute=0.5)
    assert read_tolerances(least=least).of_file("a.nii.gz").absolute == 0.5
    assert read_tolerances(least=least).of_file("logs/a").compared is Compared.NOT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("files\tpart\n*\tn/a\n", "expected the columns"),
        (HEADER + "*\tn/a\tperhaps\t0\t0\t0\twhy\n", "line 2: .*perhaps"),
        (HEADER + "*\tn/a\tcontent\t-1\t0\t0\twhy\n", "a number from 0 on"),
        (HEADER + "*\tn/a\tcontent\tnan\t0\t0\twhy\n", "a number from 0 on"),
        (HEADER + "*\tn/a\tcontent\tmuch\t0\t0\twhy\n", "line 2"),
        (HEADER + "*\tcontent\n", "line 2: expected"),
    ],
)
def test_rules_that_make_no_sense_are_refused(tmp_path, text, told):
    own = tmp_path / "rules.tsv"
    own.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_tolerances(own)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot read the tolerances"):
        read_tolerances(tmp_path / "none.tsv")

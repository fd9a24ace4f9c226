"""Every option explains itself and stands in the document, and its rules can be copied from it."""

from pathlib import Path

from npsle_app.reproduce.parser import build_parser
from npsle_app.reproduce.tolerances import read_tolerances

DOCUMENT = Path(__file__).parents[2] / "docs" / "reruns.md"


def test_every_option_is_documented_and_has_help():
    text = DOCUMENT.read_text(encoding="utf-8")
    for action in build_parser()._actions:
        assert action.help
        if action.dest != "help":
            assert all(f"`{name}" in text for name in action.option_strings), action.dest


def test_the_rules_of_the_document_are_rules(tmp_path):
    blocks = DOCUMENT.read_text(encoding="utf-8").split("```")
    (rules,) = (
        text for block in blocks if (text := block.partition("\n")[2]).startswith("files\t")
    )
    (tmp_path / "rules.tsv").write_text(rules)
    assert (
        read_tolerances(tmp_path / "rules.tsv").of_file("sub-01/anat/a_dseg.nii.gz").share == 0.001
    )

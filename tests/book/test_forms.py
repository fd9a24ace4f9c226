"""Every TOML and JSON that a document shows is one that the app's own readers take."""

import json
import tomllib
from pathlib import Path

import pytest

from npsle_app.bids.input.dataset import read_filters
from npsle_app.bids.vessels.landmarks import read_landmarks
from npsle_app.cli.config import resolve
from npsle_app.cli.options import Request
from npsle_app.cohort.classifier.model import from_plain as classifier_from_plain
from npsle_app.cohort.normative.population_json import is_population, population_from_plain
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.settings import Settings
from tests.book.blocks import find_blocks

_ASKED = '"?"'  # what a proposal leaves to a person


def read_as_config(path: Path) -> None:
    request = Request(
        bids_dir=path, output_dir=path, levels=(), config_file=path, given={}, command=()
    )
    resolve(request)


def is_config(content: dict[str, object]) -> bool:
    """Tell whether every section is one of the settings, and holds their keys alone."""
    sections = vars_of(Settings())
    return all(
        name == "run" or (name in sections and set(keys) <= set(vars_of(sections[name])))
        for name, keys in content.items()
        if isinstance(keys, dict) or name in sections
    ) and all(isinstance(keys, dict) for keys in content.values())


def vars_of(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("block", find_blocks("toml"), ids=lambda block: block.id)
def test_every_toml_is_a_study_file_or_a_config_file(block, tmp_path: Path) -> None:
    content = tomllib.loads(block.text)
    if is_config(content):
        path = tmp_path / "config.toml"
        path.write_text(block.text, encoding="utf-8")
        read_as_config(path)
    elif _ASKED in block.text:
        with pytest.raises(ValueError, match=r"\?"):
            parse_study(content)
    else:
        parse_study(content)


@pytest.mark.parametrize(
    "block",
    [block for block in find_blocks("json") if '"descriptions"' not in block.text],
    ids=lambda block: block.id,
)
def test_every_json_is_read_by_the_reader_of_its_form(block, tmp_path: Path) -> None:
    content = json.loads(block.text)
    path = tmp_path / "content.json"
    path.write_text(block.text, encoding="utf-8")
    if is_population(content):
        population_from_plain(content)
    elif content.get("format") == "npsle_app classifier":
        classifier_from_plain(content)
    elif "vessels" in content:
        assert read_landmarks(path)
    else:
        assert read_filters(path)


def test_both_readers_of_toml_are_asked() -> None:
    kinds = {is_config(tomllib.loads(block.text)) for block in find_blocks("toml")}
    assert kinds == {True, False}


def test_a_wrong_form_would_be_found() -> None:
    with pytest.raises(ValueError, match="refrence_group"):
        parse_study({"refrence_group": "HC"})

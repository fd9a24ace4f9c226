"""The guidelines' items are whole, and the app has a text for each that it says it answers."""

import ast
import inspect

from npsle_app.checklists import CHECKLISTS
from npsle_app.cohort.classifier import checklist as classifier_checklist


def _answers() -> set[str]:
    """The keys of the app's texts, as the functions that tell them name them."""
    return {
        key.value
        for function in ast.parse(inspect.getsource(classifier_checklist)).body
        if isinstance(function, ast.FunctionDef) and function.name.startswith("_of_")
        for node in ast.walk(function)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }


def test_every_item_says_what_is_asked_for():
    assert all(one.guideline and one.item and one.topic for one in CHECKLISTS)


def test_no_guideline_asks_the_same_twice():
    asked = [(one.guideline, one.item, one.topic) for one in CHECKLISTS]
    assert len(asked) == len(set(asked))


def test_items_of_tripod_are_numbered_once():
    items = [one.item for one in CHECKLISTS if one.guideline == "TRIPOD+AI"]
    assert len(items) == len(set(items)) == 52


def test_the_app_has_the_texts_that_items_ask_for_and_no_others():
    assert {one.answer for one in CHECKLISTS if one.answer} == _answers()

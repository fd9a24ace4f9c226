"""Items of the guidelines for prediction models: `npsle_app/data/checklists.tsv`.

Topics are told in our own words. Item numbers of TRIPOD+AI (doi:10.1136/bmj-2023-078378) are
those of its checklist; of CLAIM 2024 (doi:10.1148/ryai.240300) the section is given alone.
"""

from dataclasses import dataclass

from npsle_app.resources import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """What a guideline asks for; `answer` is the key of the app's text, empty where it has none."""

    guideline: str
    item: str
    topic: str
    answer: str


CHECKLISTS = tuple(ChecklistItem(**row) for row in read_table("checklists.tsv"))

import pytest

from npsle_app.participant_ids import clean_id, match_ids

_FOLDERS = [f"sub-{number:04d}" for number in range(1, 41)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("01", "sub-01"), (" SUB-01 ", "sub-01"), ("Sub-01", "sub-01"), ("12.0", "sub-12")],
)
def test_ids_are_written_as_folders_are_called(text, expected):
    assert clean_id(text) == expected


@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name.removeprefix("sub-"),
        lambda name: name.replace("sub-", "SUB-"),
        lambda name: f" {name} ",
        lambda name: str(int(name.removeprefix("sub-"))),
        lambda name: f"{int(name.removeprefix('sub-'))}.0",
        lambda name: f"sub-{int(name.removeprefix('sub-'))}",
        lambda name: f"sub_{name.removeprefix('sub-')}".replace("sub_", "sub-00"),
    ],
)
@pytest.mark.fault(
    "Tables",
    "ids without leading zeros or sub-, in another case, with blanks, as 7.0",
    "matched, and said",
)
def test_the_same_person_is_found_under_other_spellings(spell):
    theirs = [spell(name) for name in _FOLDERS]
    matched = match_ids(theirs, known=_FOLDERS, where="participants.tsv")
    assert [matched.ids[one] for one in theirs] == _FOLDERS


def test_a_match_that_is_not_the_plain_one_is_said():
    matched = match_ids(["1", "2"], known=["sub-001", "sub-002"], where="participants.tsv")
    (note,) = matched.notes
    assert note == (
        "2 ids of participants.tsv differ from the folders by leading zeros only "
        "('1' for sub-001, '2' for sub-002): taken as the same"
    )


@pytest.mark.parametrize(
    ("theirs", "known"),
    [
        (["1", "01"], ["sub-001"]),  # two people of the table for one folder
        (["1"], ["sub-01", "sub-001"]),  # two folders for one person
        (["p1", "P1"], ["sub-p-1"]),
    ],
)
@pytest.mark.fault("Tables", "ids that could mean two people", "not matched")
def test_what_could_be_two_people_is_not_matched(theirs, known):
    matched = match_ids(theirs, known=known, where="participants.tsv")
    assert set(matched.ids.values()).isdisjoint(known)


def test_a_plain_match_is_never_given_to_someone_else():
    matched = match_ids(["01", "1"], known=["sub-01"], where="participants.tsv")
    assert matched.ids == {"01": "sub-01", "1": "sub-1"}

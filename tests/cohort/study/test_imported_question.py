"""A study asks of imported volumes what it asks of the app's own, and never mixes them."""

import pandas as pd

from npsle_app.cohort.study.exclusion import take_measures
from npsle_app.cohort.study.measures import SOFTWARE, add_software, pivot
from npsle_app.cohort.study.normative_question import (
    NormativeQuestion,
    ask_of_imported,
    say_region,
)
from npsle_app.cohort.study.study import Exclusions
from npsle_app.measures.names_of_freesurfer import REGIONS_OF_PAPER, TISSUE


def test_the_paper_counts_82_regions_of_68_gyri_and_14_nuclei():
    asked = ask_of_imported(NormativeQuestion(), paper=True)
    assert len(set(asked.counted_regions)) == 82
    assert asked.counted_regions == REGIONS_OF_PAPER
    assert asked.risk_measures == ("fs_thalamus_left_ml", "fs_thalamus_right_ml")


def test_counted_is_tissue_that_the_reference_knows():
    asked = ask_of_imported(NormativeQuestion(), paper=False)
    assert asked.counted_regions == TISSUE
    assert not any("ventricle" in name for name in asked.counted_regions)
    some = ask_of_imported(NormativeQuestion(), paper=False, known=TISSUE[:4])
    assert some.counted_regions == TISSUE[:4]
    assert not any(name.startswith("region_") for name in some.scored_regions)


def test_volumes_are_called_as_readers_call_them():
    assert say_region("fs_thalamus_left_ml") == "thalamus, left"
    assert say_region("fs_brain_stem_ml") == "brain stem"
    assert say_region("region_thalamus_left_ml") == "thalamus, left"


def long_table(*software: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(len(software))],
            "session_id": None,
            "measure": "fs_etiv_ml",
            "value": 1500.0,
            "qc": "pass",
            "stage": "freesurfer",
            "software": list(software),
        }
    )


def test_the_program_stands_beside_its_volumes():
    long = long_table("FreeSurfer 6.0", "FreeSurfer 7.4.1")
    wide = add_software(pivot(long), long=long)
    assert wide[SOFTWARE].tolist() == ["FreeSurfer 6.0", "FreeSurfer 7.4.1"]
    none = long_table("", "")
    assert SOFTWARE not in add_software(pivot(none), long=none)


def test_two_versions_in_one_column_are_told():
    long = long_table("FreeSurfer 6.0", "FreeSurfer 7.4.1", "FreeSurfer 7.4.1")
    wide = add_software(pivot(long), long=long)
    sessions = wide[["participant_id"]].assign(baseline_session=None)
    columns, notes = take_measures(wide, sessions=sessions, rules=Exclusions())
    assert columns[SOFTWARE].tolist() == wide[SOFTWARE].tolist()
    assert any("FreeSurfer 7.4.1 (2), FreeSurfer 6.0 (1)" in note for note in notes)

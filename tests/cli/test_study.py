"""The group level on the command line: its study file, and what a dry run says of it."""

import pandas as pd
import pytest

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.report.participant import DICTIONARY


def _measured(out, participant, *, gm):
    rows = pd.DataFrame([("gm_ml", gm, "mL", "tissue", "pass", None)], columns=list(DICTIONARY))
    Writer(out, participant).table(rows, File.MEASURES, dictionary=DICTIONARY)
    log = out / f"sub-{participant}" / "log"
    log.mkdir(parents=True)
    (log / "status.tsv").write_text(
        "participant_id\tsession_id\tstage\tstatus\tseconds\tcpu_seconds\tpeak_mb\treason\n"
    )


@pytest.fixture
def processed(dataset, tmp_path):
    (dataset.root / "participants.tsv").write_text(
        "participant_id\tgroup\tage\nsub-01\tHC\t31\nsub-02\tNPSLE\t44\nsub-09\tHC\t50\n"
    )
    for participant, gm in (("01", 600.0), ("02", 610.0)):
        _measured(tmp_path / "out", participant, gm=gm)


@pytest.mark.usefixtures("processed")
def test_a_dry_run_says_who_enters_which_analysis_and_why_not(app, tmp_path):
    call = app("group", "--dry-run")

    assert call.code == 0
    told = "\n".join(call.lines)
    assert "group: will gather 2 participants processed so far" in told
    assert "no file given: the analyses of the lupus papers" in told
    assert "Of 3 participants, 2 entered" in told
    assert "left out, no measures: not processed: sub-09" in told
    assert (
        "group_tests, gm_ml: Controls 1 of 1; non-NPSLE 0 of 0 (non-NPSLE: group has none of "
        "['non-NPSLE', 'SLE']; it has ['HC', 'NPSLE']); NPSLE 1 of 1"
    ) in told
    assert "no column sex" in told
    assert "classifier, NPSLE v non-NPSLE: non-NPSLE 0 of 0" in told
    assert "NPSLE 1 of 1 (no column sledai_2k_non_np: no predictor" in told
    assert not (tmp_path / "out" / "group").exists()


@pytest.mark.usefixtures("processed")
def test_a_study_too_small_for_any_test_is_told_and_no_failure(app, tmp_path):
    call = app("group")

    assert call.code == 0
    table = pd.read_csv(tmp_path / "out" / "group" / "kruskal_wallis.tsv", sep="\t")
    assert set(table["status"]) == {"not estimable"}


@pytest.mark.usefixtures("processed")
@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("grups = []", (), "the study file has no key 'grups'; there are"),
        ("groups = [", (), "cannot read the study file"),
        ("[table1]\nvariables = ['crp']", ("--dry-run",), "names 'crp', which no table has"),
    ],
)
def test_a_study_file_that_makes_no_sense_is_refused(app, tmp_path, text, words, message):
    file = tmp_path / "study.toml"
    file.write_text(text)

    call = app("group", "--study", str(file), *words)

    assert call.code == 2
    assert message in call.err
    assert not (tmp_path / "out" / "group").exists()


@pytest.mark.usefixtures("processed")
def test_a_study_file_that_names_what_no_table_has_ends_before_computing(app, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text("[table1]\nvariables = ['crp']\n")

    call = app("group", "--study", str(file))

    assert call.code == 2
    assert "names 'crp', which no table has" in call.err
    assert not (tmp_path / "out" / "group").exists()

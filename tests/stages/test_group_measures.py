import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from npsle_app.bids.output.names import File
from npsle_app.bids.output.tree import write_dataset_files
from npsle_app.bids.output.writer import Writer
from npsle_app.report.participant import DICTIONARY
from npsle_app.settings import MeasuresSettings
from npsle_app.stages.group.measures import run
from tests.stages.described_tables import assert_tables_are_as_described

_RATING = "participant_id\tsession_id\trater\trating\texclude\tstages\tcomment\n"


def _measured(out, participant, session=None, *, gm=600.0, method=""):
    rows = pd.DataFrame(
        [
            ("gm_ml", gm, "mL", "tissue", "pass", None),
            ("wmh_count", 4, "1", f"wmh{method}", "warn", None),
        ],
        columns=list(DICTIONARY),
    )
    Writer(out, participant, session).table(rows, File.MEASURES, dictionary=DICTIONARY)


@pytest.fixture
def out(tmp_path) -> Path:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "participants.tsv").write_text(
        "participant_id\tage\tgroup\nsub-01\t31\tSLE\n02\tn/a\tNPSLE\nsub-77\t50\tSLE\n"
    )
    (raw / "participants.json").write_text('{"age": {"Description": "Age", "Units": "year"}}')
    out = tmp_path / "npsle_app"
    for session, gm in (("1", 600.0), ("2", 590.0)):
        _measured(out, "01", session, gm=gm)
    _measured(out, "02", gm=650.0)
    (out / "sub-03" / "log").mkdir(parents=True)
    return out


def _run(out):
    return run(output_dir=out, raw=out.parent / "raw", settings=MeasuresSettings())


def _read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def test_the_wide_table_has_a_row_per_participant_and_session(out):
    table = _read(_run(out).measures)
    assert table["participant_id"].tolist() == ["sub-01", "sub-01", "sub-02"]
    assert table["session_id"].tolist() == ["ses-1", "ses-2", "n/a"]
    assert table["gm_ml"].tolist() == ["600.0", "590.0", "650.0"]
    assert table["wmh_count_qc"].tolist() == ["warn"] * 3


def test_phenotype_has_one_row_per_participant_taken_from_the_first_session(out):
    table = _read(_run(out).phenotype).set_index("participant_id")
    assert table.index.tolist() == ["sub-01", "sub-02", "sub-03"]
    assert table.loc["sub-01", "gm_ml"] == "600.0"
    assert table.loc["sub-01", "baseline_session"] == "ses-1"
    assert set(table.loc["sub-03"]) == {"n/a"}


def test_participants_are_those_of_the_output_with_the_columns_of_the_input(out):
    path = _run(out).participants
    assert _read(path).to_numpy().tolist() == [
        ["sub-01", "31", "SLE"],
        ["sub-02", "n/a", "NPSLE"],
        ["sub-03", "n/a", "n/a"],
    ]
    meanings = json.loads(path.with_suffix(".json").read_text())
    assert meanings["age"] == {"Description": "Age", "Units": "year"}
    assert "group" in meanings["group"]["Description"]


def test_a_value_far_from_the_others_is_named(out):
    for participant, gm in (("10", 560.0), ("11", 580.0), ("12", 620.0), ("13", 660.0)):
        _measured(out, participant, gm=gm)
    _measured(out, "15", "1", gm=900.0)
    made = _run(out)
    assert _read(made.outliers).to_numpy().tolist() == [["sub-15", "ses-1", "gm_ml", "900.0"]]
    assert_tables_are_as_described(out, "measures")


def test_only_participants_with_sessions_have_a_table_of_sessions(out):
    paths = _run(out).sessions
    assert [path.relative_to(out).as_posix() for path in paths] == ["sub-01/sub-01_sessions.tsv"]
    assert _read(paths[0])["session_id"].tolist() == ["ses-1", "ses-2"]
    assert set(_read(paths[0])) <= set(json.loads((out / "sessions.json").read_text()))


def test_every_column_has_a_description_and_every_number_a_unit(out):
    made = _run(out)
    for path in (made.measures, made.phenotype):
        meanings = json.loads(path.with_suffix(".json").read_text())
        for column in _read(path):
            assert meanings[column]["Description"]
        assert meanings["gm_ml"]["Units"] == "mL"


def test_ratings_become_columns_and_the_worst_of_several_counts(out):
    (out / "qc").mkdir()
    for rater, rating in (("A", "good"), ("B", "exclude")):
        (out / "qc" / f"{rater}.tsv").write_text(
            f"{_RATING}sub-01\tses-2\t{rater}\t{rating}\tno\twmh\tn/a\n"
        )
    table = _read(_run(out).measures)
    assert table["qc_rating"].tolist() == ["n/a", "exclude", "n/a"]
    assert table["qc_exclude"].tolist() == ["n/a", "yes", "n/a"]
    assert table["qc_stages"].tolist() == ["n/a", "wmh", "n/a"]


def test_a_rating_that_does_not_exist_is_refused_with_its_file(out):
    (out / "qc").mkdir()
    (out / "qc" / "a.tsv").write_text(f"{_RATING}sub-01\tses-2\tA\tgreat\tno\tn/a\tn/a\n")
    with pytest.raises(ValueError, match=r"a\.tsv has the ratings \['great'\], known are"):
        _run(out)


def test_a_table_of_ratings_without_ids_is_refused(out):
    (out / "qc").mkdir()
    (out / "qc" / "a.tsv").write_text("who\trating\nme\tgood\n")
    with pytest.raises(ValueError, match=r"a\.tsv lacks the columns \['participant_id'\]"):
        _run(out)


def test_a_raw_table_that_names_someone_twice_is_refused(out):
    raw = out.parent / "raw" / "participants.tsv"
    raw.write_text("participant_id\nsub-01\n01\n")
    with pytest.raises(ValueError, match="names sub-01 twice"):
        _run(out)


def test_the_same_tables_come_out_a_second_time(out):
    made = _run(out)
    files = [made.measures, made.outliers, made.phenotype, made.participants, *made.sessions]
    first = [path.read_bytes() for path in files]
    _run(out)
    assert [path.read_bytes() for path in files] == first


def test_the_raw_dataset_is_found_by_the_link_of_the_output(out):
    write_dataset_files(out, bids_dir=out.parent / "raw", version="0")
    made = run(output_dir=out, settings=MeasuresSettings())
    assert "age" in _read(made.participants)


def test_without_any_measure_there_are_empty_tables_and_no_error(tmp_path):
    (tmp_path / "sub-01" / "log").mkdir(parents=True)
    made = run(output_dir=tmp_path, settings=MeasuresSettings())
    assert _read(made.measures).empty
    assert _read(made.outliers).empty
    assert _read(made.phenotype)["participant_id"].tolist() == ["sub-01"]
    assert made.sessions == ()


def test_the_tables_are_valid_bids(out):
    write_dataset_files(out, bids_dir=out.parent / "raw", version="0")
    _run(out)
    (out / "qc").mkdir()
    (out / "qc" / "a.tsv").write_text(f"{_RATING}sub-01\tses-2\tA\tgood\tno\tn/a\tn/a\n")
    validator = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run(  # noqa: S603
        [validator, "--format", "json", out], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []


@pytest.mark.parametrize("line", ["gm_ml\tmany\tmL\ttissue\tpass\tn/a", "gm_ml\t600.0"])
def test_a_damaged_line_is_refused_with_its_file(out, line):
    path = out / "sub-02" / "sub-02_measures.tsv"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"sub-02_measures.tsv has a damaged line.*gm_ml"):
        _run(out)


def _baseline(out, participant):
    table = _read(_run(out).phenotype)
    row = table[table["participant_id"] == participant].iloc[0]
    return row["baseline_session"], row["gm_ml"]


def test_the_baseline_is_the_first_session_by_date_then_by_what_labels_tell(out):
    for session, gm in (("post", 580.0), ("pre", 600.0)):
        _measured(out, "04", session, gm=gm)
    raw = out.parent / "raw"
    people = raw / "participants.tsv"
    people.write_text(people.read_text() + "sub-04\t40\tSLE\n")
    assert _baseline(out, "sub-04") == ("ses-pre", "600.0")
    (raw / "sub-04").mkdir()
    (raw / "sub-04" / "sub-04_sessions.tsv").write_text(
        "session_id\tacq_time\nses-pre\t2021-01-01\nses-post\t2020-01-01\n"
    )
    assert _baseline(out, "sub-04") == ("ses-post", "580.0")


def test_without_an_order_no_session_is_the_baseline(out):
    for session in ("one", "other"):
        _measured(out, "04", session)
    people = out.parent / "raw" / "participants.tsv"
    people.write_text(people.read_text() + "sub-04\t40\tSLE\n")
    assert _baseline(out, "sub-04") == ("n/a", "n/a")
    assert _baseline(out, "sub-01") == ("ses-1", "600.0")


def test_who_was_measured_by_flair_alone_is_told_where_there_is_such_a_person(out):
    assert "measured_by" not in _read(_run(out).measures)
    _measured(out, "04", method="_flair")
    table = _read(_run(out).measures)
    assert table["measured_by"].tolist() == ["T1w", "T1w", "T1w", "FLAIR alone"]
    assert list(table)[:3] == ["participant_id", "session_id", "measured_by"]
    meanings = json.loads((out / "npsle_app_measures.json").read_text())
    assert set(meanings["measured_by"]["Levels"]) == {"T1w", "FLAIR alone"}

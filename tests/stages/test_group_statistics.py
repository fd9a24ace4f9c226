import json
from dataclasses import replace

import pandas as pd
import pytest

from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.output.tree import write_dataset_files
from npsle_app.report.references import WORKS
from npsle_app.settings import StatisticsSettings
from npsle_app.stages.group import statistics
from npsle_app.stages.group.shared import assemble_cohort, read_study, read_tables
from npsle_app.stages.group.statistics import run
from tests.cohort.study_tables import make_tables
from tests.stages.described_tables import assert_tables_are_as_described

pytestmark = pytest.mark.long

SETTINGS = StatisticsSettings()


ASKED_ALONE = (  # by a study file
    "combat",
    "combat_contrasts",
    "combat_values",
    "agreement",
    "reader_judgements",
    "reader_volumes",
    "reader_thresholds",
    "mediation",
    "matched_differences",
    "matched_balance",
    "matched_pairs",
)


@pytest.fixture
def out(tmp_path):
    return _put(tmp_path, make_tables())


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """What a run left, not to be changed."""
    out = _put(tmp_path_factory.mktemp("study"), make_tables())
    return _run(out)


@pytest.fixture(scope="module")
def made(analysed):
    """All that the stage leaves of a study, in the folder of its tables and summary."""
    return analysed.summary.parents[1], analysed


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small study's time."""
    monkeypatch.setattr(statistics, "_draw", lambda *_: iter(()))


@pytest.fixture
def lean(tmp_path):
    """A study file of one group test and nothing else."""
    file = tmp_path / "lean.toml"
    file.write_text(
        '[group_tests]\nmeasures = ["gm_ml"]\n[correlations]\nmeasures = []\n'
        "[regressions]\noutcomes = []\n"
    )
    return str(file)


def _put(folder, tables):
    """Leave the tables as the raw dataset and the stage `measures` do."""
    raw, out = folder / "raw", folder / "npsle_app"
    for place in (raw, out):
        place.mkdir(exist_ok=True)
    tables.participants.to_csv(raw / "participants.tsv", sep="\t", index=False)
    tables.measures.to_csv(out / "npsle_app_measures.tsv", sep="\t", index=False, na_rep="n/a")
    return out


def _run(out, **settings):
    return run(output_dir=out, raw=out.parent / "raw", settings=replace(SETTINGS, **settings))


def _read(out, file):
    return pd.read_csv(out / file.path, sep="\t", keep_default_na=False, na_values=["n/a"])


def test_every_table_is_written_with_a_description_of_each_column(analysed):
    out = analysed.summary.parents[1]
    assert_tables_are_as_described(
        out, "statistics", but=ASKED_ALONE, open_tables=["analysis_frame"]
    )
    own = {file.path for file in GroupFile if file.stage == "statistics"}
    own -= {GroupFile(name).path for name in ASKED_ALONE}
    written = {path.relative_to(out).as_posix() for path in (*analysed.tables, analysed.summary)}
    assert written == own
    for path in analysed.tables:
        columns = pd.read_csv(path, sep="\t").columns
        meanings = json.loads(path.with_suffix(".json").read_text())
        assert list(meanings) == list(columns)
        assert all(meaning["Description"] for meaning in meanings.values())


def test_columns_of_the_study_are_explained_by_what_the_app_knows_of_them(analysed):
    file = analysed.summary.parents[1] / GroupFile.ANALYSIS_FRAME.path
    frame = json.loads(file.with_suffix(".json").read_text())
    assert frame["age"] == {
        "LongName": "Age",
        "Description": "Age at the baseline session",
        "Units": "year",
    }
    assert frame["hypertension"]["Levels"] == {"1": "yes", "0": "no"}


def test_the_summary_says_what_was_done_found_and_left_out(analysed):
    out = analysed.summary.parents[1]
    told = json.loads(analysed.summary.read_text())
    analyses = {one["name"]: one for one in told["analyses"]}
    assert list(analyses) == [
        "participants",
        "table1",
        "group_tests",
        "adjusted",
        "correlations",
        "regressions",
        "outcomes",
        "markers",
        "change",
        "power",
    ]
    assert "Of 60 participants, 60 entered" in analyses["participants"]["methods"]
    assert "Kruskal–Wallis" in analyses["group_tests"]["methods"]
    assert any("DTI-ALPS" in line for line in analyses["group_tests"]["results"])
    assert analyses["group_tests"]["not_estimable"] == 2  # no vessel wall
    assert "no column vw_nwi" in "".join(analyses["group_tests"]["reasons"])
    sizes = {one["name"]: one["n"] for one in told["populations"]}
    assert (sizes["HC"], sizes["patients"]) == (20, 40)
    for one in analyses.values():
        assert set(one["citations"]) <= set(WORKS)
        assert all((out / path).is_file() for path in one["tables"].values())


@pytest.mark.slow
def test_a_second_run_gives_the_same_files_and_takes_away_old_ones_of_its_own_alone(out):
    made = _run(out)
    first = [path.read_bytes() for path in (made.summary, *made.tables)]
    figures = out / GROUP_FIGURES
    old = [figures / "groups-old-measure.svg", figures / "adjusted-a-b.pdf"]
    others = [
        *(figures / name for name in ("deviation-scores.svg", "mine.svg", "classifier-roc.pdf")),
        *(out / file.path for file in (GroupFile.COX, GroupFile.CLASSIFIER_ROC)),
    ]
    for path in (*old, *others):
        path.write_text("old")
    _run(out)
    assert [path.read_bytes() for path in (made.summary, *made.tables)] == first
    assert not any(path.exists() for path in old)
    assert {path.read_text() for path in others} == {"old"}


@pytest.mark.usefixtures("no_figures")
def test_a_study_file_changes_groups_and_contrasts(out, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        'groups = ["SLE", "NPSLE"]\n[regressions]\noutcomes = ["gm_ml"]\nsensitivity = []\n'
        "secondary = []\n[imputation]\ndatasets = 2\niterations = 1\n"
    )
    _run(out, study_file=str(file))
    table = _read(out, GroupFile.REGRESSIONS)
    assert set(table["contrast"]) == {"NPSLE_v_SLE"}
    assert set(table["model"]) == {
        "primary",
        "primary, imputed",
        "primary, site and scanner left out",
    }
    assert set(table["n"]) == {40}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups = [", r"cannot read the study file .*study\.toml"),
        ("grups = []", r"study\.toml: the study file has no key 'grups'"),
    ],
)
def test_a_study_file_that_makes_no_sense_is_refused_with_its_name(tmp_path, text, message):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_study(str(file))
    with pytest.raises(ValueError, match="cannot read the study file"):
        read_study(str(tmp_path / "nowhere.toml"))


def test_a_name_that_no_table_has_is_refused_with_those_that_there_are(out, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('[correlations]\nclinical = ["crp"]\n')
    with pytest.raises(ValueError, match=r"names 'crp', which no table has; there are \['part"):
        _run(out, study_file=str(file))


def test_visits_phenotypes_and_units_of_the_raw_dataset_are_read(out):
    raw = out.parent / "raw"
    (raw / "phenotype").mkdir()
    (raw / "phenotype" / "labs.tsv").write_text(
        "participant_id\tsession_id\tiga_g_l\nsub-000\tses-1\t250\n"
    )
    (raw / "phenotype" / "labs.json").write_text('{"iga_g_l": {"Units": "mg/dL"}}')
    (raw / "sub-000").mkdir()
    (raw / "sub-000" / "sub-000_sessions.tsv").write_text(
        "session_id\tacq_time\tfss_mean\nses-1\t2020-01-01\t4.5\n"
    )
    cohort = assemble_cohort(read_tables(out, raw=raw), study_file="")
    first = cohort.frame.iloc[0]
    assert first["baseline_session"] is None or first["baseline_session"] != "ses-1"
    measures = _read_measured(out).assign(session_id="ses-1")
    cohort = assemble_cohort(read_tables(out, raw=raw, measures=measures), study_file="")
    assert cohort.frame.loc[0, ["iga_g_l", "fss_mean"]].tolist() == [2.5, 4.5]


def _read_measured(out):
    return pd.read_csv(
        out / "npsle_app_measures.tsv", sep="\t", keep_default_na=False, na_values=["n/a"]
    )


def test_the_raw_dataset_is_found_by_the_link_of_the_output(out, lean):
    write_dataset_files(out, bids_dir=out.parent / "raw", version="0")
    left = run(output_dir=out, settings=replace(SETTINGS, study_file=lean))
    assert len(_read(out, GroupFile.ANALYSIS_FRAME)) == 60
    assert left.summary.is_file()


def _study_of_one(tmp_path, measures):
    raw, out = tmp_path / "raw", tmp_path / "npsle_app"
    for place in (raw, out):
        place.mkdir()
    (raw / "participants.tsv").write_text("participant_id\nsub-01\n")
    (out / "npsle_app_measures.tsv").write_text(measures)
    return out


def test_a_study_without_groups_is_not_estimable_and_no_failure(tmp_path):
    measured = "participant_id\tsession_id\ttiv_ml\ttiv_ml_qc\nsub-01\tn/a\t1400\tpass\n"
    out = _study_of_one(tmp_path, measured)
    told = json.loads(_run(out).summary.read_text())
    assert all(not one["results"] or one["name"] == "correlations" for one in told["analyses"])
    tests = _read(out, GroupFile.TABLE1_TESTS)
    assert set(tests["status"]) == {"not estimable"}
    assert tests["reason"].str.contains("no column").all()


@pytest.mark.fault("Tables", "no participant enters", "the group level fails and says why")
def test_a_study_that_nobody_enters_fails_with_the_reasons(tmp_path):
    out = _study_of_one(tmp_path, "participant_id\tsession_id\n")
    with pytest.raises(ValueError, match=r"not one of 1 .* no measures: not processed \(n = 1\)"):
        _run(out)


@pytest.mark.usefixtures("no_figures")
def test_heads_measured_by_flair_alone_are_warned_of_and_stand_in_the_frame(tmp_path, lean):
    tables = make_tables()
    methods = ["FLAIR alone" if n < 3 else "T1w" for n in range(60)]
    out = _put(tmp_path, replace(tables, measures=tables.measures.assign(measured_by=methods)))
    summary = json.loads(_run(out, study_file=lean).summary.read_text())
    assert any("3 participants were measured by FLAIR alone" in one for one in summary["warnings"])
    assert _read(out, GroupFile.ANALYSIS_FRAME)["measured_by"].tolist() == methods

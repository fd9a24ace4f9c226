"""The statistics on the study's page: escaped, sortable, to be copied into a paper."""

import json
import re

import pandas as pd
import pytest

from npsle_app.bids.output.names import GroupFile
from npsle_app.group_tables import group_tables
from npsle_app.report.study import read_study, write_table_files
from npsle_app.report.study_tables import lay_out, lay_out_table1, read_tables
from npsle_app.report.table_files import to_latex, to_word_html
from tests.report.study_builder import dunn, make_statistics


def _lay_out(frame, name):
    return lay_out(frame, described=group_tables()[name], name=name, path="x.tsv")


@pytest.fixture
def output(tmp_path):
    make_statistics(tmp_path)
    return tmp_path


def test_without_group_stages_there_is_nothing_to_show(tmp_path):
    assert read_study(tmp_path).analyses == ()


def test_a_file_that_is_not_there_is_left_out(output):
    (analysis,) = read_study(output).analyses
    assert [figure.path for figure in analysis.figures] == ["group/figures/forest.svg"]
    assert [table.name for table in analysis.tables] == ["dunn"]


def test_cited_works_follow_the_methods_text(output):
    study = read_study(output)
    assert study.methods == "Groups were compared."
    assert [key for key, _ in study.works] == ["dunn1964", "scipy"]


def test_cells_are_formatted_and_sorted_by_their_numbers():
    table = _lay_out(dunn(), "dunn")
    second = dict(zip(table.headings, table.rows[1], strict=True))
    assert second["p"].text == "<0.001"
    assert float(second["p"].sort) == 0.0004
    assert second["Cliff's δ (95 % CI)"].text == "0.46 (0.20 to 0.70)"
    assert "To be read" not in table.headings


def test_rows_that_are_not_estimable_are_not_in_the_table():
    frame = dunn().assign(status=["not estimable", "estimated"])
    assert len(_lay_out(frame, "dunn").rows) == 1


def test_a_long_table_is_cut_and_says_so():
    frame = pd.concat([dunn()] * 300, ignore_index=True)
    table = _lay_out(frame, "dunn")
    assert (len(table.rows), table.left_out) == (300, 300)


def test_table_1_has_a_column_per_population_and_the_test_beside_its_first_row():
    cells = pd.DataFrame(
        {
            "comparison": ["A v B"] * 4,
            "variable": ["sex"] * 4,
            "label": ["Sex"] * 4,
            "unit": [None] * 4,
            "level": ["F", "F", "M", "M"],
            "population": ["A", "B"] * 2,
            "population_label": ["Ones", "Others"] * 2,
            "missing": [1, 0, 1, 0],
            "shown": ["3 (75 %)", "4 (80 %)", "1 (25 %)", None],
        }
    )
    tests = pd.DataFrame(
        {
            "comparison": ["A v B"],
            "variable": ["sex"],
            "p_paper": [0.5],
            "p_recommended": [0.75],
            "standardised_difference": [-0.2],
        }
    )
    (table,) = lay_out_table1(cells, tests=tests, path="x.tsv", mode="recommended")
    texts = [[cell.text for cell in row] for row in table.rows]
    assert table.headings[:3] == ("Variable", "Ones", "Others")
    assert texts[0] == ["Sex: F", "3 (75 %)", "4 (80 %)", "1", "0.750", "−0.20"]
    assert texts[1] == ["Sex: M", "1 (25 %)", "n/a", "1", "", ""]


def test_latex_and_word_tables_hold_texts_as_texts(output):
    study = read_study(output)
    table = study.analyses[0].tables[0]
    latex, html = to_latex(table), to_word_html(table)
    assert r"$<$script$>$x$<$/script$>$ \& 50 \% of \$a\_b\$" in latex
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert latex.count(r" \\") == 1 + len(table.rows)


def test_each_shown_table_is_written_for_papers(output):
    write_table_files(output, read_study(output).analyses)
    names = {path.name for path in (output / "group" / "tables").iterdir()}
    assert names == {"dunn.tex", "dunn.html"}


def test_a_table_or_column_that_this_version_does_not_know_is_not_shown(output):
    assert "mood" not in _lay_out(dunn().assign(mood=[1, 2]), "dunn").headings
    leaks = pd.DataFrame({"column": ["age"], "finding": ["known late"], "mood": [1]})
    assert _lay_out(leaks, "classifier_leaks").headings == ("Column", "finding")
    strange = {"moods": "group/moods.tsv", "entering": "group/entering.tsv"}
    for path in strange.values():
        (output / path).write_text("n\tenters\n1\t1\n")
    assert [table.name for table in read_tables(output, tables=strange, mode="paper")] == [
        "entering"
    ]


def test_columns_whose_names_the_data_give_are_shown_too():
    frame = pd.DataFrame({"participant_id": ["sub-01"], "contribution of age": [0.25]})
    shown = _lay_out(frame, "classifier_predictions")
    assert shown.headings == ("Participant", "contribution of age")
    assert [cell.text for cell in shown.rows[0]] == ["sub-01", "0.250"]


def test_a_description_has_one_number_of_decimals_per_measure_and_no_empty_measures():
    rows = [
        ("vw_nwi", "NWI", "1", "Controls", 20, 0, 0.4071, 0.0387, 0.40884, 0.394, 0.431),
        ("vw_nwi", "NWI", "1", "NPSLE", 30, 0, 0.4513, 0.1234, 0.4, 0.3, 0.5),
        ("vw_nwi", "NWI", "1", "Nobody", 0, 0, *[None] * 5),
        ("gm_ml", "GM", "mL", "Controls", 0, 20, *[None] * 5),
        ("gm_ml", "GM", "mL", "NPSLE", 0, 30, *[None] * 5),
    ]
    columns = ["measure", "label", "unit", "group_label", "n", "missing", "mean", "sd", "median"]
    frame = pd.DataFrame(rows, columns=[*columns, "median_low", "median_high"])
    table = _lay_out(frame, "group_description")
    texts = [[cell.text for cell in row] for row in table.rows]
    assert texts[0] == ["NWI", "", "Controls", "20", "0", "0.41", "0.04", "0.41 (0.39 to 0.43)"]
    assert [row[2] for row in texts] == ["Controls", "NPSLE"]


def test_effect_sizes_have_two_decimals_however_near_zero():
    frame = pd.DataFrame(
        {"label": ["WM"], "n": [155], "h": [0.0003], "epsilon2": [2e-6], "low": [0.0]}
    ).assign(high=0.0304)
    table = _lay_out(frame, "kruskal_wallis")
    assert [cell.text for cell in table.rows[0]] == ["WM", "155", "0.00", "0.00 (0.00 to 0.03)"]


def test_a_figure_as_wide_as_the_page_says_so(output):
    path = output / GroupFile.STATISTICS.path
    summary = json.loads(path.read_text())
    summary["analyses"][0]["figures"][0]["width"] = "page"
    path.write_text(json.dumps(summary))
    (figure,) = read_study(output).analyses[0].figures
    assert figure.wide


def test_ratios_and_hazards_are_shown_with_their_limits():
    table = pd.DataFrame(
        {
            "contrast_label": ["Patients v Controls"],
            "irr": [2.7],
            "irr_low": [2.21],
            "irr_high": [3.3],
            "p": [1e-9],
            "permutation_p": [0.001],
            "status": ["estimated"],
        }
    )
    shown = _lay_out(table, "deviation_comparisons")
    assert shown.headings == ("Contrast", "IRR (95 % CI)", "p", "p, permutation")
    assert [cell.text for cell in shown.rows[0]][1:] == ["2.70 (2.21 to 3.30)", "<0.001", "0.001"]


def _with_analysis(output, **changes):
    path = output / GroupFile.STATISTICS.path
    summary = json.loads(path.read_text())
    summary["analyses"][0] |= changes
    path.write_text(json.dumps(summary))
    return read_study(output)


def test_an_analysis_in_which_nothing_could_be_estimated_is_folded_with_its_reason(output):
    reasons = ["needs at least two groups", "no column age"]
    study = _with_analysis(output, tables={}, figures=[], results=[], reasons=reasons)
    assert study.full == ()
    assert study.empty[0].why_empty == "needs at least two groups, and 1 more"


def test_an_analysis_with_a_table_or_a_figure_is_shown(output):
    assert _with_analysis(output, figures=[]).full
    assert _with_analysis(output, tables={}, figures=[]).empty


def test_what_was_found_is_what_the_analysis_says_or_else_its_first_result(output):
    study = _with_analysis(output, results=["one", "two"])
    assert study.full[0].found == ("one",)
    assert _with_analysis(output, found=["Of 2 measures, none."]).full[0].found == (
        "Of 2 measures, none.",
    )


def test_who_entered_stands_apart_from_the_analyses(output):
    study = _with_analysis(output, name="participants")
    assert study.entered is not None
    assert study.full == study.empty == ()


def test_two_figures_on_a_page_do_not_share_ids(output):
    figures = output / "group" / "figures"
    (figures / "none.svg").write_text((figures / "forest.svg").read_text())
    first, second = (figure.svg for figure in read_study(output).analyses[0].figures)
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= own

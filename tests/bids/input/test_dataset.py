"""How participants, sessions and scans are found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from npsle_app.bids.input.choosing import KINDS
from npsle_app.bids.input.dataset import (
    _entities_of_path,
    _parse_entities,
    _shape,
    find_sessions,
    list_participants,
    read_filters,
)
from npsle_app.bids.input.filters import ENTITIES
from npsle_app.bids.input.scans import Choice, Session, pair_sessions
from tests.bids.datasets import make_files, make_image, place


def _one(sessions: list[Session]) -> Session:
    assert len(sessions) == 1
    return sessions[0]


def _choice(session: Session, kind: str) -> Choice:
    return next(choice for choice in session.choices if choice.kind == kind)


def _t1w(root: Path, **options: object) -> Choice:
    return _choice(_one(find_sessions(root, "01", **options)), "t1w")  # type: ignore[arg-type]


def test_participants_are_the_folders_in_natural_order(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", *(f"anat/sub-{i}_T1w.nii.gz" for i in (10, 2, 1, "b")))
    (root / "sub-file").touch()
    (root / "sub-gone").symlink_to(tmp_path / "nowhere")
    (root / "participants.tsv").write_text("participant_id\nsub-99\n")
    assert list_participants(root) == ["1", "2", "10", "b"]


def test_asking_for_participants_does_not_import_pybids() -> None:
    code = "import sys, npsle_app.bids.input.dataset; sys.exit('bids' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_each_session_has_its_own_scans(tmp_path: Path) -> None:
    names = [f"anat/sub-01_ses-{s}_{kind}.nii.gz" for s in ("10", "2") for kind in ("T1w", "FLAIR")]
    root = make_files(tmp_path / "raw", *names, "anat/sub-011_ses-3_T1w.nii.gz")
    found = find_sessions(root, "sub-01")
    assert [session.id for session in found] == ["sub-01_ses-2", "sub-01_ses-10"]
    assert found[0].scans["flair"].path == place(root, "anat/sub-01_ses-2_FLAIR.nii.gz")


def test_only_the_sessions_asked_for_are_found(tmp_path: Path) -> None:
    names = [f"anat/sub-01_ses-{s}_T1w.nii.gz" for s in "abc"]
    root = make_files(tmp_path / "raw", *names)
    found = find_sessions(root, "01", sessions=["ses-c", "a", "z"])
    assert [session.session for session in found] == ["a", "c"]


def test_a_dataset_without_session_folders_has_one_session_without_label(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    assert _one(find_sessions(root, "01")).id == "sub-01"


def test_a_session_without_a_t1w_says_so(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "dwi/sub-01_dwi.nii.gz")
    choice = _t1w(root)
    assert (choice.scan, choice.reason) == (None, "no T1w image")


def test_an_unknown_participant_is_an_error(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    with pytest.raises(FileNotFoundError, match="has no folder sub-02"):
        find_sessions(root, "02")


def test_a_dataset_without_description_can_be_used(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    (root / "dataset_description.json").unlink()
    assert _t1w(root).scan


def test_paths_keep_the_root_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    monkeypatch.chdir(tmp_path)
    scan = _t1w(Path("raw")).scan
    assert scan
    assert scan.path == Path("raw/sub-01/anat/sub-01_T1w.nii.gz")


def test_a_root_below_a_folder_that_looks_like_a_participant_is_indexed(tmp_path: Path) -> None:
    above = tmp_path / "sub-study" / "ses-all" / "dwi"
    above.mkdir(parents=True)
    root = make_files(above / "raw", "anat/sub-01_T1w.nii.gz")
    assert _t1w(root).scan
    assert _one(find_sessions(root, "01")).session is None


@pytest.mark.parametrize("content", [True, False])
def test_links_of_a_data_manager_are_followed(tmp_path: Path, content: bool) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.json")
    path = place(root, "anat/sub-01_T1w.nii.gz")
    key = tmp_path / "annex" / "MD5E-s1.nii.gz"
    key.parent.mkdir()
    if content:
        make_image(tmp_path, "anat/sub-01_T1w.nii.gz").rename(key)
    path.symlink_to(key)
    scan = _t1w(root).scan
    assert scan
    assert scan.path == path


def test_folders_of_other_datasets_are_not_searched(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    for folder in ("derivatives/x", "sourcedata", "code", ".git/annex"):
        make_files(root, "anat/sub-01_T1w.nii.gz")
        make_files_below = root / folder / "sub-01" / "anat"
        make_files_below.mkdir(parents=True)
        (make_files_below / "sub-01_run-2_T1w.nii.gz").touch()
    choice = _t1w(root)
    assert choice.others == ()


@pytest.mark.parametrize("acq", ["acq-vwi", "acq-t1SPACE", "acq-cubePost", "acq-BB", "ce-gad"])
def test_a_vessel_wall_scan_is_not_a_t1w(tmp_path: Path, acq: str) -> None:
    root = make_files(tmp_path / "raw", f"anat/sub-01_{acq}_T1w.nii.gz")
    choice = _t1w(root)
    assert choice.scan is None
    assert choice.reason.startswith(f"no image is a plain t1w (sub-01_{acq}_T1w.nii.gz: ")
    assert [one.path for one in choice.others] == [place(root, f"anat/sub-01_{acq}_T1w.nii.gz")]


def test_a_filter_that_asks_for_a_vessel_wall_scan_gets_it(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_acq-space_T1w.nii.gz")
    choice = _t1w(root, filters={"t1w": {"acquisition": "space"}})
    assert choice.scan
    assert choice.reason == "the only one that the filter file asks for"


CHOICES = {
    "thinnest slices": (("acq-3d_T1w", (1, 1, 1)), ("acq-2d_T1w", (0.4, 0.4, 5))),
    "smallest voxels": (("acq-z_T1w", (0.8, 0.8, 1)), ("acq-a_T1w", (1, 1, 1))),
    "special reconstruction": (("run-2_T1w", (1, 1, 1)), ("rec-norm_run-1_T1w", (1, 1, 1))),
    "first run": (("acq-z_run-2_T1w", (1, 1, 1)), ("acq-a_run-10_T1w", (1, 1, 1))),
    "first echo": (("run-2_echo-1_T1w", (1, 1, 1)), ("run-1_echo-2_T1w", (1, 1, 1))),
    "name comes first": (("acq-a_T1w", (1, 1, 1)), ("acq-b_T1w", (1, 1, 1))),
}


@pytest.mark.parametrize("reason", CHOICES)
def test_of_several_images_one_is_chosen_and_the_reason_told(tmp_path: Path, reason: str) -> None:
    root = make_files(tmp_path / "raw")
    paths = [
        make_image(root, f"anat/sub-01_{name}.nii.gz", zooms=zooms)
        for name, zooms in CHOICES[reason]
    ]
    choice = _t1w(root)
    assert choice.scan
    assert choice.scan.path == paths[0]
    (other,) = choice.others
    assert (other.path, other.reason) == (
        paths[1],
        f"{paths[0].name} was taken: {choice.reason.partition(', ')[2]}",
    )
    assert choice.reason.startswith("of 2 candidates, it ") or reason == "name comes first"
    assert reason in choice.reason


def test_an_image_whose_header_cannot_be_read_is_the_last_choice(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_run-1_T1w.nii.gz")
    make_image(root, "anat/sub-01_run-2_T1w.nii.gz", zooms=(3, 3, 3))
    assert _t1w(root).reason == "of 2 candidates, its header can be read"


def test_phase_images_are_left_out(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_part-phase_T1w.nii.gz")
    assert "part-phase is no magnitude image" in _t1w(root).reason


def test_sidecars_are_inherited_and_the_nearest_wins(tmp_path: Path) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_ses-a_acq-x_T1w.nii.gz")
    image = place(root, "anat/sub-01_ses-a_acq-x_T1w.nii.gz")
    for path, content in {
        root / "T1w.json": {"EchoTime": 1, "FlipAngle": 1, "Manufacturer": "root"},
        root / "acq-other_T1w.json": {"EchoTime": 99},
        root / "FLAIR.json": {"EchoTime": 99},
        root / "sub-01" / "sub-01_T1w.json": {"EchoTime": 2, "FlipAngle": 2},
        image.with_name("sub-01_ses-a_acq-x_T1w.json"): {"EchoTime": 3},
    }.items():
        path.write_text(json.dumps(content))
    scan = _t1w(root).scan
    assert scan
    assert scan.metadata == {"EchoTime": 3, "FlipAngle": 2, "Manufacturer": "root"}


@pytest.mark.parametrize("text", ["{", "[1]", "", "\udcff"])
def test_a_broken_sidecar_does_not_hide_the_scan(tmp_path: Path, text: str) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_T1w.nii.gz")
    path = place(root, "anat/sub-01_T1w.json")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    scan = _t1w(root).scan
    assert scan
    assert scan.metadata == {}


def _filters(folder: Path, content: object) -> Path:
    path = folder / "filters.json"
    path.write_text(json.dumps(content))
    return path


def test_filters_choose_by_entity_absence_and_presence(tmp_path: Path) -> None:
    root = make_files(
        tmp_path / "raw",
        "anat/sub-01_T1w.nii.gz",
        "anat/sub-01_acq-a_run-01_T1w.nii.gz",
        "anat/sub-01_acq-b_run-02_T1w.nii.gz",
    )
    for query, name in [
        ({"acquisition": None}, "sub-01_T1w"),
        ({"run": "*", "acquisition": ["x", "b"]}, "sub-01_acq-b_run-02_T1w"),
        ({"run": 1}, "sub-01_acq-a_run-01_T1w"),
    ]:
        scan = _t1w(root, filters=read_filters(_filters(tmp_path, {"t1w": query}))).scan
        assert scan
        assert scan.path.name == f"{name}.nii.gz"


def test_a_session_that_the_filter_does_not_name_has_no_scan_of_that_kind(tmp_path: Path) -> None:
    names = [f"anat/sub-01_ses-{s}_T1w.nii.gz" for s in "ab"]
    root = make_files(tmp_path / "raw", *names)
    first, second = find_sessions(root, "01", filters={"t1w": {"session": "b"}})
    assert _choice(first, "t1w").reason == "no T1w image that the filter file asks for"
    assert second.scans["t1w"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"t1": {}}, "no kind of scan is called 't1'; there are t1w, flair"),
        ({"t1w": {"acq": "a"}}, "'acq', which is no entity; write 'acquisition'"),
        ({"t1w": {"colour": "a"}}, "'colour', which is no entity; there are subject"),
        ({"t1w": "a"}, "the filter of 't1w' must be an object, got 'a'"),
        (["t1w"], "got a list"),
    ],
)
def test_a_faulty_filter_file_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_filters(_filters(tmp_path, content))


def test_a_filter_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "filters.json").write_text("{t1w:")
    with pytest.raises(ValueError, match=r"the filter file .*filters\.json cannot be read"):
        read_filters(tmp_path / "filters.json")


def test_filters_for_other_apps_are_passed_over(tmp_path: Path) -> None:
    path = _filters(tmp_path, {"bold": {"task": "rest"}, "flair": {}})
    assert read_filters(path) == {"flair": {}}


def test_the_entities_of_filters_are_those_of_pybids() -> None:
    from bids.layout import Config

    assert set(ENTITIES) <= set(Config.load("bids").entities)
    assert all(set(kind.query) <= set(ENTITIES) for kind in KINDS.values())


def test_the_entities_of_images_are_those_of_an_index_of_pybids(tmp_path: Path) -> None:
    from bids.layout import BIDSLayout

    names = (
        "anat/sub-01_ses-1_acq-space_ce-gad_rec-norm_run-02_echo-1_inv-2_part-mag_T1w.nii.gz",
        "anat/sub-01_ses-b_space-MNI_FLAIR.nii",
        "dwi/sub-01_ses-1_dir-AP_chunk-3_dwi.nii.gz",
        "fmap/sub-01_ses-1_dir-PA_mod-dwi_mt-on_epi.nii.gz",
        "anat/sub-01x_ses-1_flip-3_PDw.nii.gz",
    )
    root = make_files(tmp_path / "raw", *names)
    layout = BIDSLayout(root, validate=False)
    files = layout.get(extension=[".nii", ".nii.gz"])
    assert len(files) == len(names)
    for file in files:
        path = Path(file.path).relative_to(layout.root)
        assert {**_parse_entities(_shape(path)), **_entities_of_path(path)} == file.entities


def test_entities_of_folders_above_the_dataset_are_not_those_of_its_images(tmp_path: Path) -> None:
    (tmp_path / "acq-space").mkdir()
    root = make_files(tmp_path / "acq-space" / "raw", "anat/sub-01_T1w.nii.gz")
    assert _t1w(root).scan


def test_a_name_is_parsed_once_for_all_participants(tmp_path: Path) -> None:
    names = [f"anat/sub-{label}_ses-1_T1w.nii.gz" for label in range(20)]
    root = make_files(tmp_path / "raw", *names)
    find_sessions(root, "0")
    before = _parse_entities.cache_info().misses
    assert all(find_sessions(root, str(label))[0].scans for label in range(20))
    assert _parse_entities.cache_info().misses == before


def test_a_kept_index_gives_the_same_sessions(tmp_path: Path) -> None:
    names = [f"anat/sub-{p}_ses-{s}_T1w.nii.gz" for p in ("01", "02") for s in "ab"]
    root = make_files(tmp_path / "raw", *names)
    kept = tmp_path / "index"
    for _ in range(2):
        for participant in ("01", "02"):
            found = find_sessions(root, participant, database_dir=kept)
            assert found == find_sessions(root, participant)
    other = make_files(tmp_path / "other", *names)
    with pytest.raises(ValueError, match=r"is of .*raw, not of .*other"):
        find_sessions(other, "01", database_dir=kept)


def _sessions(*acquired: str | None) -> list[Session]:
    return [Session("01", f"{number}", (), date) for number, date in enumerate(acquired, start=1)]


def _pairs(sessions: list[Session]) -> dict[str, str | None]:
    return {later: earlier.session for later, earlier in pair_sessions(sessions).items()}


def test_sessions_follow_one_another_in_the_order_given() -> None:
    assert _pairs(_sessions(None, None, None)) == {"2": "1", "3": "2"}


def test_dates_of_all_sessions_decide_their_order() -> None:
    assert _pairs(_sessions("2021-05-01T10:00:00", "2020-05-01", "2022-01-01T00:00:00Z")) == {
        "1": "2",
        "3": "1",
    }


def test_dates_of_some_sessions_do_not() -> None:
    assert _pairs(_sessions("2021-05-01", "2020-05-01", "soon")) == {"2": "1", "3": "2"}


def test_what_lies_outside_of_session_folders_is_no_session() -> None:
    assert _pairs([Session("01", None, ()), *_sessions(None)]) == {}


def test_the_date_of_a_session_may_stand_in_its_table_of_scans(tmp_path: Path) -> None:
    names = [f"anat/sub-01_ses-{label}_T1w.nii.gz" for label in ("post", "pre")]
    root = make_files(tmp_path / "raw", *names)
    for label, days in {"pre": (9, 8), "post": (1, 2)}.items():
        rows = [f"anat/{day}.nii.gz\t2021-05-0{day}T10:00:00\n" for day in days]
        table = root / "sub-01" / f"ses-{label}" / f"sub-01_ses-{label}_scans.tsv"
        table.write_text("filename\tacq_time\n" + "".join(rows))
    sessions = find_sessions(root, "01")
    assert {one.session: one.acquired for one in sessions} == {
        "post": "2021-05-01T10:00:00",
        "pre": "2021-05-08T10:00:00",
    }
    assert _pairs(sessions) == {"pre": "post"}


def test_an_order_that_is_not_known_is_noted_and_no_session_is_before_another(
    tmp_path: Path,
) -> None:
    names = [f"anat/sub-01_ses-{label}_T1w.nii.gz" for label in ("spring", "autumn")]
    sessions = find_sessions(make_files(tmp_path / "raw", *names), "01")
    assert _pairs(sessions) == {}
    assert all("is not known: write acq_time" in str(one.notes) for one in sessions)
    names = [f"anat/sub-02_ses-{label}_T1w.nii.gz" for label in ("post", "pre")]
    sessions = find_sessions(make_files(tmp_path / "raw", *names), "02")
    assert _pairs(sessions) == {"post": "pre"}
    assert all("is that of their names" in str(one.notes) for one in sessions)


@pytest.mark.parametrize("row", ["ses-a\t2021-05-01T10:00:00\n", "a\t2021-05-01T10:00:00\n"])
def test_the_date_of_a_session_is_read_from_the_table_of_sessions(tmp_path: Path, row: str) -> None:
    root = make_files(tmp_path / "raw", "anat/sub-01_ses-a_T1w.nii.gz")
    table = root / "sub-01" / "sub-01_sessions.tsv"
    table.write_text(f"session_id\tacq_time\n{row}", encoding="utf-8-sig")
    assert _one(find_sessions(root, "01")).acquired == "2021-05-01T10:00:00"
    table.write_bytes(b"session_id\tacq_time\n\xff\n")
    assert _one(find_sessions(root, "01")).acquired is None

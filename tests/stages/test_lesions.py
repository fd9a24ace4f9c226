"""What the lesions stage writes and says, on a small head with lesions of known size."""

import json
from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.imaging.lesions.lesions import TemplateMaps
from npsle_app.measures import MEASURES
from npsle_app.records import Check, Qc, Record
from npsle_app.settings import LesionsSettings
from npsle_app.stages.participant import lesions, shared
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from tests.stages.small_head import AFFINE, FLAIR, SHAPE, SmallSession, distance, make_session, save

pytestmark = pytest.mark.long

HANGING = ("wmh_periventricular_ml", "wmh_deep_count", "wmh_fazekas_deep", "wmh_type")


@dataclass
class Session:
    head: SmallSession
    wmh: WmhOutputs
    tissue: TissueOutputs


def make_maps(_grid, *, field):  # noqa: ARG001 - the template lies on the head
    middle = distance((22, 22, 22))
    x = np.indices(SHAPE)[0]
    still = nib.Nifti1Image(np.zeros((*SHAPE, 1, 3), np.float32), AFFINE)
    return TemplateMaps(
        deep_gm=np.zeros(SHAPE, np.float32),
        wm=(middle <= 15).astype(np.float32),
        lobes=nib.Nifti1Image(np.where(x < 22, 1, 7).astype(np.uint8), AFFINE),
        field=still,
    )


@pytest.fixture
def session(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(lesions, "read_maps", make_maps)
    zone = (distance((22, 22, 22)) <= 7).astype(np.float32)
    monkeypatch.setattr(shared, "ventricle_zone", lambda _grid, *, field: zone)  # noqa: ARG005
    return prepare(make_session(tmp_path, rng))


def prepare(head, *, lesion_mask=None, csf=None, checks=()):
    anat = head.anat.t1w.parent
    middle = distance((22, 22, 22))
    parts = {
        "GM": (middle <= 19) & (middle > 15),
        "WM": (middle <= 15) & (middle > 5),
        "CSF": middle <= 5 if csf is None else csf,
    }
    gm, wm, fluid = (
        save(where.astype(np.float32), anat / f"sub-01_label-{name}_probseg.nii.gz")
        for name, where in parts.items()
    )
    mask = head.lesions if lesion_mask is None else lesion_mask
    path = save(mask.astype(np.uint8), anat / "sub-01_space-T1w_label-L_desc-wmh_mask.nii.gz")
    ventricles = save(
        parts["CSF"].astype(np.uint8), anat / "sub-01_desc-lateralventricles_mask.nii.gz"
    )
    record = head.out.record(Record(stage="wmh", methods="", citations=(), checks=checks))
    before = head.out.record(Record(stage="anat", methods="", citations=()))
    head.anat = replace(head.anat, record=before)
    flair = save(
        nib.load(head.flair.path).get_fdata(dtype=np.float32),
        anat / "sub-01_space-T1w_desc-preproc_FLAIR.nii.gz",
    )
    probability = save(
        (0.9 * mask).astype(np.float32), anat / "sub-01_space-T1w_label-L_desc-wmh_probseg.nii.gz"
    )
    return Session(
        head,
        WmhOutputs(
            flair=flair,
            flair_to_t1w=flair,
            probability=probability,
            mask=path,
            threshold=0.2,
            min_lesion_mm3=9.0,
            record=record,
            figures=(),
        ),
        TissueOutputs(
            labels=gm,
            gm=gm,
            wm=wm,
            csf=fluid,
            ventricles=ventricles,
            record=record,
            figures=(),
        ),
    )


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small session's time."""
    monkeypatch.setattr(lesions, "_draw", lambda *_, **__: ())


def run(session, **settings):
    return lesions.run(
        anat=session.head.anat,
        wmh=session.wmh,
        tissue=session.tissue,
        settings=LesionsSettings(**settings),
        out=session.head.out,
    )


def read(outputs):
    record = json.loads(outputs.record.read_text())
    return record, {measure["name"]: measure for measure in record["measures"]}


@pytest.mark.usefixtures("no_figures")
def test_every_defined_measure_of_the_stage_is_there(session):
    _, found = read(run(session))
    assert set(found) == {name for name, one in MEASURES.items() if one.stage == "lesions"}
    assert {measure["qc"] for measure in found.values()} <= {"pass", "not assessable"}


@pytest.mark.usefixtures("no_figures")
def test_regions_sides_and_lobes_add_up_to_the_lesions(session):
    outputs = run(session)
    found = {name: measure["value"] for name, measure in read(outputs)[1].items()}
    whole = pytest.approx(session.head.lesion_ml)
    assert found["wmh_periventricular_or_confluent_ml"] + found["wmh_deep_ml"] == whole
    assert found["wmh_periventricular_d10_ml"] + found["wmh_deep_d10_ml"] == whole
    assert found["wmh_left_ml"] + found["wmh_right_ml"] == whole
    assert found["wmh_raw_ml"] == whole
    assert pd.read_csv(outputs.table, sep="\t")["volume_mm3"].sum() / 1000 == whole


@pytest.mark.usefixtures("no_figures")
def test_the_region_map_covers_the_mask_and_the_ventricles_are_those_of_the_stage_tissue(session):
    outputs = run(session)
    np.testing.assert_array_equal(nib.load(outputs.regions).get_fdata() > 0, session.head.lesions)
    measures = read(outputs)[1]
    expected = (distance((22, 22, 22)) <= 5).sum() * 8 / 1000
    assert measures["lateral_ventricles_ml"]["value"] == pytest.approx(expected)


@pytest.mark.usefixtures("no_figures")
def test_numbers_before_the_clean_up_take_the_limits_of_the_mask(session):
    low = replace(session.wmh, threshold=0.95, min_lesion_mm3=12.0)
    found = read(run(replace(session, wmh=low)))[1]
    assert found["wmh_raw_ml"]["value"] == 0  # the map is 0.9 in all lesions
    assert found["wmh_min_lesion_mm3"]["value"] == 12


@pytest.mark.usefixtures("no_figures")
def test_the_table_has_one_explained_row_for_each_lesion(session):
    outputs = run(session)
    table = pd.read_csv(outputs.table, sep="\t")
    assert len(table) == 3
    dictionary = json.loads(outputs.table.with_suffix(".json").read_text())
    assert list(table.columns) == list(dictionary)


def test_no_lesion_is_a_normal_case(session):
    session = prepare(session.head, lesion_mask=np.zeros(SHAPE, dtype=bool))
    outputs = run(session)
    record, found = read(outputs)
    assert {check["state"] for check in record["checks"]} == {"pass"}
    values = {name: measure["value"] for name, measure in found.items()}
    for name in ("wmh_status", "wmh_deep_ml", "wmh_left_ml", "wmh_type", "wmh_infarct_suspects"):
        assert values[name] == 0, name
    assert values["wmh_deep_eccentricity"] is None
    assert "Shapes are missing" in record["choices"][0]
    assert outputs.table.read_text().count("\n") == 1
    assert all(path.is_file() for path in outputs.figures)


@pytest.mark.usefixtures("no_figures")
def test_the_status_hangs_on_the_cut_of_the_settings(session):
    assert read(run(session))[1]["wmh_status"]["value"] == 1
    assert read(run(session, status_min_ml=50.0))[1]["wmh_status"]["value"] == 0


@pytest.mark.usefixtures("no_figures")
def test_without_ventricles_no_number_hangs_on_them(session):
    session = prepare(session.head, csf=np.zeros(SHAPE, dtype=bool))
    record, found = read(run(session))
    for name in HANGING:
        assert (found[name]["value"], found[name]["qc"]) == (None, "not assessable"), name
    assert found["wmh_left_ml"]["qc"] == "pass"
    assert record["checks"][0]["state"] == "fail"
    assert "No lateral ventricles" in record["choices"][0]


@pytest.mark.usefixtures("no_figures")
def test_what_failed_before_fails_the_numbers_built_on_it(session):
    bad = Check(name="FLAIR motion", seen="", expected="", state=Qc.FAIL, advice="")
    found = read(run(prepare(session.head, checks=(bad,))))[1]
    assert {m["qc"] for m in found.values() if m["value"] is not None} == {"fail"}


@pytest.mark.usefixtures("no_figures")
def test_a_cavity_with_a_bright_rim_is_flagged_with_its_place(session):
    core = distance((31, 22, 22)) <= 1.5
    rim = (distance((31, 22, 22)) <= 3) & ~core
    anat = session.head.anat
    for path in (session.wmh.flair, anat.t1w):
        data = nib.load(path).get_fdata(dtype=np.float32)
        data[core] = FLAIR["csf"]
        if path == session.wmh.flair:
            save(data, session.head.flair.path)
        else:
            save(data, path)
    found = prepare(session.head, lesion_mask=session.head.lesions & ~core | rim)
    record, measures = read(run(found))
    check = record["checks"][1]
    assert check["state"] == "warn"
    assert "cavity with a bright rim of 8 mm at (62, 44, 44) mm" in check["seen"]
    assert "look" in check["advice"]
    assert measures["wmh_cavity_count"]["value"] == 1
    assert measures["wmh_infarct_suspects"]["qc"] == "warn"
    assert measures["wmh_left_ml"]["qc"] == "pass"


def test_the_caption_says_that_fazekas_was_estimated_not_rated(session):
    record, _ = read(run(session))
    assert "Fazekas, estimated, not rated: periventricular" in record["figures"][0]["caption"]


@pytest.mark.usefixtures("no_figures")
def test_the_same_input_gives_the_same_bytes(session):
    first = run(session)
    kept = [path.read_bytes() for path in (first.regions, first.table, first.record)]
    second = run(session)
    assert kept == [path.read_bytes() for path in (second.regions, second.table, second.record)]


@pytest.mark.usefixtures("no_figures")
def test_where_flair_shows_too_little_no_number_of_lesions_is_given(session):
    part = replace(session, wmh=replace(session.wmh, shown_share=0.5))
    found = read(run(part))[1]
    lesions = {name: row for name, row in found.items() if name.startswith("wmh_")}
    size = lesions.pop("wmh_min_lesion_mm3")
    assert {row["value"] for row in lesions.values()} == {None}
    assert {row["qc"] for row in lesions.values()} == {"not assessable"}
    assert size["value"] == 9.0
    assert found["lateral_ventricles_ml"]["value"] > 0


@pytest.mark.usefixtures("no_figures")
def test_white_matter_that_flair_does_not_show_is_neither_normal_nor_a_cavity(session):
    path = session.wmh.flair
    image = nib.load(path)
    data = image.get_fdata(dtype=np.float32)
    data[:, :, :22] = 0
    nib.save(nib.Nifti1Image(data, image.affine), path)
    found = read(run(session))[1]
    assert found["wmh_cavity_count"]["value"] == 0
    assert found["wmh_left_ml"]["value"] is not None


def test_without_flair_given_lesions_are_told_but_for_what_needs_it(session):
    record, found = read(run(session))
    drawn = replace(session.wmh, flair=None, flair_to_t1w=None, probability=None)
    bare_record, bare = read(run(replace(session, wmh=drawn)))

    lost = {name for name, row in bare.items() if row["value"] != found[name]["value"]}
    assert lost == {"wmh_raw_ml", "wmh_raw_count", "wmh_cavity_count", "wmh_infarct_suspects"}
    assert {bare[name]["value"] for name in lost} == {None}
    assert "There is no FLAIR" in bare_record["choices"][0]
    assert len(bare_record["figures"]) == len(record["figures"])

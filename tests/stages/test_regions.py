"""What the regions stage writes and says, on the template's own brain at 3 mm."""

import json

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from npsle_app import templates
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.space.volumes import fraction
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_regions import numbers_of
from npsle_app.records import Check, Qc, Record
from npsle_app.settings import RegionsSettings
from npsle_app.stages.participant import regions, tissue
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.templates import Template

pytestmark = pytest.mark.long

SHAPE, STEP_MM = (56, 72, 60), 3.0
AFFINE = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
AFFINE[:3, 3] = (-82.5, -120, -76)  # the middle lies between two planes
GRID = (SHAPE, AFFINE)
FAILED = Check(name="Bias", seen="much", expected="little", state=Qc.FAIL, advice="look")


@pytest.fixture(scope="module")
def tissues():
    """Grey and white matter of the template; fluid is what they leave in the ventricles."""
    gm, wm, deep, zone = (
        resample_from_to(fraction(templates.load(name)), GRID, order=1).get_fdata()
        for name in (
            Template.GM,
            Template.WM,
            Template.DEEP_GM,
            Template.VENTRICLES,
        )
    )
    csf = np.clip(zone, 0, 1) * (zone > 0.5)
    gm = np.maximum(gm, deep) * (1 - csf)
    return {"GM": gm, "WM": np.clip(np.minimum(wm, 1 - gm - csf), 0, 1), "CSF": csf}


def run(folder, tissues, *, checks=()):
    out = Writer(root=folder / "out", participant="01", datasets={"raw": folder / "raw"})
    anat = out.folder / "anat"
    anat.mkdir(parents=True)

    def save(data, tail):
        path = anat / f"sub-01_{tail}.nii.gz"
        nib.save(nib.Nifti1Image(np.asarray(data, np.float32), AFFINE), path)
        return path

    gm, wm, csf = (save(tissues[name], f"label-{name}_probseg") for name in ("GM", "WM", "CSF"))
    field = save(np.zeros((*SHAPE, 1, 3)), "from-template_to-T1w_mode-image_xfm")
    ventricles = tissue._save_ventricles(nib.load(csf), field=nib.load(field), source=csf, out=out)
    t1w = save(60 * tissues["GM"] + 100 * tissues["WM"], "desc-preproc_T1w")
    before = out.record(Record(stage="anat", methods="", citations=(), checks=checks))
    after = out.record(Record(stage="tissue", methods="", citations=()))
    made = regions.run(
        anat=AnatOutputs(
            t1w=t1w,
            brain_mask=gm,
            intracranial_mask=None,
            t1w_in_template=t1w,
            t1w_to_template=field,
            template_to_t1w=field,
            record=before,
            figures=(),
        ),
        tissue=TissueOutputs(
            labels=gm, gm=gm, wm=wm, csf=csf, ventricles=ventricles, record=after, figures=()
        ),
        tissue_maps=None,
        earlier_anat=None,
        earlier_regions=None,
        settings=RegionsSettings(),
        out=out,
    )
    return made, json.loads(made.record.read_text(encoding="utf-8"))


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(regions, "_draw", lambda *_, **__: ())


@pytest.fixture(scope="module")
def finished(tissues, tmp_path_factory):
    return run(tmp_path_factory.mktemp("regions"), tissues)


def values(record):
    return {row["name"]: row["value"] for row in record["measures"]}


def test_every_region_is_measured_on_both_sides(finished):
    _, record = finished
    found = values(record)
    assert list(found) == [name for name, one in MEASURES.items() if one.stage == "regions"]
    assert all(value > 0 for value in found.values())
    assert {row["qc"] for row in record["measures"]} == {"pass"}


def test_the_template_itself_is_symmetric(finished):
    found = values(finished[1])
    for name in found:
        if "_left_" in name:
            assert found[name] == pytest.approx(found[name.replace("_left_", "_right_")], rel=0.03)


def test_deep_regions_have_the_volume_of_the_atlas(finished):
    atlas = templates.load(Template.REGIONS)
    numbers = np.asarray(atlas.dataobj)
    voxel_ml = abs(np.linalg.det(atlas.affine[:3, :3])) / 1000
    found = values(finished[1])
    for name in ("thalamus", "putamen"):
        one_side = np.isin(numbers, numbers_of(name)).sum() * voxel_ml / 2
        assert found[f"region_{name}_left_ml"] == pytest.approx(one_side, rel=0.12)


@pytest.mark.usefixtures("no_figures")
def test_what_is_gone_on_the_left_is_small_on_the_left_alone(tissues, finished, tmp_path):
    lost = {name: data.copy() for name, data in tissues.items()}
    x = AFFINE[0, 0] * np.arange(SHAPE[0]) + AFFINE[0, 3]
    for name in ("GM", "WM"):
        lost[name][x < -18] = 0  # most of the left putamen
    whole, rest = values(finished[1]), values(run(tmp_path, lost)[1])
    assert rest["region_putamen_left_ml"] < 0.5 * whole["region_putamen_left_ml"]
    assert rest["region_putamen_right_ml"] == pytest.approx(whole["region_putamen_right_ml"])


@pytest.mark.usefixtures("no_figures")
def test_a_failed_check_of_the_images_fails_all_volumes(tissues, tmp_path):
    _, record = run(tmp_path, tissues, checks=(FAILED,))
    assert {row["qc"] for row in record["measures"]} == {"fail"}


@pytest.mark.usefixtures("no_figures")
def test_a_head_without_fluid_has_no_ventricles_and_says_so(tissues, tmp_path):
    _, record = run(tmp_path, tissues | {"CSF": np.zeros(SHAPE)})
    rows = {row["name"]: row for row in record["measures"]}
    for side in ("left", "right"):
        row = rows[f"region_lateral_ventricle_{side}_ml"]
        assert (row["value"], row["qc"]) == (None, "not assessable")
    assert rows["region_thalamus_left_ml"]["qc"] == "pass"


def test_labels_and_figures_lie_beside_the_record(finished):
    made, record = finished
    labels = nib.load(made.labels)
    assert labels.shape == SHAPE
    assert made.labels.name == "sub-01_seg-aal_dseg.nii.gz"
    assert all(path.is_file() for path in made.figures)
    assert [figure["title"] for figure in record["figures"]] == [
        "Deep regions on T1w",
        "Lobes and cerebellum",
    ]

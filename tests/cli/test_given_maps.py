"""A brain mask and tissues of other programs, from the command line: volumes, words, reruns.

The head is that of the template at 4 mm, so that it needs no registration; every stage is the
app's own. There is no FLAIR: lesions are those of a given mask.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.processing import resample_from_to

from npsle_app import templates
from npsle_app.__main__ import main
from npsle_app.engine.executors import limit_threads
from npsle_app.imaging.head import head as head_module
from npsle_app.imaging.space.template_registration import TemplateFit
from npsle_app.imaging.space.volumes import fraction
from npsle_app.stages.participant import anat, filling, lesions, overview, regions, tissue, wmh
from npsle_app.templates import Template

pytestmark = pytest.mark.slow

SHAPE, STEP_MM = (48, 60, 54), 4.0
AFFINE = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
AFFINE[:3, 3] = (-94, -134, -92)  # the middle lies between two planes
DRAWN = (anat, filling, lesions, overview, regions, tissue, wmh)
ML = STEP_MM**3 / 1000
OF_TISSUE = {"filling", "tissue", "regions", "lesions", "overview"}


def from_template(name, *, order=1):
    image = fraction(templates.load(name))
    return resample_from_to(image, (SHAPE, AFFINE), order=order).get_fdata(dtype=np.float32)


def save(data, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, AFFINE), path)
    return path


def load(path):
    return nib.load(path).get_fdata(dtype=np.float32)


@dataclass
class Study:
    """A raw T1w image, what is given beside it, and the runs so far."""

    root: Path
    gm: np.ndarray
    wm: np.ndarray
    csf: np.ndarray
    brain: np.ndarray
    spots: np.ndarray

    def run(self, *words, names=("hand", "cat12")):
        given = [f"{name}={self.root / name}" for name in names]
        return main(
            ["--skip-bids-validation", str(self.root / "bids"), str(self.root / "out"),
             "participant", "--derivatives", *given, *words]
        )  # fmt: skip

    @property
    def out(self):
        return self.root / "out/sub-01"

    def measures(self):
        return pd.read_csv(self.out / "sub-01_measures.tsv", sep="\t").set_index("measure")

    def statuses(self, *kinds):
        table = pd.read_csv(self.root / "out/logs/status.tsv", sep="\t")
        return set(table.loc[table["status"].isin(kinds), "stage"])

    def record(self, stage):
        return json.loads((self.out / f"log/sub-01_stage-{stage}.json").read_text())

    def sidecar(self, tail):
        return json.loads((self.out / f"anat/sub-01_{tail}.json").read_text())

    def give_maps(self):
        for number, part in enumerate((self.gm, self.wm, self.csf), start=1):
            save(part, self.root / f"cat12/mri/p{number}sub-01_T1w.nii")


def make_study(root):
    gm, wm, deep, brain, inner = (
        from_template(name)
        for name in (
            Template.GM, Template.WM, Template.DEEP_GM, Template.BRAIN, Template.INTRACRANIAL
        )
    )  # fmt: skip
    wm = np.clip(wm * (1 - deep), 0, 1)
    gm = np.clip(np.maximum(gm, deep), 0, 1 - wm)
    csf = np.where(inner > 0.5, 1 - gm - wm, 0)
    spots = np.zeros(SHAPE, np.uint8)
    spots[17:19, 32:34, 29:31] = spots[29:31, 32:34, 29:31] = 1
    study = Study(root, gm, wm, csf.astype(np.float32), (brain > 0.5).astype(np.uint8), spots)
    rng = np.random.default_rng(1)
    t1w = np.where(inner > 0.5, 60 * gm + 100 * wm + 20 * csf, 100 * from_template(Template.HEAD))
    t1w = np.where(spots > 0, 55, t1w) + rng.normal(0, 2, SHAPE)
    save(np.maximum(t1w, 0).astype(np.float32), root / "bids/sub-01/anat/sub-01_T1w.nii.gz")
    described = {"Name": "one head", "BIDSVersion": "1.10.0"}
    (root / "bids/dataset_description.json").write_text(json.dumps(described))
    save(spots, root / "hand/sub-01/anat/sub-01_label-L_mask.nii.gz")
    save(study.brain, root / "hdbet/sub-01/anat/sub-01_T1w_bet_mask.nii.gz")
    study.give_maps()
    return study


def lies_still(_head, **_):
    """Stand in for the registration of a head that is the template."""
    none = nib.Nifti1Image(np.zeros((*SHAPE, 1, 3), np.float32), AFFINE)
    return TemplateFit(affine=np.eye(4), to_template=none, to_native=none, starts_agree_mm=0.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Yield a study that was measured once, with lesions and tissues given."""
    made = make_study(tmp_path_factory.mktemp("given"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limit_threads(1).items():
            patch.setenv(name, value)
        patch.setattr(head_module, "register_to_template", lies_still)
        for stage in DRAWN:  # most of the time
            patch.setattr(stage, "save_drawings", lambda *_, **__: ())
        assert made.run() == 0
        yield made


def test_volumes_are_those_of_the_maps_to_the_voxel(study):
    found = study.measures()["value"].astype(float)

    assert found["gm_ml"] == pytest.approx(study.gm.sum(dtype=np.float64) * ML, rel=1e-5)
    assert found["wm_ml"] == pytest.approx(study.wm.sum(dtype=np.float64) * ML, rel=1e-5)
    assert found["csf_ml"] == pytest.approx(study.csf.sum(dtype=np.float64) * ML, rel=1e-5)
    assert found["tbv_ml"] == pytest.approx(found["gm_ml"] + found["wm_ml"], rel=1e-5)
    without = study.wm[study.spots == 0].sum(dtype=np.float64) * ML
    assert found["wm_without_wmh_ml"] == pytest.approx(without, rel=1e-5)
    np.testing.assert_allclose(load(study.out / "anat/sub-01_label-GM_probseg.nii.gz"), study.gm)


def test_a_session_without_flair_is_filled_and_segmented_by_a_given_mask(study):
    before, after = (
        load(study.out / f"anat/sub-01_desc-{name}_T1w.nii.gz")
        for name in ("preproc", "lesionfilled")
    )
    inside = study.spots > 0

    assert study.statuses("done") >= {"anat", "wmh", *OF_TISSUE}
    assert study.measures()["value"].astype(float)["wmh_ml"] == pytest.approx(inside.sum() * ML)
    assert after[inside].mean() > 1.3 * before[inside].mean()
    np.testing.assert_array_equal(after[load_grown(inside) == 0], before[load_grown(inside) == 0])


def load_grown(mask):
    padded = np.pad(mask, 2)
    return sum(
        np.roll(padded, (i, j, k), (0, 1, 2))[2:-2, 2:-2, 2:-2]
        for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)
    )  # fmt: skip


def test_sidecars_records_the_table_and_the_page_say_whose_the_tissues_are(study):
    for tail in ("label-GM_probseg", "label-CSF_probseg", "seg-tissue_dseg", "seg-aal_dseg"):
        assert study.sidecar(tail)["GivenBy"] == ["cat12"], tail
        assert any(
            "bids:cat12:mri/p1sub-01_T1w.nii" in one for one in study.sidecar(tail)["Sources"]
        )
    given = study.measures()["given_by"]
    for name in ("gm_ml", "tbv_ml", "csf_ml"):
        assert given[name] == "tissue maps of cat12", name
    for name in ("wm_without_wmh_ml", "region_thalamus_left_ml", "wmh_deep_ml"):
        assert given[name] == "lesions of hand; tissue maps of cat12", name
    assert given["wmh_ml"] == "lesions of hand"
    assert pd.isna(given["tiv_ml"])
    assert "those of another program" in study.record("tissue")["methods"]
    page = (study.root / "out/sub-01.html").read_text(encoding="utf-8")
    assert "p1sub-01_T1w.nii, p2sub-01_T1w.nii, p3sub-01_T1w.nii" in page
    assert "by lesions of hand; tissue maps of cat12" in page


def test_the_dry_run_says_what_is_taken_and_what_is_refused(study, capsys):
    assert study.run("--dry-run") == 0
    told = capsys.readouterr().out

    assert "grey matter and white matter and fluid, by --derivatives cat12" in told
    assert "p1sub-01_T1w.nii" in told
    for name in ("one", "two"):
        save(study.brain, study.root / f"{name}/sub-01/anat/sub-01_desc-brain_mask.nii.gz")
    study.run("--dry-run", names=("one", "two"))
    assert "one and two both hold a brain mask: they are not mixed" in capsys.readouterr().out


def test_a_changed_map_reruns_what_rests_on_it_and_nothing_else(study):
    study.gm = study.gm.copy()
    study.gm[:, :22] *= 0.5
    study.give_maps()

    assert study.run() == 0

    assert study.statuses("done") == OF_TISSUE
    assert study.statuses("reused") >= {"anat", "wmh"}
    found = study.measures()["value"].astype(float)
    assert found["gm_ml"] == pytest.approx(study.gm.sum(dtype=np.float64) * ML, rel=1e-5)


def test_a_given_brain_mask_is_the_one_of_all_stages_and_tiv_stays(study):
    tiv_ml = study.measures()["value"].astype(float)["tiv_ml"]

    assert study.run(names=("hand", "cat12", "hdbet")) == 0

    mask = load(study.out / "anat/sub-01_desc-brain_mask.nii.gz")
    np.testing.assert_array_equal(mask, study.brain)
    assert study.sidecar("desc-brain_mask")["GivenIs"] == "brain mask of hdbet"
    assert "anat" in study.statuses("done")
    assert study.measures()["value"].astype(float)["tiv_ml"] == pytest.approx(tiv_ml, rel=0.005)
    told = study.measures()["given_by"]
    assert "brain mask of hdbet" in told["wmh_ml"]
    assert pd.isna(told["tiv_ml"])
    assert "TIV is that of the app's own intracranial mask" in study.record("anat")["choices"][0]


def test_labels_give_their_own_regions_and_no_fluid_around_the_brain(study):
    tissue = study.gm + study.wm > 0.5
    left = np.arange(SHAPE[0])[:, None, None] < SHAPE[0] // 2
    labels = np.where(tissue, np.where(study.gm >= study.wm, 42, 41), 0)
    labels = np.where(tissue & left, np.where(study.gm >= study.wm, 3, 2), labels)
    labels[18:21, 30:33, 25:28], labels[27:30, 30:33, 25:28] = 10, 49
    labels[22:24, 30:38, 27:32], labels[24:26, 30:38, 27:32] = 4, 43
    save(labels.astype(np.int16), study.root / "synthseg/sub-01/anat/sub-01_T1w_synthseg.nii.gz")

    assert study.run(names=("hand", "synthseg")) == 0

    found = study.measures()
    value = found["value"].astype(float)
    for side, number in (("left", 10), ("right", 49)):
        assert value[f"region_thalamus_{side}_ml"] == pytest.approx((labels == number).sum() * ML)
    assert value["region_lateral_ventricle_left_ml"] == pytest.approx((labels == 4).sum() * ML)
    assert found["sources"]["region_thalamus_left_ml"].startswith("bids:synthseg:")
    assert "synthseg" not in found["sources"]["region_putamen_left_ml"]
    assert found["qc"]["csf_ml"] == "not assessable"
    assert value["gm_ml"] == pytest.approx(np.isin(labels, (3, 42, 10, 49)).sum() * ML)
    choices = " ".join(study.record("regions")["choices"])
    assert "by its own labels, are: thalamus, lateral ventricle." in choices
    shown = load(study.out / "anat/sub-01_seg-aal_dseg.nii.gz")
    np.testing.assert_array_equal(shown == 39, labels == 10)
    ventricles = load(study.out / "anat/sub-01_desc-lateralventricles_mask.nii.gz")
    np.testing.assert_array_equal(ventricles > 0, np.isin(labels, (4, 43)))

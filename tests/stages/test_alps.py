"""What the alps stage writes and says, on fibres of known tensors."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app import templates
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.diffusion.gradients import Gradients, to_fsl
from npsle_app.imaging.diffusion.tensor import (
    fractional_anisotropy,
    mean_diffusivity,
    six_components,
)
from npsle_app.imaging.space.template_registration import TemplateFit
from npsle_app.records import Check, Qc, Record
from npsle_app.settings import AlpsSettings
from npsle_app.stages.participant import alps
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.dwi import DwiOutputs
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from tests.imaging.alps.scene import INDEX, brain, field_of, make_images, turned

pytestmark = pytest.mark.long

POSE = turned(pitch=8, roll=3)


class Session:
    """A session on disk: what the stages before would have left."""

    def __init__(self, folder, *, state=Qc.PASS):
        self.out = Writer(folder / "out", "01", None, {"raw": folder / "raw"})
        self.scan = folder / "raw" / "sub-01" / "dwi" / "sub-01_dwi.nii.gz"
        self.t1w = folder / "raw" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
        self.images = make_images(pose=POSE, scale=1000)
        self.state = state
        self.shift = np.eye(4)  # from points of the T1w image to those of the series
        self.shift[:3, 3] = (2, -3, 5)

    def save(self, data, file, scan=None):
        image = nib.Nifti1Image(np.asarray(data, np.float32), self.images.grid.affine)
        return self.out.image(image, file, sources=[scan or self.scan])

    def record(self, stage):
        check = Check(name="x", seen="", expected="", state=self.state, advice="")
        return self.out.record(Record(stage=stage, methods="", citations=(), checks=(check,)))

    @property
    def dwi(self):
        images, series = self.images, self.images.series
        dwi = self.save(series.signal, File.DWI)
        gradients = Gradients(series.b_values, series.directions)
        b_values, vectors = self.out.gradients(
            dwi, b_values=series.b_values, vectors=to_fsl(gradients, affine=images.grid.affine)
        )
        fa = self.save(fractional_anisotropy(images.tensors), File.DWI_FA)
        return DwiOutputs(
            dwi=dwi, b_values=b_values, directions=vectors, b0=dwi,
            brain_mask=self.save(np.ones(images.grid.shape), File.DWI_BRAIN_MASK),
            tensor=self.save(six_components(images.tensors), File.DWI_TENSOR),
            fa=fa, adc=self.save(mean_diffusivity(images.tensors), File.DWI_ADC), colour_fa=fa,
            trace=fa,
            dwi_to_t1w=self.out.matrix(
                self.shift, File.DWI_TO_T1W, sources=(self.scan, self.t1w)
            ),
            displacement=None, noise=self.save(0 * series.signal, File.DWI_NOISE),
            volumes=tuple(map(float, range(len(series.b_values)))), n_fitted=7.0, motion=dwi,
            record=self.record("dwi"), figures=(),
        )  # fmt: skip

    @property
    def anat(self):
        """The T1w image lies 2, −3, 5 mm away from the series."""
        field = field_of(np.linalg.inv(self.shift) @ POSE)
        path = self.out.image(field, File.T1W_TO_TEMPLATE, sources=[self.t1w])
        return AnatOutputs(
            t1w=self.t1w, brain_mask=self.t1w, intracranial_mask=None, t1w_in_template=self.t1w,
            t1w_to_template=path, template_to_t1w=path, record=self.record("anat"), figures=(),
        )  # fmt: skip

    def tissue(self, csf):
        affine = np.linalg.inv(self.shift) @ self.images.grid.affine
        image = nib.Nifti1Image(np.asarray(csf, np.float32), affine)
        path = self.out.image(image, File.CSF, sources=[self.t1w])
        return TissueOutputs(
            labels=path, gm=path, wm=path, csf=path, ventricles=path,
            record=self.record("tissue"), figures=(),
        )  # fmt: skip

    def wmh(self, mask):
        affine = np.linalg.inv(self.shift) @ self.images.grid.affine
        path = self.out.image(
            nib.Nifti1Image(mask.astype(np.uint8), affine), File.WMH_MASK, sources=[self.t1w]
        )
        return WmhOutputs(
            flair=path, flair_to_t1w=path, probability=path, mask=path, threshold=0.2,
            min_lesion_mm3=9.0, record=self.record("wmh"), figures=(),
        )  # fmt: skip

    def run(self, *, anat=True, wmh=None, tissue=None):
        return alps.run(
            dwi=self.dwi, anat=self.anat if anat else None, wmh=wmh, tissue=tissue,
            settings=AlpsSettings(bootstrap_samples=3), out=self.out,
        )  # fmt: skip


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "load", lambda _: brain())
    return Session(tmp_path)


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(alps, "_draw", lambda *_, **__: ())


def record(outputs):
    return json.loads(outputs.record.read_text())


def measures(outputs):
    return {one["name"]: one for one in record(outputs)["measures"]}


@pytest.mark.usefixtures("no_figures")
def test_the_index_of_a_turned_and_shifted_head_is_the_known_one(session):
    found = measures(session.run())
    for side in ("left", "right", "mean"):
        assert found[f"alps_{side}"]["value"] == pytest.approx(INDEX, rel=1e-3)
    assert found["alps_mean_native_cartesian"]["value"] < 0.98 * INDEX
    assert found["alps_head_pitch_deg"]["value"] == pytest.approx(8, abs=0.1)
    assert found["alps_mean"]["sources"][0].endswith("_param-tensor_dwimap.nii.gz")


@pytest.mark.usefixtures("no_figures")
def test_the_labels_mark_the_four_regions_on_their_sides(session):
    outputs = session.run()
    image = nib.load(outputs.regions)
    data = np.asarray(image.dataobj)
    assert set(np.unique(data)) == {0, 1, 2, 3, 4}
    x = {n: nib.affines.apply_affine(image.affine, np.argwhere(data == n))[:, 0].mean()
         for n in (1, 2, 3, 4)}  # fmt: skip
    assert x[2] < x[1] < 0 < x[3] < x[4]
    shares = np.asarray(nib.load(outputs.shares).dataobj)
    np.testing.assert_allclose(shares.sum(axis=(0, 1, 2)) * 8, 65.4, rtol=0.03)


@pytest.mark.usefixtures("no_figures")
def test_the_table_lies_beside_with_units(session):
    outputs = session.run()
    table = pd.read_csv(outputs.table, sep="\t")
    dictionary = json.loads(outputs.table.with_suffix(".json").read_text())
    assert set(dictionary) == set(table.columns)
    assert dictionary["dxx"]["Units"] == "mm2/s"
    primary = table[(table["variant"] == "rigid_reoriented") & (table["analysis"] == "index")]
    assert primary.set_index("side")["alps"]["mean"] == pytest.approx(INDEX, rel=1e-3)


@pytest.mark.usefixtures("no_figures")
def test_lesions_and_fluid_of_the_t1w_grid_are_left_out_in_the_right_place(session):
    half = np.zeros(session.images.grid.shape)
    half[:, 10:] = 1
    empty = 0 * half
    plain = measures(session.run(tissue=session.tissue(empty), wmh=session.wmh(empty)))
    assert plain["alps_n_voxels_projection_left"]["value"] == pytest.approx(8.2, abs=0.2)
    for maps in (
        {"tissue": session.tissue(half), "wmh": session.wmh(empty)},
        {"tissue": session.tissue(empty), "wmh": session.wmh(half)},
    ):
        found = measures(session.run(**maps))
        assert found["alps_mean"]["value"] == pytest.approx(INDEX, rel=1e-3)
        for place in ("projection_left", "association_right"):
            assert 2 < found[f"alps_n_voxels_{place}"]["value"] < 6


@pytest.mark.usefixtures("no_figures")
def test_what_was_not_there_is_said(session):
    found = record(session.run())
    told = " ".join(found["choices"])
    assert "No lesion map was there" in told
    assert "No tissue map was there" in told
    assert "compare it only between like scans" in told
    assert "through the T1w image" in found["methods"]
    assert not any("glymphatic" in text for text in (told, found["methods"]))


@pytest.mark.usefixtures("no_figures")
def test_a_bad_series_or_t1w_image_marks_every_number(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "load", lambda _: brain())
    found = measures(Session(tmp_path, state=Qc.FAIL).run())
    assert {one["qc"] for one in found.values()} == {"fail"}


@pytest.mark.usefixtures("no_figures")
def test_without_a_t1w_image_fa_is_laid_on_the_template(session, monkeypatch):
    made = TemplateFit(
        affine=POSE, to_template=field_of(POSE), to_native=field_of(POSE), starts_agree_mm=4.0
    )
    monkeypatch.setattr(alps, "register_fa", lambda *_, **__: made)
    outputs = session.run(anat=False)
    found = record(outputs)
    assert measures(outputs)["alps_mean"]["value"] == pytest.approx(INDEX, rel=1e-3)
    assert "registering FA" in found["methods"]
    assert any("no T1w image" in text for text in found["choices"])
    check = next(check for check in found["checks"] if check["name"] == "FA on the template")
    assert check["state"] == "warn"


@pytest.mark.usefixtures("no_figures")
def test_a_series_that_misses_the_regions_fails_and_has_no_index(session):
    session.shift[2, 3] = 300
    anat = session.anat
    session.shift = np.eye(4)
    outputs = alps.run(
        dwi=session.dwi, anat=anat, wmh=None, tissue=None,
        settings=AlpsSettings(bootstrap_samples=2), out=session.out,
    )  # fmt: skip
    found = measures(outputs)
    assert found["alps_mean"] | {"sources": []} == {
        "name": "alps_mean", "value": None, "qc": "not assessable", "sources": []
    }  # fmt: skip
    states = {check["name"]: check["state"] for check in record(outputs)["checks"]}
    assert states["ALPS regions in the field of view"] == "fail"


def test_figures_lie_on_disk_and_the_same_input_gives_the_same_bytes(session):
    first = session.run()
    assert len(first.figures) == 2
    kept = [path.read_bytes() for path in (first.regions, first.table, first.record)]
    second = session.run()
    assert kept == [path.read_bytes() for path in (second.regions, second.table, second.record)]
    assert all(path.is_file() for path in second.figures)

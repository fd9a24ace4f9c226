"""What the stage dwi writes and says, on a small head with known tensors."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.diffusion import preprocessing as preparing
from npsle_app.imaging.diffusion.gradients import Gradients, to_fsl
from npsle_app.imaging.diffusion.tensor import from_six_components
from npsle_app.settings import DwiSettings
from npsle_app.stages.participant import dwi
from tests.imaging.diffusion.scene import AFFINE, scheme, series

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def _still():
    """Registration and N4 take most of a small session's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "register_rigid", lambda *_, **__: np.eye(4))
        patch.setattr(preparing, "correct_shading", lambda image, **_: (
            image, nib.Nifti1Image(np.ones(image.shape, np.float32), image.affine)))  # fmt: skip
        yield


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(dwi, "_draw", lambda *_, **__: ())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A series with vectors as FSL writes them: what the stage makes of it without denoising."""
    folder, rng = tmp_path_factory.mktemp("plain"), np.random.default_rng(1)
    path, _ = save(folder, scheme(rng), rng)
    return run(folder, path, denoise=False)


def save(folder, gradients, rng, name="sub-01_dwi", change=None):
    path = folder / "raw/sub-01/dwi" / f"{name}.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    image, _, tensors = series(gradients, rng=rng)
    nib.save(image, path)
    vectors = to_fsl(gradients, affine=AFFINE)
    vectors = vectors if change is None else change(vectors)
    np.savetxt(path.with_name(f"{name}.bvec"), vectors)
    np.savetxt(path.with_name(f"{name}.bval"), gradients.b_values[None])
    return path, tensors


def run(folder, path, *, metadata=None, preprocessed=False, **settings):
    scan = Scan(path, metadata or {}, preprocessed=preprocessed)
    out = Writer(folder / "out", "01", None, {"raw": folder / "raw"})
    return dwi.run(dwi=scan, anat=None, settings=DwiSettings(**settings), out=out)


def record_of(outputs):
    return json.loads(outputs.record.read_text())


def checks(outputs):
    return {check["name"]: check for check in record_of(outputs)["checks"]}


@pytest.mark.usefixtures("no_figures")
def test_known_tensors_come_out(tmp_path, rng):
    path, tensors = save(tmp_path, scheme(rng), rng)
    outputs = run(tmp_path, path)
    found = from_six_components(nib.load(outputs.tensor).get_fdata())
    inside = nib.load(outputs.brain_mask).get_fdata() > 0
    strong = inside & (tensors[..., 0, 0] > 1e-3) & (tensors[..., 1, 1] < 0.5e-3)
    assert np.median(found[strong][:, 0, 0]) == pytest.approx(1.5e-3, rel=0.15)
    adc = nib.load(outputs.adc).get_fdata()
    assert np.median(adc[inside]) == pytest.approx(0.8e-3, rel=0.05)
    assert checks(outputs)["DWI distortion"]["state"] == "warn"
    assert outputs.dwi_to_t1w is None


def test_all_files_and_figures_are_there(plain):
    files = (plain.dwi, plain.b_values, plain.directions, plain.fa, plain.colour_fa,
             plain.trace, plain.motion, *plain.figures)  # fmt: skip
    assert all(file.is_file() for file in files)
    assert len(plain.figures) == 4
    sidecar = json.loads(plain.dwi.with_name("sub-01_desc-preproc_dwi.json").read_text())
    assert sidecar["Steps"]["denoise"] is False
    assert "denoising" in record_of(plain)["choices"][0]
    rows = plain.motion.read_text().splitlines()
    assert len(rows) == 1 + 22


@pytest.mark.usefixtures("no_figures")
def test_an_external_series_is_taken_as_it_is(tmp_path, rng):
    path, _ = save(tmp_path, scheme(rng), rng)
    outputs = run(tmp_path, path, preprocessed=True)
    np.testing.assert_array_equal(nib.load(outputs.dwi).get_fdata(), nib.load(path).get_fdata())
    assert "preprocessed by another program" in record_of(outputs)["choices"][0]
    assert checks(outputs)["DWI distortion"]["state"] == "pass"


@pytest.mark.usefixtures("no_figures")
@pytest.mark.slow
def test_both_shapes_of_the_table_give_the_same_bytes(plain, tmp_path):
    rng = np.random.default_rng(1)
    path, _ = save(tmp_path, scheme(rng), rng, change=np.transpose)
    turned = run(tmp_path, path, denoise=False)
    assert turned.tensor.read_bytes() == plain.tensor.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 5, "zeros": 2}, "sub-01_dwi.nii.gz: no shell up to b 2000 .* has the 6"),
        ({"count": 20, "b": 3000.0}, "no shell up to b 2000"),
        ({"count": 20, "b": 20.0}, "none of its volumes is diffusion-weighted"),
        ({"count": 20, "zeros": 0}, "no volume without diffusion weighting"),
    ],
)
def test_series_without_a_tensor_are_refused_in_words(tmp_path, rng, options, message):
    path, _ = save(tmp_path, scheme(rng, **options), rng)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, path)


@pytest.mark.usefixtures("no_figures")
def test_few_directions_and_another_shell_are_flagged(tmp_path, rng):
    path, _ = save(tmp_path, scheme(rng, count=8, b=1500.0), rng)
    found = checks(run(tmp_path, path, denoise=False))
    assert {found[name]["state"] for name in ("DWI directions", "DWI shell")} == {"warn"}


def test_gradients_hold_as_many_directions_as_b_values():
    with pytest.raises(ValueError, match="3 b-values"):
        Gradients(np.zeros(3), np.zeros((2, 3)))

"""What the wmh stage writes and says, on a small head with lesions of known size."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.scans import GivenMask, Scan
from npsle_app.imaging.space import registration
from npsle_app.imaging.wmh import flair
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant import wmh
from npsle_app.stages.participant.shared import LESIONS
from tests.stages.small_head import AFFINE, FLAIR, make_session, save

pytestmark = pytest.mark.long


def make(folder, *, patch, **head):
    """Make a session that lies still and is evenly lit."""
    made = make_session(folder, np.random.default_rng(20260101), **head)
    patch.setattr(wmh, "lesion_priors", lambda _grid, *, field: made.priors)  # noqa: ARG005
    patch.setattr(registration, "register_rigid", lambda *_, **__: np.eye(4))
    even = nib.Nifti1Image(np.ones(made.lesions.shape, np.float32), AFFINE)
    patch.setattr(flair, "correct_bias", lambda image, **_: (image, even))
    return made


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small session's time."""
    monkeypatch.setattr(wmh, "_draw", lambda *_, **__: ())


@pytest.fixture
def session(tmp_path, monkeypatch, no_figures):  # noqa: ARG001
    """Return a session of a smaller head, to be spoilt."""
    return make(tmp_path, patch=monkeypatch, shape=(36, 36, 36), radius=13)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A session as it was made, and all that the stage left of it."""
    with pytest.MonkeyPatch.context() as patch:
        made = make(tmp_path_factory.mktemp("finished"), patch=patch)
        return made, run(made)


def run(session, *, given=None, **settings):
    return wmh.run(
        flair=session.flair,
        wmh_mask=given,
        anat=session.anat,
        settings=WmhSettings(**settings),
        out=session.out,
    )


def measures(outputs):
    record = json.loads(outputs.record.read_text())
    return {measure["name"]: measure for measure in record["measures"]}


def test_the_volume_at_the_threshold_is_that_of_the_mask(finished):
    session, outputs = finished
    mask = nib.load(outputs.mask)
    assert measures(outputs)["wmh_ml"]["value"] == pytest.approx(mask.get_fdata().sum() * 8 / 1000)
    assert measures(outputs)["wmh_ml"]["value"] == pytest.approx(session.lesion_ml, rel=0.3)
    assert measures(outputs)["wmh_count"]["value"] == 3


def test_all_measures_of_the_stage_are_there_and_pass(finished):
    _, outputs = finished
    found = measures(outputs)
    expected = {"wmh_ml", "wmh_low_ml", "wmh_high_ml", "wmh_soft_ml", "wmh_count"}
    expected |= {f"wmh_ml_at_{threshold}" for threshold in (0.1, 0.2, 0.3, 0.5)}
    assert set(found) == expected
    assert {measure["qc"] for measure in found.values()} == {"pass"}


def test_the_volume_lies_in_its_interval(finished):
    low, volume, high = (
        measures(finished[1])[name]["value"] for name in ("wmh_low_ml", "wmh_ml", "wmh_high_ml")
    )
    assert low < volume < high


def test_the_threshold_of_the_settings_makes_the_mask(session):
    found = measures(run(session, threshold=0.5))
    assert found["wmh_ml"]["value"] == found["wmh_ml_at_0.5"]["value"]


def test_sidecars_name_the_sources_the_model_and_the_templates(finished):
    _, outputs = finished
    sidecar = json.loads(
        outputs.mask.with_name("sub-01_space-T1w_label-L_desc-wmh_mask.json").read_text()
    )
    assert sidecar["Sources"][0] == "bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz"
    assert sidecar["Threshold"] == 0.2
    assert set(sidecar["Templates"]) == {template.name for template in LESIONS}
    assert len(sidecar["ModelSha256"]) == 64
    assert sidecar["Type"] == "Lesion"


def test_maps_lie_on_the_t1w_grid(finished):
    session, outputs = finished
    grid = nib.load(session.anat.t1w)
    for path in (outputs.flair, outputs.probability, outputs.mask):
        assert nib.load(path).shape == grid.shape
        np.testing.assert_array_equal(nib.load(path).affine, grid.affine)


def test_each_figure_of_the_record_lies_on_disk(finished):
    _, outputs = finished
    assert len(outputs.figures) == 4
    assert all(path.is_file() for path in outputs.figures)


def test_a_registration_that_runs_away_fails_all_numbers(session, monkeypatch):
    away = np.eye(4)
    away[0, 3] = 22
    monkeypatch.setattr(registration, "register_rigid", lambda *_, **__: away)
    outputs = run(session)
    record = json.loads(outputs.record.read_text())
    failed = {check["name"]: check for check in record["checks"] if check["state"] == "fail"}
    assert "look at the FLAIR-on-T1w figure" in failed["FLAIR motion"]["advice"]
    assert {measure["qc"] for measure in measures(outputs).values()} <= {"fail", "not assessable"}


def test_flair_that_misses_part_of_the_brain_is_flagged(session):
    image = nib.load(session.flair.path)
    data = image.get_fdata()
    data[:, :, 24:] = 0
    nib.save(nib.Nifti1Image(data.astype(np.float32), image.affine), session.flair.path)
    outputs = run(session)
    record = json.loads(outputs.record.read_text())
    check = next(check for check in record["checks"] if check["name"] == "FLAIR coverage")
    assert check["state"] == "warn"
    assert "are not counted" in check["advice"]
    assert {measure["qc"] for measure in measures(outputs).values()} == {"not assessable"}


def test_a_head_without_lesions_measures_0(session):
    image = nib.load(session.flair.path)
    data = image.get_fdata()
    data[session.lesions] = FLAIR["wm"]
    nib.save(nib.Nifti1Image(data.astype(np.float32), image.affine), session.flair.path)
    found = measures(run(session))
    assert {name: found[name]["value"] for name in ("wmh_ml", "wmh_count")} == {
        "wmh_ml": 0,
        "wmh_count": 0,
    }


@pytest.mark.usefixtures("no_figures")
def test_the_same_input_gives_the_same_bytes(finished, tmp_path, monkeypatch):
    _, first = finished
    second = run(make(tmp_path, patch=monkeypatch))
    for name in ("mask", "probability"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
    records = [json.loads(one.record.read_text()) | {"figures": []} for one in (first, second)]
    assert json.dumps(records[0]) == json.dumps(records[1])


def test_the_two_outermost_slices_of_flair_do_not_count(session):
    """Blood that flows into them is bright."""
    image = nib.load(session.flair.path)
    data = image.get_fdata()[:, :, :26].astype(np.float32)
    data[16:20, 23:26, 24:] = 3 * FLAIR["lesion"]
    nib.save(nib.Nifti1Image(data, image.affine), session.flair.path)
    assert not nib.load(run(session).mask).get_fdata()[:, :, 24:].any()


@pytest.mark.slow
def test_how_flair_is_stored_does_not_move_the_volume(tmp_path, monkeypatch):
    """The same head in other orders and directions of its axes, with all that is done to it."""
    found = {}
    for axes in ("RAS", "LPS", "SPL"):
        session = make_session(tmp_path / axes, np.random.default_rng(1))
        monkeypatch.setattr(wmh, "lesion_priors", lambda _grid, *, field: session.priors)  # noqa: ARG005, B023
        monkeypatch.setattr(wmh, "_draw", lambda *_, **__: ())
        image = nib.load(session.flair.path)
        turn = nib.orientations.ornt_transform(
            nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(axes)
        )
        turned = image.as_reoriented(turn)
        nib.save(nib.Nifti1Image(turned.get_fdata(dtype=np.float32), turned.affine),
                 session.flair.path)  # fmt: skip
        found[axes] = measures(run(session))["wmh_ml"]["value"]
    assert found["RAS"] > 1
    assert found["LPS"] == pytest.approx(found["RAS"], rel=0.005)
    assert found["SPL"] == pytest.approx(found["RAS"], rel=0.005)


def given(session, data, *, role="whole", name="mask", folder="hand"):
    path = save(data, session.out.root.parent / folder / f"{name}.nii.gz")
    session.out.datasets[folder] = path.parent
    return Scan(path, given=(GivenMask(path=path, dataset=folder, role=role),))


def spot(session):
    """Mark a lesion that is not there, inside the brain."""
    mask = np.zeros(session.lesions.shape, np.uint8)
    mask[10:13, 18:20, 18:20] = 1
    return mask


def sidecar(path):
    return json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())


def test_a_given_mask_takes_the_place_of_the_model_and_is_told(session):
    outputs = run(session, given=given(session, spot(session)))
    found, record = measures(outputs), json.loads(outputs.record.read_text())

    np.testing.assert_array_equal(nib.load(outputs.mask).get_fdata(), spot(session))
    assert found["wmh_ml"]["value"] == pytest.approx(12 * 8 / 1000)
    assert found["wmh_added_ml"]["value"] == pytest.approx(12 * 8 / 1000)
    assert found["wmh_removed_count"]["value"] == 3
    for name in ("wmh_low_ml", "wmh_ml_at_0.2", "wmh_soft_ml"):
        assert found[name]["qc"] == "not assessable"
    assert outputs.probability is None
    assert "mask.nii.gz of hand (all lesions)" in record["choices"][0]
    assert "those of masks or maps that were given" in record["methods"]
    for path in (outputs.mask, outputs.reading):
        assert sidecar(path)["GivenBy"] == ["hand"]
        assert "bids:hand:mask.nii.gz" in sidecar(path)["Sources"]
    assert "Model" not in sidecar(outputs.mask)


def test_a_correction_is_added_to_what_the_model_found(session):
    before = nib.load(run(session).mask).get_fdata() > 0
    outputs = run(session, given=given(session, spot(session), role="added"))
    after = nib.load(outputs.mask).get_fdata() > 0

    np.testing.assert_array_equal(after, before | (spot(session) > 0))
    assert measures(outputs)["wmh_added_count"]["value"] == 1
    assert sidecar(outputs.mask)["LesionsAre"] == "found, corrected"
    assert sidecar(outputs.mask)["Model"]
    assert nib.load(outputs.reading).get_fdata().max() == 2


def test_a_given_map_is_cut_at_the_threshold(session):
    outputs = run(session, given=given(session, 0.3 * spot(session) + 0.1 * session.lesions))

    np.testing.assert_array_equal(nib.load(outputs.mask).get_fdata(), spot(session))
    assert measures(outputs)["wmh_ml_at_0.5"]["value"] == 0


def test_without_flair_the_given_lesions_are_measured(session):
    outputs = wmh.run(
        flair=None,
        wmh_mask=given(session, spot(session)),
        anat=session.anat,
        settings=WmhSettings(),
        out=session.out,
    )

    assert {name: one["value"] for name, one in measures(outputs).items()} == {
        "wmh_ml": pytest.approx(12 * 8 / 1000),
        "wmh_count": 1,
    }
    assert outputs.flair is outputs.probability is None


def test_a_mask_of_another_head_is_refused_by_its_name(session):
    outside = np.zeros(session.lesions.shape, np.uint8)
    outside[:4] = 1
    with pytest.raises(ValueError, match=r"mask\.nii\.gz: 100% of the lesions"):
        run(session, given=given(session, outside))

"""A FLAIR that is none, or a bad one, gives a clear error or no number that passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.space import registration
from npsle_app.imaging.wmh import flair
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant import wmh
from tests.stages.small_head import AFFINE, SHAPE, SPOTS, distance, make_session

pytestmark = pytest.mark.long

MIDDLE = np.indices(SHAPE) / 22 - 1  # from -1 to 1


class HEAD:
    """Where the small head has its lesions."""

    lesions = np.any([distance(spot) <= 2.5 for spot in SPOTS], axis=0)


@pytest.fixture
def session(tmp_path, rng, monkeypatch):
    made = make_session(tmp_path, rng)
    even = nib.Nifti1Image(np.ones(SHAPE, np.float32), AFFINE)
    monkeypatch.setattr(wmh, "lesion_priors", lambda _grid, *, field: made.priors)  # noqa: ARG005
    monkeypatch.setattr(wmh, "_draw", lambda *_, **__: ())
    monkeypatch.setattr(registration, "register_rigid", lambda *_, **__: np.eye(4))
    monkeypatch.setattr(flair, "correct_bias", lambda image, **_: (image, even))
    return made


def run(session, data):
    nib.save(nib.Nifti1Image(data.astype(np.float32), AFFINE), session.flair.path)
    outputs = wmh.run(
        flair=session.flair,
        wmh_mask=None,
        anat=session.anat,
        settings=WmhSettings(),
        out=session.out,
    )
    return json.loads(outputs.record.read_text())


def values(path):
    return nib.load(path).get_fdata()


@dataclass(frozen=True)
class Case:
    """How FLAIR is spoilt, from its data, those of T1w and a generator; what must be said."""

    name: str
    spoil: Callable
    check: str
    state: str = "fail"


def saturated(good, _t1w, _rng):
    return np.minimum(good, np.percentile(good[good > 0], 90))


def cut(good, _t1w, _rng):
    return np.where(MIDDLE[2] > 0, 0, good)


def noisy(share):
    return lambda good, _t1w, rng: np.abs(good + rng.normal(0, share * 85, SHAPE))


def without(where):
    """Lay a mask over the image, as of a tool that keeps what it takes for brain."""
    return lambda good, _t1w, _rng: np.where(where(HEAD), 0, good)


CASES = (
    Case("T1w", lambda _good, t1w, _rng: t1w, "FLAIR contrast"),
    Case("a copy of T1w", lambda _good, t1w, _rng: t1w, "FLAIR is not the T1w image"),
    Case(
        "T1w in another unit, with noise of its own",
        lambda _good, t1w, rng: 7 * (t1w + rng.normal(0, 3, SHAPE)),
        "FLAIR contrast",
    ),
    Case("a mask of tissue", lambda good, *_: 100.0 * (good > 60), "FLAIR saturation"),
    Case("nothing but noise", noisy(5), "FLAIR noise"),
    Case("much noise", noisy(0.2), "FLAIR noise"),
    Case("some noise", noisy(0.1), "FLAIR noise", "warn"),
    Case("half the brain cut away", cut, "FLAIR without holes"),
    Case("lesions cut away", without(lambda head: head.lesions), "FLAIR without holes"),
    Case(
        "another head",
        lambda good, _t1w, _rng: np.roll(good, (7, 7), axis=(0, 1)),
        "FLAIR shows the fluid of T1w",
    ),
    Case("shading that N4 left", lambda good, _t1w, _rng: good * 2 ** MIDDLE[0], "FLAIR evenness"),
    Case("saturation", saturated, "FLAIR saturation"),
    Case("ghosts", lambda good, *_: good + 20.0 * (MIDDLE[1] < -0.8), "FLAIR ghosts", "warn"),
    Case("a constant taken away", lambda good, _t1w, _rng: good - 150, "FLAIR contrast"),
)


def test_the_good_image_passes(session):
    record = run(session, values(session.flair.path))
    assert {check["state"] for check in record["checks"]} == {"pass"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_spoilt_flair_leaves_no_number_that_passes(session, rng, case):
    good, t1w = values(session.flair.path), values(session.anat.t1w)
    record = run(session, case.spoil(good, t1w, rng))
    check = next(check for check in record["checks"] if check["name"] == case.check)
    assert check["state"] == case.state, record["checks"]
    assert check["advice"]
    allowed = {"fail"} if case.state == "fail" else {"warn", "fail"}
    assert {measure["qc"] for measure in record["measures"]} <= allowed | {"not assessable"}


def values_of(record):
    return {measure["name"]: measure["value"] for measure in record["measures"]}


def check_of(record, name):
    return next(check for check in record["checks"] if check["name"] == name)


@pytest.mark.fault(
    "Images",
    "FLAIR that covers part of the brain",
    "lesions are mapped there and the share told; below 85 % no number of the whole brain",
)
def test_a_flair_of_part_of_the_brain_gives_no_number_of_all_of_it(session):
    good = values(session.flair.path)
    part = nib.Nifti1Image(good[:, :, :26].astype(np.float32), AFFINE)
    nib.save(part, session.flair.path)
    outputs = wmh.run(
        flair=session.flair,
        wmh_mask=None,
        anat=session.anat,
        settings=WmhSettings(),
        out=session.out,
    )
    record = json.loads(outputs.record.read_text())
    check = check_of(record, "FLAIR coverage")
    assert check["state"] == "warn"
    assert set(values_of(record).values()) == {None}
    assert {measure["qc"] for measure in record["measures"]} == {"not assessable"}
    (told,) = record["choices"]
    share = f"{outputs.shown_share:.0%}"
    assert told.startswith(f"FLAIR shows {share} of the brain: ")
    assert 0.3 < outputs.shown_share < 0.7
    assert not outputs.shows_whole_brain
    mask = values(outputs.mask) > 0
    assert mask[session.lesions & (np.indices(SHAPE)[2] < 22)].mean() > 0.5
    assert not mask[:, :, 26:].any()


@pytest.mark.fault(
    "Images",
    "FLAIR of which a mask has taken the ventricles",
    "the check fails: what lies beside them cannot be measured",
)
def test_a_flair_without_ventricles_leaves_no_number_that_passes(session):
    good = values(session.flair.path)
    middle = np.indices(SHAPE) - 22
    fluid = np.linalg.norm(middle, axis=0) <= 5
    rim = np.linalg.norm(middle, axis=0) <= 6  # a mask takes what fluid and tissue share too
    record = run(session, np.where(fluid | rim, 0, good))
    check = check_of(record, "FLAIR without holes")
    assert check["state"] == "fail"
    assert {measure["qc"] for measure in record["measures"]} == {"fail"}
    assert "mask was laid over" in check["advice"]


def test_bright_fluid_is_told_in_words(session):
    good = values(session.flair.path)
    record = run(session, np.where(good > 0, 190 - good, 0))
    check = next(check for check in record["checks"] if check["name"] == "FLAIR contrast")
    assert "fluid 1.78" in check["seen"]
    assert "is it a FLAIR image" in check["advice"]
    assert {measure["qc"] for measure in record["measures"]} == {"fail"}


def test_a_flat_head_is_refused_in_words(session):
    good = values(session.flair.path)
    with pytest.raises(ValueError, match=r"sub-01_FLAIR.nii.gz: .*is it a FLAIR image"):
        run(session, 1.0 * (good > 0))


def with_value(value, where):
    def spoil(good):
        good[where] = value
        return good

    return spoil


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (with_value(np.nan, np.s_[:3, :3, :3]), "27 of the 85184 voxels are NaN or infinite"),
        (with_value(np.inf, np.s_[22, 22, 22]), "1 of the 85184 voxels are NaN or infinite"),
        (with_value(np.nan, np.s_[:]), "85184 of the 85184 voxels are NaN or infinite"),
        (with_value(0, np.s_[:]), "all voxels have the value 0"),
        (with_value(100, np.s_[:]), "all voxels have the value 100"),
        (with_value(0, np.s_[:, :, 8:]), "it shows 4% of the brain"),
    ],
)
def test_what_is_no_image_of_the_brain_is_refused_by_the_name_of_its_file(session, spoil, told):
    with pytest.raises(ValueError, match=f"^sub-01_FLAIR.nii.gz: .*{told}"):
        run(session, spoil(values(session.flair.path)))


def test_a_scan_that_cannot_be_registered_is_refused_with_advice(session, monkeypatch):
    def fail(*_args, **_options):
        msg = "ITK ERROR: Zero-valued spacing is not supported"
        raise RuntimeError(msg)

    monkeypatch.setattr(registration, "register_rigid", fail)
    with pytest.raises(ValueError, match=r"sub-01_FLAIR.nii.gz: .* voxel sizes and orientation"):
        run(session, values(session.flair.path))

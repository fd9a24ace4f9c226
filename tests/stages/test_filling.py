"""What the filling stage writes."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.settings import FillingSettings
from npsle_app.stages.participant import filling
from npsle_app.stages.participant.wmh import WmhOutputs
from tests.stages.small_head import T1W, make_session, save


@pytest.fixture
def session(tmp_path, rng, monkeypatch):
    made = make_session(tmp_path, rng)
    monkeypatch.setattr(filling, "tissue_priors", lambda _grid, *, field: made.priors.tissue)  # noqa: ARG005
    return made


def run(session, lesions):
    mask = save(lesions.astype(np.uint8), session.anat.t1w.with_name("sub-01_label-L_mask.nii.gz"))
    wmh = WmhOutputs(
        flair=mask, flair_to_t1w=mask, probability=mask, mask=mask, threshold=0.2,
        min_lesion_mm3=9.0, record=session.anat.record, figures=(),
    )  # fmt: skip
    return filling.run(
        anat=session.anat,
        wmh=wmh,
        tissue_maps=None,
        settings=FillingSettings(),
        out=session.out,
    )


def test_lesions_take_the_intensity_of_the_white_matter_around(session):
    filled = nib.load(run(session, session.lesions).t1w).get_fdata()
    assert filled[session.lesions].mean() == pytest.approx(T1W["wm"], rel=0.02)


def test_without_lesions_the_t1w_image_stays_as_it_is(session):
    filled = nib.load(run(session, np.zeros_like(session.lesions)).t1w)
    np.testing.assert_array_equal(filled.get_fdata(), nib.load(session.anat.t1w).get_fdata())


def test_the_record_shows_before_and_after(session):
    outputs = run(session, session.lesions)
    figure = json.loads(outputs.record.read_text())["figures"][0]
    assert figure["path"] != figure["after"]
    assert all(path.is_file() for path in outputs.figures)


def test_the_sidecar_names_the_t1w_image_and_the_mask(session):
    outputs = run(session, session.lesions)
    sidecar = json.loads(outputs.t1w.with_name("sub-01_desc-lesionfilled_T1w.json").read_text())
    assert sidecar["Sources"][0] == "bids::sub-01/anat/sub-01_desc-preproc_T1w.nii.gz"
    assert sidecar["SkullStripped"] is True
    assert set(sidecar["Templates"]) == {"GM", "WM"}

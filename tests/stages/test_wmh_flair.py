"""What the wmh_flair stage writes and says, on a small head of which there is no T1w image."""

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app import templates
from npsle_app.imaging.wmh.wmh import LesionMap
from npsle_app.settings import LesionsSettings, WmhSettings
from npsle_app.stages.participant import lesions_flair, wmh_flair
from npsle_app.stages.participant.anat_flair import AnatFlairOutputs
from tests.stages.small_head import AFFINE, SmallSession, make_session, save

BRIGHT = 120.0  # between grey matter, 100, and a lesion, 150


@dataclass
class Alone:
    """A session without T1w: its FLAIR, what `anat_flair` left, and the truth."""

    whole: SmallSession
    anat: AnatFlairOutputs

    def run(self, **settings):
        return wmh_flair.run(
            flair=self.whole.flair,
            anat_flair=self.anat,
            settings=WmhSettings(**settings),
            out=self.whole.out,
        )


def bright_places(flair, t1w, *, brain, voxel_sizes_mm, **_):
    """Stand in for the trained model: what is brighter than grey matter is lesion."""
    assert t1w is None
    assert np.allclose(voxel_sizes_mm, 2)
    smooth = ndimage.gaussian_filter(flair, 0.5)
    return LesionMap(
        probability=np.where(brain & (smooth > BRIGHT), 0.9, 0).astype("f4"), tissue=None
    )


def make(folder: Path, patch, *, cut: int = 0) -> Alone:
    """Make a session; the `cut` lowest slices of the brain are outside of the field of view."""
    made = make_session(folder, np.random.default_rng(20260101))
    brain = nib.Nifti1Image.from_filename(made.anat.brain_mask)
    view = np.indices(brain.shape)[2] >= cut
    template = nib.Nifti1Image(brain.get_fdata(dtype=np.float32), AFFINE)
    patch.setattr(wmh_flair, "lesion_priors", lambda _grid, *, field: made.priors)  # noqa: ARG005
    patch.setattr(wmh_flair, "lesion_probability", bright_places)
    patch.setattr(wmh_flair, "read_lesion_model", lambda *, with_t1w: with_t1w)
    patch.setattr(wmh_flair, "describe_lesion_model", lambda *, with_t1w: {"Model": str(with_t1w)})
    patch.setattr(templates, "load", lambda _: template)
    flair = nib.Nifti1Image.from_filename(made.flair.path).get_fdata(dtype=np.float32)
    anat = made.out.root / "sub-01/anat"
    still = np.zeros((*brain.shape, 1, 3), np.float32)
    still[..., 2] = 0 if not cut else -2.0 * cut  # a view that is cut lies higher in the head
    return Alone(
        whole=made,
        anat=AnatFlairOutputs(
            flair=save(flair * view, anat / "sub-01_desc-preproc_FLAIR.nii.gz"),
            brain_mask=made.anat.brain_mask,
            intracranial_mask=None,
            flair_in_template=made.anat.t1w_in_template,
            flair_to_template=save_field(still, anat / "sub-01_to_xfm.nii.gz"),
            template_to_flair=save_field(still, anat / "sub-01_from_xfm.nii.gz"),
            record=made.anat.record,
            figures=(),
        ),
    )


def save_field(vectors, path):
    field = nib.Nifti1Image(vectors, AFFINE)
    field.header.set_intent("vector")
    nib.save(field, path)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        session = make(tmp_path_factory.mktemp("alone"), patch)
        return session, session.run()


def read(outputs):
    return json.loads(outputs.record.read_text())


def measures(outputs):
    return {measure["name"]: measure for measure in read(outputs)["measures"]}


def test_volume_and_count_are_those_of_the_lesions(finished):
    session, outputs = finished
    found = measures(outputs)
    assert found["wmh_ml"]["value"] == pytest.approx(session.whole.lesion_ml, rel=0.3)
    assert found["wmh_count"]["value"] == 3


def test_no_interval_is_given_for_its_errors_are_those_of_both_images_together(finished):
    _, outputs = finished
    assert measures(outputs)["wmh_low_ml"]["qc"] == "not assessable"
    assert measures(outputs)["wmh_high_ml"]["value"] is None


def test_maps_lie_on_the_grid_of_flair_and_say_so(finished):
    session, outputs = finished
    flair = nib.load(session.whole.flair.path)
    for path in (outputs.mask, outputs.probability):
        assert path.name.startswith("sub-01_space-FLAIR_label-L_desc-wmh_")
        assert np.array_equal(nib.load(path).affine, flair.affine)
        sidecar = json.loads(path.with_name(f"{path.name.split('.')[0]}.json").read_text())
        assert "FLAIR" in sidecar["SpatialReference"]
        assert sidecar["Model"] == "False"
        assert not any("T1w" in source for source in sidecar["Sources"])


def test_the_record_says_in_plain_words_that_there_is_no_t1w_image(finished):
    _, outputs = finished
    assert read(outputs)["choices"][0].startswith("No T1w image: ")


def test_checks_that_need_t1w_are_left_out_and_the_others_name_flair(finished):
    _, outputs = finished
    names = {check["name"] for check in read(outputs)["checks"]}
    assert {"Template on FLAIR", "FLAIR contrast", "FLAIR noise", "FLAIR coverage"} <= names
    assert not any("T1w" in name for name in names)


def test_a_brain_of_which_flair_shows_too_little_has_no_numbers_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(wmh_flair, "_draw", lambda *_, **__: ())
    outputs = make(tmp_path, monkeypatch, cut=12).run()
    assert not outputs.shows_whole_brain
    assert {measure["qc"] for measure in measures(outputs).values()} == {"not assessable"}
    assert "were found there" in read(outputs)["choices"][1]


def test_lesions_are_told_by_size_and_side_and_the_page_says_what_is_missing(finished, monkeypatch):
    session, outputs = finished
    grid = nib.Nifti1Image.from_filename(session.whole.flair.path)
    half = np.where(np.indices(grid.shape)[0] < 22, 1, 7).astype(np.float32)
    monkeypatch.setattr(templates, "load", lambda _: nib.Nifti1Image(half, AFFINE))
    monkeypatch.setattr(lesions_flair, "fraction", lambda image: image)
    found = lesions_flair.run(
        anat_flair=session.anat,
        wmh_flair=outputs,
        settings=LesionsSettings(),
        out=session.whole.out,
    )
    numbers = measures(found)
    whole_ml = measures(outputs)["wmh_ml"]["value"]
    sides = numbers["wmh_left_ml"]["value"] + numbers["wmh_right_ml"]["value"]
    assert sides == pytest.approx(whole_ml)
    assert len(found.table.read_text().splitlines()) == 1 + 3
    assert "no Fazekas grade" in read(found)["choices"][0]

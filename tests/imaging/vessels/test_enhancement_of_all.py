"""Enhancement of several vessels, and the white matter that it is held against."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.vessels import enhancement
from npsle_app.imaging.vessels.enhancement import mark_white_matter, with_enhancement
from npsle_app.imaging.vessels.place import HeadPlace
from npsle_app.imaging.vessels.results import LostVessel, Mode
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.records import Qc
from tests.imaging.alps.scene import field_of
from tests.imaging.vessels.test_table import vessel

SHIFT_MM = np.array([3.0, -2.0, 1.0])
LOST = LostVessel(name=VesselName("BA", "middle"), mode=Mode.AUTOMATIC, reason="not there")


@pytest.fixture
def place():
    to_image = np.eye(4)
    to_image[:3, 3] = SHIFT_MM
    field = field_of(np.eye(4))
    return HeadPlace(to_image=to_image, to_t1w=field, to_template=field)


def image(value=100.0, *, edge=1.0, size=60):
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = -edge * (size - 1) / 2
    return nib.Nifti1Image(np.full((size,) * 3, value, np.float32), affine)


def test_white_matter_comes_over_to_its_place_without_its_border(place):
    t1w, scan = image(), image(edge=0.5)
    share = np.zeros(t1w.shape, np.float32)
    share[25:36, 25:36, 25:36] = 1.0
    found = mark_white_matter(scan, t1w=t1w, share=share, place=place)
    where = np.argwhere(np.asarray(found.dataobj) > 0)
    middle = nib.affines.apply_affine(scan.affine, where).mean(axis=0)
    assert middle == pytest.approx(SHIFT_MM + 0.5, abs=0.3)
    assert len(where) / 8 == pytest.approx(9**3, rel=0.05)


def test_each_vessel_has_its_ratio_and_those_that_were_lost_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(enhancement, "register_post", lambda *_, **__: np.eye(4))
    seen = []

    def ratio(pre, *, post, white_matter, **_):
        seen.append((pre.shape, post.shape, white_matter.shape))
        return 1.4

    monkeypatch.setattr(enhancement, "enhancement_ratio", ratio)
    scan = image(size=120)
    found = with_enhancement(
        scan,
        vessels=[vessel(), LOST, vessel("V4", good=False)],
        post=scan,
        white_matter=scan,
        seed=1,
    )
    assert found[0].enhancement == 1.4
    assert found[1] is LOST
    assert found[2].enhancement is None
    assert len(seen) == 1
    assert max(seen[0][0]) < 90  # what is far from the vessel is not looked at


def test_a_vessel_without_reference_says_so_and_keeps_its_other_numbers(monkeypatch):
    monkeypatch.setattr(enhancement, "register_post", lambda *_, **__: np.eye(4))
    scan = image(size=120)
    nothing = nib.Nifti1Image(np.zeros(scan.shape, np.uint8), scan.affine)
    before = vessel()
    (found,) = with_enhancement(scan, vessels=[before], post=scan, white_matter=nothing, seed=1)
    assert found.enhancement is None
    assert found.summary == before.summary
    assert found.checks[-1].state is Qc.NOT_ASSESSABLE
    assert "voxels of white matter" in found.checks[-1].seen

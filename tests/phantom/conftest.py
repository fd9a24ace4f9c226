import pytest

from npsle_app.phantom.participant import PhantomParticipant, Request, make_participant

COARSE_MM = 3.0


@pytest.fixture(scope="package")
def person() -> PhantomParticipant:
    return make_participant(Request(1, seed=0, voxel_mm=COARSE_MM))


@pytest.fixture(scope="package")
def healthy() -> PhantomParticipant:
    return make_participant(Request(1, seed=0, voxel_mm=COARSE_MM, lesion_ml=0))

"""Images of the arteries: signal, blur, noise, and who has which."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.phantom.arteries.head_arteries import draw_arteries
from npsle_app.phantom.arteries.tube_drawing import Signals, draw_tubes
from npsle_app.phantom.arteries.tubes import Artery, arc
from npsle_app.phantom.arteries.vessel_scan import VESSEL_KINDS, scan_session, scan_vessels
from npsle_app.phantom.arteries.vessels import Surroundings, scan_arteries, true_masks
from npsle_app.phantom.head.acquisition import draw_acquisition
from npsle_app.phantom.head.anatomy import draw_shape, make_anatomy
from npsle_app.phantom.head.grids import whole_head

pytestmark = pytest.mark.long

SIGNALS = Signals(blood=0.05, wall=1.0, csf=0.25, gm=0.7, wm=0.9, head=0.7)


@pytest.fixture(scope="module")
def head():
    shape = draw_shape(np.random.default_rng(3), age=40, sex="F")
    grid = whole_head(voxel_mm=(4.0, 4.0, 4.0), turn=np.eye(3))
    arteries = draw_arteries(np.random.default_rng(4), shape=shape, group="NPSLE")
    return make_anatomy(shape, grid=grid, voxel_mm=4.0), arteries


def scanned(head, kind):
    return scan_vessels(
        head[0], arteries=head[1], kind=kind, rng=np.random.default_rng(5), voxel_mm=4.0
    )


@pytest.fixture(scope="module")
def vwi(head):
    return scanned(head, "vwi")


def tube(**options):
    points = arc(length_mm=14, bend_radius_mm=12, tilt_deg=30)
    return Artery(points=points, **{"radius_mm": 1.3, "wall_mm": 0.7, **options})


def drawn(artery, *, grid, csf=0.25):
    return draw_tubes(
        np.full(grid.shape, csf, np.float32), grid=grid, tubes=[artery], signals=SIGNALS
    )


GRID = whole_head(
    voxel_mm=(0.5, 0.5, 0.5), turn=np.eye(3), field_of_view_mm=(10, 10, 10), centre_mm=(0, 0, 0)
)


@pytest.mark.parametrize("offset_mm", [0.0, 0.4])
def test_few_voxels_drawn_show_what_all_voxels_drawn_show(offset_mm):
    artery = tube(offset_mm=offset_mm)
    middle = (np.array(GRID.shape) - 1) / 2
    whole = scan_arteries(
        [artery], voxel_mm=0.5, snr=1e6, rng=_Still(), field_mm=(10, 10, 10),
        surroundings=Surroundings(brain_gap_mm=None),
    )  # fmt: skip
    assert np.allclose(
        nib.affines.apply_affine(whole.image.affine, middle),
        nib.affines.apply_affine(GRID.affine, middle),
    )
    gap = drawn(artery, grid=GRID) - whole.image.get_fdata() / 400
    gap = gap[1:-1, 1:-1, 1:-1]  # at its faces the small drawing lacks what lies beyond
    assert np.abs(gap).max() < 0.02
    assert np.abs(gap).mean() < 0.001


class _Still:
    """A generator that neither moves the grid nor adds noise."""

    def uniform(self, _low, _high, n):
        return np.zeros(n)

    def normal(self, _mean, _sd, shape):
        return np.zeros(shape)


def test_all_signal_of_the_wall_is_there_in_spite_of_the_blur():
    thick, thin = (drawn(tube(wall_mm=wall), grid=GRID, csf=0.25) for wall in (0.8, 0.3))
    area_mm2 = tube(wall_mm=0.8).wall_mm2 - tube(wall_mm=0.3).wall_mm2
    seen = (thick - thin).sum(dtype=float) * 0.5**3
    planes_mm = np.count_nonzero(np.ptp(thick, axis=(0, 1)) > 0.1) * 0.5
    assert seen / 0.75 == pytest.approx(area_mm2 * planes_mm, rel=0.15)  # it runs aslant


def test_what_is_far_from_all_arteries_is_left_alone():
    around = np.random.default_rng(0).random(GRID.shape, dtype=np.float32)
    seen = draw_tubes(around, grid=GRID, tubes=[tube(radius_mm=0.5, wall_mm=0.3)], signals=SIGNALS)
    lumen, _ = true_masks([tube(radius_mm=4.0, wall_mm=0.3)], image=_image())
    far = np.asarray(lumen.dataobj) == 0
    assert np.array_equal(seen[far], around[far])
    assert not np.array_equal(seen, around)


def _image():
    return nib.Nifti1Image(np.zeros(GRID.shape, np.float32), GRID.affine)


def test_an_artery_outside_the_field_of_view_changes_nothing():
    around = np.ones(GRID.shape, np.float32)
    away = Artery(points=arc(length_mm=4) + 50, radius_mm=1.0, wall_mm=0.5)
    assert np.array_equal(draw_tubes(around, grid=GRID, tubes=[away], signals=SIGNALS), around)


def test_blood_is_black_in_one_image_and_bright_in_the_other(head, vwi):
    for image, low, high in ((vwi, 0.0, 0.35), (scanned(head, "angio"), 2.0, 6.0)):
        data = image.get_fdata()
        inside = _inside(head[1], image=image)
        brain = np.median(data[data > np.percentile(data, 50)])
        assert low < np.median(data[inside]) / brain < high


def _here(arteries):
    """Where the head's motion before the scan has brought the arteries."""
    motion = draw_acquisition(np.random.default_rng(5), moved=True).motion
    return arteries.moved(np.linalg.inv(motion))


def _inside(arteries, *, image):
    here = _here(arteries)
    lumen, _ = true_masks(
        [Artery(points=a.points, radius_mm=0.7, wall_mm=0.3) for a in here.main.values()],
        image=image,
    )
    return np.asarray(lumen.dataobj) > 0


def test_contrast_agent_brightens_the_wall_by_the_ratio_that_was_drawn(head, vwi):
    arteries = head[1]
    ratio = []
    for number in (0, 1):
        image = (vwi, scanned(head, "post"))[number]
        ratio.append(np.percentile(image.get_fdata()[_shell(arteries, image=image)], 90))
    assert ratio[1] / ratio[0] == pytest.approx(arteries.enhancement, rel=0.12)


def _shell(arteries, *, image):
    here = _here(arteries)
    lumen, outer = true_masks(list(here.main.values()), image=image)
    return (np.asarray(outer.dataobj) > 0) & (np.asarray(lumen.dataobj) == 0)


def test_the_image_is_small_has_voxels_of_0_6_mm_and_a_sane_header(vwi):
    assert vwi.header.get_zooms() == pytest.approx((0.6, 0.6, 0.6))
    assert np.prod(vwi.shape) < 2.5e6
    assert vwi.get_data_dtype() == np.int16
    assert vwi.header["sform_code"] == vwi.header["qform_code"] == 1


def test_the_same_stream_makes_the_same_image(head, vwi):
    assert scanned(head, "vwi").to_bytes() == vwi.to_bytes()


def test_of_three_people_one_has_an_angiogram_one_contrast_agent_and_one_nothing(head):
    made = [
        scan_session(
            head[0],
            arteries=head[1],
            index=index,
            streams={kind: np.random.default_rng(5) for kind in VESSEL_KINDS},
            voxel_mm=4.0,
        )
        for index in (1, 2, 3)
    ]
    assert (made[0].angio is not None, made[0].post) == (True, None)
    assert (made[1].angio, made[1].post is not None) == (None, True)
    assert made[2] is None

"""New, enlarged, shrunken, resolved: known changes, and laws that hold for all."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.lesions.change import (
    NEW,
    RESOLVED,
    STABLE,
    Appearance,
    appear,
    compare_lesions,
    per_year,
)
from npsle_app.imaging.lesions.change_checks import (
    check_change,
    check_interval,
    check_origin,
    check_protocol,
    check_registration,
)
from npsle_app.imaging.space.halfway import Halfway
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.records import Qc

SHAPE = (60, 60, 60)
OLD, SECOND, FRESH = (20, 30, 30), (40, 30, 20), (30, 42, 40)


def ball(centre, radius):
    axes = zip(np.indices(SHAPE), centre, strict=True)
    return np.sqrt(sum((axis - c) ** 2 for axis, c in axes)) <= radius


def session(rng, *lesions, noise=4.0, gain=1.0, seen=None, likely=None, bright=50.0):
    """White matter of 100 with lesions of 150; `seen` are those that the mask has.

    `likely` is the map of probabilities, else the mask.
    """
    truth = np.any([ball(*one) for one in lesions], axis=0) if lesions else np.zeros(SHAPE, bool)
    mask = truth if seen is None else np.any([ball(*one) for one in seen], axis=0)
    brain = ball((30, 30, 30), 28)
    flair = ndimage.gaussian_filter(100.0 + bright * truth, 0.7) + rng.normal(0, noise, SHAPE)
    return Appearance(
        flair=(gain * flair * brain).astype(np.float32),
        lesions=(mask & brain).astype(np.float32),
        probability=(mask & brain if likely is None else likely).astype(np.float32),
        wm=brain.astype(np.float32),
        shown=brain,
    )


def compare(earlier, later, **changed):
    settings = {
        "voxel_mm": 1.0,
        "threshold": 0.2,
        "significance_sd": 2.0,
        "min_change_mm3": 15.0,
        "shift_mm": 0.1,
    }
    return compare_lesions(earlier, later, **(settings | changed))


def volume(*lesions):
    return np.any([ball(*one) for one in lesions], axis=0).sum() / 1000


def test_a_faint_new_lesion_is_found_to_nine_tenths(rng):
    first = session(rng, (OLD, 4), bright=25)
    second = session(rng, (OLD, 4), (FRESH, 4), bright=25)
    found = compare(first, second).as_measures()

    assert found["wmh_new_ml"] > 0.9 * volume((FRESH, 4))
    assert found["wmh_enlarged_ml"] + found["wmh_shrunken_ml"] < 0.02


def test_a_new_lesion_that_the_mask_missed_counts_where_brightness_leaves_no_doubt(rng):
    first = session(rng, (OLD, 4))
    doubtful, unlikely = (
        session(rng, (OLD, 4), (FRESH, 4), seen=((OLD, 4),), likely=share * ball(FRESH, 4))
        for share in (0.15, 0.05)
    )

    assert compare(first, doubtful).as_measures()["wmh_new_ml"] > 0.8 * volume((FRESH, 4))
    assert compare(first, unlikely).as_measures()["wmh_new_ml"] == 0


def test_lesions_that_grow_into_one_have_merged_and_the_way_back_is_a_split(rng):
    apart = session(rng, (OLD, 4), ((20, 30, 42), 4))
    joined = session(rng, (OLD, 4), ((20, 30, 42), 4), ((20, 30, 36), 4))
    there, back = (compare(*pair).as_measures() for pair in ((apart, joined), (joined, apart)))

    assert (there["wmh_merged_count"], there["wmh_split_count"]) == (1, 0)
    assert (back["wmh_merged_count"], back["wmh_split_count"]) == (0, 1)
    assert there["wmh_new_count"] == back["wmh_resolved_count"] == 0


@pytest.mark.parametrize(
    ("given", "state"),
    [((False, False), Qc.PASS), ((True, True), Qc.PASS), ((True, False), Qc.WARN)],
)
def test_lesions_of_two_origins_are_flagged(given, state):
    assert check_origin(*given).state is state


def test_a_session_compared_with_itself_has_not_changed(rng):
    one = session(rng, (OLD, 4), (SECOND, 3))
    found = compare(one, one).as_measures()
    changed = {name: value for name, value in found.items() if name not in SAME}
    assert set(changed.values()) == {0}
    assert found["wmh_stable_ml"] == pytest.approx(volume((OLD, 4), (SECOND, 3)))


SAME = ("wmh_earlier_ml", "wmh_later_ml", "wmh_stable_ml")


def test_a_new_lesion_of_known_volume_is_found(rng):
    found = compare(session(rng, (OLD, 4)), session(rng, (OLD, 4), (FRESH, 3))).as_measures()
    assert found["wmh_new_ml"] == pytest.approx(volume((FRESH, 3)), rel=0.1)
    assert found["wmh_new_count"] == 1
    assert found["wmh_enlarged_ml"] == found["wmh_shrunken_ml"] == found["wmh_resolved_ml"] == 0


def test_growth_of_a_lesion_is_no_new_lesion(rng):
    found = compare(session(rng, (OLD, 4)), session(rng, (OLD, 7))).as_measures()
    assert found["wmh_enlarged_ml"] == pytest.approx(volume((OLD, 7)) - volume((OLD, 4)), rel=0.2)
    assert found["wmh_new_ml"] == found["wmh_new_count"] == 0


def test_exchanged_sessions_exchange_new_with_resolved_and_enlarged_with_shrunken(rng):
    first = session(rng, (OLD, 4), (SECOND, 5))
    second = session(rng, (OLD, 6), (SECOND, 3), (FRESH, 3), gain=1.7)
    there, back = compare(first, second), compare(second, first)
    exchanged = np.array([0, 1, 5, 4, 3, 2], np.uint8)[there.labels]
    assert np.array_equal(back.labels, exchanged)
    assert there.noise_sd == back.noise_sd
    assert there.unproven_ml == back.unproven_ml
    assert {STABLE, NEW} < set(np.unique(there.labels))


def test_the_books_balance(rng):
    first = session(rng, (OLD, 4), (SECOND, 5), noise=12)
    found = compare(first, session(rng, (OLD, 6), (FRESH, 3), noise=12)).as_measures()
    gains = found["wmh_new_ml"] + found["wmh_enlarged_ml"]
    losses = found["wmh_shrunken_ml"] + found["wmh_resolved_ml"]
    assert found["wmh_resolved_count"] == 1
    assert found["wmh_later_ml"] == pytest.approx(found["wmh_earlier_ml"] + gains - losses)
    assert found["wmh_net_change_ml"] == pytest.approx(gains - losses)


@pytest.mark.parametrize("gain", [1.0, 0.4, 12.0])
def test_new_noise_another_gain_and_a_loose_mask_are_no_change(rng, gain):
    first = session(rng, (OLD, 4), (SECOND, 3))
    again = session(rng, (OLD, 4), (SECOND, 3), gain=gain, seen=((OLD, 5), (SECOND, 2)))
    found = compare(first, again)
    measures = found.as_measures()
    assert measures["wmh_new_ml"] + measures["wmh_resolved_ml"] == 0
    assert measures["wmh_enlarged_ml"] + measures["wmh_shrunken_ml"] < 0.02
    assert found.unproven_ml > 0.1


def test_a_mask_alone_makes_no_new_lesion(rng):
    first = session(rng, (OLD, 4))
    dreamt = session(rng, (OLD, 4), seen=((OLD, 4), (FRESH, 3)))
    found = compare(first, dreamt)
    assert found.count(NEW) == found.count(RESOLVED) == 0
    assert found.labels[FRESH] == 0


def test_slow_differences_of_the_coils_are_no_change(rng):
    first, second = session(rng, (OLD, 4)), session(rng, (OLD, 4), (FRESH, 3))
    slope = np.linspace(0.8, 1.2, SHAPE[0], dtype=np.float32)[:, None, None]
    found = compare(first, replace(second, flair=second.flair * slope)).as_measures()
    assert found["wmh_new_ml"] == pytest.approx(volume((FRESH, 3)), rel=0.15)
    assert found["wmh_enlarged_ml"] + found["wmh_shrunken_ml"] < 0.02


def test_what_is_smaller_than_the_least_change_does_not_count(rng):
    found = compare(session(rng), session(rng, (FRESH, 3)), min_change_mm3=200.0)
    assert not found.labels.any()


def test_a_border_that_moved_no_further_than_registration_leaves_is_no_change(rng):
    first, second = session(rng, (OLD, 8), noise=1), session(rng, (OLD, 9), noise=1)
    assert compare(first, second, shift_mm=0.1).as_measures()["wmh_enlarged_ml"] > 0.3
    assert compare(first, second, shift_mm=1.0).as_measures()["wmh_enlarged_ml"] == 0


def test_heads_without_lesions_have_0_of_all(rng):
    assert set(compare(session(rng), session(rng)).as_measures().values()) == {0}


def test_what_one_session_does_not_show_is_not_compared(rng):
    first, second = session(rng, (OLD, 4)), session(rng, (OLD, 4), (FRESH, 3))
    cut = first.shown & (np.arange(SHAPE[2]) < 34)
    found = compare(replace(first, shown=cut), second).as_measures()
    assert found["wmh_new_ml"] == 0


def test_without_normal_white_matter_nothing_is_said(rng):
    one = session(rng, (OLD, 4))
    bare = replace(one, wm=one.wm * 0)
    with pytest.raises(ValueError, match="of normal-appearing white matter lie in both sessions"):
        compare(bare, bare)


def test_images_are_brought_to_the_grid_where_flair_shows_the_brain(rng):
    one = session(rng, (OLD, 4))
    native = nib.Nifti1Image(one.flair, np.eye(4))
    away = np.eye(4)
    away[0, 3] = 2.0
    grid = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), np.eye(4))
    half = on_grid_of(native, one.shown & (np.arange(SHAPE[2]) < 40))
    found = appear(
        on_grid_of(native, one.flair * (np.arange(SHAPE[1])[:, None] < 50).astype(np.float32)),
        lesions=on_grid_of(native, one.lesions),
        probability=None,
        wm=on_grid_of(native, one.wm),
        brain=half,
        grid=grid,
        matrix=away,
    )
    assert np.array_equal(found.lesions[:-2], one.lesions[2:])
    assert not found.shown[:, :, 40:].any()
    assert not found.shown[:, 50:].any()
    assert found.shown[28, 30, 30]


@pytest.mark.parametrize(("days", "expected"), [(None, None), (89.0, None), (730.5, 0.5)])
def test_change_per_year_needs_dates_a_quarter_apart(days, expected):
    assert per_year(1.0, days=days) == expected


def test_heads_that_do_not_match_fail(rng):
    meeting = Halfway(grid=scan(1.0), to_earlier=np.eye(4), to_later=np.eye(4), disagree_mm=0.1)
    one = session(rng, (OLD, 8), (SECOND, 8))
    folded = replace(one, flair=one.flair * (1 + (np.indices(SHAPE).sum(axis=0) // 3) % 2))
    away = replace(folded, flair=np.roll(folded.flair, 3, 0), shown=np.roll(one.shown, 8, 0))
    blank = replace(one, flair=one.flair * 0)
    states = [
        [check.state for check in check_registration(meeting, folded, other)]
        for other in (folded, away, blank)
    ]
    assert states[0] == [Qc.PASS, Qc.PASS, Qc.PASS]
    assert states[1] == [Qc.PASS, Qc.FAIL, Qc.FAIL]
    assert states[2][2] is Qc.FAIL


def test_registrations_that_disagree_are_flagged(rng):
    one = session(rng)
    for gap, state in ((0.1, Qc.PASS), (0.5, Qc.WARN), (2.0, Qc.FAIL), (np.nan, Qc.FAIL)):
        meeting = Halfway(grid=scan(1.0), to_earlier=np.eye(4), to_later=np.eye(4), disagree_mm=gap)
        assert check_registration(meeting, one, one)[0].state is state


def scan(slice_mm):
    return nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.diag([1.0, 1.0, slice_mm, 1.0]))


@pytest.mark.parametrize(
    ("slice_mm", "metadata", "told"),
    [
        (1.0, {"EchoTime": 0.321, "MRAcquisitionType": "3D"}, ""),
        (3.0, {}, "longest voxel edge 1.00 and 3.00 mm"),
        (1.0, {"MRAcquisitionType": "2D"}, "MRAcquisitionType 3D and 2D"),
        (1.0, {"EchoTime": 0.12}, "EchoTime 0.32 and 0.12"),
    ],
)
def test_scans_of_another_kind_are_flagged(slice_mm, metadata, told):
    known = {"MRAcquisitionType": "3D", "EchoTime": 0.32}
    check = check_protocol(
        scan(1.0), scan(slice_mm), earlier_metadata=known, later_metadata=metadata
    )
    assert check.state is (Qc.WARN if told else Qc.PASS)
    assert told in check.seen
    assert ("compare only like scans" in check.advice) is bool(told)


def test_masks_that_tell_another_story_are_flagged(rng):
    one = session(rng, (OLD, 8))
    loose = session(rng, (OLD, 8), seen=((OLD, 11),))
    masks = [nib.Nifti1Image(s.lesions.astype(np.uint8), np.eye(4)) for s in (one, loose)]
    alike = check_change(compare(one, one), earlier_mask=masks[0], later_mask=masks[0])
    other = check_change(compare(one, loose), earlier_mask=masks[0], later_mask=masks[1])
    assert [check.state for check in alike] == [Qc.PASS, Qc.PASS]
    assert other[1].state is Qc.WARN


@pytest.mark.parametrize(
    ("days", "state"), [(365.0, Qc.PASS), (-3.0, Qc.WARN), (None, Qc.NOT_ASSESSABLE)]
)
def test_dates_are_checked_where_there_are_any(days, state):
    assert check_interval(days).state is state

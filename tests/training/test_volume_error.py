"""What a measured volume is worth."""

import numpy as np

from training.wmh.volume_error import interval_rows


def found(rng, *, spread, people=6):
    return {0.0: [0.05] * people} | {
        load: list(load * np.exp(rng.normal(0, spread, people))) for load in (0.3, 1.0, 3.0, 10.0)
    }


def test_the_interval_holds_what_was_measured_and_widens_with_the_scatter(rng):
    for measured, low, high in interval_rows(found(rng, spread=0.2)):
        assert low <= measured <= high or measured < 0.05
    narrow, wide = (
        {m: hi / lo for m, lo, hi in interval_rows(found(rng, spread=s)) if m == 3.0}
        for s in (0.1, 0.5)
    )
    assert narrow[3.0] < wide[3.0]


def test_what_is_found_in_people_without_lesions_may_be_none(rng):
    lows = {row[0]: row[1] for row in interval_rows(found(rng, spread=0.2))}
    assert lows[0.0] == 0
    assert lows[3.0] > 0


def test_the_interval_covers_the_load_in_most_new_people(rng):
    held = []
    for _ in range(200):
        rows = interval_rows(found(rng, spread=0.3))
        measured = 3.0 * np.exp(rng.normal(0, 0.3))
        table = np.array(rows)
        low, high = (np.interp(measured, table[:, 0], table[:, k]) for k in (1, 2))
        held.append(low <= 3.0 <= high)
    assert np.mean(held) >= 0.9

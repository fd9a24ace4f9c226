"""No setting can be made with a value outside its limits, wherever the value comes from."""

from dataclasses import fields

import pytest

from npsle_app.cli.config import resolve
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.parser import parse
from npsle_app.settings import ARTERIES, Settings

# Of each setting with limits: what is let pass at both ends, and what lies just outside.
SAMPLING, SPLINE = ((1, 20), (0.9, 20.1)), ((100, 1000), (99, 1001))
SEED = ((0, 2**31 - 1), (-1, 2**31))
PROCESSES = ((1, 10**6), (0, -1))
REPEATS = ((1, 1000), (0, 1001))
LIMITS = {
    "anat.random_seed": SEED,
    "anat.bias_sampling_mm": SAMPLING,
    "anat.bias_spline_mm": SPLINE,
    "anat.affine_sampling_mm": SAMPLING,
    "anat.warp_sampling_mm": SAMPLING,
    "anat.warp_iterations": (([0], [1000] * 6), ([-1], [1001])),
    "wmh.random_seed": SEED,
    "wmh.bias_sampling_mm": SAMPLING,
    "wmh.bias_spline_mm": SPLINE,
    "wmh.threshold": ((0.001, 0.999), (0, 1)),
    "wmh.min_lesion_mm3": ((0, 1000), (-1, 1001)),
    "change.random_seed": SEED,
    "change.significance_sd": ((0.1, 100), (0, 101)),
    "change.min_change_mm3": ((0, 10_000), (-1, 10_001)),
    "change.shift_mm": ((0, 10), (-0.1, 10.1)),
    "filling.max_passes": ((1, 10_000), (0, 10_001)),
    "filling.csf_sd": ((0, 10), (-1, 11)),
    "tissue.prior_weight": ((0, 10), (-1, 11)),
    "tissue.mrf_weight": ((0, 10), (-1, 11)),
    "tissue.iterations": ((1, 1000), (-5, 1001)),
    "regions.random_seed": SEED,
    "lesions.status_min_ml": ((0.1, 1000), (0, 1001)),
    "dwi.random_seed": SEED,
    "alps.random_seed": SEED,
    "alps.radius_mm": ((0.1, 20), (0, 21)),
    "alps.excluded_share": ((0, 1), (-0.1, 1.1)),
    "alps.bootstrap_samples": ((2, 100_000), (1, 10**12)),
    "vessel_wall.random_seed": SEED,
    "vessel_wall.psf_fwhm_voxels": ((0, 2), (-1, 3)),
    "statistics.random_seed": SEED,
    "normative.random_seed": SEED,
    "normative.permutations": ((1, 10**6), (0, 10**12)),
    "normative.bootstrap_samples": ((0, 100_000), (-1, 10**12)),
    "population.random_seed": SEED,
    "population.permutations": ((1, 10**6), (0, 10**12)),
    "population.bootstrap_samples": ((0, 100_000), (-1, 10**12)),
    "classifier.random_seed": SEED,
    "classifier.repeats": REPEATS,
    "classifier.bootstrap_samples": ((2, 100_000), (1, 10**12)),
    "classifier.permutations": ((0, 10**6), (-1, 10**12)),
    "classifier.permutation_repeats": REPEATS,
    "classifier.large_from": ((1, 10**6), (0, -1)),
    "classifier.processes": PROCESSES,
    "deviations.processes": PROCESSES,
    "overview.viewer_voxel_mm": ((0.5, 4), (0.4, 4.1)),
}


def resolved(tmp_path, name, value):
    section, _, key = name.partition(".")
    (tmp_path / "c.toml").write_text(f"[{section}]\n{key} = {value}\n")
    call = ["raw", "out", "participant", "--config-file", str(tmp_path / "c.toml")]
    return getattr(getattr(resolve(parse(call)).settings, section), key)


def cases(which):
    return [(name, value) for name, limits in LIMITS.items() for value in limits[which]]


def test_every_number_has_limits_that_are_tested():
    numbers = {
        f"{section.name}.{key.name}"
        for section in fields(Settings)
        for key in fields(section.type)
        if type(key.default) in (int, float) or key.name == "warp_iterations"
    }
    assert numbers == set(LIMITS)


@pytest.mark.parametrize(("name", "value"), cases(0))
def test_a_value_at_its_limit_is_taken(tmp_path, name, value):
    found = resolved(tmp_path, name, value)

    assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize(
    ("name", "value"), [*cases(1), *((n, "nan") for n in LIMITS), *((n, "-inf") for n in LIMITS)]
)
def test_a_value_outside_is_refused_by_name_with_what_came_and_the_range(tmp_path, name, value):
    with pytest.raises(RefusedError, match=rf"{name}(: expected| must) .*, got "):
        resolved(tmp_path, name, value)


@pytest.mark.parametrize("name", LIMITS)
def test_a_section_itself_refuses_to_be_made(name):
    section, _, key = name.partition(".")
    value = LIMITS[name][1][-1]
    given = {key: tuple(value) if isinstance(value, list) else value}

    with pytest.raises(ValueError, match=key):
        type(getattr(Settings(), section))(**given)


@pytest.mark.parametrize("value", [[], [1] * 7])
def test_a_registration_has_one_level_or_some(tmp_path, value):
    with pytest.raises(RefusedError, match=r"anat: warp_iterations has 1 to 6 levels, got \("):
        resolved(tmp_path, "anat.warp_iterations", value)


def test_arteries_and_tails_are_those_that_there_are(tmp_path):
    assert resolved(tmp_path, "vessel_wall.sought", ["V4"]) == ("V4",)
    assert set(ARTERIES) == {"M1", "ICA", "BA", "V4"}
    with pytest.raises(RefusedError, match=r"sought names \['A1'\]; what can be searched is"):
        resolved(tmp_path, "vessel_wall.sought", ["A1"])
    with pytest.raises(RefusedError, match=r"normative\.tail: expected 'lower' or 'both', got 'x'"):
        resolved(tmp_path, "normative.tail", "'x'")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--random-seed", "-1"), "--random-seed must be from 0 to 2147483647, got -1"),
        (("--wmh-threshold", "nan"), "--wmh-threshold must lie between 0 and 1, got nan"),
        (("--wmh-threshold", "0"), r"--wmh-threshold must lie between 0 and 1, got 0\.0"),
        (("--omp-nthreads", "0"), "--omp-nthreads must be at least 1, got 0"),
        (("--mem-mb", "-5"), "--mem-mb must be at least 1, got -5"),
    ],
)
def test_a_flag_outside_its_limits_is_refused_under_its_own_name(words, told):
    with pytest.raises(RefusedError, match=told):
        resolve(parse(["raw", "out", "participant", *words]))

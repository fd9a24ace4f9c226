"""What the values of an image tell: overflow, phase, scale, volumes that are blank."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app.bids.input.image_checks import image_findings

SHAPE = (20, 24, 18)
N = 9


def smooth(rng, highest):
    """Return a ball that is brightest, `highest`, at its middle, in noise."""
    place = np.stack(np.indices(SHAPE) - np.reshape(SHAPE, (3, 1, 1, 1)) / 2)
    bright = np.maximum(1 - (np.linalg.norm(place, axis=0) / 9) ** 2, 0)
    noise = ndimage.gaussian_filter(rng.random(SHAPE), 0.5)
    return highest * np.clip(0.95 * bright + 0.05 * noise, 0, 1)


def save(folder, data, *, slope=None, inter=None, name="sub-01_T1w", affine=None):
    path = folder / f"{name}.nii.gz"
    image = nib.Nifti1Image(data, np.diag([8.0, 8, 8, 1]) if affine is None else affine)
    image.header.set_slope_inter(slope, inter)
    nib.save(image, path)
    return path


def save_series(folder, data):
    path = save(folder, data, name="sub-01_dwi")
    vectors = np.random.default_rng(0).normal(size=(3, data.shape[3]))
    np.savetxt(folder / "sub-01_dwi.bvec", vectors / np.linalg.norm(vectors, axis=0))
    np.savetxt(folder / "sub-01_dwi.bval", [[0, *[1000] * (data.shape[3] - 1)]])
    return path


def refused(path, **options):
    return [one.found for one in image_findings(path, **options) if one.refused]


def wrapped(data, kind="uint16", into="int16"):
    return np.round(data).astype(np.int64).astype(kind).view(into)


@pytest.mark.parametrize("kind", ["int16", "float32", "int32"])
@pytest.mark.parametrize("highest", [36_000, 60_000])
@pytest.mark.fault(
    "Images",
    "numbers above 32,767 written as signed 16 bit",
    "refused before computing: overflow, with the values",
)
def test_values_that_outgrew_sixteen_bits_are_refused_also_in_a_later_copy(
    tmp_path, rng, highest, kind
):
    data = wrapped(smooth(rng, highest)).astype(kind)
    (found,) = refused(save(tmp_path, data))
    assert found.startswith("overflow: its brightest voxels have become negative, from -3")


def test_one_volume_of_a_series_that_overflows_is_named(tmp_path, rng):
    series = np.stack([smooth(rng, 9000 if n != 4 else 40_000) for n in range(N)], axis=3)
    (found,) = refused(save_series(tmp_path, wrapped(series)), series=True)
    assert "(in volumes 4)" in found


@pytest.mark.parametrize(
    "make",
    [
        lambda data: data.astype(np.int16),
        lambda data: data.astype(np.uint16),
        lambda data: np.clip(data * 4, 0, 65535).astype(np.uint16),
        lambda data: (data / 100).astype(np.uint8),
        lambda data: (data - 300).astype(np.float32),
    ],
)
def test_large_values_that_fit_are_no_overflow(tmp_path, rng, make):
    assert refused(save(tmp_path, make(smooth(rng, 25_000)))) == []


@pytest.mark.parametrize(("bits", "kind"), [(8, "uint8"), (12, "int16"), (16, "uint16")])
@pytest.mark.parametrize("over", [1.1, 1.6, 2.5])
@pytest.mark.fault(
    "Images",
    "numbers above 255, 4,095 or 65,535 in an unsigned type",
    "refused before computing: the brightest voxels have become dark",
)
def test_values_that_outgrew_an_unsigned_range_are_refused(tmp_path, rng, bits, kind, over):
    data = np.round(smooth(rng, over * 2**bits)).astype(np.int64) % 2**bits
    (found,) = refused(save(tmp_path, data.astype(kind)))
    assert found.startswith("overflow: its brightest voxels have become dark, from ")


@pytest.mark.parametrize("highest", [256, 65536])
def test_noise_and_clipped_images_that_fill_an_unsigned_range_are_no_overflow(
    tmp_path, rng, highest
):
    noise = rng.integers(0, highest, SHAPE).astype(np.uint16)
    assert refused(save(tmp_path, noise)) == []
    clipped = np.clip(smooth(rng, 2 * highest), 0, highest - 1)
    assert refused(save(tmp_path, np.round(clipped).astype(np.uint16))) == []


@pytest.mark.parametrize("ends", [1.0, 0.5])
def test_noise_of_the_whole_range_in_the_air_is_no_overflow(tmp_path, rng, ends):
    """As in ratios of two images, even (1) and with most values at both ends (0.5)."""
    shape = (40, 48, 36)
    place = np.stack(np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) / 2)
    far = np.linalg.norm(place, axis=0)
    noise = 4095 * rng.beta(ends, ends, shape)
    data = np.where(far < 17, 1200 + 80 * np.maximum(17 - far, 0), noise)
    assert refused(save(tmp_path, np.round(data).astype(np.int16))) == []


def test_fractions_that_were_spread_over_all_whole_numbers_are_no_overflow(tmp_path, rng):
    image = nib.Nifti1Image(smooth(rng, 1.0), np.diag([8.0, 8, 8, 1]))
    image.set_data_dtype(np.int16)
    path = tmp_path / "sub-01_T1w.nii.gz"
    nib.save(image, path)
    stored = np.asarray(nib.load(path).dataobj.get_unscaled())
    assert stored.min() < -30_000
    assert stored.max() > 30_000
    assert refused(path) == []


def test_a_filling_below_all_values_is_called_negative_not_overflow(tmp_path, rng):
    data = smooth(rng, 900).astype(np.int16)
    data[:, :, :4] = -32768
    (found,) = refused(save(tmp_path, data))
    assert found.endswith("clearly negative")


@pytest.mark.parametrize(
    ("low", "high"), [(-4096, 4095), (0, 4095), (-np.pi, np.pi), (-3142, 3142), (0, 360)]
)
@pytest.mark.fault(
    "Images",
    "phase images in a diffusion series, by their values",
    "refused, or left out where another run remains",
)
def test_a_series_of_phases_is_refused_by_its_values(tmp_path, rng, low, high):
    values = rng.uniform(low, high, (*SHAPE, N))
    data = values.astype(np.float32 if high < 9 else np.int16)
    (found,) = refused(save_series(tmp_path, data), series=True)
    assert "as those of a phase image do" in found


def test_a_masked_series_of_phases_is_refused_too(tmp_path, rng):
    values = rng.integers(0, 4096, (*SHAPE, N)).astype(np.int16)
    values[:6] = values[-6:] = 0
    assert "phase" in refused(save_series(tmp_path, values), series=True)[0]


def test_magnitudes_up_to_the_same_end_are_no_phases(tmp_path, rng):
    series = np.stack([smooth(rng, 4095) for _ in range(N)], axis=3).astype(np.int16)
    assert refused(save_series(tmp_path, series), series=True) == []


@pytest.mark.parametrize("slope", [1e30, 1e-30])
@pytest.mark.fault(
    "Images",
    "scale factor of 1e30 or 1e-30",
    "refused, with factor and values",
)
def test_a_scale_factor_that_cannot_be_is_refused(tmp_path, rng, slope):
    path = save(tmp_path, smooth(rng, 900).astype(np.int16))
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    header = image.header.copy()
    image = nib.Nifti1Image(data, image.affine, header)
    image.header["scl_slope"], image.header["scl_inter"] = slope, 0
    raw = bytearray(image.to_bytes())
    raw[112:116] = np.float32(slope).tobytes()
    path = tmp_path / "sub-01_scaled_T1w.nii"
    path.write_bytes(bytes(raw))
    (found,) = refused(path)
    assert f"with scale factor {slope:.3g} and offset 0" in found


@pytest.mark.parametrize("blank", [[0], [4], [8], [7, 8], [0, 3, 5, 8]])
@pytest.mark.fault(
    "Images",
    "blank volumes of a diffusion series",
    "named, and left out",
)
def test_blank_volumes_are_named_and_the_series_is_kept(tmp_path, rng, blank):
    series = np.stack([smooth(rng, 900) for _ in range(N)], axis=3).astype(np.int16)
    series[..., blank] = 0
    path = save_series(tmp_path, series)
    assert refused(path, series=True) == []
    finding = image_findings(path, series=True)[-1]
    assert f"blank ({', '.join(map(str, blank))}, from 0)" in finding.found


def test_a_volume_without_numbers_is_named_and_the_series_is_kept(tmp_path, rng):
    series = np.stack([smooth(rng, 900) for _ in range(N)], axis=3).astype(np.float32)
    series[..., 4] = np.nan
    path = save_series(tmp_path, series)
    assert refused(path, series=True) == []
    assert "blank (4, from 0)" in image_findings(path, series=True)[-1].found
    series[3, 3, 3, 2] = np.inf
    assert "NaN or infinite" in refused(save_series(tmp_path, series[..., :4]), series=True)[0]


def test_a_series_that_is_mostly_blank_is_refused(tmp_path, rng):
    series = np.stack([smooth(rng, 900) for _ in range(N)], axis=3).astype(np.int16)
    series[..., 4:] = 7
    assert refused(save_series(tmp_path, series), series=True) == [
        "5 of its 9 volumes are blank (4, 5, 6, 7, 8, from 0)"
    ]

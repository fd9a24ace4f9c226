"""Name the numbers of a lesion map as the tables do, with T1w or on FLAIR alone."""

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.wmh.volume_error import interval_ml
from npsle_app.imaging.wmh.wmh import THRESHOLDS, count_lesions, soft_volume_ml
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.shared import read_volume_errors

CURVE = tuple(round(0.05 * step, 2) for step in range(1, 19))  # thresholds that are drawn
INTERVAL = ("wmh_low_ml", "wmh_high_ml")


def describe_limits(settings: WmhSettings) -> dict[str, object]:
    """Say what made the mask of the probability, for its sidecar."""
    return {
        "Threshold": settings.threshold,
        "MinimumLesionVolume": settings.min_lesion_mm3,
        "MinimumLesionVolumeUnits": "mm3",
    }


def lesion_numbers(
    mask: Mask,
    *,
    probability: Volume,
    volumes_ml: dict[float, float] | None,
    voxel_mm3: float,
    slice_mm: float,
) -> dict[str, float | None]:
    """Name volumes and count of lesions as the tables do.

    `volumes_ml` is by threshold; None where none has made the mask, and what rests on the
    probability is None too.
    """
    volume = float(mask.sum()) * voxel_mm3 / 1000
    low, high = interval_ml(volume, slice_mm=slice_mm, errors=read_volume_errors())
    soft = None if volumes_ml is None else soft_volume_ml(probability, voxel_mm3=voxel_mm3)
    cut = dict.fromkeys(THRESHOLDS) if volumes_ml is None else volumes_ml
    return {
        "wmh_ml": volume,
        "wmh_low_ml": low,
        "wmh_high_ml": high,
        **{f"wmh_ml_at_{threshold}": volume for threshold, volume in cut.items()},
        "wmh_soft_ml": soft,
        "wmh_count": float(count_lesions(mask)),
    }

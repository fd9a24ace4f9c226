"""Read the lesion masks that were given, and bring them to the T1w image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.bids.input.lesion_masks import GRID_MM, SPACES
from npsle_app.bids.input.scans import GivenMask, Scan
from npsle_app.bids.output.reader import read_mask
from npsle_app.imaging.space.volumes import voxel_mm3
from npsle_app.imaging.wmh.reading import (
    ReadLesions,
    apply_reading,
    bring_to_t1w,
    lesion_share,
    summarise_reading,
)
from npsle_app.imaging.wmh.wmh import lesions
from npsle_app.settings import WmhSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FlairPlace:
    """FLAIR as it was acquired, and the matrix from T1w to FLAIR points."""

    image: nib.Nifti1Image
    matrix: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLesions:
    """The lesions after the reading; `probability` is the map that was given, if it was one.

    `read_by` says by whom and when, where the sidecar of what was given does.
    """

    masks: tuple[GivenMask, ...]
    lesions: ReadLesions
    voxel_mm3: float
    sought: bool
    probability: Volume | None = None
    read_by: str = ""

    @property
    def whole(self) -> bool:
        """Whether all lesions were given, and not a correction alone."""
        return any(mask.role == "whole" for mask in self.masks)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were given."""
        return tuple(mask.path for mask in self.masks)

    @property
    def names(self) -> tuple[str, ...]:
        """Whose they are: `lesions of hand`."""
        return tuple(f"lesions of {name}" for name in sorted({one.dataset for one in self.masks}))

    @property
    def numbers(self) -> dict[str, float]:
        """What was added to and removed from the lesions found; nothing where none were sought."""
        if not self.sought:
            return {}
        return summarise_reading(self.lesions, voxel_mm3=self.voxel_mm3)

    @property
    def metadata(self) -> dict[str, object]:
        """What sidecars tell of it."""
        origin = "given in the place of what would be found" if self.whole else "found, corrected"
        told: dict[str, object] = {
            "LesionsAre": origin,
            "GivenBy": sorted({mask.dataset for mask in self.masks}),
        }
        return told | ({"ReadBy": self.read_by} if self.read_by else {})

    def tell(self) -> str:
        """Say in one sentence what was given, and how it differs from what was found."""
        given = "; ".join(
            f"{mask.path.name} of {mask.dataset} ({_ROLES[mask.role]})" for mask in self.masks
        )
        given += f", read by {self.read_by}" if self.read_by else ""
        if not self.sought:
            return f"The lesions were given: {given}. There is no FLAIR in which to seek them."
        numbers = self.numbers
        changed = ", ".join(
            f"{numbers[f'wmh_{name}_ml']:.2f} mL in {numbers[f'wmh_{name}_count']:.0f} parts {name}"
            for name in ("added", "removed")
        )
        return f"The lesions were given: {given}. Against those that were found: {changed}."


_ROLES = {"whole": "all lesions", "added": "to be added", "removed": "to be removed"}


def read_given(
    scan: Scan,
    *,
    t1w: nib.Nifti1Image,
    brain: Mask,
    flair: FlairPlace | None,
    sought: Mask | None,
    settings: WmhSettings,
) -> GivenLesions:
    """Read what was given and apply it to the lesions `sought`, if there are any.

    A map of probabilities is cut at the threshold of the settings, and its small components go,
    as those of the model's do; a mask is taken as it was drawn.
    """
    shares = {mask.role: _on_t1w(mask, t1w=t1w, flair=flair) for mask in scan.given}
    whole = shares.get("whole")
    is_map = whole is not None and bool(np.any((whole > 0) & (whole < 1)))
    mask = None if whole is None else whole >= 0.5
    if is_map and whole is not None:
        mask = lesions(
            whole,
            voxel_mm3=voxel_mm3(t1w),
            threshold=settings.threshold,
            min_lesion_mm3=settings.min_lesion_mm3,
        )
    added, removed = (
        shares[role] >= 0.5 if role in shares else None for role in ("added", "removed")
    )
    read = apply_reading(sought=sought, brain=brain, whole=mask, added=added, removed=removed)
    return GivenLesions(
        masks=scan.given,
        lesions=read,
        voxel_mm3=voxel_mm3(t1w),
        sought=sought is not None,
        probability=(
            np.where(brain, whole, 0).astype(np.float32) if is_map and whole is not None else None
        ),
        read_by=tell_readers(scan.metadata),
    )


def tell_readers(metadata: Mapping[str, Any]) -> str:
    """Say who read and when, as a sidecar tells by `ReadBy` and `ReadOn`; empty if it does not.

    Examples
    --------
    >>> tell_readers({"ReadBy": ["AB", "CD"], "ReadOn": "2026-11-28"})
    'AB and CD, 2026-11-28'
    """
    named = metadata.get("ReadBy")
    readers = named if isinstance(named, list) else [named]
    told = " and ".join(" ".join(one.split()) for one in readers if isinstance(one, str))
    date = metadata.get("ReadOn")
    return f"{told}, {date}" if told and isinstance(date, str) and date else told


def _on_t1w(mask: GivenMask, *, t1w: nib.Nifti1Image, flair: FlairPlace | None) -> Volume:
    share = lesion_share(read_mask(mask.path), label=mask.label)
    kinds: Sequence[str] = [SPACES[mask.space]] if mask.space else ["t1w", "flair"]
    if "t1w" in kinds and _lie_alike(share, t1w):
        values: Volume = share.get_fdata(dtype=np.float32)
        return values
    if "flair" in kinds and flair is not None and _lie_alike(share, flair.image):
        return bring_to_t1w(share, t1w=t1w, matrix=flair.matrix)
    msg = f"{mask.path.name} lies on neither the grid of T1w nor that of FLAIR"
    raise ValueError(msg)


def _lie_alike(image: nib.Nifti1Image, other: nib.Nifti1Image) -> bool:
    same: bool = np.allclose(image.affine, other.affine, atol=GRID_MM)
    return image.shape == other.shape[:3] and same

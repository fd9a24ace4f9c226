"""Read a brain mask and tissues that were given, in the order of the T1w image's voxels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app.arrays import Volume
from npsle_app.bids.input.brain_map_checks import find_reorientation
from npsle_app.bids.input.brain_maps import PART_NAMES
from npsle_app.bids.input.images import read_header
from npsle_app.bids.input.scans import GivenMap, Scan
from npsle_app.bids.input.segmentation_labels import Label, read_labels
from npsle_app.bids.output.reader import read_mask
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.tissue.given import RegionLabels

_FLUID_AROUND = 24  # FreeSurfer's CSF: SynthSeg's is all around the brain, others' a few voxels


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSource:
    """What was given of one kind: whose it is, and how sidecars and pages tell it."""

    maps: tuple[GivenMap, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were given."""
        return tuple(one.path for one in self.maps)

    @property
    def name(self) -> str:
        """What it is and of which dataset: `tissue maps of cat12`."""
        parts = {one.part for one in self.maps}
        kind = next((PART_NAMES[one] for one in ("brain", "labels") if one in parts), "tissue maps")
        return f"{kind} of {self.maps[0].dataset}"

    @property
    def metadata(self) -> dict[str, object]:
        """What sidecars tell of it."""
        return {"GivenBy": sorted({one.dataset for one in self.maps}), "GivenIs": self.name}

    def tell(self) -> str:
        """Name the files and the dataset."""
        return f"{self.name} ({', '.join(path.name for path in self.paths)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTissue:
    """Shares of tissue on the T1w grid as they were given.

    `csf` is None where the program has no fluid around the brain; `regions` are its labels, None
    where it gave maps.
    """

    source: GivenSource
    gm: Volume
    wm: Volume
    csf: Volume | None
    regions: RegionLabels | None = None


def read_given_brain(scan: Scan, *, t1w: Path) -> tuple[nib.Nifti1Image, GivenSource]:
    """Read a brain mask: what is above 0, or at least half where it holds shares."""
    grid = nib.Nifti1Image.from_filename(t1w)
    values = _read(scan.maps[0], t1w=t1w)
    cut = 0.5 if values.max() <= 1 else np.nextafter(np.float32(0), np.float32(1))
    return on_grid_of(grid, values >= cut), GivenSource(maps=scan.maps)


def read_given_tissue(scan: Scan, *, t1w: Path) -> GivenTissue:
    """Read maps or labels of tissue."""
    source = GivenSource(maps=scan.maps)
    images = {one.part: _read(one, t1w=t1w) for one in scan.maps}
    if "labels" not in images:
        # programs round: what is beyond 0 and 1 by a hundredth was let pass
        gm, wm = (np.clip(images[part], 0, 1) for part in ("gm", "wm"))
        csf = np.clip(images["csf"], 0, 1) if "csf" in images else None
        return GivenTissue(source=source, gm=gm, wm=wm, csf=csf)
    given = scan.maps[0]
    data = images["labels"].astype(np.intp)
    labels = read_labels(given).values()
    gm, wm, csf = (
        np.isin(data, [one.number for one in labels if one.tissue == tissue]).astype(np.float32)
        for tissue in ("GM", "WM", "CSF")
    )
    regions = RegionLabels(data=data, numbers=_number_regions(tuple(labels)))
    whole = csf.any() and (
        given.scheme == "bids" or 2 * np.count_nonzero(data == _FLUID_AROUND) > csf.sum()
    )
    return GivenTissue(source=source, gm=gm, wm=wm, csf=csf if whole else None, regions=regions)


def _number_regions(labels: Sequence[Label]) -> dict[tuple[str, str], tuple[int, ...]]:
    keys = dict.fromkeys((one.region, one.side) for one in labels if one.region)
    return {
        key: tuple(one.number for one in labels if (one.region, one.side) == key) for key in keys
    }


def _read(given: GivenMap, *, t1w: Path) -> Volume:
    image, header = read_mask(given.path), read_header(t1w)
    order = find_reorientation(image.shape, image.affine, onto=header)
    if order is None:
        msg = f"{given.path.name} does not lie on the grid of the T1w image: nothing is resampled"
        raise ValueError(msg)
    values: Volume = nib.apply_orientation(image.get_fdata(dtype=np.float32), order)
    return values

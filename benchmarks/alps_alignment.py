"""Why alignment of volumes moves the DTI-ALPS index: each of its parts alone, on a real series.

    python benchmarks/alps.py align DWI [DWI ...]

Regions are laid once, by FA of the aligned series, and kept; so only the tensors differ. At the
end they are laid anew by FA of the series as acquired. Gradient tables lie beside the series,
phase encoding is told by the sidecar.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import alps_repeat
import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app import templates
from npsle_app.bids.input.gradients import read_tables
from npsle_app.bids.input.phase_encoding import phase_axis
from npsle_app.bids.input.scans import Scan
from npsle_app.imaging.alps.noise import Series
from npsle_app.imaging.alps.study import AlpsImages, study_alps
from npsle_app.imaging.alps.variants import SPHERE, WEIGHTED
from npsle_app.imaging.diffusion.gradients import (
    Gradients,
    choose_volumes,
    mean_unweighted,
    read_fsl,
)
from npsle_app.imaging.diffusion.motion import Motion, resample_series, rotated_gradients
from npsle_app.imaging.diffusion.preprocessing import Steps, align, clean
from npsle_app.imaging.diffusion.tensor import fit_tensors, fractional_anisotropy
from npsle_app.imaging.head.head_mask import head_mask
from npsle_app.imaging.space.volumes import fraction, on_grid_of
from npsle_app.templates import Template

SEED = 0
_ANISOTROPIC = 0.3


@dataclass(frozen=True)
class Acquired:
    """A series without noise and ringing, and how its volumes lie against the first."""

    series: nib.Nifti1Image
    skull: NDArray[np.bool_]
    gradients: Gradients
    motion: Motion
    axis: int | None

    def fit(self, motion: Motion, *, turn: bool = True) -> tuple[Series, NDArray[np.float64]]:
        """Undo `motion` and fit; the table is turned along unless told not to."""
        moved = resample_series(
            self.series, mask=self.skull, motion=motion, displacement_mm=None, axis=self.axis
        )
        gradients = rotated_gradients(self.gradients, motion=motion) if turn else self.gradients
        chosen = choose_volumes(self.gradients).volumes
        used, signal = gradients.take(chosen), moved.get_fdata(dtype=np.float32)[..., chosen]
        series = Series(
            signal=signal, removed=None, b_values=used.b_values, directions=used.directions,
            n_fitted=7,
        )  # fmt: skip
        tensors = fit_tensors(
            signal, b_values=used.b_values, directions=used.directions, mask=self.skull
        ).tensors
        return series, tensors


def take_apart(path: Path) -> None:
    """Print index and share of anisotropic voxels for each part of the alignment."""
    scan = acquire(path)
    full = scan.motion
    still = replace(
        full, rotations=0 * full.rotations, shifts_mm=0 * full.shifts_mm, eddy=0 * full.eddy
    )
    weighted = scan.gradients.weighted
    print(
        f"{path.name}: volumes differ by {full.shifts_mm[weighted].std(axis=0).max():.1f} mm, "
        f"{np.rad2deg(full.rotations[weighted].std(axis=0).max()):.1f}°, and in stretch by "
        f"{100 * full.eddy[weighted].std(axis=0).max():.1f} %; the weighted lie "
        f"{np.linalg.norm(full.shifts_mm[weighted].mean(axis=0)):.1f} mm from b0"
    )
    parts: dict[str, Callable[[], tuple[Series, NDArray[np.float64]]]] = {
        "as acquired": lambda: scan.fit(still),
        "aligned": lambda: scan.fit(full),
        "aligned, table as it was": lambda: scan.fit(full, turn=False),
        "weighted as one": lambda: scan.fit(as_one(still, full, weighted=weighted)),
        "shifts and turns alone": lambda: scan.fit(replace(full, eddy=still.eddy)),
        "eddy stretch alone": lambda: scan.fit(replace(still, eddy=full.eddy)),
        "interpolated, not moved": lambda: there_and_back(scan, still),
    }
    field = lay_regions(scan, scan.fit(full)[1])
    for name, make in parts.items():
        tell(name, scan, *make(), field=field)
    series, tensors = scan.fit(still)
    tell("as acquired, own regions", scan, series, tensors, field=lay_regions(scan, tensors))


def acquire(path: Path) -> Acquired:
    series = nib.Nifti1Image.from_filename(path)
    b_values, vectors = read_tables(path)
    gradients = read_fsl(b_values, vectors=vectors, affine=series.affine)
    skull = head_mask(mean_unweighted(series, b_values=b_values))
    cleaned, _, _ = clean(series, mask=skull, steps=Steps())
    sidecar = json.loads(path.with_name(f"{path.name.split('.')[0]}.json").read_text())
    axis = phase_axis(Scan(path, metadata=sidecar))
    motion = align(cleaned, mask=skull, gradients=gradients, axis=axis, seed=SEED)
    return Acquired(cleaned, skull, gradients, motion, axis)


def as_one(still: Motion, full: Motion, *, weighted: NDArray[np.bool_]) -> Motion:
    """Move the weighted volumes together, as far as they lie from b0 on average."""
    shifts, rotations = still.shifts_mm.copy(), still.rotations.copy()
    shifts[weighted] = full.shifts_mm[weighted].mean(axis=0)
    rotations[weighted] = full.rotations[weighted].mean(axis=0)
    return replace(still, shifts_mm=shifts, rotations=rotations)


def there_and_back(scan: Acquired, still: Motion) -> tuple[Series, NDArray[np.float64]]:
    """Move every volume by half a voxel along each axis, and back."""
    half = still.shifts_mm + nib.affines.voxel_sizes(scan.series.affine) / 2
    there = resample_series(
        scan.series, mask=scan.skull, motion=replace(still, shifts_mm=half), displacement_mm=None,
        axis=scan.axis,
    )  # fmt: skip
    return replace(scan, series=there).fit(replace(still, shifts_mm=-half))


def lay_regions(scan: Acquired, tensors: NDArray[np.float64]) -> nib.Nifti1Image:
    return alps_repeat.register_tensors(
        tensors, grid=scan.series.slicer[..., 0], brain=scan.skull, seed=SEED
    )


def tell(
    name: str,
    scan: Acquired,
    series: Series,
    tensors: NDArray[np.float64],
    *,
    field: nib.Nifti1Image,
) -> None:
    fa = fractional_anisotropy(tensors)
    found = study_alps(
        AlpsImages(
            tensors=tensors,
            grid=on_grid_of(scan.series.slicer[..., 0], fa),
            series=series,
            to_native=field,
            template_brain=fraction(templates.load(Template.BRAIN)),
            to_diffusion=np.eye(4),
        ),
        radius_mm=2.5, share_max=0.1, samples=3, seed=SEED,
    )  # fmt: skip
    means = "  ".join(f"{one} {found.indices[one]['mean']:.3f}" for one in (SPHERE, WEIGHTED))
    share = 100 * np.mean(fa[scan.skull] > _ANISOTROPIC)
    print(f"  {name:<26}{means}  FA over {_ANISOTROPIC} in {share:.0f} %", flush=True)

"""Other programs on the input of a branch, each in a process of its own as a job would spend it.

    python -m benchmarks.peers NAME FOLDER

`python -m benchmarks` calls it so. FOLDER holds the T1w image, and what `prepare_diffusion` wrote.
Each process reads its input and computes on one thread.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from scipy import ndimage  # noqa: E402

from npsle_app.arrays import Bools, Floats, Volume  # noqa: E402
from npsle_app.bids.input.gradients import read_tables  # noqa: E402
from npsle_app.imaging.diffusion.denoise import denoise, patch_edge  # noqa: E402
from npsle_app.imaging.diffusion.gradients import (  # noqa: E402
    Gradients,
    mean_unweighted,
    read_fsl,
)
from npsle_app.imaging.diffusion.tensor import fit_tensors  # noqa: E402
from npsle_app.imaging.head.head_mask import head_mask  # noqa: E402
from npsle_app.stages.participant.anat import read_template  # noqa: E402

T1W, BRAIN, LABELS = "t1w.nii.gz", "brain.nii.gz", "labels.nii.gz"
SERIES, MASK, B_VALUES, VECTORS = "dwi.nii.gz", "mask.nii.gz", "dwi.bval", "dwi.bvec"


def prepare_diffusion(scan: Path, folder: Path) -> None:
    """Copy a series, and write the mask in which all programs compute."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = scan.name.removesuffix(".nii.gz")
    for name, ending in ((SERIES, ".nii.gz"), (B_VALUES, ".bval"), (VECTORS, ".bvec")):
        shutil.copyfile(scan.with_name(f"{stem}{ending}"), folder / name)
    series, gradients = _read_series(folder)
    head = head_mask(mean_unweighted(series, b_values=gradients.b_values))
    wide = ndimage.binary_dilation(head, iterations=2).astype(np.uint8)
    nib.save(nib.Nifti1Image(wide, series.affine), folder / MASK)


def _read_series(folder: Path) -> tuple[nib.Nifti1Image, Gradients]:
    series = nib.Nifti1Image.from_filename(folder / SERIES)
    b_values, vectors = read_tables(folder / SERIES)
    return series, read_fsl(b_values, vectors=vectors, affine=series.affine)


def _read(folder: Path) -> tuple[Volume, Bools, Gradients]:
    series, gradients = _read_series(folder)
    mask = np.asarray(nib.Nifti1Image.from_filename(folder / MASK).dataobj) > 0
    return series.get_fdata(dtype=np.float32), mask, gradients


def _denoise(folder: Path) -> None:
    signal, mask, _ = _read(folder)
    denoise(signal, mask=mask)


def _denoise_by_dipy(folder: Path) -> None:
    from dipy.denoise.localpca import mppca

    signal, mask, gradients = _read(folder)
    mppca(signal, mask=mask, patch_radius=patch_edge(len(gradients.b_values)) // 2)


def _fit(folder: Path) -> None:
    signal, mask, gradients = _read(folder)
    fit_tensors(signal, b_values=gradients.b_values, directions=gradients.directions, mask=mask)


def _fit_by_dipy(folder: Path) -> None:
    from dipy.core.gradients import gradient_table
    from dipy.reconst.dti import TensorModel

    signal, mask, gradients = _read(folder)
    vectors: Floats = np.where(gradients.weighted[:, None], gradients.directions, 0)
    table = gradient_table(gradients.b_values, bvecs=vectors, b0_threshold=50)
    TensorModel(table, fit_method="WLS").fit(signal, mask=mask)


def _denoise_by_mrtrix(folder: Path) -> None:
    edge = patch_edge(len(read_tables(folder / SERIES)[0]))
    series, made, mask = (str(folder / name) for name in (SERIES, "denoised.nii", MASK))
    _call("dwidenoise", series, made, "-extent", str(edge), "-mask", mask)


def _fit_by_mrtrix(folder: Path) -> None:
    series, made, mask = (str(folder / name) for name in (SERIES, "tensor.nii", MASK))
    gradients = [str(folder / name) for name in (VECTORS, B_VALUES)]
    _call("dwi2tensor", series, made, "-mask", mask, "-fslgrad", *gradients)


def _t1w_by_ants(folder: Path) -> None:
    """N4, SyN in its quick way and Atropos; what it found stays in the folder."""
    from benchmarks.anat import QUICK, Clock, run_recipe

    scan = nib.Nifti1Image.from_filename(folder / T1W)
    found = run_recipe(scan, template=read_template(), clock=Clock("ANTs"), kind=QUICK)
    for name, data in ((BRAIN, found.brain), (LABELS, found.labels)):
        nib.save(nib.Nifti1Image(data.astype(np.uint8), scan.affine), folder / name)


def _call(program: str, *words: str) -> None:
    found = shutil.which(program)
    if not found:
        msg = f"{program} is not on PATH"
        raise FileNotFoundError(msg)
    command = [found, *words, "-force", "-quiet", "-nthreads", "0"]
    subprocess.run(command, check=True)  # noqa: S603 - found on PATH, our own words


PROGRAMS: dict[str, Callable[[Path], None]] = {
    "t1w-ants": _t1w_by_ants,
    "denoise": _denoise,
    "denoise-dipy": _denoise_by_dipy,
    "denoise-mrtrix": _denoise_by_mrtrix,
    "tensor": _fit,
    "tensor-dipy": _fit_by_dipy,
    "tensor-mrtrix": _fit_by_mrtrix,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]))

"""The diffusion branch against MRtrix3: FA and time of denoising, unringing and tensor.

    python benchmarks/alps.py --dwi sub-01_dwi.nii.gz [--t1w T1W --brain BRAIN_MASK]
    python benchmarks/alps.py repeat OUT/sub-01 (see alps_repeat.py: one head, 20 prescriptions)
    python benchmarks/alps.py place OUT/sub-01  (regions by FA against those by T1w)
    python benchmarks/alps.py align DWI         (what each part of the alignment does)

`dwidenoise`, `mrdegibbs` and `dwi2tensor` (Debian's mrtrix3) work on one thread, as does this
app; each gets the image as it lies on disk, and FA is compared inside one brain mask. MRtrix3
works on the whole image, this app inside the head. With a T1w image and its brain mask (as the
stage `anat` leaves them, on one grid) the whole branch is run and timed as well, alignment and
distortion included. Gradient tables lie beside the series. Pin it to one core with `taskset -c 0`.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy and ITK are loaded, or they take as many as there are

import alps_alignment  # noqa: E402
import alps_repeat  # noqa: E402
import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy import ndimage  # noqa: E402

from npsle_app.bids.input.gradients import read_tables  # noqa: E402
from npsle_app.bids.input.phase_encoding import phase_axis  # noqa: E402
from npsle_app.bids.input.scans import Scan  # noqa: E402
from npsle_app.imaging.diffusion.denoise import denoise  # noqa: E402
from npsle_app.imaging.diffusion.epi_distortion import Head  # noqa: E402
from npsle_app.imaging.diffusion.findings import study_series  # noqa: E402
from npsle_app.imaging.diffusion.gibbs import remove_ringing  # noqa: E402
from npsle_app.imaging.diffusion.gradients import choose_volumes, mean_unweighted, read_fsl  # noqa: E402
from npsle_app.imaging.diffusion.preprocessing import Steps, prepare_dwi  # noqa: E402
from npsle_app.imaging.diffusion.tensor import fit_tensors, fractional_anisotropy  # noqa: E402
from npsle_app.imaging.diffusion.volumes import join_runs  # noqa: E402
from npsle_app.imaging.head.head_mask import head_mask  # noqa: E402

MAX_FA_DIFFERENCE, MAX_RATIO, MAX_BRANCH_S, MAX_BRANCH_GB = 0.01, 2.5, 240.0, 3.0


def main() -> int:
    if sys.argv[1:2] == ["repeat"]:
        return main_repeat(sys.argv[2:])
    if sys.argv[1:2] == ["place"]:
        alps_repeat.place(Path(sys.argv[2]))
        return 0
    if sys.argv[1:2] == ["align"]:
        for series in sys.argv[2:]:
            alps_alignment.take_apart(Path(series))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--dwi", type=Path, required=True)
    parser.add_argument("--t1w", type=Path)
    parser.add_argument("--brain", type=Path)
    options = parser.parse_args()
    image = nib.Nifti1Image.from_filename(options.dwi)
    b_values, vectors = read_tables(options.dwi)
    mask = head_mask(mean_unweighted(image, b_values=b_values))
    ours, own_s = run_ours(image, b_values=b_values, vectors=vectors, mask=mask)
    missed = []
    if shutil.which("dwidenoise"):
        theirs, their_s = run_mrtrix(options.dwi)
        missed += compare(ours, theirs, mask=mask, own_s=own_s, their_s=their_s)
    else:
        print("MRtrix3 is not installed (Debian: mrtrix3): nothing to compare with")
    if options.t1w:
        missed += run_branch(options, image, b_values=b_values, vectors=vectors)
    return end(missed)


def main_repeat(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=alps_repeat.__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prescriptions", type=int, default=20)
    parser.add_argument("--registered", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=[], help="components, of all")
    options = parser.parse_args(arguments)
    return end(
        alps_repeat.repeat(
            options.folder,
            prescriptions=options.prescriptions,
            registered=options.registered,
            only=options.only,
        )
    )


def end(missed: list[str]) -> int:
    for text in missed:
        print(f"MISSED: {text}")
    return int(bool(missed))


def clock(seconds: dict[str, float], step: str, work: Callable[[], Any]) -> Any:
    """Take processor seconds: other people's work on the machine does not count."""
    start = sum(usage()[:2])
    result = work()
    seconds[step] = sum(usage()[:2]) - start
    print(f"  {step:<14}{seconds[step]:8.1f} s", flush=True)
    return result


def usage() -> tuple[float, float]:
    own, children = (resource.getrusage(who)
                     for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def run_ours(
    image: nib.Nifti1Image, *, b_values: Any, vectors: Any, mask: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], dict[str, float]]:
    print("npsle_app")
    seconds: dict[str, float] = {}
    wide = ndimage.binary_dilation(mask, iterations=2)
    data = clock(seconds, "read", lambda: image.get_fdata(dtype=np.float32))
    data = clock(seconds, "denoise", lambda: denoise(data, mask=wide).signal)
    data = clock(seconds, "unring", lambda: remove_ringing(data, mask=wide))
    gradients = read_fsl(b_values, vectors=vectors, affine=image.affine)
    fit = clock(
        seconds,
        "tensor",
        lambda: fit_tensors(
            data, b_values=gradients.b_values, directions=gradients.directions, mask=mask
        ),
    )
    return fractional_anisotropy(fit.tensors), seconds


def run_mrtrix(dwi: Path) -> tuple[NDArray[np.float64], dict[str, float]]:
    print("MRtrix3")
    seconds: dict[str, float] = {}
    stem = dwi.name.split(".")[0]
    tables = ["-fslgrad", str(dwi.with_name(f"{stem}.bvec")), str(dwi.with_name(f"{stem}.bval"))]
    with tempfile.TemporaryDirectory() as folder:
        made = {name: f"{folder}/{name}.nii" for name in ("clean", "straight", "tensor", "fa")}
        commands = {
            "denoise": ["dwidenoise", str(dwi), made["clean"]],
            "unring": ["mrdegibbs", made["clean"], made["straight"]],
            "tensor": ["dwi2tensor", *tables, made["straight"], made["tensor"]],
            "metric": ["tensor2metric", "-fa", made["fa"], made["tensor"]],
        }
        for step, command in commands.items():
            whole = [*command, "-nthreads", "0", "-quiet"]
            clock(seconds, step, lambda whole=whole: subprocess.run(whole, check=True))  # noqa: S603
        found: NDArray[np.float64] = nib.Nifti1Image.from_filename(made["fa"]).get_fdata()
    return found, seconds


def compare(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    *,
    mask: NDArray[np.bool_],
    own_s: dict[str, float],
    their_s: dict[str, float],
) -> list[str]:
    both = mask & np.isfinite(theirs)
    difference = np.abs(ours - theirs)[both]
    ratio = sum(own_s.values()) / sum(their_s.values())
    median = float(np.median(difference))
    like_r = np.corrcoef(ours[both], theirs[both])[0, 1]
    print(f"FA: median absolute difference {median:.4f}, 95th percentile "
          f"{np.percentile(difference, 95):.4f}, medians {np.median(ours[both]):.4f} and "
          f"{np.median(theirs[both]):.4f}, r = {like_r:.4f}")  # fmt: skip
    print(f"time: {sum(own_s.values()):.0f} s against {sum(their_s.values()):.0f} s, "
          f"ratio {ratio:.2f}")  # fmt: skip
    missed = [f"FA differs by {median:.4f}"] if median > MAX_FA_DIFFERENCE else []
    return missed + ([f"{ratio:.2f} times the time"] if ratio > MAX_RATIO else [])


def run_branch(
    options: argparse.Namespace, image: nib.Nifti1Image, *, b_values: Any, vectors: Any
) -> list[str]:
    print("the whole branch")
    gradients = read_fsl(b_values, vectors=vectors, affine=image.affine)
    joined = join_runs([image], gradients=[gradients], names=[options.dwi.name])
    t1w, brain = (nib.Nifti1Image.from_filename(path) for path in (options.t1w, options.brain))
    head, seconds = Head(t1w=t1w, brain=brain), {}
    start = time.perf_counter()
    prepared = clock(
        seconds,
        "prepare",
        lambda: prepare_dwi(
            image, gradients=gradients, reverse=None, head=head,
            phase_axis=phase_axis(Scan(options.dwi)), steps=Steps(), seed=1,
        ),
    )  # fmt: skip
    clock(
        seconds,
        "tensor, maps",
        lambda: study_series(
            prepared, joined=joined, selection=choose_volumes(gradients), head=head,
            robust=False,
        ),
    )  # fmt: skip
    wall, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu = sum(seconds.values())
    print(f"branch: {cpu:.0f} s of processor, {wall:.0f} s of wall, peak {peak / 1e6:.2f} GB, "
          f"distortion: {prepared.distortion}")  # fmt: skip
    missed = [f"the branch took {cpu:.0f} s"] if cpu > MAX_BRANCH_S else []
    return missed + ([f"it took {peak / 1e6:.2f} GB"] if peak / 1e6 > MAX_BRANCH_GB else [])


if __name__ == "__main__":
    sys.exit(main())

"""What the lesion map makes of lesions that another laboratory's tool draws into real heads.

    python benchmarks/bidsgate.py ../shared/data/bids --participant ms04 [--keep FOLDER]

bidsgate 0.3.0 (MIT, https://pypi.org/project/bidsgate) is installed into a virtual environment
of this benchmark's own; the app never sees it. Cards, each through the stage `wmh`:

* uninjected: the head as it was scanned, its T1w image brought to the grid of FLAIR, since
  bidsgate wants one grid;
* injected: 12 ellipsoids of 30 to 1,500 mm³ in white matter, brighter than it by 0.3, 0.45 and
  0.6 of its median in FLAIR and darker by 0.2 in T1w;
* rescan: two copies of the head injected at 0.45, each with its own shading, gain and noise;
* atrophy: the brain shrunken to 95 %, lesions with it.

Masks, template field and bias of the T1w image are those of the uninjected head in all cards but
the last, so that a card takes less than a minute. What lies within 2 mm of a drawn lesion is near
it, the rest untouched.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer, write_json
from npsle_app.imaging.space.registration import register_rigid, resample
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, on_grid_of
from npsle_app.settings import AnatSettings, FillingSettings, TissueSettings, WmhSettings
from npsle_app.stages.participant import anat, filling, tissue, wmh

BIDSGATE = "bidsgate==0.3.0"
CONTRASTS = (0.3, 0.45, 0.6)
RESCANNED = 0.45
NEAR_MM = 2.0  # bidsgate's own margin
COLUMNS = "Dice near | found | volume of those found | untouched mL, without → with | extra parts"
PAIRED = ("Dice", "new", "lost", "volume %")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What one injection showed; volumes in mL."""

    dice_near: float
    found: int
    drawn: int
    volume_ratio: float
    untouched_before: float
    untouched_after: float
    extra: int
    extra_ml: float
    sizes: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        share = 100 * (self.untouched_after / max(self.untouched_before, 1e-9) - 1)
        return (
            f"{self.dice_near:.3f} | {self.found} of {self.drawn} | {self.volume_ratio:.2f} | "
            f"{self.untouched_before:.2f} → {self.untouched_after:.2f} ({share:+.0f} %) | "
            f"{self.extra} ({self.extra_ml:.2f} mL)"
        )


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One head: its folder, where bidsgate is, and the participant's label."""

    folder: Path
    bidsgate: Path
    label: str

    def images(self, card: str) -> tuple[Path, Path]:
        """T1w image and FLAIR of a card; uninjected ones are the dataset `plain`."""
        place = next((self.folder / card).glob(f"sub-{self.label}/**/anat"))
        t1w, flair = (next(place.glob(f"*_{suffix}.nii.gz")) for suffix in ("T1w", "FLAIR"))
        return t1w, flair

    def writer(self, card: str) -> Writer:
        """Where the outputs of a card go."""
        return Writer(
            root=self.folder / "out" / card,
            participant=self.label,
            session=session_of(self.images("plain")[0]),
            datasets={"raw": self.folder},
        )

    def gate(self, *words: str | Path) -> str:
        """Call bidsgate, and return what it prints."""
        told = subprocess.run(  # noqa: S603 - the benchmark's own words
            [self.bidsgate, *map(str, words)], check=True, capture_output=True, text=True
        )
        return told.stdout


def session_of(path: Path) -> str | None:
    """Read the session's label off a file's name."""
    parts = dict(part.split("-", 1) for part in path.name.split("_") if "-" in part)
    return parts.get("ses")


def install(folder: Path) -> Path:
    """Make bidsgate's environment, once."""
    command = folder / "venv" / "bin" / "bidsgate"
    if not command.exists():
        venv.create(folder / "venv", with_pip=True)
        pip = [folder / "venv" / "bin" / "pip", "install", "--quiet", BIDSGATE]
        subprocess.run(pip, check=True)  # noqa: S603 - one pinned package
    return command


def write_plain(bench: Bench, *, data: Path) -> None:
    """Write the head with its T1w image on the grid of FLAIR."""
    root = bench.folder / "plain"
    described = {"Name": "One grid", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    source = next(data.glob(f"sub-{bench.label}/**/*_FLAIR.nii.gz"))
    place = root / source.parent.relative_to(data)
    flair = nib.Nifti1Image.from_filename(source)
    t1w_path = source.with_name(source.name.replace("_FLAIR", "_T1w"))
    t1w = nib.Nifti1Image.from_filename(t1w_path)
    matrix = register_rigid(t1w, fixed=flair, fixed_mask=whole(flair), seed=1)
    place.mkdir(parents=True)
    nib.save(resample(t1w, reference=flair, matrix=matrix), place / t1w_path.name)
    nib.save(on_grid_of(flair, flair.get_fdata(dtype=np.float32)), place / source.name)
    write_json(root / "dataset_description.json", described)


def whole(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Mark the head roughly: what is brighter than a tenth of the brightest."""
    data = ndimage.gaussian_filter(image.get_fdata(dtype=np.float32), 2)
    return on_grid_of(image, (data > 0.1 * np.percentile(data, 99)).astype(np.uint8))


def prepare_anat(bench: Bench, card: str) -> anat.AnatOutputs:
    """Run `anat` on a card, or read where an earlier run of the benchmark left its files."""
    note = bench.folder / "out" / card / "anat.json"
    if not note.exists():
        out = bench.writer(card)
        made = anat.run(
            t1w=Scan(bench.images(card)[0]), brain_mask=None, settings=AnatSettings(), out=out
        )
        write_json(note, asdict(replace(made, figures=())), default=str)
    paths = json.loads(note.read_text(encoding="utf-8"))
    named = {name: Path(path) for name, path in paths.items() if name != "figures" and path}
    return anat.AnatOutputs(**{"intracranial_mask": None, "figures": (), **named})


def with_t1w(made: anat.AnatOutputs, *, plain: Path, t1w: Path, out: Writer) -> anat.AnatOutputs:
    """Give the uninjected head another T1w image, divided by the shading that was found there."""
    corrected, before, injected = (
        nib.Nifti1Image.from_filename(path).get_fdata(dtype=np.float32)
        for path in (made.t1w, plain, t1w)
    )
    gain = np.divide(corrected, before, out=np.ones_like(before), where=before > 0)
    grid = nib.Nifti1Image.from_filename(made.t1w)
    path = out.image(
        on_grid_of(grid, injected * gain), File.T1W, sources=[t1w], SkullStripped=False
    )
    record = out.folder / "log" / made.record.name
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_bytes(made.record.read_bytes())
    return replace(made, t1w=path, record=record)


def find_lesions(bench: Bench, card: str, *, images: tuple[Path, Path] | None = None) -> Path:
    """Run `wmh` on a card with the anatomy of the uninjected head; returns the mask."""
    plain, (t1w, flair) = bench.images("plain")[0], images or bench.images(card)
    out = bench.writer(card)
    made = with_t1w(prepare_anat(bench, "plain"), plain=plain, t1w=t1w, out=out)
    return wmh.run(
        flair=Scan(flair), wmh_mask=None, anat=made, settings=WmhSettings(), out=out
    ).mask


def read_mask(path: Path) -> np.ndarray:
    return np.asarray(nib.Nifti1Image.from_filename(path).dataobj) > 0.5


def inject(bench: Bench, *, data: Path, contrast: float) -> str:
    """Draw lesions into the head; returns the name of the card."""
    card = f"injected-{contrast:g}"
    if not (bench.folder / card).exists():
        bench.gate("inject-lesions", data, "--out", bench.folder / card,
                   "--subject", bench.label, "--flair-contrast", f"{contrast:g}")  # fmt: skip
    return card


def score(bench: Bench, card: str, *, before: np.ndarray, after: np.ndarray) -> Card:
    """Compare what was found with what was drawn, and with what was found without it."""
    truth = next((bench.folder / card).rglob("*_desc-lesionTruth_mask.nii.gz"))
    image = nib.Nifti1Image.from_filename(truth)
    labels, edges = np.asarray(image.dataobj).astype(int), image.header.get_zooms()[:3]
    voxel = float(np.prod(edges)) / 1000
    distance, nearest = ndimage.distance_transform_edt(
        labels == 0, sampling=edges, return_indices=True
    )
    near, owner = distance <= NEAR_MM, labels[tuple(nearest)]
    count = labels.max() + 1
    size = np.bincount(labels.ravel(), minlength=count)[1:] * voxel
    hit = np.bincount(labels[after], minlength=count)[1:] > 0
    volume = np.bincount(owner[after & near], minlength=count)[1:] * voxel
    parts, _ = ndimage.label(after & ~near, NEIGHBOURS_26)
    known = np.unique(parts[ndimage.binary_dilation(before, NEIGHBOURS_26)])
    new = np.setdiff1d(np.unique(parts), known)
    new = new[new > 0]
    drawn = labels > 0
    return Card(
        dice_near=2 * (after & drawn).sum() / ((after & near).sum() + drawn.sum()),
        found=int(hit.sum()),
        drawn=len(size),
        volume_ratio=float(volume[hit].sum() / size[hit].sum()) if hit.any() else 0.0,
        untouched_before=float((before & ~near).sum() * voxel),
        untouched_after=float((after & ~near).sum() * voxel),
        extra=len(new),
        extra_ml=float(np.isin(parts, new).sum() * voxel),
        sizes=tuple(zip(1000 * size, 1000 * volume * hit, strict=True)),
    )


def rescan(bench: Bench, card: str) -> str:
    """Let bidsgate make two rescans of a card and count what differs between their masks."""
    t1w, flair = bench.images(card)
    own = [sys.executable, __file__, bench.folder, "--participant", bench.label, "--segment"]
    command = " ".join([*map(str, own), "{t1}", "{flair}", "{out}"])
    folder = bench.folder / "rescan"
    return bench.gate("rescanphantom", t1w, flair, "--cmd", command, "--out", folder, "--k", "2")


def segment(bench: Bench, t1w: Path, flair: Path, mask: Path) -> None:
    """Find the lesions of one rescan, as bidsgate asks; its files have no names of BIDS."""
    card = mask.stem.split(".")[0]
    place = (
        bench.folder / card / bench.images("plain")[0].relative_to(bench.folder / "plain").parent
    )
    place.mkdir(parents=True, exist_ok=True)
    names = [path.name for path in bench.images("plain")]
    for source, name in zip((t1w, flair), names, strict=True):
        (place / name).write_bytes(source.read_bytes())
    found = find_lesions(bench, card)
    nib.save(nib.Nifti1Image.from_filename(found), mask)


def shrink(bench: Bench, *, data: Path) -> Iterator[str]:
    """Tell brain and lesion volume of the head and of its shrunken self."""
    if not (bench.folder / "atrophy").exists():
        bench.gate(
            "inject-atrophy", data, "--out", bench.folder / "atrophy", "--subject", bench.label
        )
    rows = []
    for card in ("plain", "atrophy"):
        made, out = prepare_anat(bench, card), bench.writer(card)
        lesions = wmh.run(
            flair=Scan(bench.images(card)[1]),
            wmh_mask=None,
            anat=made,
            settings=WmhSettings(),
            out=out,
        )
        filled = filling.run(
            anat=made, wmh=lesions, tissue_maps=None, settings=FillingSettings(), out=out
        )
        segmented = tissue.run(
            anat=made,
            wmh=lesions,
            filling=filled,
            tissue_maps=None,
            settings=TissueSettings(),
            out=out,
        )
        numbers = {
            one["name"]: one["value"]
            for path in (lesions.record, segmented.record)
            for one in json.loads(path.read_text(encoding="utf-8"))["measures"]
        }
        rows.append((numbers["tbv_ml"], numbers["wmh_ml"]))
    (brain, lesion), (brain_after, lesion_after) = rows
    yield f"brain {brain:.0f} → {brain_after:.0f} mL ({100 * (brain_after / brain - 1):+.1f} %)"
    yield f"lesions {lesion:.2f} → {lesion_after:.2f} mL"


def run(bench: Bench, *, data: Path) -> None:
    """Print all cards of one head."""
    if not (bench.folder / "plain").exists():
        write_plain(bench, data=data)
    plain = bench.folder / "plain"
    before = read_mask(find_lesions(bench, "plain"))
    print(f"\nsub-{bench.label}\n\n| contrast | {COLUMNS} |\n|{'---|' * 6}", flush=True)
    sizes = []
    for contrast in CONTRASTS:
        card = inject(bench, data=plain, contrast=contrast)
        result = score(bench, card, before=before, after=read_mask(find_lesions(bench, card)))
        sizes.append(result.sizes)
        print(f"| {contrast:g} | {result} |", flush=True)
    print("\ndrawn mm³ (found at each contrast): ", end="")
    for rows in sorted(zip(*sizes, strict=True)):
        print(f"{rows[0][0]:.0f} ({', '.join(f'{found:.0f}' for _, found in rows)})", end="; ")
    told = json.loads(rescan(bench, f"injected-{RESCANNED:g}"))
    print("\n\nrescans: " + ", ".join(f"{name} {value:.3g}" for name, value in told.items()))
    print("\natrophy of 5 %: " + "; ".join(shrink(bench, data=plain)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--participant", nargs="+", default=["ms04"])
    parser.add_argument("--keep", type=Path, help="folder that keeps images and masks")
    parser.add_argument("--segment", nargs=3, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.segment:
        segment(
            Bench(folder=given.data, bidsgate=Path(), label=given.participant[0]), *given.segment
        )
        return
    with tempfile.TemporaryDirectory() as spare:
        keep = (given.keep or Path(spare)).absolute()
        command = install(keep)
        for label in given.participant:
            folder = keep / f"sub-{label}"
            run(Bench(folder=folder, bidsgate=command, label=label), data=given.data)


if __name__ == "__main__":
    main()

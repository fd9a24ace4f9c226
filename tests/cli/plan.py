"""A plan of quick stages for the whole command line, and a dataset for it."""

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app.bids.input.scans import Scan, Visit
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.stage import Stage
from npsle_app.records import Measure, Qc, Record
from npsle_app.settings import AnatSettings, ChangeSettings, TissueSettings, WmhSettings

GRID = (40, 48, 40)
_LONG_S = 300
FLAG = "NPSLE_APP_TEST_SIGNAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    image: Path
    record: Path
    figures: tuple[Path, ...] = ()


def anat(*, t1w: Scan, settings: AnatSettings, out: Writer) -> Image:
    if t1w.metadata.get("Kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if t1w.metadata.get("Crash"):
        msg = f"cannot strip <b>{t1w.path.name}</b>"
        raise ValueError(msg)
    if flag := t1w.metadata.get("Wait"):
        _wait_once(Path(flag))
    if number := t1w.metadata.get("Signal"):
        os.kill(os.getpid(), number)
    return _write(out, "anat", File.T1W, sources=[t1w.path], value=settings.bias_sampling_mm)


def _wait_once(flag: Path) -> None:
    """Wait to be killed by whoever reads the number of this process; not a second time."""
    if not flag.exists():
        flag.write_text(str(os.getpid()))
        time.sleep(_LONG_S)


def wmh(*, flair: Scan, anat: Image, settings: WmhSettings, out: Writer) -> Image:
    sources = [flair.path, anat.image]
    return _write(out, "wmh", File.WMH_MASK, sources=sources, value=settings.threshold)


def tissue(*, anat: Image, wmh: Image | None, settings: TissueSettings, out: Writer) -> Image:
    sources = [anat.image, *([wmh.image] if wmh else [])]
    volume = Measure(name="tiv_ml", value=1401.5, qc=Qc.PASS, sources=(anat.image,))
    return _write(
        out, "tissue", File.GM, sources=sources, value=settings.iterations, measures=(volume,)
    )


def change(
    *,
    visit: Visit,
    wmh: Image,
    earlier_visit: Visit,
    earlier_wmh: Image,
    settings: ChangeSettings,
    out: Writer,
) -> Image:
    sources = [wmh.image, earlier_wmh.image]
    days = earlier_visit.days_until(visit) or settings.shift_mm
    return _write(out, "change", File.FILLED_T1W, sources=sources, value=days)


PLAN = (
    Stage("anat", "tests.cli.plan:anat", scans=("t1w",)),
    Stage("wmh", "tests.cli.plan:wmh", scans=("flair",), needs=("anat",)),
    Stage("tissue", "tests.cli.plan:tissue", needs=("anat",), uses=("wmh",)),
)
CHANGE = Stage(
    "change",
    "tests.cli.plan:change",
    scans=("visit",),
    needs=("wmh",),
    earlier=("wmh",),
    earlier_scans=("visit",),
)


def _write(
    out: Writer,
    stage: str,
    file: File,
    *,
    sources: list[Path],
    value: float,
    measures: tuple[Measure, ...] = (),
) -> Image:
    image = nib.Nifti1Image(np.full((2, 2, 2), value, np.float32), np.eye(4))
    return Image(
        image=out.image(image, file, sources=sources, SkullStripped=False),
        record=out.record(
            Record(stage=stage, methods=f"The {stage} was made.", citations=(), measures=measures)
        ),
    )


@dataclass
class Dataset:
    """A raw BIDS dataset that grows scan by scan."""

    root: Path

    def describe(self, text: str | None = None) -> None:
        self.root.mkdir(exist_ok=True)
        description = json.dumps({"Name": "tiny", "BIDSVersion": "1.10.1"})
        (self.root / "dataset_description.json").write_text(text or description)

    def add(
        self,
        label: str,
        *suffixes: str,
        session: str | None = None,
        sidecar: Mapping[str, object] | None = None,
        blank: bool = False,
        seed: int = 0,
    ) -> None:
        stem = f"sub-{label}" + (f"_ses-{session}" if session else "")
        folder = self.root.joinpath(*stem.split("_"), "anat")
        folder.mkdir(parents=True, exist_ok=True)
        for number, suffix in enumerate(suffixes):
            data = np.random.default_rng(seed + number).integers(1, 1000, GRID).astype(np.int16)
            image = nib.Nifti1Image(data * (not blank), np.diag([4.0, 4.0, 4.0, 1.0]))
            image.header.set_qform(image.affine, 1)
            image.header.set_sform(image.affine, 1)
            image.header.set_xyzt_units("mm", "sec")
            nib.save(image, folder / f"{stem}_{suffix}.nii.gz")
            path = folder / f"{stem}_{suffix}.json"
            path.write_text(json.dumps(dict(sidecar or {})))

"""Six small heads as a raw dataset, and a plan that measures them in seconds.

`wmh` is the app's own stage; those around it are stand-ins that write what it needs and what
hangs on it.
"""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app import pipeline
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.stage import Stage
from npsle_app.imaging.space import registration
from npsle_app.imaging.wmh import flair
from npsle_app.records import Measure, Qc, Record
from npsle_app.settings import AnatSettings, FillingSettings, TissueSettings
from npsle_app.stages.participant import wmh
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.filling import FillingOutputs
from npsle_app.stages.participant.shared import inheriting
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from tests.stages.small_head import AFFINE, FLAIR, SHAPE, SPOTS, T1W, distance, make_session, paint

LESIONS = (3, 3, 2, 1, 3, 2)  # of sub-01 to sub-06
_HERE = "tests.review.small_study"
PLAN = (
    Stage("anat", f"{_HERE}:anat", scans=("t1w",)),
    next(stage for stage in pipeline.PARTICIPANT if stage.name == "wmh"),
    Stage("filling", f"{_HERE}:filling", needs=("anat", "wmh")),
    Stage("tissue", f"{_HERE}:tissue", needs=("anat",), uses=("wmh", "filling")),
)


def write_raw(root: Path) -> Path:
    """Write T1w and FLAIR of each head, and who they are."""
    for number, count in enumerate(LESIONS, start=1):
        rng, folder = np.random.default_rng(number), root / f"sub-{number:02d}" / "anat"
        folder.mkdir(parents=True)
        middle = distance(np.array(SHAPE) / 2)
        spots = np.any([distance(spot) <= 2.5 for spot in SPOTS[:count]], axis=0)
        parts = [("gm", middle <= 19), ("wm", middle <= 15), ("csf", middle <= 5)]
        for name, values in (("T1w", T1W), ("FLAIR", FLAIR)):
            image = nib.Nifti1Image(paint(values, [*parts, ("lesion", spots)], rng), AFFINE)
            nib.save(image, folder / f"sub-{number:02d}_{name}.nii.gz")
    groups = ("SLE", "HC")
    people = [f"sub-{n:02d}\t{groups[n % 2]}\t{30 + n}" for n in range(1, len(LESIONS) + 1)]
    table = ["participant_id\tgroup\tage", *people, ""]
    (root / "participants.tsv").write_text("\n".join(table))
    description = {"Name": "small heads", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    return root


def measure_quickly(patch, folder: Path) -> None:
    """Let the app run the small plan: nothing is registered, and no field is sought."""
    priors = make_session(folder, np.random.default_rng(20260101)).priors
    even = nib.Nifti1Image(np.ones(SHAPE, np.float32), AFFINE)
    patch.setattr(pipeline, "PARTICIPANT", PLAN)
    patch.setattr(wmh, "lesion_priors", lambda _grid, *, field: priors)  # noqa: ARG005
    patch.setattr(wmh, "_draw", lambda *_, **__: ())
    patch.setattr(registration, "register_rigid", lambda *_, **__: np.eye(4))
    patch.setattr(flair, "correct_bias", lambda image, **_: (image, even))


def anat(*, t1w: Scan, settings: AnatSettings, out: Writer) -> AnatOutputs:  # noqa: ARG001
    image = nib.load(t1w.path)
    brain = nib.Nifti1Image((image.get_fdata() > 0).astype(np.uint8), AFFINE)
    saved = {
        name: out.image(of, file, sources=[t1w.path], SkullStripped=True)
        for name, of, file in (
            ("t1w", image, File.T1W),
            ("brain_mask", brain, File.BRAIN_MASK),
            ("t1w_in_template", image, File.T1W_IN_TEMPLATE),
            ("t1w_to_template", brain, File.T1W_TO_TEMPLATE),
            ("template_to_t1w", brain, File.TEMPLATE_TO_T1W),
        )
    }
    record = out.record(Record(stage="anat", methods="", citations=()))
    return AnatOutputs(**saved, intracranial_mask=None, record=record, figures=())


@inheriting()
def filling(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs,
    settings: FillingSettings,  # noqa: ARG001
    out: Writer,
) -> FillingOutputs:
    made = out.image(nib.load(anat.t1w), File.FILLED_T1W, sources=[anat.t1w, wmh.mask])
    record = out.record(Record(stage="filling", methods="", citations=()))
    return FillingOutputs(t1w=made, record=record, figures=())


@inheriting()
def tissue(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs | None,
    filling: FillingOutputs | None,
    settings: TissueSettings,  # noqa: ARG001
    out: Writer,
) -> TissueOutputs:
    sources = [anat.t1w, *([wmh.mask] if wmh else []), *([filling.t1w] if filling else [])]
    gm = out.image(nib.load(anat.brain_mask), File.GM, sources=sources)
    volume = Measure(name="gm_ml", value=600.0 + int(out.participant), qc=Qc.PASS, sources=(gm,))
    record = Record(stage="tissue", methods="", citations=(), measures=(volume,))
    others = dict.fromkeys(("labels", "wm", "csf", "ventricles"), gm)
    return TissueOutputs(gm=gm, **others, record=out.record(record), figures=())

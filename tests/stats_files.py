"""Tables as FreeSurfer 5.3 to 7.4, FastSurfer and SynthSeg write them, with known volumes."""

import json
from collections.abc import Mapping
from pathlib import Path

from npsle_app.measures.names_of_freesurfer import DESIKAN

# Rows that real tables have and nobody reads, some of them of 0.
OTHERS = {
    "5th-Ventricle": (72, 0.0),
    "WM-hypointensities": (77, 994.0),
    "Left-WM-hypointensities": (78, 0.0),
    "Right-WM-hypointensities": (79, 0.0),
    "Optic-Chiasm": (85, 110.0),
    "CC_Posterior": (251, 830.0),
}
# Labels and names of aseg, with volumes in mm³ of a plausible head; the right is 1 % larger.
PAIRED = {
    "Lateral-Ventricle": (4, 8000.0),
    "Inf-Lat-Vent": (5, 400.0),
    "Cerebellum-White-Matter": (7, 14000.0),
    "Cerebellum-Cortex": (8, 55000.0),
    "Thalamus-Proper": (10, 7600.0),
    "Caudate": (11, 3700.0),
    "Putamen": (12, 5200.0),
    "Pallidum": (13, 1900.0),
    "Hippocampus": (17, 4200.0),
    "Amygdala": (18, 1600.0),
    "Accumbens-area": (26, 560.0),
    "VentralDC": (28, 4000.0),
    "vessel": (30, 40.0),
    "choroid-plexus": (31, 700.0),
}
_RIGHT_LABELS = (43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60, 62, 63)
SINGLE = {
    "3rd-Ventricle": (14, 900.0),
    "4th-Ventricle": (15, 1600.0),
    "Brain-Stem": (16, 21000.0),
    "CSF": (24, 1000.0),
}
ETIV, CORTEX = 1_500_000.0, {"lh": 238_000.0, "rh": 238_000.0}
GYRUS, THICKNESS = 7000.0, 2.5
# Layouts and header lines were compared with tables that people published: 5.3-HCP and 7.4.1 in
# github.com/Neuro-iX/FS741, 6.0 in github.com/dddd1007/NfMRIx, 7.4.1 in
# github.com/nipreps-data/pet-nimh-dasb-derivatives; FastSurfer's with recon-surf.sh and segstats.py
# of github.com/Deep-MI/FastSurfer, SynthSeg's with predict_synthseg.py of
# github.com/BBillot/SynthSeg. Numbers and words here are our own.
VERSIONS = {
    "5.1": ("$Id: mri_segstats.c,v 1.75.2.2 2011/04/27 22:18:58 nicks Exp $", "Thalamus-Proper"),
    "5.3": ("$Id: mri_segstats.c,v 1.75.2.9 2013/02/16 00:09:33 greve Exp $", "Thalamus-Proper"),
    "6.0": ("$Id: mri_segstats.c,v 1.121 2016/05/31 17:27:11 greve Exp $", "Thalamus-Proper"),
    "7.1.1": ("7.1.1", "Thalamus"),
    "7.4.1": ("7.4.1", "Thalamus"),
}
_COLUMNS = "Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin normMax normRange"
_APARC = "StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd"


def rows_of_aseg(*, thalamus: str, change: Mapping[str, float] | None = None) -> list[str]:
    """Return the rows of aseg.stats; `change` replaces volumes by name."""
    named = []
    for (name, (label, mm3)), right in zip(PAIRED.items(), _RIGHT_LABELS, strict=True):
        own = thalamus if name == "Thalamus-Proper" else name
        named += [(label, f"Left-{own}", mm3), (right, f"Right-{own}", 1.01 * mm3)]
    named += [(label, name, mm3) for name, (label, mm3) in {**SINGLE, **OTHERS}.items()]
    volumes = {name: mm3 for _, name, mm3 in named} | dict(change or {})
    return [
        f"{place:3d} {label:3d} {round(volumes[name]):8d} {volumes[name]:10.1f}  {name:30s} "
        "80.1 9.2 30.0 120.0 90.0 "
        for place, (label, name, _) in enumerate(sorted(named), start=1)
    ]


def header_of_aseg(version: str, *, etiv: float | None = ETIV, holes: int = 20) -> str:
    """Return the head of aseg.stats of FreeSurfer."""
    measures = [
        "BrainSeg, BrainSegVol, Brain Segmentation Volume, 1150000.000000, mm^3",
        f"lhCortex, lhCortexVol, Left hemisphere cortical gray matter, {CORTEX['lh']}, mm^3",
        f"rhCortex, rhCortexVol, Right hemisphere cortical gray matter, {CORTEX['rh']}, mm^3",
        "SubCortGray, SubCortGrayVol, Subcortical gray matter volume, 58000.000000, mm^3",
        "TotalGray, TotalGrayVol, Total gray matter volume, 640000.000000, mm^3",
        "SupraTentorial, SupraTentorialVol, Supratentorial volume, 1000000.000000, mm^3",
        "SupraTentorialNotVent, SupraTentorialVolNotVent, Supratentorial volume, 980000.0, mm^3",
        f"lhSurfaceHoles, lhSurfaceHoles, Number of defect holes in lh surfaces, {holes}, unitless",
        f"rhSurfaceHoles, rhSurfaceHoles, Number of defect holes in rh surfaces, {holes}, unitless",
    ]
    if etiv is not None:
        called = "EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume"
        if version == "5.1":
            called = "IntraCranialVol, ICV, Intracranial Volume"
        measures.append(f"{called}, {etiv:.6f}, mm^3")
    lines = ["# Title Segmentation Statistics ", "# ", "# generating_program mri_segstats"]
    lines += [f"# cvs_version {VERSIONS[version][0]}", "# user     somebody", "# "]
    if version.startswith("7"):
        lines.append("# BrainVolStatsFixed-NotNeeded because voxelvolume=1mm3")
    return "\n".join([*lines, *(f"# Measure {one}" for one in measures)])


def write_subject(
    folder: Path,
    *,
    version: str = "7.4.1",
    change: Mapping[str, float] | None = None,
    cortex: bool = True,
    etiv: float | None = ETIV,
    holes: int = 20,
) -> Path:
    """Write a subject's `stats` as a version of FreeSurfer does; return the folder."""
    rows = rows_of_aseg(thalamus=VERSIONS[version][1], change=change)
    head = header_of_aseg(version, etiv=etiv, holes=holes)
    stats = folder / "stats"
    stats.mkdir(parents=True)
    units = ["# TableCol  4 ColHeader Volume_mm3", "# TableCol  4 Units     mm^3"]
    table = [head, *units, f"# NRows {len(rows)} ", f"# ColHeaders  {_COLUMNS}  ", *rows]
    (stats / "aseg.stats").write_text("\n".join(table) + "\n")
    for hemi in ("lh", "rh") if cortex else ():
        write_aparc(stats / f"{hemi}.aparc.stats", hemi=hemi)
    return folder


def write_aparc(
    path: Path, *, hemi: str, gyrus: float = GYRUS, without: tuple[str, ...] = ()
) -> None:
    """Write a table of the cortex of one side."""
    rows = [
        f"{one.given:34s} 1200 900 {gyrus:.0f} {THICKNESS} 0.5 0.11 0.02 12 1.1"
        for one in DESIKAN
        if one.given not in without
    ]
    head = ["# Table of FreeSurfer cortical parcellation anatomical statistics ", f"# hemi {hemi}"]
    head += [
        f"# Measure Cortex, {one}"
        for one in (
            "NumVert, Number of Vertices, 155575, unitless",
            "WhiteSurfArea, White Surface Total Area, 85854.6, mm^2",
            "MeanThickness, Mean Thickness, 2.5, mm",
        )
    ]
    head += ["# NTableCols 10", f"# ColHeaders {_APARC}"]
    path.write_text("\n".join([*head, *rows]) + "\n")


def write_fastsurfer(folder: Path, *, version: str = "2.4.2") -> Path:
    """Write `aseg+DKT.stats` as FastSurfer does: DKT labels of the cortex among the rows."""
    rows = rows_of_aseg(thalamus="Thalamus-Proper")
    rows += [" 99 1002  2000  2000.0  ctx-lh-caudalanteriorcingulate 80 9 30 120 90"]
    head = "# Title Segmentation Statistics\n#\n# generating_program segstats.py\n"
    head += f"# FastSurfer_version {version}\n# Measure Mask, MaskVol, Mask Volume, 1600000, mm^3\n"
    stats = folder / "stats"
    stats.mkdir(parents=True)
    table = [f"{head}# NRows {len(rows)}", f"# ColHeaders {_COLUMNS}", *rows]
    (stats / "aseg+DKT.stats").write_text("\n".join(table) + "\n")
    return folder


def write_synthseg(path: Path, *, subjects: tuple[str, ...]) -> Path:
    """Write SynthSeg's `vol.csv` with a row for each name."""
    words = {"Inf-Lat-Vent": "inferior lateral ventricle", "VentralDC": "ventral DC"}
    names = {"vessel", "choroid-plexus"}
    heads, values = ["subject", "total intracranial", "left cerebral cortex"], [ETIV, 240000.0]
    for side, factor in (("left", 1.0), ("right", 1.01)):
        for name, (_, mm3) in PAIRED.items():
            if name not in names:
                bare = words.get(name, name.replace("-Proper", "").replace("-", " "))
                heads.append(f"{side} {bare.lower()}" if name not in words else f"{side} {bare}")
                values.append(factor * mm3)
    for name, (_, mm3) in SINGLE.items():
        heads.append(name.lower() if name == "Brain-Stem" else name.lower().replace("-", " "))
        values.append(300000.0 if name == "CSF" else mm3)
    lines = [",".join(heads)]
    lines += [",".join([one, *(f"{value:.3f}" for value in values)]) for one in subjects]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_tables_alone(folder):
    """Write a dataset of two people without an image, and their tables beside it; return it."""
    bids = folder / "bids"
    bids.mkdir()
    (bids / "dataset_description.json").write_text(
        json.dumps({"Name": "tables", "BIDSVersion": "1.10.0"})
    )
    (bids / "participants.tsv").write_text(
        "participant_id\tage\tsex\nsub-01\t40\tF\nsub-02\t50\tM\n"
    )
    write_subject(folder / "fs" / "sub-01_ses-1", version="7.1.1")
    write_subject(folder / "fs" / "sub-02_ses-1", change={"Left-Thalamus": 4000.0})
    return bids

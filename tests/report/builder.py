"""A small output dataset such as the stages leave it."""

from pathlib import Path

from PIL import Image

from npsle_app.bids.output.writer import Writer, replace
from npsle_app.engine.status import Row, write_rows
from npsle_app.records import Check, FigureRecord, Measure, Qc, Record

HOSTILE = (
    """</script><script>window.hacked = 1</script><img src=x onerror=alert(1)> "q" 'a' & {{ 7 }}"""
)


def make_dataset(root: Path, *, sessions=("1", "2"), participant="01", text="plain") -> Path:
    """Write records, figures and the status table of one participant; return the root."""
    out = root / "out"
    rows = []
    for session in sessions:
        writer = Writer(out, participant, session, {"raw": root / "raw"})
        _record_anat(writer, text=text)
        _record_tissue(writer, tiv=2400.0 if session == "2" else 1400.0)
        rows += _rows(participant, session, text=text)
    write_rows(out / f"sub-{participant}" / "log" / "status.tsv", rows)
    return out


def picture(path: Path, *, colour="red", size=(130, 80)) -> Path:
    """Save a plain WebP."""
    replace(path, lambda part: Image.new("RGB", size, colour).save(part, format="WEBP"))
    return path


def make_viewer(writer: Writer) -> None:
    """Write a viewer of 4 × 3 × 2 cubes: two images, and lesions over them."""
    layers = []
    for title, name, mode in (
        ("T1w", "t1w", "L"),
        ("FLAIR", "flair", "L"),
        ("Lesions", "lesions", "P"),
    ):
        sheet = Image.new(mode, (6, 4), 1)
        if mode == "P":
            sheet.putpalette([0, 0, 0, 255, 0, 80])
        path = writer.picture(sheet, f"viewer-{name}")
        layers.append({"title": title, "name": name, "file": path.name})
    affine = [[-1.0, 0, 0, 2.0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
    writer.notes({"shape": [4, 3, 2], "affine": affine, "layers": layers}, "viewer")


def _record_anat(writer: Writer, *, text: str) -> None:
    folder = writer.folder / "figures"
    still, before, after = (
        picture(folder / f"{writer.id}_{name}.webp", colour=colour)
        for name, colour in (("mask", "red"), ("before", "green"), ("after", "blue"))
    )
    writer.record(
        Record(
            stage="anat",
            methods="The T1w image was corrected and registered.",
            citations=("n4", "ants_syn"),
            checks=(
                Check(
                    name="mask", seen=text, expected="< 3 %", state=Qc.WARN, advice="Look at it."
                ),
            ),
            figures=(
                FigureRecord(title="Brain mask", path=still, caption=text),
                FigureRecord(title="Registration", path=before, after=after, caption="Still?"),
            ),
            choices=(text,),
        )
    )


def _record_tissue(writer: Writer, *, tiv: float) -> None:
    source = (writer.datasets["raw"] / "sub-01" / "anat" / "sub-01_T1w.nii.gz",)
    tissues = picture(writer.folder / "figures" / f"{writer.id}_tissues.webp", colour="yellow")
    numbers = {"tiv_ml": tiv, "tbv_ml": 1100.0, "gm_ml": 600.123456789, "csf_ml": None}
    writer.record(
        Record(
            stage="tissue",
            methods="Tissue was segmented.",
            citations=("atropos",),
            figures=(FigureRecord(title="Tissues", path=tissues, caption="Good: grey outside."),),
            measures=tuple(
                Measure(
                    name=name,
                    value=value,
                    qc=Qc.PASS if value else Qc.NOT_ASSESSABLE,
                    sources=source,
                )
                for name, value in numbers.items()
            ),
        )
    )


def _rows(participant: str, session: str | None, *, text: str) -> list[Row]:
    common = {
        "participant": f"sub-{participant}",
        "session": f"ses-{session}" if session else "n/a",
    }
    return [
        Row(**common, stage="anat", status="done", seconds="12.5", peak_mb="800"),
        Row(**common, stage="wmh", status="failed", reason=text),
        Row(**common, stage="tissue", status="done", seconds="3.0", peak_mb="700"),
    ]

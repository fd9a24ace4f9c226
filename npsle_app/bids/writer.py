"""The only door through which derivatives are written."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib

from npsle_app.bids.names import File
from npsle_app.records import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

# These entities belong to a derivative, not to the scan it was made from.
_DERIVED = re.compile(r"_(space|seg|res|label|desc|from|to|mode)-[^_]+")
_FIGURE_DPI = 80


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the files of one session: atomically, named, with their sidecars.

    `datasets` names the dataset roots that BIDS URIs may point into, `raw` among them.
    """

    root: Path
    participant: str
    session: str | None = None
    datasets: Mapping[str, Path] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`sub-01` or `sub-01_ses-1`."""
        return f"sub-{self.participant}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Folder of the session."""
        folder = self.root / f"sub-{self.participant}"
        return folder / f"ses-{self.session}" if self.session else folder

    def image(
        self, image: nib.Nifti1Image, file: File, *, sources: Iterable[Path], **metadata: Any
    ) -> Path:
        """Save an image and its sidecar, named after the first of its sources."""
        sources = tuple(sources)
        path = self._path(file, sources)
        replace(path, lambda part: nib.save(image, part))
        sidecar = dict(file.value.metadata) | metadata | {"Sources": self.uris(sources)}
        write_json(path.with_name(path.name.removesuffix(".nii.gz") + ".json"), sidecar)
        return path

    def copy(self, made: Path, file: File, *, sources: Iterable[Path]) -> Path:
        """Bring in a file that a library wrote elsewhere (a transform)."""
        path = self._path(file, tuple(sources))
        replace(path, lambda part: part.write_bytes(made.read_bytes()))
        return path

    def table(self, rows: "DataFrame", file: File, *, dictionary: Mapping[str, Any]) -> Path:
        """Save a table as TSV with its data dictionary beside it."""
        path = self._path(file, ())
        write_tsv(path, rows)
        write_json(path.with_suffix(".json"), dictionary)
        return path

    def figure(self, figure: "Figure", name: str) -> Path:
        """Save a figure as `figures/<id>_<name>.webp`."""
        path = self.folder / "figures" / f"{self.id}_{name}.webp"
        options = {"quality": 88, "method": 4}
        replace(
            path,
            lambda part: figure.savefig(
                part, format="webp", dpi=_FIGURE_DPI, pil_kwargs=options, facecolor="black"
            ),
        )
        return path

    def record(self, record: Record) -> Path:
        """Save what the stage says of its work, with paths relative to the dataset."""
        path = self.folder / "log" / f"{self.id}_stage-{record.stage}.json"
        write_json(path, json.loads(json.dumps(asdict(record), default=self._portable)))
        return path

    def uris(self, paths: Iterable[Path]) -> list[str]:
        """Name files as BIDS URIs, `bids::` for files of this dataset."""
        return [self._uri(path) for path in paths]

    def _uri(self, path: Path) -> str:
        for name, root in {"": self.root, **self.datasets}.items():
            if path.is_relative_to(root):
                return f"bids:{name}:{path.relative_to(root).as_posix()}"
        msg = f"{path} lies in none of the datasets {sorted(self.datasets)}"
        raise ValueError(msg)

    def _portable(self, value: object) -> str:
        if isinstance(value, Path):
            return self._uri(value)
        msg = f"cannot write {value!r} to a record"
        raise TypeError(msg)

    def _path(self, file: File, sources: tuple[Path, ...]) -> Path:
        prefix = self.id
        if sources:
            stem = sources[0].name.split(".")[0].rpartition("_")[0]
            prefix = _DERIVED.sub("", stem)
        return self.folder / file.value.folder / f"{prefix}_{file.value.tail}"


def replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` make a file beside `path`, then put it there in one step.

    The unfinished file has a fixed name, so that a killed run leaves nothing that the
    next one does not overwrite. What stood there is unlinked first: it may be a locked
    link of a data manager.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part_{path.name}")
    part.unlink(missing_ok=True)
    write(part)
    path.unlink(missing_ok=True)
    part.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, keys in the order given."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    replace(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_tsv(path: Path, rows: "DataFrame") -> None:
    """Write a table as BIDS wants it: tabs, dots, `n/a` for what is missing."""
    text = rows.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    replace(path, lambda part: part.write_text(text, encoding="utf-8"))

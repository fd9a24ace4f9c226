"""The only door through which derivatives are written."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike
from pandas import NA

from npsle_app.bids.output.names import AnyFile, File
from npsle_app.documents import null_where_unknown
from npsle_app.records import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series
    from PIL.Image import Image

# These entities belong to a derivative, not to the scan it was made from.
_DERIVED = re.compile(r"_(space|atlas|hemi|seg|scale|res|den|label|desc|from|to|mode)-[^_]+")
_NO_INTENSITIES = ("mask", "dseg", "probseg", "xfm")
_MISSING = "n/a"
_BREAKS = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_FIGURE_DPI = 80
# From x = right, y = front (RAS, NIfTI) to x = left, y = back (LPS, ITK), and back.
RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


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

    def path(self, file: AnyFile) -> Path:
        """Return where a file lies that is named after the session alone."""
        return self._path(file, ())

    def image(
        self, image: nib.Nifti1Image, file: AnyFile, *, sources: Iterable[Path], **metadata: Any
    ) -> Path:
        """Save an image and its sidecar, named after the first of its sources.

        `SkullStripped` is kept for images that show a head alone: masks, labels and
        probabilities have no skull to strip.
        """
        sources = tuple(sources)
        path = self._path(file, sources)
        replace(path, lambda part: nib.save(image, part))
        self._sidecar(path, file, metadata, sources)
        return path

    def matrix(
        self, matrix: ArrayLike, file: File, *, sources: Iterable[Path], **metadata: Any
    ) -> Path:
        """Save an affine transform as an ITK text file, with a sidecar.

        Parameters
        ----------
        matrix : (4, 4) array
            Takes points of the fixed image to points of the moving image, in mm, RAS: what
            is needed to resample the moving image on the fixed grid, and what
            `antsApplyTransforms` expects. `npsle_app.bids.output.reader.read_matrix` gives it back.
        """
        sources = tuple(sources)
        path = self._path(file, sources)
        text = _itk_text(np.asarray(matrix, dtype=float))
        replace(path, lambda part: part.write_text(text, encoding="utf-8"))
        self._sidecar(path, file, metadata, sources)
        return path

    def gradients(
        self, image: Path, *, b_values: ArrayLike, vectors: ArrayLike
    ) -> tuple[Path, Path]:
        """Save b-values and vectors, (3, N) along the axes of the image, beside a series."""
        stem = image.name.split(".")[0]
        texts = {
            image.with_name(f"{stem}.bval"): _rows([np.asarray(b_values)], "{:g}"),
            image.with_name(f"{stem}.bvec"): _rows(np.asarray(vectors), "{:.8f}"),
        }
        for path, text in texts.items():
            replace(path, partial(Path.write_text, data=text, encoding="utf-8"))
        b_path, vector_path = texts
        return b_path, vector_path

    def table(
        self,
        rows: "DataFrame",
        file: AnyFile,
        *,
        dictionary: Mapping[str, Any],
        sources: Iterable[Path] = (),
    ) -> Path:
        """Save a table as TSV with its data dictionary beside it, named after its session.

        With `sources` it is named after the first of them, as an image is.
        """
        path = self._path(file, tuple(sources))
        write_tsv(path, rows)
        write_json(path.with_suffix(".json"), dictionary)
        return path

    def figure(self, figure: "Figure", name: str) -> Path:
        """Save a figure as `figures/<id>_<name>.webp`."""
        path = self.folder / "figures" / f"{self.id}_{name}.webp"
        options = {"quality": 88, "method": 2}  # 4 takes twice as long for 2 % of the bytes
        replace(
            path,
            lambda part: figure.savefig(
                part, format="webp", dpi=_FIGURE_DPI, pil_kwargs=options, facecolor="black"
            ),
        )
        return path

    def drawing(self, svg: str, name: str) -> Path:
        """Save an SVG document as `figures/<id>_<name>.svg`."""
        path = self.folder / "figures" / f"{self.id}_{name}.svg"
        replace(path, lambda part: part.write_text(svg, encoding="utf-8"))
        return path

    def picture(self, picture: "Image", name: str) -> Path:
        """Save a picture as `figures/<id>_<name>`: labels as PNG, grey levels as WebP."""
        labelled = picture.mode == "P"
        path = self.folder / "figures" / f"{self.id}_{name}.{'png' if labelled else 'webp'}"
        if labelled:
            replace(
                path, lambda part: picture.save(part, format="PNG", optimize=True, transparency=0)
            )
        else:
            replace(path, lambda part: picture.save(part, format="WEBP", quality=72, method=4))
        return path

    def notes(self, content: Mapping[str, Any], name: str) -> Path:
        """Save what belongs to pictures as `figures/<id>_<name>.json`."""
        path = self.folder / "figures" / f"{self.id}_{name}.json"
        write_json(path, content)
        return path

    def record(self, record: Record) -> Path:
        """Save what the stage says of its work, with paths as BIDS URIs.

        Raises
        ------
        ValueError
            If a measure is NaN or infinite: what cannot be known is None.
        """
        for measure in record.measures:
            if measure.value is not None and not math.isfinite(measure.value):
                msg = f"{measure.name} is {measure.value}; a measure that cannot be known is None"
                raise ValueError(msg)
        path = self.folder / "log" / f"{self.id}_stage-{record.stage}.json"
        write_json(path, asdict(record), default=self._portable)
        return path

    def uris(self, paths: Iterable[Path]) -> list[str]:
        """Name files as BIDS URIs, `bids::` for files of this dataset."""
        return [self._uri(path) for path in paths]

    def _sidecar(
        self, path: Path, file: AnyFile, metadata: Mapping[str, Any], sources: tuple[Path, ...]
    ) -> None:
        content = dict(file.value.metadata) | dict(metadata) | {"Sources": self.uris(sources)}
        stem = path.name.split(".")[0]
        if stem.endswith(_NO_INTENSITIES):
            content.pop("SkullStripped", None)
        write_json(path.with_name(f"{stem}.json"), content, default=self._portable)

    def _uri(self, path: Path) -> str:
        # No links are followed: the content of a scan may be kept outside its dataset.
        absolute = path.absolute()
        for name, root in {"": self.root, **self.datasets}.items():
            place = root.absolute()
            if absolute.is_relative_to(place):
                return f"bids:{name}:{absolute.relative_to(place).as_posix()}"
        msg = f"{path} lies in none of the datasets {sorted(self.datasets)}"
        raise ValueError(msg)

    def _portable(self, value: object) -> object:
        if isinstance(value, Path):
            return self._uri(value)
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        msg = f"cannot write {value!r} to a sidecar or a record"
        raise TypeError(msg)

    def _path(self, file: AnyFile, sources: tuple[Path, ...]) -> Path:
        prefix = self.id
        if sources:
            stem = sources[0].name.split(".")[0].rpartition("_")[0]
            prefix = _DERIVED.sub("", stem)
        if f"{prefix}_".startswith(f"{self.id}_"):
            return self.folder / file.value.folder / f"{prefix}_{file.value.tail}"
        msg = f"{sources[0]} is no scan of {self.id}; put one first, the file is named after it"
        raise ValueError(msg)


def _rows(table: Iterable[ArrayLike], pattern: str) -> str:
    rows = (" ".join(pattern.format(v) for v in np.asarray(row, dtype=float)) for row in table)
    return "".join(f"{row}\n" for row in rows)


def _itk_text(matrix: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        msg = f"expected a finite 4 × 4 matrix, got {matrix.tolist()}"
        raise ValueError(msg)
    itk = RAS_LPS @ matrix @ RAS_LPS
    parameters = " ".join(repr(float(value)) for value in (*itk[:3, :3].ravel(), *itk[:3, 3]))
    return (
        "#Insight Transform File V1.0\n"
        "#Transform 0\n"
        "Transform: AffineTransform_double_3_3\n"
        f"Parameters: {parameters}\n"
        "FixedParameters: 0 0 0\n"
    )


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


def write_json(path: Path, content: Any, *, default: Callable[[Any], Any] | None = None) -> None:
    """Write JSON, keys in the order given; null for NaN and infinities, which it does not have."""
    text = json.dumps(
        null_where_unknown(content),
        indent=2,
        ensure_ascii=False,
        allow_nan=False,
        default=default,
    )
    replace(path, lambda part: part.write_text(text + "\n", encoding="utf-8"))


def write_vector_figure(path: Path, figure: "Figure") -> None:
    """Save a figure as SVG, and as PDF beside it; the same figure gives the same bytes."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "npsle_app", "pdf.fonttype": 42}):
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        for kind, metadata in dates.items():
            replace(path.with_suffix(f".{kind}"), partial(_save, figure, kind, metadata))


def _save(figure: "Figure", kind: str, metadata: dict[str, None], part: Path) -> None:
    figure.savefig(part, format=kind, metadata=metadata)


def write_tsv(path: Path, rows: "DataFrame") -> None:
    """Write a table as BIDS wants it: tabs, dots, `n/a` for what is missing or infinite, no quotes.

    Tabs and line breaks inside a cell become spaces.
    """
    write_lines(path, tsv_lines(rows))


def tsv_lines(rows: "DataFrame") -> list[str]:
    """Return the lines of `write_tsv`, that of the names first.

    pandas takes 0.1 s for the 200 columns of one participant's sessions, whose lines are a part
    of the study's.
    """
    texts = [_column(rows.iloc[:, place]) for place in range(rows.shape[1])]
    cells: Iterable[Iterable[str]] = (
        zip(*texts, strict=True) if texts else ([] for _ in range(len(rows)))
    )
    return ["\t".join(line) for line in ([_cell(str(name)) for name in rows], *cells)]


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text."""
    text = "".join(f"{line}\n" for line in lines)
    replace(path, lambda part: part.write_text(text, encoding="utf-8"))


def _column(values: "Series") -> list[str]:
    if values.dtype == np.float64:
        return [repr(one) if math.isfinite(one) else _MISSING for one in values.tolist()]
    # not by tolist: single precision would show the digits of double precision
    plain = list(values.to_numpy() if values.dtype.kind == "f" else values.astype(object))
    return [_cell(one) for one in plain]


def _cell(value: object) -> str:
    if isinstance(value, str):
        return _BREAKS.sub(" ", value)
    if value is None or value is NA or value != value:
        return _MISSING
    return _MISSING if isinstance(value, float) and math.isinf(value) else str(value)

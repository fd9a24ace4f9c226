"""What an image is not: reasons to leave it out that its name, sidecar or header gives.

Sidecars are read as strangers write them: a value that says nothing is no reason.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from npsle_app.bids.input.images import Header

Entities = Mapping[str, object]
Metadata = Mapping[str, Any]

NOT_MAGNITUDE = ("phase", "real", "imag")
_COMPLEX_TYPES = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY"}
_COMPLEX_PARTS = {"PHASE", "REAL", "IMAGINARY"}
_MAP_TYPES = {
    "TRACEW", "TRACE", "ADC", "EADC", "EXP", "EXPADC", "FA", "COLFA", "FA_COLOR", "TENSOR",
    "TENSOR_B0", "AVERAGE_DC", "AVDC", "MD", "DIFFUSION_MAP",
}  # fmt: skip
_COPY_TYPES = {"MOCO"}
_MAP_LABEL = re.compile(r"trace|^e?adc|adc$|colfa|^(fa|md|exp)$", re.IGNORECASE)
_COPY_LABEL = re.compile(r"moco", re.IGNORECASE)
_VESSEL_WALL = re.compile(r"vwi|space|cube|vista|^bb|bb$", re.IGNORECASE)

_NOTHING = {"", "none", "no", "n/a", "na", "nan", "null", "false", "0", "without", "unknown"}
_AGENT_KEY = re.compile(r"contrast_?(bolus|agent)", re.IGNORECASE)
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName")
_AGENT_WORDS = {
    "gd", "gad", "gado", "gadolinium", "gadovist", "dotarem", "magnevist", "prohance",
    "multihance", "clariscan", "km", "+c", "c+", "+gd", "+gad", "+km", "ce", "postgd", "postgad",
    "postcontrast", "contrast",
}  # fmt: skip
_BEFORE_AGENT = {
    "pre", "w/o", "wo", "without", "no", "non", "noncontrast", "ohne", "nativ", "native",
    "precontrast", "pregd", "pregad",
}  # fmt: skip
_PERHAPS_AGENT = {"post"}
_AGENT_LABEL = re.compile(
    r"^(t1w?)?ce$|(?<!pre)(?<!no)(?<!non)(?<!wo)(?<!without)(gado?|gd|gadolinium|km)\d*$"
    r"|(post|with|plus)contrast",
    re.IGNORECASE,
)
_PERHAPS_LABEL = re.compile(r"^post|post\d*$", re.IGNORECASE)

_SHEAR_MM = 1e-3
_STANDARD_CODES = {3: "Talairach", 4: "MNI 152"}
# first voxel of a grid of RAS or LAS axes, in mm: FSL, SPM and HCP; MNI 2009a, 2009c; old SPM
_TEMPLATE_CORNERS = ((90, -126, -72), (98, -134, -72), (96, -132, -78), (78, -112, -70),
                     (90, -125, -71), (78, -112, -50))  # fmt: skip
_TEMPLATE_SHAPES: Mapping[tuple[int, ...], float] = {
    (182, 218, 182): 1.0, (181, 217, 181): 1.0, (197, 233, 189): 1.0, (193, 229, 193): 1.0,
    (364, 436, 364): 0.5, (260, 311, 260): 0.7, (227, 272, 227): 0.8, (91, 109, 91): 2.0,
    (97, 115, 97): 2.0, (79, 95, 79): 2.0, (79, 95, 68): 2.0, (121, 145, 121): 1.5,
    (113, 137, 113): 1.5,
}  # fmt: skip


def not_magnitude(entities: Entities, metadata: Metadata) -> str:
    """Say whether an image shows phase, or the real or imaginary part, of the signal."""
    part = entities.get("part")
    if part in NOT_MAGNITUDE:
        return f"part-{part} is no magnitude image"
    if told := _first(_image_types(metadata)[2:], _COMPLEX_TYPES):
        return f"no magnitude image: {told} in the ImageType of its sidecar"
    component = str(metadata.get("ComplexImageComponent") or "").upper()
    if component in _COMPLEX_PARTS:
        return f"no magnitude image: its sidecar's ComplexImageComponent is {component}"
    return ""


def diffusion_map(entities: Entities, metadata: Metadata) -> str:
    """Say whether an image was computed from a diffusion series."""
    if label := _labelled(entities, _MAP_LABEL):
        return f"a map that the scanner computed ({label})"
    if told := _first(_image_types(metadata), _MAP_TYPES):
        return f"a map that the scanner computed ({told} in its ImageType)"
    return ""


def aligned_copy(entities: Entities, metadata: Metadata) -> str:
    """Say whether an image is a copy of a series whose volumes the scanner has aligned."""
    if label := _labelled(entities, _COPY_LABEL):
        return f"a copy that the scanner has aligned ({label})"
    if told := _first(_image_types(metadata), _COPY_TYPES):
        return f"a copy that the scanner has aligned ({told} in its ImageType)"
    return ""


def vessel_wall(entities: Entities) -> str:
    """Say whether the label `acq-` is that of a black-blood scan, in any case."""
    label = str(entities.get("acquisition") or "")
    return f"acq-{label} is a vessel-wall scan" if _VESSEL_WALL.search(label) else ""


def contrast_agent(entities: Entities, metadata: Metadata) -> str:
    """Say whether an image was taken with a contrast agent, by its name or its sidecar."""
    if entities.get("ceagent"):
        return "it was taken with a contrast agent"
    label = str(entities.get("acquisition") or "")
    if _AGENT_LABEL.search(label):
        return f"it was taken with a contrast agent (acq-{label})"
    for key, value in metadata.items():
        if _AGENT_KEY.search(key) and _says_something(value):
            shown = " ".join(str(value).split())[:40]
            return f"it was taken with a contrast agent ({key} of its sidecar: {shown})"
    if told := _described(metadata, _AGENT_WORDS):
        return f"it was taken with a contrast agent ({told})"
    return ""


def perhaps_contrast_agent(entities: Entities, metadata: Metadata) -> str:
    """Say what hints at a contrast agent without being sure."""
    label = str(entities.get("acquisition") or "")
    if _PERHAPS_LABEL.search(label):
        return f"acq-{label}"
    return _described(metadata, _PERHAPS_AGENT)


def other_space(entities: Entities, header: Header | None) -> str:
    """Say whether an image lies in the space of a template, where heads have another size."""
    if space := entities.get("space"):
        return f"it lies in another space (space-{space})"
    if header is None:
        return ""
    shape, affine = header.shape[:3], header.affine
    linear = affine[:3, :3]
    if np.abs(linear - np.diag(np.diag(linear))).max() > _SHEAR_MM:
        return ""  # turned: a template never is
    edges = np.abs(np.diag(linear))
    corner = tuple(np.round(affine[:3, 3], 2).tolist())
    at_corner = any((abs(corner[0]), *corner[1:]) == one for one in _TEMPLATE_CORNERS)
    edge = _TEMPLATE_SHAPES.get(shape, np.nan)
    if at_corner or np.allclose(edges, edge, atol=1e-4):
        return f"it lies in another space (the grid of a template, {' × '.join(map(str, shape))})"
    return ""


def standard_code(header: Header | None) -> str:
    """Name the standard space that the codes of a header claim, or nothing."""
    if header is None:
        return ""
    code = int(header.raw["sform_code"]) or int(header.raw["qform_code"])
    return _STANDARD_CODES.get(code, "")


def _labelled(entities: Entities, wanted: re.Pattern[str]) -> str:
    labels = (entities.get(name) for name in ("acquisition", "reconstruction", "description"))
    return next((str(label) for label in labels if label and wanted.search(str(label))), "")


def _first(types: list[str], known: set[str]) -> str:
    return next((one for one in types if one in known), "")


def _image_types(metadata: Metadata) -> list[str]:
    value = metadata.get("ImageType")
    parts = value if isinstance(value, list) else str(value or "").split("\\")
    return [str(part).strip().upper().replace("_MAP", " MAP") for part in parts]


def _says_something(value: Any) -> bool:
    if isinstance(value, list):
        return any(_says_something(one) for one in value)
    if isinstance(value, bool | int | float):
        return bool(value)
    return str(value if value is not None else "").strip().lower() not in _NOTHING


def _described(metadata: Metadata, words: set[str]) -> str:
    for key in _DESCRIPTIONS:
        text = str(metadata.get(key) or "")
        told = {word for word in re.split(r"[\s_\-.,()\[\]]+", text.lower()) if word}
        told |= {"+" + word.rpartition("+")[2] for word in told if "+" in word}
        if told & words and not told & _BEFORE_AGENT:
            return f"{key} of its sidecar: {' '.join(text.split())[:60]}"
    return ""

"""The lesion model that comes with the package."""

import hashlib
from importlib.resources import files

from npsle_app.imaging.wmh.model import LesionModel

_FILE = files("npsle_app") / "data" / "wmh_model.onnx"


def read_model() -> LesionModel:
    """Open the trained model."""
    return LesionModel(_FILE.read_bytes())


def describe_model() -> dict[str, str]:
    """Return name and hash of the model, for the sidecars."""
    return {
        "Model": read_model().name,
        "ModelSha256": hashlib.sha256(_FILE.read_bytes()).hexdigest(),
    }

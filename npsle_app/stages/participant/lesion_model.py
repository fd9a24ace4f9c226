"""The lesion model that comes with the package."""

import hashlib
import json
from importlib.resources import files

from npsle_app.imaging.wmh import Coefficients

_FILE = files("npsle_app") / "data" / "wmh_coefficients.json"


def read_coefficients() -> Coefficients:
    """Read the weights."""
    content = json.loads(_FILE.read_text("utf-8"))
    return Coefficients(
        model=content["model"], intercept=content["intercept"], weights=content["weights"]
    )


def describe_model() -> dict[str, str]:
    """Return name and hash of the model, for the sidecars."""
    return {
        "Model": read_coefficients().model,
        "ModelSha256": hashlib.sha256(_FILE.read_bytes()).hexdigest(),
    }

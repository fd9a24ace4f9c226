"""The trained model: from what is known of a voxel to its probability of being lesion."""

from typing import TYPE_CHECKING

import lazy_loader
import numpy as np

from npsle_app.arrays import Volume
from npsle_app.imaging.wmh.features import FEATURES, FLAIR_FEATURES

if TYPE_CHECKING:
    import onnxruntime
else:
    onnxruntime = lazy_loader.load("onnxruntime")

_AT_ONCE = 65536  # voxels; more would only take memory


class LesionModel:
    """An ONNX graph that takes (n, features) values and returns (n, 1) probabilities.

    Parameters
    ----------
    content : bytes
        The file. Its metadata name the model (`name`) and the features, in order
        (`features`, with commas).

    Raises
    ------
    ValueError
        If the graph was made for other features than the app computes.
    """

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        facts = self._session.get_modelmeta().custom_metadata_map
        features = tuple(facts.get("features", "").split(","))
        if features not in (FEATURES, FLAIR_FEATURES):
            msg = f"the lesion model is for {','.join(features)}, not {','.join(FEATURES)}"
            raise ValueError(msg)
        self.name: str = facts["name"]
        self.needs_t1w = features == FEATURES

    def predict(self, features: Volume) -> Volume:
        """Return the (n,) probabilities, from 0 to 1, of (n, features) values."""
        source = self._session.get_inputs()[0].name
        parts = [np.zeros(0, dtype=np.float32)]
        for start in range(0, len(features), _AT_ONCE):
            part = np.ascontiguousarray(features[start : start + _AT_ONCE], dtype=np.float32)
            parts.append(self._session.run(None, {source: part})[0].ravel())
        return np.concatenate(parts)

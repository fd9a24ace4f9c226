import numpy as np


def unpatterned(shape, *, voxel_mm=1.0):
    """Say that white matter is even in everybody, in a head whose middle is the template's."""
    middle = (np.array(shape) - 1) / 2
    places = (np.indices(shape) - middle.reshape(3, 1, 1, 1)) * voxel_mm
    return {
        "normal": np.zeros(shape, np.float32),
        "spread": np.full(shape, 0.03, np.float32),
        "template_mm": places.astype(np.float32),
    }

"""Kinds of arrays that functions take and return, and constants of the normal distribution."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Reals = NDArray[np.floating]  # of single or double precision
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Volume = NDArray[np.float32]  # (I, J, K) values of an image
Mask = NDArray[np.bool_]  # (I, J, K)

Z95 = 1.959963984540054  # 95 % of a normal distribution lie within ± this many SD
MAD_TO_SD = 1.4826  # its SD over its median absolute deviation

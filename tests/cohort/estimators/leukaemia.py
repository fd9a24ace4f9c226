"""Remission of leukaemia (Freireich 1963), as `MASS::gehan` of R has it: time in weeks."""

import numpy as np

TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
CONTROLS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIME = np.array([*TREATED, *CONTROLS], dtype=float)
EVENT = np.array([*ENDED, *[1] * 21], dtype=bool)
CONTROL = np.repeat([0.0, 1.0], 21)
GROUPS = ["treated"] * 21 + ["control"] * 21

"""z of 100 people by PCNtoolkit 0.35, run with the Python of its own environment.

    python pcntoolkit_z.py INPUT.json OUTPUT.json

INPUT holds the coefficients of one volume and lists of ages, sexes (1 = man) and volumes in mm³.
Splines, design, warp and prediction are those of the toolkit; nothing of npsle_app is imported.
"""

import json
import sys
from pathlib import Path

import numpy as np
from pcntoolkit.model.bayesreg import BLR
from pcntoolkit.util.utils import WarpSinArcsinh, create_design_matrix

told = json.loads(Path(sys.argv[1]).read_text())
covariates = np.column_stack([told["ages"], told["men"]])
low, high = told["knots"][0], told["knots"][-1]
design = create_design_matrix(
    covariates, intercept=True, basis="bspline", xmin=low, xmax=high, nknots=len(told["knots"])
)
coefficients = np.array([told["intercept"], told["age"], told["sex"], *told["spline"]])
b, precision = told["warp_b"], 1 / told["residual_sd"] ** 2
# as the toolkit writes them where warps are reparametrised: precision of the unscaled warp first
hyp = np.array([np.log(precision * b**2), told["warp_epsilon"], np.log(b), 0.0])
model = BLR(warp=WarpSinArcsinh(), warp_reparam=True)
model.hyp, model.m, model.A = hyp, coefficients, np.eye(len(coefficients)) * 1e20
model.N, model.D = design.shape
predicted, variance = model.predict(hyp, None, None, design)
warped = model.warp.f(np.array(told["volumes_mm3"]), hyp[1:3])
z = (warped - predicted) / np.sqrt(variance)
Path(sys.argv[2]).write_text(json.dumps(z.tolist()))

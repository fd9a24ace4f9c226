"""White-matter hyperintensities: from FLAIR to a probability and a mask.

Enters: FLAIR, a prepared head, spatial priors, the trained model. Leaves: FLAIR on the T1w grid,
the probability of each voxel, the mask at a threshold, and checks of scan and result.
Never knows single lesions: what they are and where they lie is told by `imaging.lesions`.
"""

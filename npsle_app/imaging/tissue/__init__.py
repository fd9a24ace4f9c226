"""Grey matter, white matter and fluid, and the regions of the brain.

Enters: a prepared head, its priors, a lesion mask. Leaves: tissue maps, the lesion-filled image,
volumes of tissues and regions, the lateral ventricles, and their checks.
Never knows FLAIR or how lesions were found.
"""

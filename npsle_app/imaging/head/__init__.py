"""From a raw T1w image to a corrected, registered, masked head.

Enters: the T1w image and the template. Leaves: the image without shading, masks of the brain and
of the space inside the skull, the way to the template, and checks of all of it.
Never knows tissues or lesions.
"""

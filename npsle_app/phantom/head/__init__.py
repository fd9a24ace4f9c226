"""A synthetic head: anatomy, lesions, fibres, and the images a scanner would make of it.

Enters: the template and a seed. Leaves: T1w, FLAIR and diffusion images, and what is true of them.
Never knows the app's estimates.
"""

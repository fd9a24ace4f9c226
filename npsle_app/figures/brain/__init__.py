"""Pictures of images: slices, outlines, fibres, vessels, regions.

Enters: images and what was found on them. Leaves: figures with sides and millimetres on them.
Never knows measures or files.
"""

"""Single lesions: how many, how large, where, of what shape, and what became of them.

Enters: a lesion mask, whoever made it, with the head's ventricles, cortex and lobes. Leaves: a
table with one row per lesion, a person's numbers, grades and signs, and the change between two
sessions.
Never knows how the mask was found.
"""

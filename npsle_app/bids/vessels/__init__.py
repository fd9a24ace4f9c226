"""What a dataset and its derivatives say of vessels: the scan to take, guides drawn by a reader.

Enters: candidates of a session and folders given with `--derivatives`. Leaves: the chosen scan,
landmarks and lines in RAS mm, and what was rejected. Nothing here ever knows what an image holds.
"""

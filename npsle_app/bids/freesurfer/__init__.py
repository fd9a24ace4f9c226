"""What FreeSurfer, FastSurfer and SynthSeg left: found by session, read as measures.

Enters: folders given with `--derivatives`. Leaves: scans of the kind `freesurfer`, and numbers by
the names of measures. Nothing here ever knows what a volume should be.
"""

"""Reads files only; one self-contained HTML page per participant and per study."""

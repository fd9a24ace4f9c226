"""One stage per file: read, compute, draw, write; no arithmetic."""

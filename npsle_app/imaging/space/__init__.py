"""Grids, and the transforms between them.

Enters: images with their affines. Leaves: images on another grid, matrices and displacement
fields that map world points (RAS, mm), and how well two scans lie on each other.
Never knows what an image shows, of which tissue or disease. The only wing that calls ANTs'
registration.
"""

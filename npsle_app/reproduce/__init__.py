"""`npsle_reproduce`: what a finished output folder holds, made again from its record and compared.

Enters: an output folder with the records of its runs, the dataset, tolerances. Leaves: a second
output folder, and a table of differences beside it. It does not ever know how a number is made:
the app itself is called, and what it leaves is compared file by file.
"""

"""Point clouds as arrays: readers, statistics, display encoding and pictures.

NumPy only. Nothing here knows Django, so that a worker, a command, a bench or a notebook can use it alike.
"""

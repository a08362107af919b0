"""Frozen versions as files for other programs: formats, what they hold, and where they are written to."""

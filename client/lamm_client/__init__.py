"""Python client of LAMM. Its version names the server's API that it speaks."""

__version__ = "0.1.0"

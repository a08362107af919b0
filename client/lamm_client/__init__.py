"""Python client of LAMM: datasets, scenes and training runs from scripts and notebooks.

import lamm_client as lamm

connection = lamm.connect("https://lamm.example.com", token="lamm_...")
for scene in connection.scenes(tag="night", status="labeled"):
    print(scene["name"], scene["point_count"])
"""

from lamm_client.connection import Connection, connect
from lamm_client.errors import (
    AnswerError,
    ConflictError,
    DamagedError,
    IncompatibleError,
    LammError,
    NotAllowedError,
    NotFoundError,
    NotLoggedInError,
    RefusedError,
    ServerError,
    UnreachableError,
)
from lamm_client.version import __version__

__all__ = [
    "AnswerError",
    "ConflictError",
    "Connection",
    "DamagedError",
    "IncompatibleError",
    "LammError",
    "NotAllowedError",
    "NotFoundError",
    "NotLoggedInError",
    "RefusedError",
    "ServerError",
    "UnreachableError",
    "__version__",
    "connect",
]

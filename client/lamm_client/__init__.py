"""Python client of LAMM: datasets, scenes and training runs from scripts and notebooks.

import lamm_client as lamm

connection = lamm.connect("https://lamm.example.com", token="lamm_...")
for scene in connection.scenes(tag="night", status="labeled"):
    print(scene["name"], scene["point_count"])

for frame in connection.dataset("Urban_Night_Scenes@v2")["train"]:
    print(frame.name, frame.positions.shape, frame.labels)

with lamm.run(experiment="night", params={"lr": 0.01}) as run:
    run.log({"train/loss": 0.3}, step=10, epoch=1)
"""

from lamm_client import worker
from lamm_client.cache import Cache
from lamm_client.connection import Connection, connect, evaluation, join_run, model, register_model, resume_run, run
from lamm_client.datasets import Dataset
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
    RunStoppedError,
    ServerError,
    UnreachableError,
)
from lamm_client.evaluations import Evaluation
from lamm_client.frames import Frame, Split
from lamm_client.labels import Ontology
from lamm_client.models import Model
from lamm_client.runs import Run
from lamm_client.version import __version__

__all__ = [
    "AnswerError",
    "Cache",
    "ConflictError",
    "Connection",
    "DamagedError",
    "Dataset",
    "Evaluation",
    "Frame",
    "IncompatibleError",
    "LammError",
    "Model",
    "NotAllowedError",
    "NotFoundError",
    "NotLoggedInError",
    "Ontology",
    "RefusedError",
    "Run",
    "RunStoppedError",
    "ServerError",
    "Split",
    "UnreachableError",
    "__version__",
    "connect",
    "evaluation",
    "join_run",
    "model",
    "register_model",
    "resume_run",
    "run",
    "worker",
]

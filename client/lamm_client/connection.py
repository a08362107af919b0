"""`lamm.connect(url, token)`: the door to everything of one server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamm_client import datasets, evaluations, runs, uploads
from lamm_client import models as registry
from lamm_client.cache import LIMIT_BYTES, Cache
from lamm_client.errors import IncompatibleError, LammError, ServerError, UnreachableError
from lamm_client.transport import Transport
from lamm_client.version import __version__, version_numbers

URL_VARIABLE, TOKEN_VARIABLE = "LAMM_URL", "LAMM_TOKEN"


class Connection:
    """A server, and what it offers.

    Attributes:
        transport: how requests reach it, for what this package has no words for yet.
        server: version facts of the server.
    """

    def __init__(self, transport: Transport, server: dict[str, Any]) -> None:
        self.transport = transport
        self.server = server

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    def scenes(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every scene that the filters of the explorer match, newest first, one by one.

        `connection.scenes(tag=["night", "rain"], status="labeled", max_uncertainty_min=0.4)`: a list stands for a
        parameter that is given several times. Raises RefusedError for a filter that the server does not know.
        """
        return self.transport.pages("api/scenes/", **filters)

    def frames(self, scene: int) -> Iterator[dict[str, Any]]:
        """The frames of a scene in playing order."""
        return self.transport.pages("api/frames/", scene=scene)

    def upload_scene(
        self,
        files: Path | str | Iterable[Path | str],
        *,
        name: str,
        wait: bool = True,
        progress: uploads.Progress | None = None,
        **wishes: Any,
    ) -> dict[str, Any]:
        """Make a scene of local files, or of all files in a folder.

        Further wishes are `drive`, `tags`, `captured_at`, `rate_hz` and `format` (what `.bin` files are: "kitti" or
        "nuscenes"). An upload that was cut goes on where it stopped when it is asked for again. With `wait` the answer
        is how the ingestion ended, with the problems of quarantined frames; else how it starts. `progress` is called
        with the bytes sent and the bytes in all. Raises LammError.
        """
        sent = uploads.upload_scene(self.transport, files, name=name, wishes=wishes, progress=progress)
        return {**sent, **uploads.follow(self.transport, sent["upload"])} if wait else sent

    def ontologies(self) -> Iterator[dict[str, Any]]:
        """The ontologies with their classes."""
        return self.transport.pages("api/ontologies/")

    def dataset(
        self, version: str, *, cache: Cache | Path | str | None = None, refresh: bool = False
    ) -> datasets.Dataset:
        """The frozen version `NAME@v2` of a dataset: `connection.dataset("Urban_Night_Scenes@v2")["train"]`.

        Files are kept in `cache`, a folder or a Cache; see `default_cache`. `refresh` asks the server again for what it
        knows of the frames beside the manifest: times, poses and where their files are. Raises LammError.
        """
        kept = Cache(Path(cache)) if isinstance(cache, (str, Path)) else cache or default_cache()
        return datasets.open_dataset(self.transport, kept, version, refresh=refresh)

    def model(self, name: str, *, cache: Cache | Path | str | None = None) -> registry.Model:
        """A registered model: `connection.model("production-classifier@production").download()`.

        After the @ stands a label ("v3.2"), an alias, a stage ("production", which is meant without an @) or "latest".
        Raises NotFoundError.
        """
        kept = Cache(Path(cache)) if isinstance(cache, (str, Path)) else cache or default_cache()
        return registry.open_model(self.transport, kept, name)

    def models(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every version of every registered model, newest first: `connection.models(stage=["production"])`.

        Filters: `model`, `stage`, `kind`, `run`, `tag`, `search`, `archived` ("yes", "all"), and others of the server.
        """
        return registry.list_versions(self.transport, filters)

    def register_model(self, model: str, **wishes: Any) -> registry.Model:
        """Promote a run into the registry: `connection.register_model("production-classifier", run=run.id)`.

        The next version of the model, which is made when there is none of this name. `artifact` is the path of one of
        the run's artifacts (its only one when left out), `version` a label such as "v3.2" (the next when left out),
        `members` ("model@v3.2" or "run-7") make an ensemble. Texts of the card: `release_notes`, `intended_use`,
        `training_data`, `limits`, `licence`; and `tags`. Raises RefusedError, ConflictError.
        """
        return registry.register(self.transport, default_cache(), model, **wishes)

    def run(self, **wishes: Any) -> runs.Run:
        """Make a run and start it: `with connection.run(experiment="night", params={"lr": 0.01}) as run:`.

        `experiment`, `name`, `architecture`, `dataset` ("Urban@v2", frozen), `params`, `tags` (words or a dictionary),
        `notes`, `seed`, `parent`, `resumed_from`, `train_splits`, `validation_splits`; nothing is required. Code
        version, packages, host and command line are found out unless `capture=False`. What leaves the block ends the
        run: an exception as failed with its traceback, Ctrl-C as killed, else as completed. Raises AnswerError when
        the server refuses; a server that is away is made up for later.
        """
        return runs.start_run(self.transport, **wishes)

    def join_run(self, number: int, **wishes: Any) -> runs.Run:
        """Log to a run that another process made, and will end. Raises NotFoundError, LammError for a queued one."""
        return runs.join_run(self.transport, number, **wishes)

    def resume_run(self, number: int, **wishes: Any) -> runs.Run:
        """Go on with a run as its owner: a queued one is started, one that has ended is resumed."""
        return runs.resume_run(self.transport, number, **wishes)

    def queue_run(self, **wishes: Any) -> dict[str, Any]:
        """Put a run into the queue, for a worker to take. Wishes as those of `run`; returns the run as it is."""
        return runs.queue_run(self.transport, **wishes)

    def evaluation(self, dataset: str, *, replace: bool = False, **wishes: Any) -> evaluations.Evaluation:
        """How uncertain a model is on a dataset split: `connection.evaluation("Urban@v2", name="ensemble-v2", ...)`.

        `measure` is required: predictive_entropy, mutual_information, expected_entropy, variation_ratio, disagreement,
        variance or custom (with `custom_name` and `high`). `split` ("val"), `normalised`, `aggregator` of points to
        frames ("mean", "p95", "p99.9", "max", "top-0.1%", "fraction>t" with `threshold`), `name` of the model or
        ensemble, or `model`, a registered one ("classifier@production"), `run`, `members` (numbers of runs), `classes`
        (the range of measures in nats), `notes`. `replace` corrects frames that have another score already. The same
        wishes again go on with their draft.
        """
        return evaluations.open_evaluation(self.transport, dataset, replace=replace, **wishes)


def evaluation(dataset: str, **wishes: Any) -> evaluations.Evaluation:
    """`Connection.evaluation` of the server that LAMM_URL and LAMM_TOKEN name."""
    return connect().evaluation(dataset, **wishes)


def connect(url: str | None = None, token: str | None = None, *, offline: bool = False) -> Connection:
    """A connection to the server at `url` with an API token; both come from LAMM_URL and LAMM_TOKEN when left out.

    `offline` asks the server nothing: datasets that were downloaded work, all else raises UnreachableError.

    Raises LammError when they are missing, NotLoggedInError for a token that is not valid, UnreachableError,
    IncompatibleError.
    """
    transport = transport_of(url, token)
    transport.offline = offline
    if offline:
        return Connection(transport, {})
    return Connection(transport, checked(transport.get("api/version/")))


def run(**wishes: Any) -> runs.Run:
    """`Connection.run` of the server that LAMM_URL and LAMM_TOKEN name, which may be away for the time being."""
    transport = transport_of(None, None)
    with suppress(UnreachableError, ServerError):  # a training script starts all the same
        checked(runs.quick(transport).get("api/version/"))
    return runs.start_run(transport, **wishes)


def model(name: str, **wishes: Any) -> registry.Model:
    """`Connection.model` of the server that LAMM_URL and LAMM_TOKEN name."""
    return connect().model(name, **wishes)


def register_model(name: str, **wishes: Any) -> registry.Model:
    """`Connection.register_model` of the server that LAMM_URL and LAMM_TOKEN name."""
    return connect().register_model(name, **wishes)


def join_run(number: int, **wishes: Any) -> runs.Run:
    """`Connection.join_run` of the server that LAMM_URL and LAMM_TOKEN name."""
    return connect().join_run(number, **wishes)


def resume_run(number: int, **wishes: Any) -> runs.Run:
    """`Connection.resume_run` of the server that LAMM_URL and LAMM_TOKEN name."""
    return connect().resume_run(number, **wishes)


def transport_of(url: str | None, token: str | None) -> Transport:
    """The way to a server; what is left out comes from the environment. Raises LammError when it is missing there."""
    found = {"url": url or os.environ.get(URL_VARIABLE), "token": token or os.environ.get(TOKEN_VARIABLE)}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise LammError(
            f"No {' and no '.join(missing)}. Pass them to connect, or set {URL_VARIABLE} and {TOKEN_VARIABLE}. "
            "Tokens are made on the page API tokens of your account."
        )
    return Transport(str(found["url"]), str(found["token"]))


def checked(server: dict[str, Any]) -> dict[str, Any]:
    """The server's version facts. Raises IncompatibleError when one of the two is too old for the other."""
    if version_numbers(__version__) < version_numbers(server["oldest_client"]):
        raise IncompatibleError(
            f"This is lamm-client {__version__}; LAMM {server['version']} needs {server['oldest_client']} or newer. "
            "Upgrade it: pip install --upgrade lamm-client"
        )
    if version_numbers(server["version"])[:2] < version_numbers(__version__)[:2]:
        raise IncompatibleError(
            f"This is lamm-client {__version__}, the server is the older LAMM {server['version']}. "
            f"Install the client that fits: pip install 'lamm-client~={'.'.join(server['version'].split('.')[:2])}.0'"
        )
    return server


def cache_folder() -> Path:
    """Where downloads are kept unless told otherwise: LAMM_CACHE, else below the user's cache folder."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LAMM_CACHE") or home / "lamm")


def default_cache() -> Cache:
    """The cache in `cache_folder`; it holds LAMM_CACHE_BYTES at most, else 50 GiB.

    Raises LammError when that is no number.
    """
    told = os.environ.get("LAMM_CACHE_BYTES") or str(LIMIT_BYTES)
    if not told.isascii() or not told.isdigit():
        raise LammError(f"LAMM_CACHE_BYTES is {told!r}. Write a whole number of bytes.")
    return Cache(cache_folder(), int(told))

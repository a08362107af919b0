"""`python -m lamm_client replay` and `python -m lamm_client worker --command ...`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from lamm_client.connection import connect
from lamm_client.errors import LammError
from lamm_client.sending import replay
from lamm_client.spooling import spool_folder
from lamm_client.worker import POLL_SECONDS, work

log = logging.getLogger("lamm_client")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser("python -m lamm_client", description="Server and token: LAMM_URL and LAMM_TOKEN.")
    commands = found.add_subparsers(dest="name", required=True)
    commands.add_parser("replay", help="send what runs left in the spool while the server was away")
    worker = commands.add_parser("worker", help="take queued runs and run a command for each")
    worker.add_argument("--experiment", default="", help="take runs of this experiment only")
    worker.add_argument("--worker-name", default="", help="what the server calls this worker; host and process id")
    worker.add_argument("--once", action="store_true", help="leave when no run waits")
    worker.add_argument("--poll", type=float, default=POLL_SECONDS, metavar="SECONDS", help="between two looks")
    worker.add_argument(
        "--command",
        nargs=argparse.REMAINDER,
        required=True,
        metavar="WORD",
        help="the last option; {run}, {name}, {experiment}, {dataset}, {architecture}, {params.KEY} stand for facts",
    )
    return found


def main(words: Sequence[str] | None = None) -> int:
    """0 when all went well, 1 when something waits on in the spool, 2 when the server refuses."""
    options = parser().parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        connection = connect()
        if options.name == "replay":
            arrived, waiting = replay(connection.transport)
            log.info("%s runs' entries have arrived, %s wait on in %s.", arrived, waiting, spool_folder())
            return 1 if waiting else 0
        if not options.command:
            raise LammError("--command needs at least one word.")
        work(options.command, connection=connection, experiment=options.experiment, name=options.worker_name,
             once=options.once, poll_seconds=options.poll)  # fmt: skip
    except LammError as error:
        log.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

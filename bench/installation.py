"""A throw-away installation for a bench: a database of its own, migrated, gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def throw_away_installation(*, ingesting: bool = False) -> Iterator[Path]:
    """Django set up on a migrated database below a temporary folder, which is given.

    With `ingesting` no worker is woken: the bench is the worker. Import models inside only.
    """
    with TemporaryDirectory() as temporary:
        os.chmod(temporary, 0o755)  # the account that runs the database must enter; else it goes elsewhere and stays
        os.environ |= {"LAMM_DATA": f"{temporary}/data", "LAMM_ENV": "development", "LAMM_DEBUG": "0"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "lamm.settings"
        from lamm.local.services import hold

        with hold(Path(temporary) / "data", valkey=False):
            import django

            django.setup()
            from django.core.management import call_command
            from django.test.utils import override_settings

            call_command("migrate", verbosity=0)
            with override_settings(**({"INGEST_PARALLEL_TASKS": 0} if ingesting else {})):
                yield Path(temporary)
            django.db.connections.close_all()

#!/usr/bin/env python
"""Django's command line. Starts LAMM's own PostgreSQL and Valkey when no URL names others."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lamm.settings")
    os.environ.setdefault("LAMM_DOOR", "command")
    if sys.argv[1:] and sys.argv[1] not in ("help", "--help", "--version"):
        from lamm.local.services import hold_for_process

        hold_for_process()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

"""`manage.py simulate_drive FOLDER`: writes a simulated LiDAR drive that `ingest` can take in."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from scenes.simulator.drive import DEFAULT_START, simulate_drive
from scenes.simulator.sensor import SENSORS
from scenes.simulator.weather import WEATHERS
from scenes.simulator.world import ENVIRONMENTS
from scenes.simulator.write import write_drive


class Command(BaseCommand):
    """Simulates a drive and writes it as PCD frames with times, poses and GPS positions."""

    help = "Simulate a LiDAR drive with exact labels and write it into a new or empty folder as PCD frames."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; their defaults are those of `make demo`."""
        parser.add_argument("folder", type=Path, help="new or empty folder to write into")
        parser.add_argument("--frames", type=int, default=60, help="number of frames (default: 60)")
        parser.add_argument("--rate", type=float, default=10.0, help="frames per second (default: 10)")
        parser.add_argument("--seed", type=int, default=7, help="seed of the world and of all chance (default: 7)")
        parser.add_argument("--environment", choices=ENVIRONMENTS, default="urban")
        parser.add_argument("--weather", choices=list(WEATHERS), default="clear")
        parser.add_argument("--sensor", choices=list(SENSORS), default="wide")
        parser.add_argument("--columns", type=int, default=1800, help="firings per turn (default: 1800)")
        parser.add_argument(
            "--start",
            type=_instant,
            default=DEFAULT_START,
            help="time of the first frame (default: 2026-05-04T09:12:00Z)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the drive; a wrong option or a folder in use ends with a sentence, not with a traceback."""
        names = ("seed", "frames", "rate", "environment", "weather", "sensor", "columns", "start")
        try:
            frames = simulate_drive(**{name: options[name] for name in names})
            with tqdm(total=options["frames"], unit="frame", disable=options["verbosity"] == 0) as bar:
                count = write_drive(options["folder"], frames, progress=lambda _: _step(bar))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} frames written to {options['folder']}")


def _step(bar: "tqdm[Any]") -> None:
    bar.update()


def _instant(text: str) -> datetime:
    """An ISO 8601 time; argparse turns the ValueError of another into its own message."""
    return datetime.fromisoformat(text)

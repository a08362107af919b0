"""`manage.py ingest_labels SCENE PATH`: ground truth for a scene, as its next version of labels."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError
from scenes.models import FrameState, LabelKind, LabelSet, Ontology, Scene
from scenes.services.labeling import MatchedFiles, add_label_set, match_files, ontology_named

MOST_NAMED = 10


class Command(BaseCommand):
    help = (
        "Add labels to a scene as a new version. Files belong to frames by their names: 000000.label to 000000.pcd. "
        "With --kind field they are a field of the clouds and PATH is left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scene", metavar="SCENE", help="the scene's ID")
        parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="a folder of label files, or one file")
        parser.add_argument("--ontology", required=True, help="name of the ontology the labels are in")
        parser.add_argument("--kind", required=True, choices=LabelKind.values, help="how the labels lie in the files")
        parser.add_argument(
            "--accept-unknown", action="store_true", help="take raw ids the ontology lacks as class 0, ignored"
        )
        parser.add_argument("--note", default="", help="a word on where these labels come from")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["path"] is None) != (options["kind"] == LabelKind.FIELD):
            raise CommandError("Name the label files' PATH, or leave it out and say --kind field.")
        scene = Scene.objects.filter(name=options["scene"]).first()
        if scene is None:
            raise CommandError(f"There is no scene {options['scene']!r}. The explorer shows their IDs.")
        try:
            ontology = ontology_named(options["ontology"])
            matched = self._match(scene, options["path"], options["kind"]) if options["path"] else None
            label_set = self._add(scene, ontology, matched, options)
        except (CloudError, ConflictError) as error:
            raise CommandError(str(error)) from error
        self._report(label_set)

    def _match(self, scene: Scene, path: Path, kind: str) -> MatchedFiles:
        matched = match_files(scene=scene, path=path, kind=kind)
        self._tell("frames have no label file and stay unlabelled", matched.unlabelled)
        self._tell("frames are not ready, so their labels are left out", matched.left_out)
        self._tell("label files belong to no frame and are left out", matched.strangers)
        return matched

    def _tell(self, words: str, names: list[str]) -> None:
        if names:
            more = ", ..." if len(names) > MOST_NAMED else ""
            self.stderr.write(f"{len(names)} {words}: {', '.join(names[:MOST_NAMED])}{more}")

    def _add(self, scene: Scene, ontology: Ontology, matched: MatchedFiles | None, options: dict[str, Any]) -> LabelSet:
        total = len(matched.files) if matched else scene.frames.filter(state=FrameState.READY).count()
        with tqdm(total=total, unit="frame", desc=scene.name, disable=options["verbosity"] == 0) as bar:
            return add_label_set(
                scene=scene,
                ontology=ontology,
                kind=options["kind"],
                files=matched.files if matched else None,
                by=None,
                note=options["note"],
                accept_unknown=options["accept_unknown"],
                progress=lambda: _step(bar),
            )

    def _report(self, label_set: LabelSet) -> None:
        points = f"{label_set.frame_count:,} frames, {label_set.point_count:,} points"
        self.stdout.write(
            f"{label_set.scene.name}: labels v{label_set.version} in {label_set.ontology.name}, {points}."
        )
        for raw, count in label_set.unknown:
            self.stderr.write(f"  the raw id {raw} is unknown: {count:,} points are ignored")


def _step(bar: "tqdm[Any]") -> None:
    bar.update()

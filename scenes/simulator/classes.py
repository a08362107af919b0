"""The semantic classes that simulated points carry: the raw ids and names of SemanticKITTI.

SemanticKITTI gives moving objects ids of their own (252 and up), so that one id tells both the class and
the motion.
"""

from enum import IntEnum


class SemanticClass(IntEnum):
    """A raw SemanticKITTI class; its value is the id that is stored per point."""

    UNLABELED = 0
    CAR = 10
    BUS = 13
    TRUCK = 18
    PERSON = 30
    BICYCLIST = 31
    ROAD = 40
    SIDEWALK = 48
    BUILDING = 50
    FENCE = 51
    OTHER_STRUCTURE = 52
    VEGETATION = 70
    TRUNK = 71
    TERRAIN = 72
    POLE = 80
    TRAFFIC_SIGN = 81
    MOVING_CAR = 252
    MOVING_BICYCLIST = 253
    MOVING_PERSON = 254
    MOVING_BUS = 257
    MOVING_TRUCK = 258

    @property
    def title(self) -> str:
        """The published name of the class, such as `moving-car`."""
        return self.name.lower().replace("_", "-")


CLASS_NAMES: dict[int, str] = {int(entry): entry.title for entry in SemanticClass}

MOVING: dict[SemanticClass, SemanticClass] = {
    SemanticClass.CAR: SemanticClass.MOVING_CAR,
    SemanticClass.BUS: SemanticClass.MOVING_BUS,
    SemanticClass.TRUCK: SemanticClass.MOVING_TRUCK,
    SemanticClass.PERSON: SemanticClass.MOVING_PERSON,
    SemanticClass.BICYCLIST: SemanticClass.MOVING_BICYCLIST,
}

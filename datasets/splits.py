"""Splits: which members go to training, validation and test. Pure: NumPy and the standard library, whole numbers only.

The same members, plan and seed give the same split on every machine and in whatever order the members come: ties are
broken by the sha256 of the seed and a stable key, and nothing is added up in floating point.

Members of one group stay together. Groups are placed by iterative stratification (K. Sechidis, G. Tsoumakas,
I. Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011) on groups instead of single examples: the
rarest label first, its heaviest groups first, each to the split that lacks most of that label among those that still
lack members. Without labels this is the greedy rule of longest processing time first (R. L. Graham, "Bounds on
Multiprocessing Timing Anomalies", SIAM J. Appl. Math. 17, 1969). So no split exceeds its asked share by the weight of
the heaviest group or more, and none falls short by twice that weight or more; fixed members can make either happen.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
SPLITS = ("train", "val", "test")
# Moves that even the shares out afterwards; each makes the worse of two splits better, so they end by themselves.
MOST_MOVES = 1000
# From so many percentage points on a missed share is explained.
TOLERATED_POINTS = 5.0
GROUPS_NAMED = 3


@dataclass(frozen=True)
class Member:
    """One scene. `key` is its stable name, `group` what must stay together with it (unique to it: nothing).

    `weight` is its number of frames, or 1 when scenes are counted; below 1 it counts as 1. `labels` are what is
    spread evenly. `fixed` is the split somebody said it belongs to, `previous` the one it had in the parent.
    """

    key: str
    group: str
    weight: int = 1
    labels: tuple[str, ...] = ()
    fixed: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Explanation:
    """Why a wish could not be met: a name for programs, words for people."""

    name: str
    words: str


@dataclass(frozen=True)
class Draw:
    """The split of each key, the weight that each split got, and what could not be as it was asked for."""

    splits: dict[str, str]
    weights: dict[str, int]
    explanations: list[Explanation] = field(default_factory=list)


@dataclass
class _Group:
    name: str
    members: list[Member]
    weight: int
    labels: dict[str, int]
    place: bytes
    split: int = -1


def draw(members: Iterable[Member], *, percent: Mapping[str, int], seed: int, unit: str = "frames") -> Draw:
    """Place every member in a split.

    `percent`: whole percentages by split, which sum to 100; 0 keeps a split empty but for members that are fixed.
    `unit` is the word for what weights count. Raises ValueError for percentages that do not sum to 100, keys that
    occur twice, and splits that nobody knows.
    """
    asked = np.array([percent.get(split, 0) for split in SPLITS], np.int64)
    given = [replace(one, weight=max(1, one.weight)) for one in sorted(members, key=lambda member: member.key)]
    _check(given, percent, asked)
    groups = _groups(given, seed)
    splits, torn = _place_fixed(groups)
    free = [group for group in groups if group.members[0].key not in splits]
    counted = {SPLITS.index(splits[m.key]) for m in given if m.key in splits}
    need = _needs(given, splits, asked)
    _place(free, need, _label_needs(given, splits, asked))
    _fill_empty(free, need, asked, counted)
    _even_out(free, need, counted)
    for group in free:
        splits |= {member.key: SPLITS[group.split] for member in group.members}
    weights = dict.fromkeys(SPLITS, 0)
    for member in given:
        weights[splits[member.key]] += member.weight
    return Draw(splits, weights, [*torn, *_missed(groups, free, weights, asked, unit)])


def _check(given: Sequence[Member], percent: Mapping[str, int], asked: Integers) -> None:
    if set(percent) - set(SPLITS) or asked.sum() != 100 or asked.min() < 0:
        raise ValueError(f"Percentages of {', '.join(SPLITS)} must be whole, not negative and sum to 100: {percent}")
    for one, other in pairwise(given):
        if one.key == other.key:
            raise ValueError(f"{one.key} is given twice.")
    strange = ({m.fixed for m in given} | {m.previous for m in given}) - {"", *SPLITS}
    if strange:
        raise ValueError(f"There is no split {', '.join(sorted(strange))}.")


def _groups(given: Sequence[Member], seed: int) -> list[_Group]:
    """The groups in the order that the seed gives them."""
    by_name: dict[str, list[Member]] = defaultdict(list)
    for member in given:
        by_name[member.group].append(member)
    groups = []
    for name, members in by_name.items():
        labels: Counter[str] = Counter()
        for member in members:
            labels.update(dict.fromkeys(member.labels, member.weight))
        place = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
        groups.append(_Group(name, members, sum(m.weight for m in members), dict(labels), place))
    return sorted(groups, key=lambda group: group.place)


def _place_fixed(groups: Iterable[_Group]) -> tuple[dict[str, str], list[Explanation]]:
    """The splits of all members of groups in which somebody's split is given; the others of such a group follow.

    A group whose members were given different splits can't stay together: the rest goes to the weightiest of them.
    """
    splits: dict[str, str] = {}
    torn: list[str] = []
    for group in groups:
        wanted = {m.key: m.fixed or m.previous for m in group.members if m.fixed or m.previous}
        if not wanted:
            continue
        weights = dict.fromkeys(SPLITS, 0)
        for member in group.members:
            if member.key in wanted:
                weights[wanted[member.key]] += member.weight
        rest = max(SPLITS, key=lambda split: weights[split])
        splits |= {member.key: wanted.get(member.key, rest) for member in group.members}
        if len(set(wanted.values())) > 1:
            torn.append(group.name)
    if not torn:
        return splits, []
    words = f"{_named(torn)} could not be kept together: scenes were given, or had before, different splits."
    return splits, [Explanation("group-straddles", words)]


def _named(names: Sequence[str]) -> str:
    told = ", ".join(sorted(names)[:GROUPS_NAMED])
    return told + (f" and {len(names) - GROUPS_NAMED:,} more" if len(names) > GROUPS_NAMED else "")


def _needs(given: Iterable[Member], splits: Mapping[str, str], asked: Integers) -> Integers:
    """Hundredfold weight that each split lacks, (3,); it sums to the hundredfold weight that is still to be placed."""
    placed, total = np.zeros(3, np.int64), 0
    for member in given:
        total += member.weight
        if member.key in splits:
            placed[SPLITS.index(splits[member.key])] += member.weight
    return asked * total - 100 * placed


def _label_needs(given: Iterable[Member], splits: Mapping[str, str], asked: Integers) -> dict[str, Integers]:
    """By label: the hundredfold weight with this label that each split lacks, (3,)."""
    totals: Counter[str] = Counter()
    placed: dict[str, Integers] = defaultdict(lambda: np.zeros(3, np.int64))
    for member in given:
        for label in set(member.labels):
            totals[label] += member.weight
            if member.key in splits:
                placed[label][SPLITS.index(splits[member.key])] += member.weight
    return {label: asked * total - 100 * placed[label] for label, total in totals.items()}


def _place(free: Sequence[_Group], need: Integers, label_needs: dict[str, Integers]) -> None:
    """Give every group its split; `need` and `label_needs` follow. A split that lacks nothing gets no group."""
    with_label: dict[str, list[_Group]] = defaultdict(list)
    for group in free:
        for label in group.labels:
            with_label[label].append(group)
    waiting = {label: len(groups) for label, groups in with_label.items()}
    while waiting:
        label = min(waiting, key=lambda name: (waiting[name], name))
        still = [group for group in with_label[label] if group.split < 0]
        for group in sorted(still, key=lambda group: (-group.labels[label].bit_length(), group.place)):
            lacks = label_needs[label]
            best = max(_lacking(need), key=lambda split: (lacks[split], need[split]))
            _put(group, best, need, label_needs)
            for other in group.labels:
                waiting[other] -= 1
        waiting = {name: count for name, count in waiting.items() if count}
    rest = (group for group in free if group.split < 0)
    # By orders of magnitude, so that among groups of a size it is the seed that decides.
    for group in sorted(rest, key=lambda group: (-group.weight.bit_length(), group.place)):
        _put(group, int(np.argmax(need)), need, label_needs)


def _lacking(need: Integers) -> list[int]:
    return [split for split in range(3) if need[split] > 0]


def _put(group: _Group, split: int, need: Integers, label_needs: dict[str, Integers]) -> None:
    group.split = split
    need[split] -= 100 * group.weight
    for label, weight in group.labels.items():
        label_needs[label][split] -= 100 * weight


def _move(group: _Group, split: int, need: Integers) -> None:
    need[group.split] += 100 * group.weight
    need[split] -= 100 * group.weight
    group.split = split


def _fill_empty(free: Sequence[_Group], need: Integers, asked: Integers, counted: set[int]) -> None:
    """A split that was asked for gets the lightest group of the split with most groups, if that has another."""
    for split in range(3):
        counts = Counter(group.split for group in free)
        if not asked[split] or split in counted or counts[split] or not counts:
            continue
        giver = min(counts, key=lambda other: (-counts[other], other))
        if counts[giver] > 1:
            chosen = (group for group in free if group.split == giver)
            _move(min(chosen, key=lambda group: (group.weight, group.place)), split, need)


def _even_out(free: Sequence[_Group], need: Integers, counted: set[int]) -> None:
    """Move single groups from the fullest to the neediest split while that makes the worse of the two better.

    Groups with labels stay: where they are is what stratification decided.
    """
    movable = [group for group in free if not group.labels]
    weights = np.array([group.weight for group in movable], np.int64)
    places = np.array([group.split for group in movable], np.int64)
    counts = Counter(group.split for group in free)
    for _ in range(MOST_MOVES):
        full, needy = int(np.argmin(need)), int(np.argmax(need))
        here = np.flatnonzero(places == full)
        if need[full] >= 0 or not len(here) or (counts[full] == 1 and full not in counted):
            return
        worst = np.maximum(abs(need[full] + 100 * weights[here]), abs(need[needy] - 100 * weights[here]))
        best = int(np.argmin(worst))  # the first of equals, in the order of the seed
        if worst[best] >= max(abs(need[full]), abs(need[needy])):
            return
        chosen = int(here[best])
        _move(movable[chosen], needy, need)
        places[chosen] = needy
        counts[full] -= 1
        counts[needy] += 1


def _missed(
    groups: Sequence[_Group], free: Sequence[_Group], weights: Mapping[str, int], asked: Integers, unit: str
) -> list[Explanation]:
    """Why shares are not what was asked for."""
    total = sum(weights.values())
    if not total:
        return []
    heaviest = max(groups, key=lambda group: (group.weight, group.name))
    held = f"{heaviest.name} alone holds {100 * heaviest.weight / total:.0f} % of the {unit}"
    bound = len(groups) - len(free)
    told = []
    for split, wish in zip(SPLITS, asked.tolist(), strict=True):
        share = 100 * weights[split] / total
        if wish and not weights[split]:
            why = f"there are {len(groups):,} groups for {int((asked > 0).sum())} splits; {held}"
            told.append(Explanation("empty-split", f"{split} stays empty: {why}."))
        elif abs(share - wish) > TOLERATED_POINTS:
            kept = f"; {bound:,} of {len(groups):,} groups hold scenes whose split was given" if bound else ""
            words = f"{split} has {share:.0f} % of the {unit} instead of {wish} %: {held}{kept}."
            told.append(Explanation("share-missed", words))
    return told

"""Splits: a partition, groups whole, the same everywhere, what was given is kept, shares as near as groups allow."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.splits import SPLITS, Member, draw

LABELS = ["night", "rain", "urban", "car", "person"]
SOME = st.sampled_from(["", *SPLITS])


@st.composite
def percentages(draw_):
    train = draw_(st.integers(0, 100))
    val = draw_(st.integers(0, 100 - train))
    return {"train": train, "val": val, "test": 100 - train - val}


def members(*, given_splits: bool = False, most: int = 60):
    split = SOME if given_splits else st.just("")
    one = st.tuples(
        st.integers(0, 12),
        st.integers(0, 500),
        st.lists(st.sampled_from(LABELS), unique=True, max_size=4),
        split,
        split,
    )
    return st.lists(one, max_size=most).map(
        lambda rows: [
            Member(f"scene-{place}", f"drive-{group}", weight, tuple(labels), fixed, previous)
            for place, (group, weight, labels, fixed, previous) in enumerate(rows)
        ]
    )


@given(members(given_splits=True), percentages(), st.integers(0, 2**62))
def test_every_member_is_in_one_split(given_members, percent, seed):
    found = draw(given_members, percent=percent, seed=seed)
    assert set(found.splits) == {member.key for member in given_members}
    assert set(found.splits.values()) <= set(SPLITS)
    assert sum(found.weights.values()) == sum(max(1, member.weight) for member in given_members)


@given(members(), percentages(), st.integers(0, 2**62))
def test_a_group_never_straddles_two_splits(given_members, percent, seed):
    found = draw(given_members, percent=percent, seed=seed).splits
    for group in {member.group for member in given_members}:
        assert len({found[member.key] for member in given_members if member.group == group}) == 1


@given(members(given_splits=True), percentages(), st.integers(0, 2**62), st.randoms())
def test_the_order_of_the_members_does_not_matter(given_members, percent, seed, chance):
    shuffled = list(given_members)
    chance.shuffle(shuffled)
    assert draw(shuffled, percent=percent, seed=seed) == draw(given_members, percent=percent, seed=seed)


@given(members(given_splits=True), percentages(), st.integers(0, 2**62))
def test_what_was_given_is_kept_and_a_hand_weighs_more_than_the_past(given_members, percent, seed):
    found = draw(given_members, percent=percent, seed=seed).splits
    for member in given_members:
        if member.fixed or member.previous:
            assert found[member.key] == (member.fixed or member.previous)


@settings(max_examples=300)
@given(members(), percentages(), st.integers(0, 2**62))
def test_shares_are_missed_by_less_than_the_heaviest_group_allows(given_members, percent, seed):
    found = draw(given_members, percent=percent, seed=seed)
    groups: dict[str, int] = {}
    for member in given_members:
        groups[member.group] = groups.get(member.group, 0) + max(1, member.weight)
    total, heaviest = sum(groups.values()), max(groups.values(), default=0)
    for split in SPLITS if total else ():
        over = 100 * found.weights[split] - percent[split] * total
        assert -200 * heaviest < over < 100 * heaviest


@given(members(most=40), st.integers(0, 2**62))
def test_a_split_with_no_share_gets_nothing(given_members, seed):
    assert draw(given_members, percent={"train": 90, "val": 10, "test": 0}, seed=seed).weights["test"] == 0


@given(st.integers(3, 40), st.integers(0, 2**62))
def test_no_split_that_was_asked_for_is_empty_when_there_are_enough_groups(count, seed):
    alike = [Member(f"s{n}", f"g{n}") for n in range(count)]
    assert min(draw(alike, percent={"train": 98, "val": 1, "test": 1}, seed=seed).weights.values()) >= 1


@given(members(most=40), percentages(), st.integers(0, 2**62))
def test_keeping_the_previous_splits_moves_nothing_when_scenes_come_in(given_members, percent, seed):
    before = draw(given_members, percent=percent, seed=seed).splits
    later = [Member(m.key, m.group, m.weight, m.labels, previous=before[m.key]) for m in given_members]
    new = [Member(f"new-{n}", f"drive-{n}", 10) for n in range(5)]
    after = draw([*later, *new], percent=percent, seed=seed + 1).splits
    assert {key: after[key] for key in before} == before


def test_the_split_of_a_known_input_is_the_same_on_every_machine():
    scenes = [Member(f"scene-{n:02d}", f"drive-{n % 7}", 100 + 37 * n % 50) for n in range(28)]
    found = draw(scenes, percent={"train": 60, "val": 20, "test": 20}, seed=42)
    of_drives = {f"drive-{n}": found.splits[f"scene-{n:02d}"] for n in range(7)}
    assert of_drives == {
        "drive-0": "train",
        "drive-1": "train",
        "drive-2": "test",
        "drive-3": "val",
        "drive-4": "val",
        "drive-5": "train",
        "drive-6": "train",
    }


def test_another_seed_gives_another_split():
    scenes = [Member(f"scene-{n}", f"scene-{n}", 100 + n) for n in range(50)]
    found = {
        tuple(draw(scenes, percent={"train": 80, "val": 10, "test": 10}, seed=seed).splits.items()) for seed in range(5)
    }
    assert len(found) == 5


def test_rare_labels_are_spread_over_the_splits():
    chance = random.Random(3)
    scenes = [Member(f"scene-{n}", f"scene-{n}", 1, ("rain",) if n % 10 == 0 else ("dry",)) for n in range(200)]
    chance.shuffle(scenes)
    found = draw(scenes, percent={"train": 50, "val": 25, "test": 25}, seed=1, unit="scenes").splits
    rain = [found[f"scene-{n}"] for n in range(0, 200, 10)]
    assert [rain.count(split) for split in SPLITS] == [10, 5, 5]


class TestImpossibleWishesAreExplained:
    def test_one_drive_holds_most(self):
        scenes = [Member("long", "drive-a", 60), Member("b", "drive-b", 20), Member("c", "drive-c", 20)]
        found = draw(scenes, percent={"train": 34, "val": 33, "test": 33}, seed=1)
        words = [explanation.words for explanation in found.explanations]
        assert any("instead of" in one and "drive-a alone holds 60 % of the frames" in one for one in words)

    def test_fewer_drives_than_splits(self):
        found = draw([Member("a", "x"), Member("b", "y")], percent={"train": 80, "val": 10, "test": 10}, seed=1)
        assert "empty-split" in {explanation.name for explanation in found.explanations}
        assert any("2 groups for 3 splits" in explanation.words for explanation in found.explanations)

    def test_a_drive_whose_scenes_were_given_different_splits(self):
        scenes = [Member("a", "x", 5, fixed="train"), Member("b", "x", 3, fixed="test"), Member("c", "x", 1)]
        found = draw(scenes, percent={"train": 80, "val": 10, "test": 10}, seed=1)
        assert found.splits == {"a": "train", "b": "test", "c": "train"}
        assert ("group-straddles", "x could not be kept together") in {
            (explanation.name, explanation.words.split(":")[0]) for explanation in found.explanations
        }

    def test_a_wish_that_can_be_met_needs_no_words(self):
        scenes = [Member(f"s{n}", f"s{n}") for n in range(100)]
        assert draw(scenes, percent={"train": 80, "val": 10, "test": 10}, seed=1).explanations == []


@pytest.mark.parametrize(
    ("scenes", "percent", "words"),
    [
        ([], {"train": 50, "val": 10, "test": 10}, "sum to 100"),
        ([], {"train": 100, "dev": 0}, "sum to 100"),
        ([Member("a", "x"), Member("a", "y")], {"train": 100}, "given twice"),
        ([Member("a", "x", fixed="dev")], {"train": 100}, "no split dev"),
    ],
)
def test_nonsense_is_refused(scenes, percent, words):
    with pytest.raises(ValueError, match=words):
        draw(scenes, percent=percent, seed=1)

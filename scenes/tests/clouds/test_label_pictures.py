"""Bird's-eye pictures in class colours, and strips of frames."""

import io

import numpy as np
import pytest
from PIL import Image

from scenes.clouds import filmstrip, thumbnail
from scenes.clouds.cloud import CloudError

GREY, RED, BLUE = (125, 132, 143), (255, 80, 60), (60, 120, 255)


def colours() -> thumbnail.ClassColours:
    table = np.zeros((256, 3), np.uint8)
    table[:3] = [GREY, RED, BLUE]
    return thumbnail.ClassColours(table, np.arange(256) == 0)


def a_ground(points: int = 40_000, seed: int = 0) -> np.ndarray:
    """A flat square of 40 m around the sensor, (points, 3)."""
    flat = np.random.default_rng(seed).uniform(-20, 20, (points, 3)).astype(np.float32)
    flat[:, 2] = -1.7
    return flat


def pixels(webp: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(webp)).convert("RGB")).astype(int)


def share_of(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    """How much of the picture is nearer in hue to this colour than to the two others."""
    bright = picture[picture.max(axis=2) > 60]
    hues = np.array([GREY, RED, BLUE], float)
    hues /= np.linalg.norm(hues, axis=1, keepdims=True)
    nearest = (bright @ hues.T).argmax(axis=1)
    return float((nearest == [GREY, RED, BLUE].index(colour)).mean())


class TestClassColours:
    def test_each_half_of_the_ground_has_the_colour_of_its_class(self):
        ground = a_ground()
        classes = np.where(ground[:, 0] > 0, 1, 2).astype(np.uint8)
        picture = pixels(thumbnail.render_classes(ground, classes, colours(), quality=95))
        assert picture.shape == (400, 640, 3)
        middle = picture[100:240, 200:440]  # without the scale bar; forward is right
        assert share_of(middle[:, 130:], RED) > 0.95
        assert share_of(middle[:, :110], BLUE) > 0.95

    def test_the_highest_point_is_seen_from_above(self):
        ground = a_ground()
        roof = ground + np.float32([0, 0, 5])
        classes = np.repeat(np.uint8([1, 2]), len(ground))
        picture = pixels(thumbnail.render_classes(np.vstack([ground, roof]), classes, colours(), quality=95))
        assert share_of(picture[100:300, 220:420], BLUE) > 0.95

    def test_ignored_points_hide_below_the_others(self):
        ground = a_ground()
        rain = ground + np.float32([0, 0, 5])
        classes = np.repeat(np.uint8([1, 0]), len(ground))
        picture = pixels(thumbnail.render_classes(np.vstack([ground, rain]), classes, colours(), quality=95))
        assert share_of(picture[100:300, 220:420], RED) > 0.95

    def test_points_without_a_position_are_left_out_with_their_class(self):
        ground = a_ground()
        classes = np.where(np.arange(len(ground)) % 2, 1, 2).astype(np.uint8)
        ground[classes == 2] = np.nan
        picture = pixels(thumbnail.render_classes(ground, classes, colours(), quality=95))
        assert share_of(picture[100:300, 220:420], RED) > 0.95

    def test_a_cloud_without_any_position_is_refused(self):
        with pytest.raises(CloudError, match="no point has a finite position"):
            thumbnail.render_classes(np.full((3, 3), np.nan, np.float32), np.zeros(3, np.uint8), colours())


class TestFilmstrips:
    @pytest.mark.parametrize(("count", "wanted"), [(0, []), (2, [0, 1]), (12, list(range(12))), (13, 12), (20_000, 12)])
    def test_show_all_frames_or_twelve_with_both_ends(self, count, wanted):
        chosen = filmstrip.chosen(count)
        if isinstance(wanted, list):
            assert chosen == wanted
        else:
            assert len(set(chosen)) == wanted
            assert (chosen[0], chosen[-1]) == (0, count - 1)
            steps = np.diff(chosen)
            assert steps.max() - steps.min() <= 1

    def test_are_as_wide_as_their_frames_together(self):
        strip = pixels(filmstrip.render((a_ground(seed=n) for n in range(3)), count=3))
        assert strip.shape == (200, 960, 3)
        assert all(strip[:, 320 * n : 320 * (n + 1)].max() > 100 for n in range(3))

    def test_share_one_window_so_that_what_stands_still_stays(self):
        ground, far = a_ground(), a_ground() * np.float32([4, 4, 1])
        strip = pixels(filmstrip.render(iter([ground, ground, far]), count=3))
        first, second, third = (strip[:, 320 * n : 320 * (n + 1)] for n in range(3))
        assert np.abs(first - second).mean() < 3
        # The same points four times as far apart would look alike in a window of their own.
        assert (third.max(axis=2) > 60).mean() < (first.max(axis=2) > 60).mean()

    def test_nothing_to_draw_is_refused(self):
        with pytest.raises(CloudError, match="no frame"):
            filmstrip.render(iter([]), count=0)

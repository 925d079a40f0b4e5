"""Figures look alike, are told apart without colour, and are SVG files where they are lines."""

import inspect
import itertools
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from faults import fault
from tfvae import plots
from tfvae.callbacks.picture import write_figure
from tfvae.plots import style

CURVES = {"one": ([1, 10, 100], [1.0, 2.0, 3.0]), "two": (np.arange(40), np.arange(40.0) + 1)}
GREY = [[0.5]]


def luminance(colour):
    """Of the IEC 61966-2-1 standard, from 0 (black) to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def test_neighbouring_lines_differ_in_style_and_in_colour():
    for one, other in itertools.pairwise(style.LINES):
        assert one[0] != other[0] and one[1] != other[1]


def test_no_line_is_too_light_for_paper():
    """A contrast with white of at least 2, and no two colours of classes that are the same."""
    assert all(1.05 / (luminance(colour) + 0.05) > 2 for _, colour in style.LINES)
    assert len(set(style.CLASSES)) == len(style.CLASSES) == 10


def test_lines_are_the_curves_with_their_names_and_axes():
    (axes,) = plots.lines(CURVES, "draws", "nats", {"truth": 2.5}, logarithmic="x").axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("draws", "nats")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    one, two, across = axes.lines
    np.testing.assert_array_equal(one.get_xydata(), np.transpose(CURVES["one"]))
    np.testing.assert_array_equal(two.get_xydata(), np.transpose(CURVES["two"]))
    assert (one.get_marker(), two.get_marker()) == ("o", "")
    assert list(across.get_ydata()) == [2.5, 2.5]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two", "truth"]


@pytest.mark.parametrize("logarithmic", ["", "x", "y", "xy"])
def test_axes_are_logarithmic_where_asked(logarithmic):
    (axes,) = plots.lines(CURVES, "x", "y", logarithmic=logarithmic).axes
    assert (axes.get_xscale() == "log", axes.get_yscale() == "log") == ("x" in logarithmic, "y" in logarithmic)


def test_lines_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"^`curves` must have as many x as y; 'one' has 1 and 2\.$"):
        plots.lines({"one": ([1], [1, 2])}, "x", "y")
    with pytest.raises(ValueError, match=r"^`logarithmic` must be '', 'x', 'y' or 'xy'; received 'z'\."):
        plots.lines(CURVES, "x", "y", logarithmic="z")


def test_maps_side_by_side_have_each_class_at_its_place_and_named_there():
    codes = {"left": np.float64([[0, 0], [1, 1], [4, 4]]), "right": np.float64([[9, 0], [9, 1], [0, 4]])}
    figure = plots.latent_maps(codes, np.array([3, 3, 7]))
    for axes, (name, points) in zip(figure.axes, codes.items(), strict=True):
        assert axes.get_title() == name
        np.testing.assert_array_equal(axes.lines[0].get_xydata(), points[:2])
        np.testing.assert_array_equal(axes.lines[1].get_xydata(), points[2:])
        assert [text.get_text() for text in axes.texts] == ["3", "7"]
        np.testing.assert_array_equal(axes.texts[0].get_position(), np.median(points[:2], axis=0))
        assert [to_hex(line.get_color()).upper() for line in axes.lines] == list(style.CLASSES[:2])


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^`codes` must be \[3, 2\] each; those of 'one' are \(3, 5\)\.$"):
        plots.latent_maps({"one": np.zeros((3, 5))}, np.zeros(3, int))


def test_an_svg_is_the_same_again_and_has_no_date():
    texts = [plots.svg(plots.lines(CURVES, "draws", "nats")) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].startswith("<?xml") and texts[0].rstrip().endswith("</svg>")
    assert not re.search("<metadata|dc:date", texts[0])


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (plots.lines(CURVES, "x", "y"), True),
        (plots.latent_rates(np.arange(3.0), np.arange(3) > 0), True),
        (plots.latent_map(np.eye(3), np.arange(3)), False),
        (plots.image_grid(np.reshape(GREY, (1, 1, 1, 1))), False),
    ],
    ids=["lines", "bars", "thousands of points", "images"],
)
def test_line_art_has_an_svg_beside_its_png_and_images_have_none(figure, expected, tmp_path):
    write_figure(figure, tmp_path / "figure.png")
    assert plots.is_line_art(figure) == expected
    assert {path.name for path in tmp_path.iterdir()} == {"figure.png"} | ({"figure.svg"} if expected else set())
    assert ("<image" in plots.svg(figure)) != expected


NUMBERS = np.random.default_rng(0).uniform(0.1, 1.0, (4, 6))
ACTIVE = NUMBERS[0] > 0.5
IMAGES = NUMBERS.reshape(6, 2, 2, 1)
EVERY = {
    "image_grid": lambda: plots.image_grid(IMAGES, title="images"),
    "image_grids": lambda: plots.image_grids([IMAGES], ["images"]),
    "latent_map": lambda: plots.latent_map(NUMBERS.T[:, :2], np.arange(6) % 2),
    "latent_maps": lambda: plots.latent_maps({"one": NUMBERS.T[:, :2]}, np.arange(6) % 2),
    "latent_rates": lambda: plots.latent_rates(NUMBERS[0], ACTIVE),
    "latent_report": lambda: plots.latent_report(*NUMBERS[:3], ACTIVE),
    "latent_variances": lambda: plots.latent_variances(NUMBERS[0], ACTIVE, 1.0),
    "learning_curves": lambda: plots.learning_curves({"one": (NUMBERS[0], NUMBERS[1])}),
    "lines": lambda: plots.lines(CURVES, "draws", "nats", logarithmic="xy"),
    "manifold_grid": lambda: plots.manifold_grid(IMAGES[:4].reshape(2, 2, 2, 2, 1), np.arange(2.0)),
    "naive_estimates": lambda: plots.naive_estimates(2 ** np.arange(6), NUMBERS[0], {"L_S": 0.5}),
    "pareto": lambda: plots.pareto({"one": (1.0, 2.0), "two": (2.0, 1.0)}),
    "view_grid": lambda: plots.view_grid({"one": IMAGES, "two": IMAGES}),
    "weights": lambda: plots.weights(*NUMBERS[:3]),
}
OF_A_USER = {
    "text.usetex": True,
    "text.parse_math": False,
    "font.family": ["No such font"],
    "font.size": 40,
    "savefig.bbox": "tight",
    "savefig.dpi": 10,
    "savefig.facecolor": "red",
    "image.origin": "lower",
    "image.cmap": "jet",
    "axes.facecolor": "black",
    "lines.linewidth": 9,
    "svg.fonttype": "none",
}


def test_every_kind_of_figure_is_tried():
    functions = {
        name for name in plots.__all__ if inspect.signature(getattr(plots, name)).return_annotation == "Figure"
    }
    assert functions == set(EVERY)


@fault("pictures")
@pytest.mark.parametrize("kind", EVERY)
def test_the_users_settings_of_matplotlib_change_no_picture(kind):
    usual = EVERY[kind]()
    png, svg = plots.png(usual), plots.svg(usual)
    with matplotlib.rc_context(OF_A_USER):
        figure = EVERY[kind]()
        assert plots.png(figure) == png
        assert plots.svg(figure) == svg
        assert matplotlib.rcParams["font.size"] == 40  # they are the user's again

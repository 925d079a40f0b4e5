"""Figures show the arrays that they are given, each in its place."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from tfvae import plots

GAP = plots.images._GAP


def random_images(number, shape=(4, 3, 1)):
    return np.random.default_rng(0).uniform(size=(number, *shape)).astype(np.float32)


def cells(figure, shape=(4, 3, 1)):
    """The images of a grid by row and column, and whether there is nothing but white between them."""
    (picture,) = figure.axes[0].images
    mosaic = np.asarray(picture.get_array()).reshape(*picture.get_array().shape[:2], shape[-1])
    height, width = shape[0] + GAP, shape[1] + GAP
    rows, columns = (mosaic.shape[0] + GAP) // height, (mosaic.shape[1] + GAP) // width
    assert mosaic.shape[:2] == (rows * height - GAP, columns * width - GAP)
    padded = np.pad(mosaic, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0)
    blocks = padded.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    assert np.all(blocks[:, :, shape[0] :] == 1)
    assert np.all(blocks[:, :, :, shape[1] :] == 1)
    return blocks[:, :, : shape[0], : shape[1]]


@pytest.mark.parametrize("shape", [(4, 3, 1), (3, 5, 3), (1, 1, 1)], ids=str)
@pytest.mark.parametrize(
    ("number", "columns", "grid"), [(6, 3, (2, 3)), (7, 3, (3, 3)), (16, None, (4, 4)), (1, None, (1, 1))]
)
def test_image_grid_goes_along_the_rows_and_fills_up_with_white(shape, number, columns, grid):
    images = random_images(number, shape)
    shown = cells(plots.image_grid(images, columns), shape)
    assert shown.shape[:2] == grid
    in_order = shown.reshape(-1, *shape)
    np.testing.assert_array_equal(in_order[:number], images)
    assert np.all(in_order[number:] == 1)


def test_image_grid_cuts_values_off_and_does_not_stretch_them():
    images = np.float32([-1, 0.25, 0.5, 2]).reshape(4, 1, 1, 1)
    figure = plots.image_grid(images)
    np.testing.assert_array_equal(cells(figure, (1, 1, 1)).ravel(), [0, 0.25, 0.5, 1])
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_titles_are_printed():
    assert [text.get_text() for text in plots.image_grid(random_images(2), title="two images").texts] == ["two images"]


def test_image_grids_stand_side_by_side_in_order_each_under_its_title():
    grids = [random_images(7) * factor for factor in (1.0, 0.5, 0.1)]
    figure = plots.image_grids(grids, ["one", "half", "tenth"])
    assert [axes.get_title() for axes in figure.axes] == ["one", "half", "tenth"]
    assert np.all(np.diff([axes.get_position().x0 for axes in figure.axes]) > 0)
    for axes, grid in zip(figure.axes, grids, strict=True):
        (picture,) = axes.images
        expected = np.concatenate([grid, np.ones((2, 4, 3, 1), np.float32)]).reshape(3, 3, 4, 3)
        mosaic = np.pad(picture.get_array(), ((0, GAP), (0, GAP)), constant_values=1.0)
        np.testing.assert_array_equal(mosaic.reshape(3, 4 + GAP, 3, 3 + GAP).swapaxes(1, 2)[:, :, :4, :3], expected)
        assert picture.get_clim() == (0, 1)


def test_long_titles_of_grids_side_by_side_do_not_meet():
    title = "runs/autoregressive/seed-0: decoder means (each pixel given a draw of those before it) for z ~ p(z)"
    figure = plots.image_grids([random_images(4)] * 2, [title, title])
    FigureCanvasAgg(figure)
    left, right = (axes.title.get_window_extent() for axes in figure.axes)
    assert 0 <= left.x0 < left.x1 < right.x0
    assert left.y1 <= figure.bbox.y1
    assert figure.axes[0].get_title().split() == title.split()


@pytest.mark.parametrize("numbers", [(), (2, 3), (2,), (2, 2, 2)], ids=str)
def test_image_grids_refuses_other_than_one_shape_and_a_title_for_each(numbers):
    with pytest.raises(ValueError, match=r"^`grids` must be arrays of one shape, one for each of `titles`; received"):
        plots.image_grids([random_images(number) for number in numbers], ["one", "other"])


@pytest.mark.parametrize("shape", [(4, 3, 1), (2, 4, 3, 2), (2, 4, 3)], ids=str)
def test_image_grid_refuses_what_are_no_images(shape):
    with pytest.raises(ValueError, match=r"^`images` must be \[N, H, W, 1 or 3\]; received shape \("):
        plots.image_grid(np.zeros(shape))


@pytest.mark.parametrize(("number", "columns", "rows"), [(6, 3, 2), (2, 10, 1)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_view_is_below_the_one_before(number, columns, rows, count):
    images = random_images(number)
    views = {name: power * images for name, power in list(zip("abc", (1, 0.5, 0.2), strict=True))[:count]}
    figure = plots.view_grid(views, columns)
    shown = cells(figure)
    for index, each in enumerate(views.values()):
        np.testing.assert_allclose(shown[index::count].reshape(images.shape), each, rtol=1e-6)
    assert len(shown) == count * rows
    titles = [text.get_text() for text in figure.texts]
    assert titles == [{1: "a", 2: "a, and below it: b", 3: "a, and below it: b, c"}[count]]


def test_a_last_row_that_is_not_full_is_shown():
    originals = random_images(5)
    shown = cells(plots.view_grid({"original": originals, "inverse": 1 - originals}, 3))
    rows = shown.reshape(2, 2, 3, *originals.shape[1:])  # rows of pairs: originals, reconstructions
    np.testing.assert_array_equal(rows[:, 0].reshape(6, *originals.shape[1:])[:5], originals)
    np.testing.assert_array_equal(rows[:, 1].reshape(6, *originals.shape[1:])[:5], 1 - originals)
    assert np.all(rows[1, :, 2] == 1)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="must hold at least one image"):
        plots.image_grid(random_images(0))
    with pytest.raises(ValueError, match="must hold at least one image"):
        plots.view_grid({"a": random_images(0), "b": random_images(0)})


def test_views_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^`views` must be arrays of one shape; received .*\(2, 4, 3, 1\), 'b': \(3,"):
        plots.view_grid({"a": random_images(2), "b": random_images(3)})


def scattered(figure):
    """The points of each class by its name in the legend."""
    return {each.get_label(): each.get_xydata() for each in figure.axes[0].lines}


@pytest.mark.parametrize("class_names", [None, ("cat", "dog", "unseen", "emu")])
def test_latent_map_shows_two_dimensions_as_they_are(class_names):
    means, labels = np.random.default_rng(0).normal(size=(30, 2)), np.resize([0, 1, 3], 30)
    figure = plots.latent_map(means, labels, class_names)
    shown = scattered(figure)
    for label in (0, 1, 3):
        name = str(label) if class_names is None else class_names[label]
        np.testing.assert_array_equal(shown.pop(name), means[labels == label])
    assert not shown
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("z[0]", "z[1]")


def test_latent_map_shows_more_dimensions_along_their_principal_components():
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    means = rng.normal(size=(500, 4)) * [3, 2, 0.1, 0.1] @ rotation + 7
    figure = plots.latent_map(means, np.zeros(500, int))
    points = scattered(figure)["0"]
    exact = np.sort(np.linalg.eigvalsh(np.cov(means.T)))[::-1]
    np.testing.assert_allclose(np.cov(points.T), np.diag(exact[:2]), atol=1e-9)
    np.testing.assert_allclose(points.mean(axis=0), [0, 0], atol=1e-9)
    assert f"({exact[0] / exact.sum():.0%} of variance)" in figure.axes[0].get_xlabel()
    assert "4 dimensions" in figure.axes[0].get_title()


def test_latent_map_gives_every_class_its_colour_also_beyond_ten():
    labels = np.repeat(np.arange(15), 2)
    figure = plots.latent_map(np.zeros((30, 2)), labels)
    assert len({to_hex(each.get_color()) for each in figure.axes[0].lines}) == 15


def test_latent_map_without_labels_has_one_colour_and_no_legend():
    means = np.random.default_rng(0).normal(size=(30, 2))
    figure = plots.latent_map(means)
    (points,) = scattered(figure).values()
    np.testing.assert_array_equal(points, means)
    assert figure.axes[0].get_legend() is None


def labelled(axis):
    return {
        tick.get_text(): position for tick, position in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
    }


@pytest.mark.parametrize("shape", [(4, 3, 1), (3, 5, 3)], ids=str)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_manifold_has_its_first_value_left_and_at_the_bottom(shape, count):
    images = random_images(count * count, shape).reshape(count, count, *shape)
    values = np.linspace(-2, 2, count) if count > 1 else np.zeros(1)
    figure = plots.manifold_grid(images, values, ("z[3]", "z[1]"), "a title")
    np.testing.assert_array_equal(cells(figure, shape)[::-1], images)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z[3]", "z[1]")
    assert [text.get_text() for text in figure.texts] == ["a title"]
    for axis, size, first in ((axes.xaxis, shape[1], 0), (axes.yaxis, shape[0], count - 1)):
        position = labelled(axis)[f"{values[0]:.1f}"]
        assert position == first * (size + GAP) + (size - 1) / 2  # the middle of the first image


@pytest.mark.parametrize("count", [8, 9, 15, 20, 31])
def test_a_manifolds_labels_are_few_and_symmetric(count):
    values = np.linspace(-3, 3, count)
    figure = plots.manifold_grid(np.zeros((count, count, 2, 2, 1), np.float32), values)
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
        texts = list(labelled(axis))
        assert 3 <= len(texts) <= 8
        numbers = np.sort(np.float64(texts))
        np.testing.assert_array_equal(numbers, -numbers[::-1])
        assert "-0.0" not in texts


def test_a_manifold_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"^`images` must be \[2, 2, H, W, C\] for 2 values; received \(2, 3, 4"):
        plots.manifold_grid(np.zeros((2, 3, 4, 4, 1), np.float32), np.zeros(2))
    with pytest.raises(ValueError, match=r"^`images` must be \[2, 2, H, W, 1 or 3\]; received shape"):
        plots.manifold_grid(np.zeros((2, 2, 4, 4, 2), np.float32), np.zeros(2))


def bars(figure):
    """Heights by label of the axis, of the active and of the other dimensions."""
    axes = figure.axes[0]
    names = {position: text for text, position in labelled(axes.xaxis).items()}
    middle = lambda bar: round(bar.get_x() + bar.get_width() / 2)  # noqa: E731
    return [{names[middle(bar)]: bar.get_height() for bar in group} for group in axes.containers]


@pytest.mark.parametrize("by_rate", [False, True])
def test_rates_are_bars_of_the_dimensions(by_rate):
    rate, active = np.float64([0.5, 0.0, 2.25, 1.0]), np.array([True, False, True, False])
    figure = plots.latent_rates(rate, active, by_rate)
    assert bars(figure) == [{"0": 0.5, "2": 2.25}, {"1": 0.0, "3": 1.0}]
    axes = figure.axes[0]
    assert list(labelled(axes.xaxis)) == (["2", "3", "0", "1"] if by_rate else ["0", "1", "2", "3"])
    assert axes.get_ylabel() == "rate (nats)"
    assert axes.get_title() == "total rate 3.8 nats, 2 of 4 units active"
    filled, empty = axes.containers
    assert filled[0].get_facecolor() != empty[0].get_facecolor()
    assert not filled[0].get_hatch()
    assert empty[0].get_hatch()  # told apart without colours


@pytest.mark.parametrize("active", [True, False])
def test_the_legend_tells_them_apart_where_all_are_alike(active):
    figure = plots.latent_rates(np.ones(3), np.full(3, active))
    filled, empty = figure.legends[0].get_patches()
    assert filled.get_facecolor() != empty.get_facecolor()
    assert empty.get_hatch()


def test_variances_are_bars_on_a_logarithmic_axis():
    figure = plots.latent_variances(np.float64([0.5, 1e-9]), np.array([True, False]), total_rate=12.34)
    assert bars(figure) == [{"0": 0.5}, {"1": 1e-9}]
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylim()[0] == 1e-4
    assert figure.axes[0].get_title() == "total rate 12.3 nats, 1 of 2 units active"


@pytest.mark.parametrize("count", [1, 25, 26, 300])
def test_many_dimensions_have_few_labels(count):
    figure = plots.latent_rates(np.ones(count), np.ones(count, bool))
    assert 1 <= len(labelled(figure.axes[0].xaxis)) <= 25
    assert figure.get_size_inches()[0] <= 10


def test_the_latent_report_has_rates_marginals_and_variances_in_the_order_of_the_rates():
    rate, marginal = np.float64([0.5, 0.01, 2.25]), np.float64([0.1, 0.0, 0.3])
    variance, active = np.float64([0.5, 1e-9, 0.9]), np.array([True, False, True])
    figure = plots.latent_report(rate, marginal, variance, active)
    above, below = figure.axes
    heights = lambda group: [(round(bar.get_x() + bar.get_width() / 2), bar.get_height()) for bar in group]  # noqa: E731
    assert [heights(group) for group in above.containers] == [
        [(0, 2.25), (1, 0.5)],
        [(2, 0.01)],
        [(0, 0.3), (1, 0.1), (2, 0.0)],
    ]
    assert [heights(group) for group in below.containers] == [[(0, 0.9), (1, 0.5)], [(2, 1e-9)]]
    assert list(labelled(below.xaxis)) == ["2", "0", "1"]
    assert above.get_title() == ("total rate 2.8 nats, of the marginals 0.4 nats\n2 of 3 units active")
    assert below.get_yscale() == "log" and below.get_ylim()[0] == 1e-4
    assert list(below.lines[0].get_ydata()) == [0.01, 0.01]
    names = ["active", "not active", "KL divergence of the marginal"]
    assert [patch.get_label() for patch in figure.legends[0].get_patches()] == names


def test_a_latent_report_of_other_shapes_is_refused():
    with pytest.raises(
        ValueError, match=r"^All arrays must be \[D\]; received shapes \(3,\), \(3,\), \(2,\), \(3,\)\.$"
    ):
        plots.latent_report(np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(3, bool))


def test_bars_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"must be \[D\] both; received shapes \(3,\) and \(2,\)"):
        plots.latent_rates(np.zeros(3), np.zeros(2, bool))


def test_naive_estimates_are_a_line_over_powers_of_two_with_the_references_across():
    draws, log_p = 2 ** np.arange(5), np.float64([-9, -7, -5, -4, -3.5])
    figure = plots.naive_estimates(draws, log_p, {"L_S": -3.0, "L_50": -3.2})
    (axes,) = figure.axes
    line, *across = axes.lines
    np.testing.assert_array_equal(line.get_xydata(), np.stack([draws, log_p], axis=1))
    assert [list(each.get_ydata()) for each in across] == [[-3.0] * 2, [-3.2] * 2]
    assert [each.get_label() for each in axes.lines] == ["average over draws from the prior", "L_S", "L_50"]
    assert axes.get_xscale() == "log"
    assert len({(each.get_linestyle(), each.get_color()) for each in axes.lines}) == 3


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((3, 1), (3, 1)), ((3,), (3, 1))], ids=str)
def test_naive_estimates_of_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match=r"^`draws` and `log_p` must be \[K\] both; received shapes \(3,"):
        plots.naive_estimates(*map(np.ones, shapes), {})


def test_weights_are_points_right_of_the_line_where_they_are_unreliable_beside_the_bounds():
    shape, size = np.float64([0.1, 0.9, np.nan, np.inf, -np.inf]), np.float64([90, 3, 50, 1, 100])
    bound = np.float64([-10, -20, -11, -30, -12])
    left, right = plots.weights(shape, size, bound).axes
    np.testing.assert_array_equal(left.collections[0].get_offsets(), [[0.1, 90], [0.9, 3]])
    assert list(left.lines[0].get_xdata()) == [0.7, 0.7]
    assert left.get_yscale() == "log"
    heights = [bar.get_height() for bar in right.patches]
    assert sum(heights) == 5
    assert list(right.lines[0].get_xdata()) == [bound.mean()] * 2
    assert right.lines[0].get_label() == "average -16.60"


def test_weights_without_any_shape_say_so():
    left, right = plots.weights(np.full(2, np.nan), np.ones(2), np.zeros(2)).axes
    assert [text.get_text() for text in left.texts] == ["no example has a shape"]
    assert sum(bar.get_height() for bar in right.patches) == 2


def test_weights_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^All arrays must be \[N\]; received shapes \(3,\), \(2,\), \(3,\)\.$"):
        plots.weights(np.zeros(3), np.ones(2), np.zeros(3))


def test_learning_curves_leave_the_first_point_out_and_differ_without_colour():
    curves = {name: (np.arange(4.0), np.float64([100, 9, 8, 7]) + index) for index, name in enumerate("abcdefg")}
    (axes,) = plots.learning_curves(curves).axes
    for line, (name, (passes, loss)) in zip(axes.lines, curves.items(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([passes[1:], loss[1:]], axis=1))
        assert line.get_label() == name
    assert len({(line.get_linestyle(), line.get_color()) for line in axes.lines[:6]}) == 6


@pytest.mark.parametrize("shape", [(5, 1), (5,), (5, 2, 2)], ids=str)
def test_latent_map_needs_two_dimensions(shape):
    with pytest.raises(ValueError, match=r"^`means` must be \[N, D\] with at least two latent dimensions; received"):
        plots.latent_map(np.zeros(shape), np.zeros(5, int))


@pytest.mark.parametrize(
    "make",
    [
        lambda: plots.image_grid(random_images(3), title="a title"),
        lambda: plots.view_grid({name: random_images(3, (4, 3, 3)) for name in "ab"}),
        lambda: plots.latent_map(np.eye(3), np.arange(3)),
        lambda: plots.latent_map(np.eye(3)),
        lambda: plots.manifold_grid(random_images(4).reshape(2, 2, 4, 3, 1), np.arange(2), title="two\nlines"),
        lambda: plots.latent_rates(np.arange(3.0), np.arange(3) > 0),
        lambda: plots.latent_rates(np.zeros(2), np.zeros(2, bool)),
        lambda: plots.latent_variances(np.zeros(2), np.zeros(2, bool), 0.0),
        lambda: plots.latent_report(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2, bool)),
        lambda: plots.naive_estimates(np.ones(1), np.zeros(1), {"L_S": 0.0}),
        lambda: plots.weights(np.full(1, np.nan), np.ones(1), np.zeros(1)),
        lambda: plots.weights(np.float64([0.5, -np.inf]), np.ones(2), np.float64([-1e9, 0.0])),
        lambda: plots.learning_curves({"one": ([0, 1], [2, 1])}),
    ],
    ids=[
        "image_grid",
        "view_grid",
        "latent_map",
        "no labels",
        "manifold_grid",
        "latent_rates",
        "nothing",
        "latent_variances",
        "latent_report",
        "naive_estimates",
        "no shapes",
        "weights",
        "learning_curves",
    ],
)
def test_figures_are_written_without_a_display(make):
    file = io.BytesIO()
    make().savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")

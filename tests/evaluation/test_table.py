"""The table of a report: every figure of it, and lines that can be read."""

import copy
import itertools

import pytest

from tfvae.evaluation import table

REPORT = {
    "version": "0.1.0",
    "model": {"parameters": 765432},
    "data": {"examples": 1234, "digest": "abcdef012345", "convention": "density of something", "seed": 0},
    "likelihood": {
        "sample_size": 5000, "exact": False, "bound": -101.0011, "interval_95": [-101.1022, -100.9033],
        "monte_carlo_error": 0.0514, "sampling_error": 0.3025, "draw_error": 0.0206,
        "corrected": -100.9507, "correction": 0.0504,
        "elbo": -103.2508, "distortion": 80.1209, "bits_per_dim": 1.85843,
    },
    "reliability": {
        "effective_sample_size": {"mean": 321.24, "median": 300.14, "min": 1.54}, "unreliable": 2,
        "unreliable_share": 0.0016,
        "worst": [{"example": 77, "pareto_shape": None}, {"example": 5, "pareto_shape": 0.8124}],
        "words": "Words about weights " + 20 * "that go on " + "to the end.",
    },
    "simulated": {"examples": 999, "lower": -90.0015, "upper": -89.5016, "gap": 0.4999, "gap_error": 0.0125},
    "naive": {
        "examples": 98, "draws": 65536, "log_p": -150.3021, "bound": -102.4022, "draws_within_a_nat": None,
        "words": "With L = 65,536 it is still 47.9 nats below L_S.",
    },
    "latents": {
        "rate": 23.1308, "rate_is_exact": True, "active_units": 2, "dimensions": 3,
        "variance_of_mean": [0.7031, 0.0002, 0.8333], "rate_per_dimension": [10.1134, 0.0035, 13.0136],
        "marginal_kl": [0.0137, 0.0038, 0.0239], "mutual_information": 7.0144, "mutual_information_error": 0.0541,
        "mutual_information_ceiling": 7.1191, "saturated": False, "aggregate_kl": 16.0843,
        "aggregate_kl_error": 0.0746, "rate_of_draws": 23.0987,
    },
    "representation": {
        "linear_probe": {"accuracy": 0.91239, "standard_error": 0.00814, "n": 1234, "n_train": 9876},
        "nearest_neighbours": {"accuracy": 0.94357, "standard_error": 0.00666, "n": 1234, "n_train": 9876},
    },
    "clusters": {"accuracy": 0.54321, "normalised_mutual_information": 0.4987, "used": 9},
    "samples": {
        "recognised_share": 0.4321, "recognised_share_error": 0.0111, "class_entropy": 2.2144,
        "class_shares": [0.04321] * 10, "rarest_class_share": 0.03789,
        "kernel_distance": {
            "of_draws": {"distance": 0.01234, "p_value": 0.0024, "null_quantile": 0.00123, "permutations": 500},
            "of_training_images": {"distance": 0.00034, "p_value": 0.2224, "null_quantile": 0.00125, "permutations": 5},
            "images": 1999, "note": "Not comparable.",
        },
    },
    "missing": {},
}  # fmt: skip
FIGURES = {
    "likelihood": [
        "5,000", "-101.001", "-101.102 to -100.903", "0.051", "0.302", "0.021", "-100.951", "+0.050", "-103.251",
        "80.121", "1.8584",
    ],
    "reliability": ["321.2", "300.1", "1.5", "77 (infinite), 5 (0.81)", "to the end."],
    "simulated": ["999", "-90.001", "-89.502", "0.500 +- 0.013"],
    "naive": ["98", "65,536", "-150.302", "-102.402", "47.9 nats below"],
    "latents": [
        "23.131", "exact", "2 of 3", "7.014", "+- 0.054", "7.119", "16.084", "+- 0.075", "23.099", "0.041", "0.703",
        "0.833", "10.113", "13.014", "0.014", "0.024",
    ],
    "representation": ["91.24%", "0.81%", "94.36%", "0.67%", "9,876"],
    "clusters": ["9 in use", "54.32%", "0.499"],
    "samples": [
        "43.2%", "1.1%", "2.21", "3.8%", "0.0123", "0.002", "0.0012", "0.0003", "0.222", "1,999", "Not comparable.",
    ],
}  # fmt: skip


def test_every_figure_is_in_it():
    text = table(REPORT)
    for figure in ["765,432", "1,234", "abcdef012345", "density of something", *itertools.chain(*FIGURES.values())]:
        assert figure in text, figure
    assert "Not measured" not in text


@pytest.mark.parametrize("section", FIGURES)
def test_a_section_that_is_missing_is_left_out_with_its_reason(section):
    report = {name: value for name, value in REPORT.items() if name != section}
    report["missing"] = {section: "There is a good reason."}
    text = table(report)
    assert f"Not measured\n  {section}: There is a good reason.\n" in text
    others = [figure for name, figures in FIGURES.items() if name != section for figure in figures]
    assert all(figure in text for figure in others)
    assert FIGURES[section][1] not in text
    assert "\n\n\n" not in text


def test_without_anything_measured_it_says_what_the_data_are():
    text = table(
        {
            "data": REPORT["data"],
            "model": REPORT["model"],
            "missing": {"likelihood": "None.", "kernel_distance": "No images."},
        }
    )
    assert text == (
        "765,432 parameters; 1,234 test examples, array abcdef012345\n(density of something)\n\n"
        "Not measured\n  likelihood: None.\n  kernel distance: No images.\n"
    )


def test_what_is_unknown_is_called_so():
    report = copy.deepcopy(REPORT)
    report["likelihood"] |= {"monte_carlo_error": None, "interval_95": None, "sampling_error": None, "draw_error": None}
    report["latents"]["mutual_information_error"] = None
    text = table(report)
    assert text.count("unknown") == 4
    assert "95 %: " not in text
    assert "None" not in text


def test_bits_that_are_refused_have_their_reason():
    report = copy.deepcopy(REPORT)
    del report["likelihood"]["bits_per_dim"]
    report["likelihood"]["no_bits_per_dim"] = "No bits per dimension: a reason."
    assert "  No bits per dimension: a reason.\n" in table(report)


def test_saturation_is_said():
    report = copy.deepcopy(REPORT)
    report["latents"]["saturated"] = True
    assert "saturated" not in table(REPORT)
    assert "ceiling log N = 7.119, saturated: more examples would give more" in table(report)


def test_dimensions_are_ordered_by_their_rate_and_twenty_are_shown():
    report = copy.deepcopy(REPORT)
    report["latents"] |= {"dimensions": 50, **{name: [*range(50)] for name in ("rate_per_dimension", "marginal_kl")}}
    report["latents"]["variance_of_mean"] = [0.0] * 50
    lines = table(report).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("  dimension ")) + 1
    assert [line.split()[0] for line in lines[first : first + 20]] == [str(49 - place) for place in range(20)]
    assert lines[first + 20] == "  and 30 more, with less, in report.json"


def test_dimensions_without_rates_are_ordered_by_their_variance():
    report = copy.deepcopy(REPORT)
    for name in ("rate_per_dimension", "marginal_kl"):
        del report["latents"][name]
    lines = table(report).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("  dimension "))
    assert lines[first].split() == ["dimension", "variance", "of", "mean"]
    assert [line.split()[0] for line in lines[first + 1 : first + 4]] == ["2", "0", "1"]


@pytest.mark.parametrize(
    ("exact", "note"),
    [(True, "exact for two draws of the latents that it depends on"), (False, "estimate, two draws an example")],
)
def test_of_several_levels_each_has_its_rate_and_active_units(exact, note):
    report = copy.deepcopy(REPORT)
    report["latents"] |= {"rate_is_exact": exact, "rate_per_level": [20.0, 3.1308], "active_units_per_level": [2, 0]}
    lines = [" ".join(line.split()) for line in table(report).splitlines()]
    first = lines.index(f"rate 23.131 {note}")
    assert lines[first + 2 : first + 4] == [
        "rate of level 1 20.000 2 active units",
        "rate of level 2 3.131 0 active units",
    ]


def test_a_negative_variance_is_explained():
    report, sentence = copy.deepcopy(REPORT), "  A variance below 0 is an unbiased estimate of one near 0.\n"
    assert sentence not in table(report)
    report["latents"]["variance_of_mean"][0] = -0.001
    assert sentence in table(report)


def test_sentences_are_wrapped_and_figures_stand_below_one_another():
    lines = table(REPORT).splitlines()
    assert max(len(line) for line in lines if "+-" not in line) <= 100
    ends = {line.index("-101.001") + 8 for line in lines if "-101.001" in line}
    ends |= {line.index("80.121") + 6 for line in lines if "80.121" in line}
    assert len(ends) == 1

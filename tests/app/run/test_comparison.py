"""`tfvae compare`: paired errors, what must not be compared, seeds, and the files that it writes."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import tfvae
from command_lines import command
from small_runs import data, few_draws, make, save, without_pictures, written  # noqa: F401
from tfvae._support.evaluation_report import EvaluationReport
from tfvae.app.run import comparison, sample_grids
from tfvae.app.run.comparison import Difference, as_csv, as_latex, as_text, compare, difference
from tfvae.app.run.evaluated import Evaluation

pytestmark = pytest.mark.usefixtures("eagerly")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, few_draws):  # noqa: F811
    """Three evaluated runs: two seeds, and another S of the second."""
    folder = tmp_path_factory.mktemp("runs")
    source = data(folder / "discs.npz")
    folders = [make(folder / name, source, 8, seed=seed) for name, seed in (("one", 0), ("two", 1))]
    folders.append(shutil.copytree(folders[1], folder / "few"))
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        for each, size in zip(folders, (40, 40, 30), strict=True):
            assert command("evaluate", each, "--sample-size", size) == 0
    return folders


def test_the_difference_is_that_of_the_examples_with_its_paired_error(runs):
    (gap,) = compare(runs[:2]).differences
    one, two = (np.load(run / "evaluation/examples.npz") for run in runs[:2])
    differences = two["bound"] - one["bound"]
    assert gap.reason is None
    assert gap.mean == pytest.approx(differences.mean())
    assert gap.paired_error == pytest.approx(differences.std(ddof=1) / np.sqrt(60))
    variances = one["standard_error"] ** 2 + two["standard_error"] ** 2
    assert gap.monte_carlo_error == pytest.approx(np.sqrt(variances.sum()) / 60)
    reports = [json.loads((run / "evaluation/report.json").read_text())["likelihood"] for run in runs[:2]]
    assert gap.mean == pytest.approx(reports[1]["bound"] - reports[0]["bound"])
    unpaired = np.hypot(*(report["sampling_error"] for report in reports))
    assert gap.paired_error < 0.9 * unpaired  # the same images are hard for both


def test_what_all_images_have_in_common_is_no_error(tmp_path):
    hard = 100 * RNG.normal(size=500)
    noise = 0.1 * RNG.normal(size=500)
    folders = [written(tmp_path / "a", bound=hard, errors=0), written(tmp_path / "b", bound=hard + 1 + noise, errors=0)]
    (gap,) = compare(folders).differences
    assert gap.mean == pytest.approx(1 + noise.mean())
    assert gap.paired_error == pytest.approx(0.1 / np.sqrt(500), rel=0.1)
    assert gap.monte_carlo_error == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"digest": "bb"}, "Not comparable: their arrays differ, aa and bb."),
        ({"convention": "nats: D"}, "Not comparable: their units differ, nats: C and nats: D."),
        ({"sample_size": 20}, "Not comparable: their numbers of samples differ, 10 and 20."),
        ({"sample_size": None}, "One of the two has no log p(x)."),
    ],
)
def test_what_is_not_of_one_kind_is_not_subtracted(tmp_path, change, what):
    folders = [written(tmp_path / "a"), written(tmp_path / "b", **change)]
    for pair in (folders, folders[::-1]):
        (gap,) = compare(pair).differences
        assert np.isnan(gap[:3]).all()
        assert gap.reason.startswith(what[:30])
    found = compare(folders)
    assert found.differences[0].reason == what
    assert f"  {folders[1]}: {what}" in as_text(found).splitlines()
    rows = list(csv.DictReader(as_csv(found).splitlines()))
    assert [row["paired error"] for row in rows] == ["", ""]


def test_a_bound_is_set_against_an_exact_log_likelihood(tmp_path):
    folders = [written(tmp_path / "a"), written(tmp_path / "b", sample_size=1, bound=(2.0, 3.0, 5.0), errors=0)]
    path = folders[1] / "evaluation/report.json"
    report = json.loads(path.read_text())
    report["likelihood"]["exact"] = True
    path.write_text(json.dumps(report))
    (gap,) = compare(folders).differences
    assert (gap.mean, gap.reason) == (pytest.approx(4 / 3), None)


def test_evaluations_of_two_versions_are_named(tmp_path):
    folders = [written(tmp_path / name) for name in "ab"]
    assert "version" not in as_text(compare(folders))
    path = folders[1] / "evaluation/report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "9.9"}))
    assert "by version 9.9" in as_text(compare(folders))


def test_one_image_has_no_paired_error():
    report = EvaluationReport.of({"data": {"digest": "aa", "convention": "C"}, "likelihood": {"sample_size": 1}})
    arrays = {"bound": np.float64([1.0]), "standard_error": np.float64([np.nan])}
    gap = difference(Evaluation(report, arrays), Evaluation(report, {**arrays, "bound": np.float64([3.0])}))
    assert gap.mean == 2
    assert np.isnan([gap.paired_error, gap.monte_carlo_error]).all()
    found = comparison.Comparison(["a", "b"], ["x", "x"], [[1], [3]], ["L_S"], [2], [gap], [], [{}, {}])
    assert "b: +2.000 nats, paired error -, Monte Carlo of both as if independent -" in as_text(found)


def test_seeds_are_summed_up_by_mean_and_standard_deviation(tmp_path):
    bounds = {0: [1.0, 2.0], 1: [2.0, 3.0], 5: [4.0, 6.0]}
    folders = [written(tmp_path / f"seed-{seed}", seed, bound=bound) for seed, bound in bounds.items()]
    (spread,) = compare(folders).spreads
    means = [1.5, 2.5, 5.0]
    names = ", ".join(map(str, folders))
    assert spread == f"Over seeds 0, 1, 5 ({names}): L_S {np.mean(means):.3f}, standard deviation 1.803."
    assert np.std(means, ddof=1) == pytest.approx(1.803, abs=5e-4)
    assert as_text(compare(folders)).endswith(f"\n\n{spread}\n")


@pytest.mark.parametrize(
    "change",
    [
        {"latent_size": 3},
        {"sample_size": 20},
        {"bound": (1.0, 2.0), "digest": "bb"},
        {"sample_size": None},
        {"seed": 0},
        {"weights": "runs/another"},
        {"steps": 20},
    ],
    ids=str,
)
def test_what_differs_in_more_than_the_seed_is_no_spread(tmp_path, change):
    folders = [written(tmp_path / "a", 0), written(tmp_path / "b", **{"seed": 1, **change})]
    assert compare(folders).spreads == []


def test_a_run_or_a_seed_that_comes_twice_is_no_second_one(tmp_path):
    first = written(tmp_path / "a", 0)
    with pytest.raises(ValueError, match=r"^Each run must be given once; received a twice\.$"):
        compare([first, written(tmp_path / "b", 1), tmp_path / "b" / ".." / "a"])
    assert compare([first, tmp_path / "b", written(tmp_path / "copy", 0)]).spreads == []


def test_a_run_that_was_trained_on_since_is_to_be_measured_again(runs, tmp_path):
    one, two = (shutil.copytree(each, tmp_path / each.name) for each in runs[:2])
    compare([one, two])
    model = tfvae.load(one / "model.keras")
    model.fit(np.zeros((20, 8, 8, 1), np.uint8), batch_size=20, verbose=0)
    save(model, one)
    with pytest.raises(ValueError, match=r"The model of .*one is another one than was measured; run `tfvae evaluate"):
        compare([one, two])


def test_csv_and_latex_are_two_files(runs, tmp_path, capfd):
    assert command("compare", *runs[:2], "--csv", tmp_path / "t", "--latex", tmp_path / "t") == 1
    assert "`--csv` and `--latex` must be two files" in capfd.readouterr().err
    assert not (tmp_path / "t").exists()


def test_how_steps_are_run_and_the_test_images_of_a_seed_may_differ(tmp_path):
    folders = [written(tmp_path / "a", 0), written(tmp_path / "b", 1, digest="bb", xla=False)]
    (spread,) = compare(folders).spreads
    assert spread.endswith("Each seed has test examples of its own.")


def test_each_kind_of_run_has_its_own_spread(tmp_path):
    folders = [written(tmp_path / f"{size}-{seed}", seed, latent_size=size) for size in (2, 3) for seed in (0, 1)]
    spreads = compare(folders).spreads
    assert len(spreads) == 2
    assert all(str(folder) in spreads[index // 2] for index, folder in enumerate(folders))


def test_the_text_has_a_column_a_run_and_says_what_was_measured(runs):
    found = compare(runs)
    lines = as_text(found).splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == [str(run) for run in runs]
    reports = [json.loads((run / "evaluation/report.json").read_text()) for run in runs]
    rows = {
        line[: len(max(found.titles, key=len))].strip(): line.split()[-3:] for line in lines[1 : 1 + len(found.titles)]
    }
    assert rows["S"] == ["40", "40", "30"]
    assert rows["L_S"] == [f"{report['likelihood']['bound']:.2f}" for report in reports]
    assert rows["active units"] == [str(report["latents"]["active_units"]) for report in reports]
    assert len({len(line) for line in lines[: 1 + len(found.titles)]}) == 1
    data = reports[0]["data"]
    assert f"All on array {data['digest']}, 60 test examples ({data['convention']})" in lines
    assert f"  {runs[2]}: Not comparable: their numbers of samples differ, 40 and 30." in lines


def test_csv_gives_the_numbers_back_to_the_last_bit(runs, tmp_path):
    assert command("compare", *runs, "--csv", tmp_path / "table.csv") == 0
    rows = list(csv.DictReader((tmp_path / "table.csv").open(newline="")))
    found = compare(runs)
    assert [row["run"] for row in rows] == [str(run) for run in runs]
    for row, figures in zip(rows, found.figures, strict=True):
        numbers = {title: float(row[title]) for title in found.titles if row[title]}
        assert numbers == {title: each for title, each in zip(found.titles, figures, strict=True) if each is not None}
    gap = found.differences[0]
    names = ("L_S difference", "paired error", "MC error of the difference")
    assert [float(rows[1][name]) for name in names] == list(gap[:3])
    assert [rows[index][name] for index in (0, 2) for name in names] == [""] * 6
    assert all(
        row["array"].startswith(f"{array.split(',')[0]}, 60 test")
        for row, array in zip(rows, found.arrays, strict=True)
    )


def test_latex_is_a_tabular_with_what_is_special_escaped():
    found = comparison.Comparison(
        names=["runs/a_1&2", "50%#{$}~^\\x"],
        arrays=["aa, 3 test examples (C)", "bb, 3 test examples (D)"],
        figures=[[-1.234, 3], [None, 5]],
        titles=["L_S", "active units"],
        digits=[2, 0],
        differences=[Difference(0.5, 0.25, 0.125, None)],
        spreads=[],
        missing=[{}, {}],
    )
    assert as_latex(found).splitlines() == [
        "% runs/a_1&2 on array aa, 3 test examples (C)",
        "% 50%#{$}~^\\x on array bb, 3 test examples (D)",
        r"\begin{tabular}{lrrrrr}",
        r"\hline",
        r"run & L\_S & active units & L\_S difference & paired error & MC error of the difference \\",
        r"\hline",
        r"runs/a\_1\&2 & $-1.23$ & $3$ & -- & -- & -- \\",
        r"50\%\#\{\$\}\textasciitilde{}\textasciicircum{}\textbackslash{}x & -- & $5$ & $0.500$ & $0.250$ & $0.125$ \\",
        r"\hline",
        r"\end{tabular}",
    ]


def test_the_command_prints_the_table_and_writes_files(runs, tmp_path, capsys):
    files = ["--csv", tmp_path / "t.csv", "--latex", tmp_path / "t.tex"]
    assert command("compare", *runs, *files) == 0
    found = compare(runs)
    assert as_text(found) in capsys.readouterr().out
    assert (tmp_path / "t.csv").read_text() == as_csv(found)
    assert (tmp_path / "t.tex").read_text() == as_latex(found)


def test_mistakes_end_in_one_sentence(tmp_path, capfd):
    one, damaged = written(tmp_path / "one"), written(tmp_path / "damaged")
    (damaged / "evaluation/report.json").write_text("{")
    for arguments, sentence in [
        ([one], "There must be at least two runs to compare; received 1."),
        ([one, tmp_path / "none"], "none has no evaluation/report.json; run `tfvae evaluate"),
        ([one, damaged], "damaged/evaluation is damaged or of another version; run `tfvae evaluate"),
        (
            [one, written(tmp_path / "two"), "--csv", tmp_path / "nowhere/t.csv"],
            "t.csv cannot be written: No such file or directory.",
        ),
    ]:
        capfd.readouterr()
        assert command("compare", *arguments) == 1
        message = capfd.readouterr().err.strip()
        assert message.startswith("Error: ")
        assert sentence in message
        assert "\n" not in message


def test_what_is_missing_is_said_once_for_all_runs_that_it_is_true_of(tmp_path):
    folders = [written(tmp_path / name) for name in ("a", "b", "c")]
    for folder, missing in zip(
        folders, ({"samples": "It draws none."}, {}, {"samples": "It draws none."}), strict=True
    ):
        path = folder / "evaluation/report.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "missing": missing}))
    lines = as_text(compare(folders)).splitlines()
    assert lines[-2:] == ["Not measured:", f"  samples: It draws none. ({folders[0]}, {folders[2]})"]
    assert "Not measured:" not in as_text(compare([written(tmp_path / "d"), folders[1]]))


def test_parameters_minutes_and_test_loss_are_compared(tmp_path):
    folder = written(tmp_path / "a")
    path = folder / "evaluation/report.json"
    more = {"model": {"parameters": 12345}, "training": {"minutes": 2.25, "test_loss": 31.5}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    rows = list(csv.DictReader(as_csv(compare([folder, written(tmp_path / "b")])).splitlines()))
    assert [rows[0][title] for title in ("parameters", "minutes", "test loss")] == ["12345", "2.25", "31.5"]
    assert [rows[1][title] for title in ("parameters", "minutes", "test loss")] == ["", "", ""]


def samples(folder, shape=(4, 6, 1), value=100):
    np.savez(folder / "evaluation/samples.npz", images=np.full((64, *shape), value, np.uint8), title="draws")


def test_samples_are_shown_side_by_side_but_for_those_that_draw_none(runs, tmp_path, capsys):
    picture = tmp_path / "samples.png"
    assert command("compare", *runs[:2], "--picture", picture) == 0
    assert f"Wrote {picture}" in capsys.readouterr().out
    both = np.asarray(Image.open(picture).convert("L"), float)
    shutil.copytree(runs[1], tmp_path / "two")
    (tmp_path / "two/evaluation/samples.npz").unlink()
    path = tmp_path / "two/evaluation/report.json"
    report = json.loads(path.read_text())
    kept = report.keys() - {"content_digest", "file_digests"}  # which evaluations of before did not have
    path.write_text(json.dumps({name: report[name] for name in kept}))
    capsys.readouterr()
    assert command("compare", runs[0], tmp_path / "two", "--picture", picture, "--overwrite") == 0
    assert f"{tmp_path}/two has no samples: The classifier" in capsys.readouterr().err
    one = np.asarray(Image.open(picture).convert("L"), float)
    assert both.std() > 5
    assert both.shape[1] > 1.9 * one.shape[1]


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ((None, None), r"a has no samples: it was measured before any were kept; run `tfvae evaluate .*a` again\."),
        (((4, 6, 1), (8, 6, 1)), r"Samples can be shown together .* of 4 x 6 x 1, 8 x 6 x 1\.$"),
        (("damaged", (4, 6, 1)), r"samples\.npz is damaged or of another version; run `tfvae evaluate .*a` again\.$"),
    ],
)
def test_samples_that_cannot_be_shown_together_are_a_sentence(tmp_path, shapes, words):
    folders = [written(tmp_path / name) / "evaluation" for name in "ab"]
    for folder, shape in zip(folders, shapes, strict=True):
        if shape == "damaged":
            (folder / "samples.npz").write_text("no archive")
        elif shape:
            samples(folder.parent, shape)
    with pytest.raises(ValueError, match=words):
        sample_grids.side_by_side(folders)

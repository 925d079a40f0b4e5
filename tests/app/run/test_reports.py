"""Records: what a section of a report is in JSON, and back."""

import dataclasses
import json

import pytest

from tfvae._support.evaluation_report import EvaluationReport
from tfvae._support.records import OTHERS, Record, beside
from tfvae.app.run.training_report import TrainingReport


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner(Record):
    size: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer(Record):
    first: int
    named: dict[str, float] = dataclasses.field(metadata=OTHERS)
    many: list[Inner] | None = None
    inner: Inner | None = None
    figure: float | None = None
    error: float | None = beside("figure")
    is_exact: bool = False


WHOLE = {
    "first": 1,
    "a": 0.5,
    "many": [{"size": 2}, {"size": None}],
    "inner": {"size": 3},
    "figure": 1.0,
    "error": None,
}


@pytest.mark.parametrize(
    "content",
    [WHOLE | {"is_exact": True}, {"first": 1, "is_exact": False}, {"first": None, "b": 1.5, "is_exact": False}],
)
def test_what_was_written_is_read_and_written_again_to_the_byte(content):
    assert json.dumps(Outer.of(content).as_json()) == json.dumps(content)


def test_sections_are_records_and_what_is_left_out_is_none():
    found = Outer.of(WHOLE)
    assert (found.inner.size, [each.size for each in found.many]) == (3, [2, None])
    assert found.named == {"a": 0.5}
    assert not found.is_exact
    left_out = Outer.of({})
    assert (left_out.first, left_out.many, left_out.inner, left_out.figure, left_out.named) == (
        None,
        None,
        None,
        None,
        {},
    )


@pytest.mark.parametrize("content", [[], "text", {"inner": [1]}, {"inner": 1}, {"many": [1]}])
def test_what_is_no_section_is_refused(content):
    with pytest.raises(ValueError, match=r"^A section must have names with values; received "):
        Outer.of(content)


def test_a_figure_that_is_unknown_stays_in_the_file_and_one_that_does_not_exist_does_not():
    use = {"rate": 1.0, "rate_is_exact": True, "active_units": 1, "dimensions": 1, "variance_of_mean": [1.0]}
    known = {"mutual_information": 2.0, "mutual_information_error": None}
    for latents in (use, use | known):
        report = EvaluationReport.of({"data": None, "model": None, "latents": latents, "missing": {}})
        assert report.latents.as_json() == latents
        assert "likelihood" not in report.as_json()


def test_the_figures_of_a_training_have_the_names_that_the_model_gives_them():
    content = {
        "test_images": 10, "samples_per_image": 1, "loss": 2.0, "accuracy": 0.5, "convention": "C", "data_digest": "d",
        "test_origin": "o", "steps": 3, "run_digest": "r", "history_digest": None,
    }  # fmt: skip
    report = TrainingReport.of(content)
    assert (report.loss, report.elbo, report.figures) == (2.0, None, {"loss": 2.0, "accuracy": 0.5})
    assert list(report.as_json().items()) == list(content.items())

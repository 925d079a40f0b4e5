"""What inputs and outputs mean, with their units: the sentences of a card."""

from __future__ import annotations

from tfvae.serving.answers import Answers

SEED = "of the row's random numbers: the same seed gives the same answer"
Z = "latents, without a unit"

_X = {
    "bits": "probabilities of 1",
    "dequantized": "units of x = (u + 0.5)/256 for grey level u",
    "levels": "grey levels u, 0 to 255",
    "grey": "units of x = u/255 for grey level u",
    "reals": "units of the data",
}
_GREY = "grey values: 0 is black, 1 is white; a mean may lie outside"


def meaning(answers: Answers, answer: str, output: str) -> str:
    """What an output of an answer is."""
    model = answers.model
    match output:
        case "image_bytes":
            return f"{_picture(answers, answer)}, a PNG file, cut off at 0 and 1; base64 in JSON"
        case "image":
            return f"{_picture(answers, answer)}, {_X['reals'] if model.preprocess.makes == 'reals' else _GREY}"
        case "z":
            return f"a draw from {'p(z)' if answer == 'sample' else 'q(z|x)'}, {Z.split(', ')[1]}"
        case "mean" | "stddev" if answer == "decode":
            note = model.mean_note if output == "mean" else ""
            return f"{_MOMENTS[output]} of p(x|z){note}, {_X[model.preprocess.makes]}"
        case "mean" if "latents" in model.lacks:
            return "the code of x, without a unit"
        case "mean" | "stddev":
            return f"{_MOMENTS[output]} of q(z|x), without a unit"
        case "bound":
            return f"{_bound(answers)}, in nats"
        case "elbo":
            return "the ELBO of the same samples, in nats"
        case "score":
            return f"how badly the model explains x: {_score(answers)}"
        case _:
            return "percent of the reference images whose score is lower"


_MOMENTS = {"mean": "mean", "stddev": "standard deviation"}


def _picture(answers: Answers, answer: str) -> str:
    model = answers.model
    return {"sample": model.sample_title(mean=True), "decode": f"the mean of p(x|z){model.mean_note}"}.get(
        answer, f"the reconstruction{model.mean_note}"
    )


def _score(answers: Answers) -> str:
    if "likelihood" in answers.model.lacks:
        return answers.model.unit.scored
    return f"minus {_bound(answers)}, in nats"


def _bound(answers: Answers) -> str:
    if answers.model.exact_likelihood:
        return "log p(x), exact"
    return f"L_S, S = {answers.sample_size}, a lower bound on log p(x)"

"""`python -m reproduction`: mistakes end in one sentence, and help and the page cost no waiting for TensorFlow."""

import subprocess
import sys

import pytest

from command_lines import exit_code
from reproduction import cli
from tfvae._support.files import write_json

AEVB = {
    "paper": "The paper of pictures",
    "convention": "nats",
    "samples": 7,
    "command": "python -m reproduction aevb",
    "latent_sizes": {
        "2": {
            "elbo": {"mean": -3.0, "standard_error": 0.5},
            "log_likelihood": {"mean": -2.25, "standard_error": 0.5},
            "naive": {"images": 5, "bound": -2.5, "draws": [1, 2], "log_p": [-9.0, -3.0], "draws_within_a_nat": 2},
            "active_units": 2,
            "data_digest": "0123456789ab",
            "training_seconds": 60.0,
        }
    },
}


def reproduce(*arguments):
    """Runs the command line in this process and returns its exit code."""
    return exit_code(cli.main, "reproduction", *arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "`python -m reproduction` takes either one of iwae, depth, pixels, aevb, frey-face or --table."),
        (
            ["iwae", "--table"],
            "`python -m reproduction` takes either one of iwae, depth, pixels, aevb, frey-face or --table.",
        ),
        (["vae"], "`what` must be 'iwae', 'depth', 'pixels', 'aevb' or 'frey-face'; received 'vae'."),
        (["aevb", "--rows", "vae-k1"], "`--rows` is of iwae, depth, pixels only."),
        (["--table", "--rows", "vae-k1"], "`--rows` is of iwae, depth, pixels only."),
        (["iwae", "--path", "faces.mat"], "`--path` is of frey-face only."),
        (["frey-face", "--samples", "10"], "`--samples` is of iwae, depth, pixels, aevb only."),
        (["frey-face"], "`--path` must name the file of the frames for frey-face."),
        (["frey-face", "--path", "faces.mat"], "faces.mat is none."),
        (["iwae", "--rows", "vae-k1,k2"], "'iwae-k50', 'vae-flow-prior' or 'vae-flow-posterior'; received 'k2'."),
        (["pixels", "--rows", ""], "`rows` must be 'realnvp', 'glow', 'vae-normal' or 'vae-logistic'; received ''."),
        (["--table", "--out", "."], ". holds no results; `python -m reproduction iwae` makes some."),
        (["--table", "--out", "nowhere"], "nowhere holds no results; `python -m reproduction iwae` makes some."),
    ],
)
def test_mistakes_end_in_one_sentence_and_leave_nothing(arguments, sentence, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert reproduce(*arguments) == 1
    message = capfd.readouterr().err.strip()
    assert message.startswith("Error: ")
    assert message.endswith(sentence)
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_help_and_the_page_import_no_tensorflow(tmp_path):
    write_json(tmp_path / "aevb" / "aevb.json", AEVB)
    code = (
        "import sys; from reproduction import cli\n"
        f"for arguments in (['--help'], ['--table', '--out', {str(tmp_path)!r}]):\n"
        "    sys.argv = ['reproduction', *arguments]\n"
        "    try: cli.main()\n"
        "    except SystemExit: pass\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "Samples S for log p(x), of all but frey-face. [default: 5000]" in " ".join(done.stdout.split())
    assert "| 2 | -3.00 +- 0.50 | -2.25 +- 0.50 | 2 | 2 | `0123456789ab` | 1.0 |" in done.stdout


def test_the_page_is_printed_as_the_file_that_it_becomes(tmp_path, capfd):
    from reproduction.document import document

    write_json(tmp_path / "aevb" / "aevb.json", AEVB)
    assert reproduce("--table", "--out", tmp_path) == 0
    assert capfd.readouterr().out == document(tmp_path)

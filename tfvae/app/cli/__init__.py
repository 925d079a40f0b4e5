"""The command line: one file for each group of commands."""

from __future__ import annotations

import contextlib
import itertools
import sys

import click

from tfvae._support.environment import UnfitEnvironment
from tfvae._support.printing import printable, say
from tfvae._version import __version__
from tfvae.app.cli.command import command
from tfvae.app.cli.compare import compare
from tfvae.app.cli.encode import encode
from tfvae.app.cli.evaluate import evaluate
from tfvae.app.cli.pictures import interpolate, reconstruct, sample, traverse
from tfvae.app.cli.serving import card, export
from tfvae.app.cli.training import models, train
from tfvae.app.interruption import EXIT_CODE
from tfvae.parallel import cluster, meeting

_CTRL_C = 130  # exit code after it, where a command does not look after it itself


class App(click.Group):
    """Commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


app = App(
    "tfvae",
    help="Train, look at and measure variational autoencoders.\n\n"
    "Start with `tfvae train`, then `tfvae sample RUN` and `tfvae reconstruct RUN` on the folder it names.",
)
app = click.version_option(__version__, message="tfvae %(version)s", help="Print the version and exit.")(app)
app.add_command(train)
for _function in (models, sample, reconstruct, traverse, interpolate, evaluate, compare, encode, export, card):
    app.add_command(command(_function))


def main(program: click.Command = app) -> None:
    """Runs a command line: one sentence and exit code 1 for what went wrong, without a traceback."""
    try:
        _main(program)
    except BaseException as end:
        if not isinstance(end, SystemExit) or end.code:
            _tell_others(end)
        raise


def _main(program: click.Command) -> None:
    try:
        sys.exit(program(standalone_mode=False))  # else click itself answers Ctrl-C, with code 1
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        say("Interrupted.", err=True)
        sys.exit(_CTRL_C)
    except (ValueError, OSError, FloatingPointError, NotImplementedError, UnfitEnvironment) as error:
        click.secho(f"Error: {printable(error)}", err=True, fg="red")
        sys.exit(1)
    except Exception as error:
        if not _is_lack_of_memory(error):
            raise
        click.secho("Error: There is not enough memory for this model with these data.", err=True, fg="red")
        sys.exit(1)


def _tell_others(end: BaseException) -> None:
    """Tells those who wait for this process that it has ended before they met."""
    words = [part for word in sys.argv[1:] for part in word.split("=")]
    strategy = next((value for name, value in itertools.pairwise(words) if name == "--strategy"), "auto")
    if words[:1] not in (["train"], ["evaluate"]) or meeting.has_begun():
        return
    try:
        if not cluster.is_joined(strategy):
            return
        addresses, mine = cluster.members()
    except ValueError:  # then it does not know who they are
        return
    code = end.code if isinstance(end, SystemExit) else None
    cause = end.__context__ if code is not None else end
    why = "it was interrupted" if code in (EXIT_CODE, _CTRL_C) else str(cause) if cause else f"exit code {code}"
    say(f"The other {len(addresses) - 1} are told of it, for {meeting.TOLD:.0f} s at most.", err=True)
    with contextlib.suppress(OSError):
        meeting.meet(addresses, mine, failure=why or type(cause).__name__)


def _is_lack_of_memory(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # which many commands do without
    return isinstance(error, MemoryError) or (
        tensorflow is not None and isinstance(error, tensorflow.errors.ResourceExhaustedError)
    )

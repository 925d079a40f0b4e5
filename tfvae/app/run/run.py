"""A training run in a folder: what can be read of it, and what can be done with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae._support.evaluation_report import EvaluationReport
from tfvae._support.words import near
from tfvae.app.run.data import naming_data, require_source
from tfvae.app.run.evaluated import Evaluation, evaluation_of
from tfvae.app.run.folder import RunFolder, history_of
from tfvae.app.run.place import require_empty, require_outside
from tfvae.app.run.training_report import REPORT, TrainingReport, report_of
from tfvae.app.settings import Settings, settings_of
from tfvae.app.settings.settings import fields
from tfvae.parallel import cluster

if TYPE_CHECKING:
    import numpy as np

    from tfvae.app.interruption import Interruption


class Run(RunFolder):
    """A training run in a folder, from its training to its export.

    What is in the folder is read when it is first asked for, and checked as a whole: the settings, the report and the
    images must be those of the model.

    Args:
        folder: made by `train`; or that of a run, or a `.keras` file, which is a model alone.
        data: place of the run's images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
    """

    @cached_property
    def report(self) -> TrainingReport:
        """The test figures, with their convention and the digest of the array they are about.

        Raises:
            FileNotFoundError: there is none, as the training has not ended.
            ValueError: it is not what was written, or is of another run.
        """
        self.settings  # noqa: B018 (which checks it)
        found = report_of(self.folder)
        if found is None:
            raise FileNotFoundError(f"{self.folder} has no {REPORT}, which training writes last.")
        return found

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """The figures of each epoch by name.

        Raises:
            OSError: there are none yet.
            ValueError: they are not those that the report is about.
        """
        self.settings  # noqa: B018 (which checks it)
        return [{name: float(value) for name, value in row.items()} for row in history_of(self.folder)]

    @cached_property
    def evaluation(self) -> Evaluation:
        """The report of the evaluation, and its arrays by test image.

        Raises:
            FileNotFoundError: the run was not evaluated.
            ValueError: the report is damaged, of another version or of another model than is there now.
        """
        return evaluation_of(self)

    def train(
        self,
        settings: Settings | None = None,
        *,
        interruption: Interruption | None = None,
        resume: bool = False,
        verbose: int = 1,
        **options: Any,
    ) -> TrainingReport:
        """Trains a model, measures it once on the test images and fills the folder.

        The folder gets config.yaml, history.csv, checkpoints/, samples/, reconstructions/, latent_map/, manifold/ and
        latent_rates/ with a picture an epoch, model.keras and report.json.

        Where several processes train together all call this; the first one writes the folder, which the others must be
        able to read. They must agree in settings, versions, data and the checkpoint to go on from.

        Args:
            settings: those of `tfvae train`; the defaults if not given, or with `resume` the run's own.
            interruption: entered by the caller, who is told of a stop by `Interrupted`.
            resume: go on from the newest checkpoint in the folder that is whole (from the start if there is none). The
                result is that of a run that was never interrupted, bit for bit. If there are checkpoints and all are
                damaged, nothing is done: it would start over silently.
            verbose: as for `fit`.
            options: single settings by name, such as `model="vae(latent_size=2)"` and `epochs=3`, which win.

        Returns:
            The report: the test figures, with their convention and the digest of the array they are about.

        Raises:
            FileExistsError: the folder exists and is not empty.
            ValueError: the settings do not fit the data, all checkpoints are damaged, the run began with other settings
                or data, or the workers were not started alike.
            OSError: the folder cannot be written, another process is training in it, another worker is gone, or a file
                or record is no image.
        """
        wanted = self._wanted(settings, resume, options)
        self.check_training(wanted, resume)
        from tfvae.app.run.training import train

        try:
            return train(wanted, self.folder, interruption, resume, verbose)
        finally:
            self.forget()

    def _wanted(self, settings: Settings | None, resume: bool, options: dict[str, Any]) -> Settings:
        if settings is None:
            settings = settings_of(self.folder).with_data_at(*self.place) if resume else Settings()
        for name in options.keys() - fields().keys():
            raise ValueError(f"There is no setting {name!r}.{near(name, fields())}")
        return dataclasses.replace(settings, **options)

    def check_training(self, settings: Settings, resume: bool = False) -> None:
        """Refuses places that a run with these settings cannot use; needs no TensorFlow.

        Of several processes that train together none does so by itself: the others would wait for it.

        Args, Raises: as for `train`.
        """
        if cluster.is_joined(settings.strategy):
            return
        if resume:  # the first weights are in its checkpoints, wherever those were taken from
            with naming_data(settings, self.folder):
                require_source(settings)
            return
        require_outside(settings.data, self.folder)
        require_empty(self.folder)
        require_source(settings)
        if settings.weights is not None:
            RunFolder(settings.weights).check()

    def evaluate(
        self,
        sample_size: int = 500,
        images: int | None = None,
        seed: int = 0,
        strategy: str = "auto",
        progress: Callable[[str], None] = lambda _: None,
    ) -> EvaluationReport:
        """Measures the model on the run's test images and fills RUN/evaluation.

        Args, Raises: as for `evaluation.evaluate`.
        """
        if not cluster.is_joined(strategy):  # several say it when all have come, who would wait for this one
            self.check(images=True)
        from tfvae.app.run.evaluation import evaluate

        vars(self).pop("evaluation", None)
        return EvaluationReport.of(evaluate(self, sample_size, images, seed, progress, strategy))

    def export(
        self,
        target: str | Path,
        reference: str | None = None,
        sample_size: int = 50,
        version: int | None = None,
        litert: bool = False,
        command: str | None = None,
        data_dir: str | None = None,
    ) -> Path:
        """Writes the model as a SavedModel for TensorFlow Serving.

        Args, Returns, Raises: as for `exporting.export_run`.
        """
        from tfvae.app.run.exporting import export_run

        return export_run(self, Path(target), reference, sample_size, version, litert, command, data_dir)

    def encode(
        self, data: str | None = None, data_dir: str | None = None, axes: str | None = None
    ) -> dict[str, np.ndarray]:
        """The mean and standard deviation of q(z|x) for every image of a data set.

        Args:
            data: what `tfvae train --data` takes; the run's own images if not given.
            data_dir: the folder of prepared TensorFlow Datasets; the run's for its own data if not given.
            axes: those of the images in a file; the run's for its own data, if not given.

        Returns:
            The arrays by the names that `tfvae encode` writes, such as `test_mean` `[N, D]` and `test_labels`.

        Raises: as for `encoding.codes`.
        """
        self.settings  # noqa: B018 (which a model alone has not)
        self.check(images=data is None)
        from tfvae.app.run.encoding import codes

        return codes(self, data, data_dir, axes)

    def sample(self, n: int = 64, seed: int = 0, draw: bool = False) -> np.ndarray:
        """Images that the model makes: z from the prior, then the decoder's mean for each z.

        Args:
            n: number of images.
            seed: seed of the draws.
            draw: draw pixels from p(x|z) too, instead of the decoder's mean.

        Returns:
            Grey levels or colours uint8 `[n, H, W, C]`.

        Raises:
            NotImplementedError: the model makes none.
            ValueError: a number is out of range, or as for `model`.
        """
        model = self.model
        from tfvae.app.run.sample_grids import images

        return images(model, n, seed, mean=not draw)


def train(
    settings: Settings, folder: Path, interruption: Interruption | None = None, resume: bool = False, verbose: int = 1
) -> dict[str, Any]:
    """Trains a model in a folder and returns the report as JSON has it; see `Run.train`."""
    return Run(folder).train(settings, interruption=interruption, resume=resume, verbose=verbose).as_json()

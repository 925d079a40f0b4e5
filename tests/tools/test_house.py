"""How the package is built: who imports whom, and how long things are. `python tools/house.py` prints the figures."""

import inspect
import runpy

import pytest
import setuptools

from places import ROOT
from tfvae import models
from tools import house

MOST_LINES, MOST_OF_A_FUNCTION, MOST_LOOSE_MODULES = 300, 50, 10
MOST_CALLS_OF_A_STEP = 4
FINAL_MODELS = [name for name in models.__all__ if not inspect.isabstract(getattr(models, name))]


@pytest.fixture(scope="module")
def graph():
    return house.imports(ROOT)


def test_no_modules_import_each_other_in_a_circle(graph):
    """Imports inside functions count: they hide a circle and do not end it."""
    assert house.circles(graph) == []


def test_the_library_does_not_import_the_program(graph):
    assert house.crossings(graph) == []


def test_few_modules_stand_in_no_folder():
    assert len(house.loose(ROOT)) <= MOST_LOOSE_MODULES, house.loose(ROOT)


def test_files_are_short():
    long = {name: lines for name, lines in house.files(ROOT).items() if lines > MOST_LINES}
    assert long == {}


def test_functions_are_short():
    """Docstrings do not count."""
    long = {at: lines for at, lines in house.functions(ROOT).items() if lines > MOST_OF_A_FUNCTION}
    assert long == {}


def test_a_test_step_of_a_vae_calls_few_methods_of_the_model():
    calls = house.calls_of_a_test_step()
    assert calls[-1] == "VAE.trace_of"
    assert len(calls) <= MOST_CALLS_OF_A_STEP, calls


@pytest.mark.parametrize("name", FINAL_MODELS)
def test_a_model_stands_on_two_classes_at_most(name):
    assert house.bases(getattr(models, name)) in (["UnsupervisedModel", "GuardedModel"], ["GuardedModel"])


def test_calls_of_a_model_on_itself_are_counted():
    def elsewhere(model):
        return model.value

    class Model:
        __module__ = "tfvae.somewhere"
        taken = elsewhere
        value = property(lambda self: 1)

        def first(self, other):
            return self.taken() + self.value + other.second()

        def second(self):
            return 1

    model = Model()
    assert house.self_calls(model, lambda: model.first(Model())) == ["Model.first", "Model.taken"]
    assert house.self_calls(model, lambda: model.first(model)) == ["Model.first", "Model.taken", "Model.second"]


def test_the_wheel_holds_the_package_alone(monkeypatch):
    given = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(ROOT / "setup.py"))
    assert {name.split(".")[0] for name in given["packages"]} == {"tfvae"}
    folders = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in (ROOT / "tfvae").rglob("__init__.py")}
    assert set(given["packages"]) == folders


def test_the_measures_find_what_they_look_for(tmp_path):
    (tmp_path / "tfvae/app").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "one.py": "import tfvae.two\n",
        "two.py": "def late():\n    from tfvae import three\n",
        "three.py": "from tfvae.one import x\nif typing.TYPE_CHECKING:\n    import tfvae.app\n",
        "four.py": "def loads():\n    '''Docstring.'''\n    import tfvae.app.run\n    return 1\n",
        "app/__init__.py": "",
        "app/run.py": "import tfvae.one\n",
    }.items():
        (tmp_path / "tfvae" / name).write_text(text)
    graph = house.imports(tmp_path)
    assert house.circles(graph) == [{"tfvae.one", "tfvae.two", "tfvae.three"}]
    assert house.crossings(graph) == ["tfvae.four -> tfvae.app.run"]
    assert house.loose(tmp_path) == ["four.py", "one.py", "three.py", "two.py"]
    assert house.functions(tmp_path) == {"tfvae/four.py:1 loads": 3, "tfvae/two.py:1 late": 2}
    assert house.files(tmp_path)["tfvae/four.py"] == 4

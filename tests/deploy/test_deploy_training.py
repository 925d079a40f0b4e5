"""Many machines: the SLURM script and the JobSet, by their syntax, their fields and what they run.

SLURM and a cluster are not here. `srun`, `scontrol` and `tfvae` are programs of the tests that write down what they are
called with; the fields of a JobSet are those of its published types, of which only what the manifest may use is
repeated here: https://github.com/kubernetes-sigs/jobset, api/jobset/v1alpha2/jobset_types.go.
"""

import copy
import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from places import ROOT

DEPLOY = ROOT / "deploy"
SAVED = 75
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
TEXTS = {"type": "array", "items": TEXT, "uniqueItems": True}


def only(required=(), **fields):
    """The schema of an object that has these fields and no others."""
    return {"type": "object", "additionalProperties": False, "properties": fields, "required": list(required)}


ACTIONS = [
    "FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts", "RestartJob", "RestartJobAndIgnoreMaxRestarts",
]  # fmt: skip
RULE = only(
    ("name", "action"),
    name={"type": "string", "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
    action={"enum": ACTIONS}, onJobFailureReasons=TEXTS, onJobFailureMessagePatterns=TEXTS, targetReplicatedJobs=TEXTS,
)  # fmt: skip
SPEC = only(
    network=only(enableDNSHostnames=FLAG, publishNotReadyAddresses=FLAG, subdomain=TEXT),
    failurePolicy=only(
        maxRestarts=NUMBER,
        restartStrategy={"enum": ["Recreate", "BlockingRecreate", "InPlaceRestart"]},
        rules={"type": "array", "items": RULE},
    ),
    successPolicy=only(("operator",), operator={"enum": ["All", "Any"]}, targetReplicatedJobs=TEXTS),
    replicatedJobs={
        "type": "array",
        "items": only(("name", "template"), name=TEXT, groupName=TEXT, replicas=NUMBER, template={"type": "object"}),
    },
    suspend=FLAG,
    ttlSecondsAfterFinished=NUMBER,
)
JOBSET = only(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "jobset.x-k8s.io/v1alpha2"}, kind={"const": "JobSet"}, metadata={"type": "object"}, spec=SPEC,
)  # fmt: skip


def manifests():
    return list(yaml.safe_load_all((DEPLOY / "jobset.yaml").read_text()))


@pytest.fixture
def jobset():
    return manifests()[1]


def job_of(jobset):
    """What JobSet makes of the template, as a Job."""
    (replicated,) = jobset["spec"]["replicatedJobs"]
    name = f"{jobset['metadata']['name']}-{replicated['name']}-0"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, **replicated["template"]}


def test_the_jobset_has_the_fields_of_its_types(jobset):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(JOBSET)
    jsonschema.validate(jobset, JOBSET)
    for path, value in (
        (("spec", "failurePolicy", "restartStrategy"), "Blocking"),
        (("spec", "failurePolicy", "maxRestart"), 3),
        (("spec", "network", "enableDnsHostnames"), True),
        (("spec", "failurePolicy", "rules", 0, "action"), "Restart"),
    ):
        broken = place = copy.deepcopy(jobset)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, JOBSET)


def test_what_kubernetes_itself_reads_is_valid(jobset):
    """The claim, and the template as the Job that JobSet makes of it."""
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    job = job_of(jobset)
    for each in (manifests()[0], job):
        validator.validate(each, "1.30", strict=True)
    job["spec"]["template"]["spec"]["containers"][0]["imagee"] = "typo"
    with pytest.raises(validator.ValidationError):
        validator.validate(job, "1.30", strict=True)


def test_pods_share_the_run_and_come_back_together(jobset):
    spec = job_of(jobset)["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["completionMode"] == "Indexed" and spec["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
    assert jobset["spec"]["failurePolicy"]["maxRestarts"] > 0
    (claim,) = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert claim == {"claimName": manifests()[0]["metadata"]["name"]}
    assert manifests()[0]["spec"]["accessModes"] == ["ReadWriteMany"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert int(environment["WORKERS"]) == spec["completions"] == spec["parallelism"]
    assert environment["RUN"].startswith(container["volumeMounts"][0]["mountPath"])


@pytest.fixture
def programs(tmp_path):
    """A folder of programs for PATH; `tfvae` writes TF_CONFIG and its arguments into a file, a line a call."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name, text):
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)

    make("tfvae", CALLED.format(file=str(tmp_path / "calls")))
    return folder, make, tmp_path / "calls"


CALLED = """
import json, os, sys
with open({file!r}, "a") as file:
    print(json.dumps([os.environ.get("TF_CONFIG"), sys.argv[1:]]), file=file)
"""


def calls(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_the_jobset_tells_each_pod_where_the_others_are(jobset, programs, tmp_path, workers):
    folder, _, file = programs
    (container,) = job_of(jobset)["spec"]["template"]["spec"]["containers"]
    for index in {0, workers - 1}:
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}", "RUN": str(tmp_path / "run"),
            "WORKERS": str(workers), "JOB_COMPLETION_INDEX": str(index),
        }  # fmt: skip
        subprocess.run([*container["command"], *container["args"]], env=environment, check=True)
        config, arguments = calls(file)[-1]
        found = json.loads(config)
        assert found["task"] == {"type": "worker", "index": index}
        # <jobset>-<replicated job>-<job>-<pod>.<subdomain>, the subdomain being the jobset's name if none is given.
        names = [f"tfvae-worker-0-{number}.tfvae:12345" for number in range(workers)]
        assert found["cluster"] == {"worker": names}
        assert "--resume" not in arguments and arguments[1:8] == container["args"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("epochs: 50\n")
    subprocess.run([*container["command"], *container["args"]], env=environment, check=True)
    assert calls(file)[-1][1] == [*arguments, "--resume"]
    assert container["ports"] == [{"name": "grpc", "containerPort": 12345}]


SRUN = """
import os, sys
command = sys.argv[1:]
while command[0].startswith("--"):
    command.pop(0)
number = len(open({file!r}).readlines()) if os.path.exists({file!r}) else 0
code = os.spawnvp(os.P_WAIT, command[0], command)
sys.exit(code or {codes!r}[number])
"""


@pytest.mark.parametrize(
    ("codes", "ends_with", "requeued"),
    [([0], 0, False), ([1, 137, 0], 0, False), ([SAVED], 0, True), ([1] * 6, 1, False)],
    ids=["well", "after two restarts", "saved before the time limit", "never"],
)
def test_the_slurm_script_goes_on_after_a_dead_worker(programs, tmp_path, codes, ends_with, requeued):
    folder, make, file = programs
    make("srun", SRUN.format(file=str(file), codes=codes))
    make("scontrol", f"import sys; open({str(tmp_path / 'requeued')!r}, 'w').write(' '.join(sys.argv[1:]))")
    make("tfvae", CALLED.format(file=str(file)) + WRITES)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "17"}
    command = ["bash", str(DEPLOY / "slurm.sh"), "conv-vae", "--data", "two words"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == ends_with, done.stderr
    first = ["train", "conv-vae", "--data", "two words", "--strategy", "multiworker", "--out", "runs/slurm-17"]
    assert [arguments for _, arguments in calls(file)] == [first, *[[*first, "--resume"]] * (len(codes) - 1)]
    assert (tmp_path / "requeued").exists() is requeued
    assert not requeued or (tmp_path / "requeued").read_text() == "requeue 17"


WRITES = """
os.makedirs("runs/slurm-17", exist_ok=True)
open("runs/slurm-17/config.yaml", "w").close()
"""


def test_the_slurm_script_is_bash_and_its_options_are_before_any_command():
    script = DEPLOY / "slurm.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = script.read_text().splitlines()
    first_command = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    options = [n for n, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert options and max(options) < first_command  # SLURM reads no further
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", lines[n]) for n in options)
    assert f"SAVED={SAVED}" in script.read_text()

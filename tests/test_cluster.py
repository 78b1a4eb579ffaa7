"""What docs/use/cluster.md and examples/cluster/ say runs here, is parsed, or is held against the real options."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import mpi
import polars as pl
import pytest
import typer
import yaml
from distributed.cli import dask_scheduler, dask_worker
from ray.scripts import scripts as ray_scripts

import plainnet
from plainnet import cli

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "use" / "cluster.md").read_text(encoding="utf-8")
FOLDER = ROOT / "examples" / "cluster"
SCRIPTS = sorted(FOLDER.glob("*.sbatch"))
MANIFESTS = {path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) for path in FOLDER.glob("*.yaml")}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


# ---- commands ----


def pods(manifests):
    """The specification of every pod in a manifest."""
    for manifest in manifests:
        spec = manifest["spec"]
        replicas = spec.get("mpiReplicaSpecs", {}).values()
        yield from (each["template"] for each in [*replicas, *([spec] if "template" in spec else [])])


def commands():
    """All commands of the page, the scripts and the manifests, as words."""
    texts = [*blocks("bash"), *(path.read_text(encoding="utf-8") for path in SCRIPTS)]
    for line in "\n".join(texts).replace("\\\n", " ").splitlines():
        for part in re.split(r" && | & *$", line):
            yield shlex.split(part, comments=True)
    for manifests in MANIFESTS.values():
        yield from (container["args"] for pod in pods(manifests) for container in pod["spec"]["containers"])


def options_of(command):
    return {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}


def known():
    """The options of each command that is installed, by its first words."""
    found = {
        ("plainnet", name): options_of(each) for name, each in typer.main.get_command(cli.program()).commands.items()
    }
    found["dask", "scheduler"] = options_of(dask_scheduler.main)
    found["dask", "worker"] = options_of(dask_worker.main)
    found["ray", "start"] = options_of(ray_scripts.start)
    return found


def test_commands_exist_and_have_these_options():
    options, seen = known(), set()
    for words in commands():
        for program in ("plainnet", "dask", "ray"):
            if program in words:
                own = words[words.index(program) :]
                name = tuple(own[:2])
                assert name in options, own
                used = {word for word in own if re.match(r"--?[a-z]", word)}
                assert used <= options[name], own
                seen.add(name)
    assert {("plainnet", "train"), ("plainnet", "compare"), ("dask", "scheduler"), ("dask", "worker")} <= seen
    assert ("ray", "start") in seen


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE):
        assert (ROOT / "docs" / "use" / target).exists(), target
    for path in FOLDER.iterdir():
        assert f"../../examples/cluster/{path.name}" in PAGE, path.name


# ---- the page's programs ----


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_blocks_run(number, tmp_path):
    """Each is a program of its own, on two ranks if it names MPI, as a file and so as a user runs it."""
    program = blocks("python")[number]
    path = tmp_path / "train.py"
    path.write_text(program, encoding="utf-8")
    ranks = 2 if "MPI" in program else 1
    ended = mpi.run(path, ranks, timeout=120, folder=tmp_path)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.strip()


def test_the_commands_of_one_machine_run(tmp_path, free_port):
    """The scheduler, the worker and the comparison of the page, and its training on two ranks."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    texts = [text.replace("8786", free_port) for text in blocks("bash") if "127.0.0.1" in text and "dask" in text]
    scheduler, worker, compare = texts[0].strip().splitlines()
    with Running(scheduler, tmp_path), Running(worker, tmp_path):
        done = shell(compare.replace("--seeds 20", "--seeds 2") + " --epochs 3 --no-progress", tmp_path)
    assert "2 variants from 2 seeds" in done
    (train,) = [text for text in blocks("bash") if text.startswith("mpiexec") and "penguins" in text]
    assert "accuracy" in shell(train.strip() + " --epochs 3 --no-progress", tmp_path)
    assert plainnet.load(tmp_path / "model.npz")


# ---- Slurm ----


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def environment(folder):
    """An environment whose commands are those of this Python; `srun` starts two tasks on this machine."""
    tools = folder / "tools"
    if not tools.exists():
        tools.mkdir()
        plain = f'#!/bin/sh\nexec "{sys.executable}" -m plainnet "$@"\n'
        here = '#!/bin/sh\ncase "$1" in --mpi=*) shift; exec mpiexec -n 2 "$@";; esac\n"$@" & "$@"\nwait\n'
        for name, text in {"plainnet": plain, "srun": here, "hostname": "#!/bin/sh\necho 127.0.0.1\n"}.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    paths = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PATH": path, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def shell(command, folder, timeout=120, **more):
    """Run a command to its end, and all that it started; its output."""
    with Running(command, folder, **more) as process:
        output, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return output


class Running:
    """A command while a `with` block runs; all that it started is then ended."""

    def __init__(self, command, folder, **more):
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"] if isinstance(command, str) else command,
            cwd=folder,
            env=environment(folder) | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.communicate()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_batch_scripts_are_bash_with_options_of_slurm(path):
    subprocess.run(["bash", "-n", path], check=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    options = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    last = max(i for i, line in enumerate(lines) if line.startswith("#SBATCH"))
    assert all(line.startswith("#") for line in lines[:last])  # sbatch reads them up to the first command
    pattern = r"--(job-name=[\w-]+|(n|c)\w[\w-]*=\d+|time=\d\d:\d\d:\d\d|requeue)"
    assert options
    assert all(re.fullmatch(pattern, option) for option in options)


def in_slurm(name, folder, port):
    """Run a batch script in a folder, shortened to a test's length, with an `srun` of this machine."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").touch()
    text = (FOLDER / name).read_text(encoding="utf-8").replace("--seeds 100", "--seeds 2 --epochs 2")
    script = folder / name
    script.write_text(text.replace("--checkpoint-every 60s", "--checkpoint-every 1 --epochs 3"))
    return shell(["bash", str(script)], folder, PORT=port)


def test_the_comparison_under_slurm(tmp_path, free_port):
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{i},{i % 7}\n" for i in range(40)))
    assert "2 variants from 2 seeds" in in_slurm("dask.sbatch", tmp_path, free_port)
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) >= 4


def test_the_training_under_slurm(tmp_path, free_port):
    (tmp_path / "rows").mkdir()
    for part in range(3):
        x = pl.Series(range(part, 300, 3))
        pl.DataFrame({"x": x, "y": x % 7 > 3}).write_parquet(tmp_path / "rows" / f"{part}.parquet")
    in_slurm("ranks.sbatch", tmp_path, free_port)
    assert plainnet.load(tmp_path / "model.npz")
    assert (tmp_path / "run.npz").exists()


# ---- Kubernetes ----


def test_manifests_are_of_these_kinds():
    kinds = {name: [(each["apiVersion"], each["kind"]) for each in found] for name, found in MANIFESTS.items()}
    assert kinds == {
        "dask-kubernetes.yaml": [
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("v1", "Service"),
            ("apps/v1", "Deployment"),
            ("apps/v1", "Deployment"),
            ("batch/v1", "Job"),
        ],
        "mpi-kubernetes.yaml": [("kubeflow.org/v2beta1", "MPIJob")],
    }


FIELDS = {
    "Service": {"selector", "ports"},
    "Deployment": {"replicas", "selector", "template"},
    "Job": {"backoffLimit", "template"},
    "NetworkPolicy": {"podSelector", "policyTypes", "ingress"},
    "MPIJob": {
        "slotsPerWorker",
        "sshAuthMountPath",
        "mpiImplementation",
        "launcherCreationPolicy",
        "runPolicy",
        "mpiReplicaSpecs",
    },
}
POD = {"containers", "volumes", "restartPolicy", "enableServiceLinks"}
CONTAINER = {"name", "image", "workingDir", "args", "volumeMounts", "resources", "readinessProbe"}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_have_fields_that_exist_and_strings_where_strings_are_due(name):
    for manifest in MANIFESTS[name]:
        assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
        assert set(manifest["spec"]) <= FIELDS[manifest["kind"]]
    for pod in pods(MANIFESTS[name]):
        assert set(pod) <= {"metadata", "spec"}
        assert set(pod["spec"]) <= POD
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", ())}
        for container in pod["spec"]["containers"]:
            assert set(container) <= CONTAINER
            assert all(isinstance(word, str) for word in container["args"])  # YAML reads 8786, y and no otherwise
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
            assert container["image"] == "registry.example/plainnet"


def test_the_scheduler_is_found_by_workers_and_job_and_by_nobody_else():
    policy, service, scheduler, worker, job = MANIFESTS["dask-kubernetes.yaml"]
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in (scheduler, worker, job)]
    assert service["spec"]["selector"] == labels[0] == scheduler["spec"]["selector"]["matchLabels"]
    assert worker["spec"]["selector"]["matchLabels"] == labels[1] != labels[0]
    let_in = policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
    assert let_in == policy["spec"]["podSelector"]["matchLabels"]
    assert all(let_in.items() <= each.items() for each in labels)
    address = f"tcp://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    for each in (worker, job):
        assert address in each["spec"]["template"]["spec"]["containers"][0]["args"]
    assert (
        str(service["spec"]["ports"][0]["targetPort"]) in scheduler["spec"]["template"]["spec"]["containers"][0]["args"]
    )


def test_there_is_a_rank_for_each_worker_pod():
    ((job,),) = [MANIFESTS["mpi-kubernetes.yaml"]]
    launcher, worker = job["spec"]["mpiReplicaSpecs"]["Launcher"], job["spec"]["mpiReplicaSpecs"]["Worker"]
    args = launcher["template"]["spec"]["containers"][0]["args"]
    assert args[:2] == ["mpiexec", "-n"]
    assert int(args[2]) == worker["replicas"] * job["spec"]["slotsPerWorker"]
    assert job["spec"]["mpiImplementation"] == "MPICH"

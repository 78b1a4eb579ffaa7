"""`plainnet compare`, `tune` and `train` on a real Dask cluster, through the real command line, also over TLS."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

import plainnet as pn

PATIENCE = 300
"""Seconds after which a program of a test is stopped."""
QUICK = ["--epochs", "3", "--no-progress", "--engine", "numpy"]


def table(path, rows=80):
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    pl.DataFrame({"x": x, "y": np.where(x > 0, "yes", "no")}).write_csv(path)


def environment(**more):
    return os.environ | {"OPENBLAS_NUM_THREADS": "1"} | more


def plainnet(*words, cwd, **more):
    command = [sys.executable, "-m", "plainnet", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, env=environment(**more))


@contextlib.contextmanager
def started(*words, cwd, **more):
    """A program, stopped at the end, and a function that waits until its log matches a pattern."""
    log = cwd / f"{words[0]}-{time.monotonic_ns()}.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        process = subprocess.Popen(
            command, cwd=cwd, stdout=out, stderr=out, env=environment(**more), start_new_session=True
        )

    def said(pattern):
        until = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        return found[1]

    try:
        yield said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


@contextlib.contextmanager
def scheduler(cwd, *options):
    words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", *options]
    with started(*words, cwd=cwd) as said:
        yield said(r"Scheduler at:\s+(\S+)")


@contextlib.contextmanager
def worker(cwd, address, *options, **more):
    words = ["worker", address, "--host", "127.0.0.1", "--no-dashboard", "--nthreads", "2", "--no-nanny", *options]
    with started(*words, cwd=cwd, **more) as said:
        said(r"(Registered to|Starting Worker plugin|Start worker at)")
        yield


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with scheduler(folder) as address, worker(folder, address):
        yield address


def test_compare_gives_the_runs_of_one_machine(cluster, tmp_path):
    table(tmp_path / "t.csv")
    words = ["compare", "t.csv", "--target", "y", "--hidden", "2", "--hidden", "4", "--seeds", "3", *QUICK]
    there = plainnet(*words, "--cluster", cluster, "--json", "there.json", cwd=tmp_path)
    assert (there.returncode, there.stderr) == (0, "")
    here = plainnet(*words, "--workers", "1", "--json", "here.json", cwd=tmp_path)
    assert here.returncode == 0, here.stderr
    runs = [
        [(run["variant"], run["seed"], run["validation_loss"]) for run in json.loads(path.read_text())["runs"]]
        for path in (tmp_path / "there.json", tmp_path / "here.json")
    ]
    assert [run[:2] for run in runs[0]] == [run[:2] for run in runs[1]]
    np.testing.assert_allclose([run[2] for run in runs[0]], [run[2] for run in runs[1]], rtol=1e-5)


def test_tune_searches_on_the_cluster_and_names_a_command_for_this_machine(cluster, tmp_path):
    table(tmp_path / "t.csv")
    words = ["tune", "t.csv", "--target", "y", "--trials", "2", "--recipe", "small", "--validation", "0.2"]
    done = plainnet(*words, "--test", "0", "--engine", "numpy", "--workers", "1", "--cluster", cluster, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Best of 2 trials" in done.stdout
    (command,) = re.findall(r"plainnet train .*", done.stdout)
    assert "cluster" not in command
    assert "workers" not in command


def test_folds_are_trained_on_the_cluster(cluster, tmp_path):
    table(tmp_path / "t.csv")
    words = ["train", "t.csv", "--target", "y", "--folds", "3", "--recipe", "small", *QUICK]
    for name, on in (("there", ["--cluster", cluster]), ("here", [])):
        done = plainnet(*words, *on, "--save", f"{name}.npz", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    there, here = (pn.load(tmp_path / f"{name}.npz").parameters for name in ("there", "here"))
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-6)


def test_one_network_is_refused_and_mpiexec_named(cluster, tmp_path):
    table(tmp_path / "t.csv")
    words = ["train", "t.csv", "--target", "y", "--folds", "0", "--cluster", cluster, *QUICK]
    done = plainnet(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "mpiexec -n 4 plainnet train" in done.stderr


def test_ctrl_c_keeps_the_runs_that_have_ended(cluster, tmp_path):
    table(tmp_path / "t.csv", rows=2000)
    words = ["compare", "t.csv", "--target", "y", "--seeds", "500", "--epochs", "50", "--early-stopping", "0"]
    words += ["--engine", "numpy", "--cluster", cluster, "--results", "runs.jsonl", "--no-progress"]
    process = subprocess.Popen(
        [sys.executable, "-m", "plainnet", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        until, results = time.monotonic() + PATIENCE, tmp_path / "runs.jsonl"
        while not results.exists() or len(results.read_text().splitlines()) < 4:  # the first line says what they are
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "--resume goes on" in out
    assert "Traceback" not in err


def test_a_command_listens_on_no_port(cluster):
    import distributed
    import psutil

    before = {connection.laddr for connection in psutil.Process().net_connections() if connection.status == "LISTEN"}
    with distributed.Client(cluster, set_as_default=False):
        during = {
            connection.laddr for connection in psutil.Process().net_connections() if connection.status == "LISTEN"
        }
    assert during == before


def refusal(tmp_path, address, *words, **more):
    table(tmp_path / "t.csv")
    done = plainnet("compare", "t.csv", "--target", "y", "--cluster", address, *words, *QUICK, cwd=tmp_path, **more)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("plainnet: ")
    return line


def test_where_nothing_listens_the_address_is_named(tmp_path):
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        line = refusal(tmp_path, address)
    assert address in line
    assert "no Dask scheduler answers" in line


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://host", "http://127.0.0.1:80", "dask"])
def test_other_addresses_are_refused(address, tmp_path):
    assert "it takes tcp://host:8786" in refusal(tmp_path, address)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("__version__ = '0.0.9'", "has plainnet 0.0.9 and this command"),
        ("raise ImportError('broken')", "lacks plainnet, or cannot import it"),
    ],
)
def test_workers_with_another_plainnet_or_none_are_named(module, expected, tmp_path):
    (tmp_path / "other" / "plainnet").mkdir(parents=True)
    (tmp_path / "other" / "plainnet" / "__init__.py").write_text(module)
    with scheduler(tmp_path) as address, worker(tmp_path, address, PYTHONPATH=str(tmp_path / "other")):
        line = refusal(tmp_path, address)
    assert expected in line
    assert "the worker tcp://127.0.0.1:" in line


def test_a_scheduler_without_workers_is_named(tmp_path):
    with scheduler(tmp_path) as address:
        assert f"the scheduler at {address} has no worker" in refusal(tmp_path, address)


def test_a_worker_with_another_python_is_named():
    from plainnet.cli.cluster import require_same

    with pytest.raises(pn.errors.InvalidValue, match=r"worker w runs Python 3\.7\.1 and this command"):
        require_same("worker w", "3.7.1.final.0", {"plainnet": pn.__version__})


def test_without_dask_the_error_names_the_extra(tmp_path):
    (tmp_path / "distributed.py").write_text("raise ImportError('hidden')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert "plainnet[cluster]" in refusal(tmp_path, "tcp://127.0.0.1:1", PYTHONPATH=path)


# ---- TLS ----


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a certificate of it for everyone, and another authority that knows nobody."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)

    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for authority in ("ca", "other"):
        files = ["-keyout", f"{authority}-key.pem", "-out", f"{authority}.pem"]
        openssl("req", "-x509", *made, *files, "-subj", f"/CN={authority}", "-days", "2")
    openssl("req", *made, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=everyone")
    signing = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", "request.pem", *signing, "-out", "cert.pem")
    return folder


@pytest.fixture(scope="module")
def tls_cluster(certificates):
    files = ["--tls-ca-file", "ca.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]
    with scheduler(certificates, "--protocol", "tls", *files) as address, worker(certificates, address, *files):
        yield address


def of(folder, ca="ca.pem"):
    return ["--tls-ca", folder / ca, "--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem"]


def test_tls_with_options_and_with_the_configuration_of_distributed(tls_cluster, certificates, tmp_path):
    assert tls_cluster.startswith("tls://")
    table(tmp_path / "t.csv")
    words = ["compare", "t.csv", "--target", "y", "--hidden", "2", "--seeds", "2", "--cluster", tls_cluster, *QUICK]
    configured = {
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(certificates / "ca.pem"),
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": str(certificates / "cert.pem"),
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": str(certificates / "key.pem"),
    }
    for done in (plainnet(*words, *of(certificates), cwd=tmp_path), plainnet(*words, cwd=tmp_path, **configured)):
        assert (done.returncode, done.stderr) == (0, "")


def test_tls_does_without_neither_side(tls_cluster, certificates, tmp_path):
    for words in ([], of(certificates, ca="other.pem"), ["--tls-ca", certificates / "ca.pem"]):
        assert "--tls-ca" in refusal(tmp_path, tls_cluster, *words)
    plain = tls_cluster.replace("tls", "tcp")
    assert "no Dask scheduler answers" in refusal(tmp_path, plain)
    assert "it takes --cluster tls://" in refusal(tmp_path, plain, *of(certificates))
    assert "no such file" in refusal(tmp_path, tls_cluster, "--tls-ca", tmp_path / "nothing.pem")

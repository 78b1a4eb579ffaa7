"""The options of a cluster: where the trainings of a command run, and what is checked before they do."""

from __future__ import annotations

import logging
import pkgutil
import platform
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from plainnet import __version__
from plainnet._base import checks
from plainnet._base.extras import missing_extra
from plainnet.cli.options import TRAINING, option
from plainnet.errors import InvalidValue

SECONDS = 10
"""The time to wait for a scheduler to answer, and for its first worker."""
FORMS = "tcp://host:8786 or tls://host:8786 of a Dask scheduler, ray://host:10001, or ray on a machine of a Ray cluster"


@dataclass(frozen=True)
class OnCluster:
    """These options say how many trainings run at a time, and on which cluster."""

    workers: Annotated[
        int | None, option("Trainings at a time, each in a process; of a cluster, on all its cores.", TRAINING)
    ] = None
    cluster: Annotated[
        str | None,
        option("Train on a cluster: tcp://host:8786 or tls://host:8786 (Dask), ray or ray://host.", TRAINING),
    ] = None
    tls_ca: Annotated[Path | None, option("Certificate authority of a tls:// cluster, a .pem file.", TRAINING)] = None
    tls_cert: Annotated[Path | None, option("Own certificate for it, a .pem file.", TRAINING)] = None
    tls_key: Annotated[Path | None, option("Key of that certificate, a .pem file.", TRAINING)] = None

    @property
    def tls(self) -> dict[str, Path]:
        """Return the files of the TLS connection that are given, by their options."""
        given = {"--tls-ca": self.tls_ca, "--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        return {name: path for name, path in given.items() if path is not None}

    def require_for_train(self, several: bool) -> None:
        """Raise InvalidValue unless there is a use for what is given: `several` networks, and a cluster."""
        if self.cluster is not None and not several:
            raise InvalidValue(
                f"--cluster is {self.cluster} and one network is trained; --folds 5 or --ensemble 8 makes several, and "
                "the training of one goes over several machines by `mpiexec -n 4 plainnet train`"
            )
        if self.cluster is None and self.workers is not None:
            raise InvalidValue(
                "--workers is given without --cluster; networks on this machine share its cores, of which --threads "
                "says how many"
            )

    @contextmanager
    def joined(self, *libraries: str) -> Iterator[None]:
        """Train on the cluster meanwhile, if one is given; its workers need plainnet and these `libraries`."""
        if self.workers is not None:
            checks.whole_number("--workers", self.workers, least=1)
        self._check()
        if self.cluster is None:
            yield
            return
        join = _ray if self.cluster.startswith("ray") else _dask
        with join(self, self.cluster, ("plainnet", *libraries)):
            yield

    def _check(self) -> None:
        if self.cluster is not None and not re.fullmatch(r"(tcp|tls)://\S+:\d{1,5}|ray|ray://\S+", self.cluster):
            raise InvalidValue(f"--cluster is {self.cluster!r}; it takes {FORMS}")
        if self.tls and not (self.cluster or "").startswith("tls://"):
            raise InvalidValue(f"{next(iter(self.tls))} is given; it takes --cluster tls://host:8786 beside it")
        for name, path in self.tls.items():
            if not path.is_file():
                raise InvalidValue(f"{name} is {path}, and there is no such file; it takes a .pem file")


# ---- Dask ----


@contextmanager
def _dask(options: OnCluster, address: str, libraries: tuple[str, ...]) -> Iterator[None]:
    try:
        import distributed
        import joblib
    except ImportError:
        raise missing_extra("--cluster", "cluster") from None
    dask: Any = distributed  # partly without types
    for name in ("distributed", "distributed.client", "distributed.comm", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the command says in one line what is wrong
    files = {"tls_ca_file": options.tls_ca, "tls_client_cert": options.tls_cert, "tls_client_key": options.tls_key}
    try:
        # what is not given stands in distributed's own configuration
        security = dask.Security(**{name: str(path) for name, path in files.items() if path is not None})
        _greet(address, security)
        client = dask.Client(address, security=security, timeout=SECONDS, set_as_default=False)
    except (OSError, TimeoutError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidValue(_unreached(address, error)) from None
    try:
        require_workers(client, address, libraries)
        with joblib.parallel_config(backend="dask", client=client, n_jobs=options.workers or -1):
            yield
    finally:
        client.close(timeout=SECONDS)


def _greet(address: str, security: Any) -> None:
    """Raise OSError or ValueError if the scheduler does not answer: a client would go on trying, and complain twice."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), SECONDS) as connection:
        if place.scheme == "tls":
            context = security.get_connection_args("client").get("ssl_context")
            if context is None:
                raise ValueError("no certificates are given or configured")
            with context.wrap_socket(connection, server_hostname=place.hostname) as encrypted:
                encrypted.recv(1)  # the scheduler speaks first, or refuses the certificate


def _unreached(address: str, error: BaseException) -> str:
    why = str(error.__cause__ or error).strip().partition("\n")[0]
    reason = f" ({why})" if why else ""
    if address.startswith("tls://"):
        return (
            f"--cluster is {address}, and no TLS connection comes about there{reason}; it takes the scheduler's "
            "--tls-ca, and a --tls-cert with its --tls-key that the scheduler accepts"
        )
    return (
        f"--cluster is {address}, and no Dask scheduler answers there within {SECONDS} seconds{reason}; "
        "`dask scheduler` starts one and prints its address"
    )


def require_workers(client: Any, address: str, libraries: tuple[str, ...]) -> None:
    """Raise InvalidValue if no worker comes, or if one has another Python or lacks a library or has another version."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError:
        raise InvalidValue(
            f"the scheduler at {address} has no worker after {SECONDS} seconds; `dask worker {address}` starts one"
        ) from None
    # functions of Python itself, as a worker may be unable to load ours; the metadata that Dask reads may be another's
    pythons = client.run(platform.python_version)
    found = {name: client.run(pkgutil.resolve_name, f"{name}:__version__", on_error="return") for name in libraries}
    for worker, python in pythons.items():
        versions = {name: of_worker.get(worker) for name, of_worker in found.items()}
        lacking = {name: None for name, version in versions.items() if not isinstance(version, str)}
        require_same(f"the worker {worker}", python, {**versions, **lacking})


def require_same(worker: str, python: str, found: dict[str, Any]) -> None:
    """Raise InvalidValue where a worker's Python or plainnet is not the one of this process, or a library lacks."""
    here = platform.python_version()
    if python.split(".")[:2] != here.split(".")[:2]:
        raise InvalidValue(f"{worker} runs Python {'.'.join(python.split('.')[:3])} and this command {here}; take one")
    for name, version in found.items():
        if not version:
            raise InvalidValue(f"{worker} lacks {name}, or cannot import it; install there what is installed here")
    if found["plainnet"] != __version__:
        raise InvalidValue(f"{worker} has plainnet {found['plainnet']} and this command {__version__}; take one")


# ---- Ray ----


@contextmanager
def _ray(options: OnCluster, address: str, libraries: tuple[str, ...]) -> Iterator[None]:
    try:
        import joblib
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise InvalidValue(
            f'--cluster is {address}, and Ray or joblib is not installed here: pip install "ray" "joblib"'
        ) from None
    try:
        ray.init("auto" if address == "ray" else address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray has no class for it
        why = str(error).strip().partition("\n")[0]
        raise InvalidValue(
            f"--cluster is {address}, and no Ray answers there ({why}); `ray start --head` starts one"
        ) from None
    try:
        versions = ray.get(ray.remote(_versions).remote(libraries))
        require_same("a worker of Ray", *versions)
        register: Any = register_ray  # without types
        register()
        with joblib.parallel_config(backend="ray", n_jobs=options.workers or -1):
            yield
    finally:
        ray.shutdown()


def _versions(libraries: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    from importlib import import_module

    found: dict[str, Any] = {}
    for name in libraries:
        try:
            found[name] = import_module(name).__version__
        except ImportError:
            found[name] = None
    return platform.python_version(), found

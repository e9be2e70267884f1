"""Tenant files on disk: which there are, their bytes, and which of them are in force together.

Files are ``*.yaml`` and ``*.yml`` directly in the folder; hidden ones and what editors leave behind (``.acme.swp``,
``acme.yaml~``) are not. Links are followed, so a folder mounted from a Kubernetes ConfigMap works.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from callcontrol.tenants._yaml import MAX_BYTES
from callcontrol.tenants.conflicts import conflicts
from callcontrol.tenants.loader import Loaded, load_tenant
from callcontrol.tenants.problem import Problem
from callcontrol.tenants.snapshot import Tenants

SUFFIXES = (".yaml", ".yml")


def tenant_files(folder: Path) -> list[Path]:
    """The tenant files of a folder, sorted by name. Raises OSError when the folder cannot be read."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIXES) and not name.startswith("."))
    return [folder / name for name in names]


def read_file(path: Path) -> bytes | Problem:
    """The bytes of a file, at most one more than the loader accepts; a problem when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not hold us up
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Problem(path, 1, 1, "is no regular file")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        return unreadable(path, error)


def unreadable(path: Path, error: OSError) -> Problem:
    """A file or folder that the operating system does not give us."""
    return Problem(path, 1, 1, f"cannot be read: {error.strerror or 'unknown error'}")


def load_file(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read and check one tenant file by itself."""
    return load_data(path, read_file(path), environ)


def load_data(path: Path, data: bytes | Problem, environ: Mapping[str, str]) -> Loaded:
    """Check what was read of a file."""
    return Loaded(path, None, (data,)) if isinstance(data, Problem) else load_tenant(path, data, environ)


def load_folder(folder: Path, environ: Mapping[str, str]) -> tuple[Tenants, list[Problem]]:
    """All tenants of a folder and all problems. Of two files with a conflict the first by name counts."""
    try:
        paths = tenant_files(folder)
    except OSError as error:
        return Tenants.of(()), [unreadable(folder, error)]
    accepted, problems = settle({}, [load_file(path, environ) for path in paths])
    return Tenants.of(loaded.tenant for loaded in accepted.values() if loaded.tenant), problems


def check_paths(paths: Sequence[Path], environ: Mapping[str, str]) -> list[Problem]:
    """Every problem of these files and folders, also between them."""
    files: dict[Path, None] = {}
    problems = []
    for path in paths:
        try:
            found = tenant_files(path) if path.is_dir() else [path]
        except OSError as error:
            found = []
            problems.append(unreadable(path, error))
        if path.is_dir() and not found:
            problems.append(Problem(path, 1, 1, "holds no tenant file", "*.yaml or *.yml"))
        files |= dict.fromkeys(found)
    _, faulty = settle({}, [load_file(path, environ) for path in files])
    return sorted([*problems, *faulty])


def settle(in_force: Mapping[Path, Loaded], loaded: Iterable[Loaded]) -> tuple[dict[Path, Loaded], list[Problem]]:
    """Which version of each file is in force from now on, and all problems.

    in_force: the good version of each file that still exists. loaded: every file as it was last read.
    A new version replaces the one in force when it has no fault and claims nothing another file has; the file that has
    it already wins. Files that hand a number over to each other are accepted together.
    """
    force = dict(in_force)
    versions = list(loaded)
    problems = [problem for version in versions for problem in version.problems]
    waiting = [version for version in versions if version.tenant and force.get(version.path) is not version]
    while waiting:
        fitting = next((version for version in waiting if not _in_the_way(version, force.values())), None)
        if fitting is None:
            break
        force[fitting.path] = fitting
        waiting.remove(fitting)
    together = force | {version.path: version for version in waiting}
    if not any(_in_the_way(version, together.values()) for version in waiting):
        return together, sorted(problems)
    problems += [problem for version in waiting for problem in _in_the_way(version, force.values())]
    return force, sorted(problems)


def _in_the_way(version: Loaded, force: Iterable[Loaded]) -> list[Problem]:
    return list(conflicts(version, [other for other in force if other.path != version.path]))

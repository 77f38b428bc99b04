"""The walls of a cell: resource limits always, a system-call filter in mode `seccomp`.

Called inside the cell, after everything is imported and warmed up and the input has arrived as
open descriptors, before the first untrusted byte is parsed. From then on the process can read and
write what it holds, allocate memory up to its limit, and exit.
"""

import errno
import mmap
import resource
from pathlib import Path
from typing import Any

from swap.limits import Limits

_ALLOWED = (
    "read", "write", "pread64", "pwrite64", "lseek", "fstat", "newfstatat", "close",
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk",
    "futex", "sched_yield", "sched_getaffinity", "getpid", "gettid", "getrandom",
    "clock_gettime", "gettimeofday", "clock_nanosleep", "nanosleep", "getrusage",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    "exit", "exit_group",
)  # fmt: skip
_PROT_EXEC = 4


class NoFilter(Exception):
    """The filter can't be had here: libseccomp or its binding is missing. Leaves the cell as a word."""


def filter_ready() -> Any:
    """The loaded binding to libseccomp. Raises `NoFilter`."""
    try:
        import pyseccomp  # noqa: PLC0415  (a deployment in mode rlimits need not have it)
    except (ImportError, OSError, RuntimeError) as error:
        raise NoFilter(type(error).__name__) from None
    return pyseccomp


def confine(limits: Limits, *, file_bytes: int, seccomp: Any | None) -> None:
    """Close the walls for good. `file_bytes`: how far a file we hold may grow; 0 for none at all.

    Whatever is mapped by now, the shared frames too, does not count as memory taken.
    """
    used = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    # At the soft limit the signal says why the cell died; at the hard one it would only say killed.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    for what, most in (
        (resource.RLIMIT_CORE, 0),  # a core file would be people's pixels on disk
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_AS, used + limits.memory_bytes),
        (resource.RLIMIT_NPROC, 0),
        # Last: with no descriptor to be had, nothing can be opened, not even with the filter missing.
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(what, (most, most))
    if seccomp is not None:
        _filter(seccomp)


def _filter(seccomp: Any) -> None:
    # What is not on the list fails with EPERM rather than killing: a Python that merely asks for a
    # terminal's size goes on, and an intruder gains nothing by asking.
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in _ALLOWED:
        if name in {"mmap", "mprotect"}:
            # Data stays data: no page may become executable.
            rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_EXEC, 0))
        else:
            rules.add_rule(seccomp.ALLOW, name)
    for name in ("execve", "execveat", "ptrace", "bpf", "io_uring_setup", "process_vm_writev"):
        rules.add_rule(seccomp.KILL_PROCESS, name)
    rules.load()

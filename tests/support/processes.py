"""What runs on this machine, told by psutil: `ps` is not on every machine, and may cut lines to a terminal's width."""

import psutil


def is_alive(pid: int) -> bool:
    """False once it has ended, even if nobody has asked for its exit status yet."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes_with(mark: str) -> list[int]:
    """Ids of the processes whose command lines contain the mark."""
    running = psutil.process_iter(["cmdline"])
    return [one.pid for one in running if mark in " ".join(one.info["cmdline"] or [])]


def parent_of(pid: int) -> int | None:
    """None if the process has ended."""
    try:
        return psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return None


def told(pid: int) -> str:
    """The process's command line and environment; empty if it has ended or belongs to somebody else."""
    try:
        process = psutil.Process(pid)
        return " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return ""

"""A file of lines that is only added to and read from anywhere, at once and by several; for what memory has no room."""

import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from sluice.errors import SluiceError, UsageError

SMALL = 4 << 20  # bytes that are kept in memory before a nameless file is made for them
BLOCK = 1 << 17

LineSpan = tuple[int, int]  # where a line begins, and how long it is


class NoRoom(SluiceError):
    """The file cannot be made or written."""


class LineFile:
    """Lines of bytes, in the file at `path`, which is this process's alone meanwhile, or in one without a name.

    Half a line at the end of the file, as an interrupted process leaves it, is cut off.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._memory = bytearray()
        self._file: int | None = None
        self._end = 0
        self.path = path
        if path:
            self._keep(open_locked(path))
            self._end = find_last_line_end(self._descriptor())
            os.ftruncate(self._descriptor(), self._end)

    def add(self, line: bytes) -> LineSpan:
        """Write one line, without its newline. It is in the operating system's hands when this returns."""
        with self._lock:
            place = (self._end, len(line))
            self._write(line + b"\n")
            self._end += len(line) + 1
        return place

    def read_line(self, place: LineSpan) -> bytes:
        start, length = place
        if self._file is None:
            return bytes(self._memory[start : start + length])
        return os.pread(self._file, length, start)

    def release_lock(self) -> None:
        """Let another process add lines; this one adds no more, and can still read."""
        if self.path:
            import fcntl

            fcntl.flock(self._descriptor(), fcntl.LOCK_UN)

    def __iter__(self) -> Iterator[tuple[LineSpan, bytes]]:
        start, rest = 0, b""
        while block := self.read_line((start + len(rest), BLOCK)):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield (start, len(line)), line
                start += len(line) + 1

    def _write(self, data: bytes) -> None:
        if self._file is None and len(self._memory) + len(data) > SMALL:
            memory, self._memory = bytes(self._memory), bytearray()
            self._keep(open_unnamed())
            write_all(self._descriptor(), memory, 0)
        if self._file is None:
            self._memory += data
        else:
            try:
                write_all(self._file, data, self._end)
            except OSError as error:
                raise NoRoom(f"{self.path or 'A temporary file'} cannot be written: {error.strerror}.") from None

    def _keep(self, file: int) -> None:
        self._file = file
        weakref.finalize(self, os.close, file)

    def _descriptor(self) -> int:
        assert self._file is not None
        return self._file


def open_locked(path: Path) -> int:
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise NoRoom(f"{path} cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise UsageError(f"{path}: another replay is writing there.", "Wait for it, or name another folder.") from None
    return file


def open_unnamed() -> int:
    """Create a temporary file without a name, which is gone with the process."""
    import tempfile  # only what is large needs it, and start-up counts

    file, name = tempfile.mkstemp(prefix="sluice-")
    os.unlink(name)
    return file


def write_all(file: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


def find_last_line_end(file: int) -> int:
    """The offset in bytes behind the last newline; 0 if there is none."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - BLOCK)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0

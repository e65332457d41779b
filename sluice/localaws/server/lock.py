"""moto is not thread-safe: whoever touches a backend holds this lock, and only for as long as that takes."""

import threading

LOCK = threading.RLock()

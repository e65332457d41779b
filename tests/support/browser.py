"""A real Chromium, spoken to in its own protocol over a pipe: no driver, no library, and nothing to pin.

`BROWSER` names another one; `PICTURES=folder` keeps what the tests have looked at.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Chromium:
    """The browser's two pipes: commands go in, answers and events come out, each ended by a zero byte."""

    def __init__(self, commands: int, answers: int) -> None:
        self._in, self._out = commands, answers
        self._ids = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def asks(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        told = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        message = json.dumps(told).encode() + b"\0"
        while message:
            message = message[os.write(self._in, message) :]
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def waits_for(self, event: str, session: str) -> None:
        while not any(each.get("method") == event and each.get("sessionId") == session for each in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._out, 1 << 20)
            if not read:
                raise AssertionError("The browser ended.")
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def opens(self, file: Path) -> "Page":
        target = self.asks("Target.createTarget", url="about:blank")["targetId"]
        session = self.asks("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Network", "Runtime", "Log", "DOM", "CSS", "Accessibility"):
            page.asks(f"{domain}.enable")
        page.is_as_wide_as(1280)
        page.asks("Page.navigate", url=file.as_uri())
        self.waits_for("Page.loadEventFired", session)
        return page


class Page:
    """One tab."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target

    def asks(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.asks(method, self._session, **params)

    def closes(self) -> None:
        self._browser.asks("Target.closeTarget", targetId=self._target)

    def says(self, script: str) -> Any:
        """What an expression is in the page."""
        answer = self.asks("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def is_as_wide_as(self, pixels: int, height: int = 900) -> None:
        size = {"width": pixels, "height": height, "deviceScaleFactor": 1, "mobile": pixels < 600}
        self.asks("Emulation.setDeviceMetricsOverride", **size)

    def is_seen(self, scheme: str = "light", media: str = "screen") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.asks("Emulation.setEmulatedMedia", media=media, features=features)
        self.says(
            "getComputedStyle(document.body).color && document.body.offsetHeight"
        )  # laid out anew before it is asked

    def presses(self, key: str) -> None:
        told = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": {"Enter": "\r", " ": " "}[key]} if key != "Tab" else {}
        self.asks("Input.dispatchKeyEvent", type="keyDown", **told, **text)
        self.asks("Input.dispatchKeyEvent", type="keyUp", **told)

    def events(self, method: str) -> Iterator[dict[str, Any]]:
        for event in self._browser.events:
            if event.get("sessionId") == self._session and event.get("method") == method:
                yield event["params"]

    def requests(self) -> list[str]:
        """Every address that the page asked for."""
        self.says("1")  # what happened until now has been told
        return [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Errors, warnings and whatever else appears in the console."""
        self.says("1")
        logged = [event["entry"]["text"] for event in self.events("Log.entryAdded")]
        spoken = [str(event["args"]) for event in self.events("Runtime.consoleAPICalled")]
        return logged + spoken + [str(event) for event in self.events("Runtime.exceptionThrown")]

    def fonts(self, selector: str) -> dict[str, int]:
        """The fonts that an element is really set in, with the number of glyphs from each."""
        root = self.asks("DOM.getDocument")["root"]["nodeId"]
        node = self.asks("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        found = self.asks("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
        return {font["familyName"]: int(font["glyphCount"]) for font in found}

    def heard(self) -> list[dict[str, Any]]:
        """The page as it is told to who listens to it."""
        nodes: list[dict[str, Any]] = self.asks("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]

    def printed(self) -> bytes:
        return base64.b64decode(self.asks("Page.printToPDF", printBackground=True)["data"])

    def shows(self, name: str) -> None:
        """Keeps a picture of the whole page, if somebody wants to look."""
        if folder := os.environ.get("PICTURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            data = self.asks("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(data))


@contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    """A browser with an empty profile in `folder`."""
    binary = os.environ.get("BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if not binary:
        raise AssertionError(
            "There is no Chromium. On Debian: apt-get install chromium fonts-noto-cjk; or BROWSER=path."
        )
    flags = [*FLAGS, f"--user-data-dir={folder}", *(["--no-sandbox"] if os.getuid() == 0 else [])]
    (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
    script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'  # Chromium reads from 3 and writes to 4
    log = (folder / "browser.log").open("wb")
    process = subprocess.Popen(
        ["bash", "-c", script, binary, *flags], pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        browser = Chromium(ours_in, ours_out)
        yield browser
        browser.asks("Browser.close")
    finally:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        os.close(ours_in)
        os.close(ours_out)

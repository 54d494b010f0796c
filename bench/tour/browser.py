"""A headless Chromium driven over the Chrome DevTools Protocol: open a page, wait for its text, click, take a picture."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

WIDTH, HEIGHT = 1360, 860
Wanted = str | re.Pattern[str]


class PageError(AssertionError):
    """A page does not show what it should."""


def chromium() -> str | None:
    """Where Chromium is, or Chrome; None where there is neither."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def _is_in(wanted: Wanted, text: str) -> bool:
    return " ".join(wanted.split()) in text if isinstance(wanted, str) else wanted.search(text) is not None


class Browser:
    """One tab."""

    def __init__(self, socket: ClientConnection, patience: float) -> None:
        self._socket, self._patience, self._number = socket, patience, 0
        self._ask("Page.enable")

    def go(self, url: str) -> None:
        """Open a page; its content comes later."""
        self._ask("Page.navigate", url=url)

    def size(self, height: int = HEIGHT, width: int = WIDTH) -> None:
        """Make the window so large."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script: str) -> Any:
        """What a JavaScript expression gives."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(f"script failed: {answer['exceptionDetails'].get('text')}")
        return answer["result"].get("value")

    def text(self) -> str:
        """What the page shows as text, blanks made one."""
        return " ".join(str(self.run("document.body ? document.body.innerText : ''")).split())

    def shows(self, *wanted: Wanted) -> None:
        """Wait until the page shows all of these texts and patterns. Raises `PageError` with those it does not show."""
        missing: list[str] = []

        def all_there() -> bool:
            text = self.text()
            missing[:] = [word if isinstance(word, str) else word.pattern for word in wanted if not _is_in(word, text)]
            return not missing

        try:
            self._wait(all_there)
        except TimeoutError:
            where = self.run("location.href")
            raise PageError(f"{where} does not show {missing} but: {self.text()[:4000]}") from None

    def click(self, label: str, nth: int = 0) -> None:
        """Click what bears exactly this label, as soon as it is there."""
        script = f"""(() => {{
            const found = [...document.querySelectorAll('a, button, [role=tab], [role=button], span, div')].filter(
                one => one.innerText && one.innerText.trim() === {json.dumps(label)} && one.getClientRects().length);
            const inmost = found.filter(one => !found.some(other => other !== one && one.contains(other)));
            if (!inmost[{nth}]) return false;
            inmost[{nth}].scrollIntoView({{block: 'center'}}); inmost[{nth}].click(); return true;
        }})()"""
        try:
            self._wait(lambda: bool(self.run(script)))
        except TimeoutError:
            raise PageError(f"{self.run('location.href')} has nothing to click called {label!r}: {self.text()[:4000]}") from None

    def scroll_to(self, text: str) -> None:
        """Bring the inmost element with this text to the top."""
        script = f"""(() => {{
            const found = [...document.querySelectorAll('*')].filter(
                one => one.innerText && one.innerText.includes({json.dumps(text)}));
            if (found.length) found[found.length - 1].scrollIntoView({{block: 'start'}});
        }})()"""
        self.run(script)

    def picture(self, path: Path) -> None:
        """Take a picture of what is visible, in few colours, for it lies in the repository."""
        from io import BytesIO

        from PIL import Image

        time.sleep(1.0)  # animations
        raw = base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])
        image = Image.open(BytesIO(raw)).convert("RGB").quantize(64, dither=Image.Dither.NONE)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, optimize=True)

    def _wait(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + self._patience
        while not done():
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.3)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=self._patience))
            if message.get("id") == self._number:
                if "error" in message:
                    raise PageError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result


@contextmanager
def browsing(patience: float = 90.0) -> Iterator[Browser]:
    """A tab of a browser of its own, ended with the block."""
    program = chromium()
    if program is None:
        raise PageError("there is no Chromium on the PATH")
    with tempfile.TemporaryDirectory(prefix="tour-", ignore_cleanup_errors=True) as profile:
        # fmt: off
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-dev-shm-usage",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        ]
        # fmt: on
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = _port(Path(profile) / "DevToolsActivePort", process, patience)
            tabs = httpx.get(f"http://127.0.0.1:{port}/json", timeout=patience).json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            with connect(address, max_size=64 * 1024 * 1024, open_timeout=patience) as socket:
                browser = Browser(socket, patience)
                browser.size()
                yield browser
        finally:
            process.terminate()
            process.wait(timeout=30)


def _port(file: Path, process: subprocess.Popen[bytes], patience: float) -> int:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process.poll() is not None:
            raise PageError(f"Chromium ended with {process.returncode} before it was ready")
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.1)
    raise PageError("Chromium did not become ready")

"""A browser that takes pictures of pages: reports, terminals, and those of MLflow."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
WIDE, PHONE, MLFLOW = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}, {"width": 1600, "height": 900}
PATIENCE = 300  # seconds for MLflow's pages
COLOURS = 128


class Browser:
    """Takes pictures.

    Parameters
    ----------
    chromium : playwright's browser
    """

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def report(self, file: Path, size: Mapping[str, int] = WIDE, colours: str = "light") -> bytes:
        """Return the first screen of a report."""
        page = self._chromium.new_page(viewport=size, color_scheme=colours)
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelectorAll('table.sorts:not(.dataTable)').length === 0")
        return self._taken(page)

    def text(self, html: str) -> bytes:
        """Return a page of text, as large as it is."""
        page = self._chromium.new_page(viewport={"width": 1300, "height": 200})
        page.set_content(html)
        return self._taken(page, page.locator("body"))

    def mlflow(self, address: str, until: str) -> bytes:
        """Return a page of MLflow's as soon as it shows a text."""
        page = self._chromium.new_page(viewport=MLFLOW)
        page.set_default_timeout(PATIENCE * 1000)
        page.route(lambda url: not url.startswith((address.partition("/#")[0], "data:", "blob:")), lambda r: r.abort())
        page.goto(address)
        page.wait_for_function("text => document.body.innerText.includes(text)", arg=until)
        with suppress(Exception):  # what MLflow offers beside the runs, and remembers to be closed
            page.get_by_role("button", name="Close", exact=True).first.click(timeout=3000)
        page.wait_for_timeout(3000)  # until charts are drawn and columns are placed
        return self._taken(page)

    def _taken(self, page: Any, of: Any = None) -> bytes:
        taken: bytes = (page if of is None else of).screenshot()
        page.close()
        return smaller(taken)


def smaller(picture: bytes) -> bytes:
    """Return a picture with fewer colours, which takes a third of the room."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return min(picture, written.getvalue(), key=len)


@contextmanager
def opened() -> Iterator[Browser]:
    """Open a browser; the program ends where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("error: pictures are taken by playwright; pip install -e '.[dev]' installs it")
    if (path := next(filter(None, map(shutil.which, BROWSERS)), None)) is None:
        sys.exit(f"error: pictures are taken by a browser, and there is none of {', '.join(BROWSERS)}")
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield Browser(chromium)
        chromium.close()


@contextmanager
def mlflow_ui(folder: Path) -> Iterator[str]:
    """Type ``mlflow ui`` in a folder; yield its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    with open(folder / "mlflow_ui.log", "w") as log:
        started = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(f"{address}/health"):
            if started.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: mlflow ui does not start:\n{(folder / 'mlflow_ui.log').read_text()[-2000:]}")
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(timeout=20)
        with suppress(ProcessLookupError):  # what it started may outlive it
            os.killpg(started.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False

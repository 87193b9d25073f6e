"""The report and the runs as a person sees them: in a browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
STRATEGIES = ["none", "tuned_threshold", "inv_freq", "smote"]
SWEEP = (
    f"strategy={','.join(STRATEGIES)}", "model=mlp,logreg", "seed=range(3)",
    "training.epochs=12", "evaluation.resamples=200", "evaluation.figures=false",
)  # fmt: skip
TRAINING = {"workflowType": "machine_learning"}
# What MLflow's pages complain of by themselves: a server without users, and what they look for on the internet.
NOT_OURS = re.compile(r"mlflow/users/current|ResizeObserver loop|net::ERR_FAILED")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, _migrated: Path) -> Path:
    """A folder with the runs of a small sweep and their report."""
    folder = tmp_path_factory.mktemp("swept")
    shutil.copy(_migrated, folder / "mlflow.db")
    run = [sys.executable, "-m", "imbalance_lab"]
    subprocess.run([*run, "-m", *SWEEP], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    command = [*run, "compare", "format=html"]
    shown = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert shown.splitlines()[-1] == "comparison.html"
    return folder


@pytest.fixture(scope="module")
def client(swept: Path):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{swept}/mlflow.db")


@pytest.fixture(scope="module")
def runs(client) -> list:
    """The runs as MLflow has them."""
    (experiment,) = [e for e in client.search_experiments() if e.name == "four_classes"]
    found = client.search_runs([experiment.experiment_id], "tags.outcome = 'finished' and params.seed != ''")
    assert len(found) == 3 * 2 * len(STRATEGIES)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if (path := next(filter(None, map(shutil.which, BROWSERS)), None)) is None:
        pytest.skip(f"there is no browser: {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=OPTIONS)
        yield opened
        opened.close()


class Watched:
    """A page, with what it asked for and complained of."""

    def __init__(self, browser, local: str) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 1100})
        self.requests, self.complaints = [], []
        own = (local, "data:", "blob:")
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self._complain(message))
        self.page.route(lambda url: not url.startswith(own), lambda route: route.abort())

    def _complain(self, message) -> None:
        self.complaints.append(f"{message.text} {message.location.get('url', '')}")


@pytest.fixture
def report(browser, swept: Path) -> Iterator[Watched]:
    watched = Watched(browser, "file:")
    watched.page.goto((swept / "comparison.html").as_uri())
    watched.page.wait_for_selector("table.dataTable", state="attached")
    watched.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    watched.page.wait_for_function("document.querySelectorAll('table.sorts:not(.dataTable)').length === 0")
    yield watched
    assert watched.complaints == []
    assert [url[:80] for url in watched.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    watched.page.close()


def keep(page, name: str, otherwise: Path) -> None:
    """Save a screenshot in the folder that KEEP_SCREENSHOTS names, or in the test's own."""
    folder = Path(os.environ.get("KEEP_SCREENSHOTS") or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / name)


def column(page, header: str) -> tuple:
    """Return a table's head cell and the numbers below it: of the first group's strategies."""
    table = page.locator("#group-1 table").first
    headers = [" ".join(text.split()) for text in table.locator("thead th").all_inner_texts()]
    at = headers.index(header)
    cells = table.locator(f"tbody tr > :nth-child({at + 1})")
    return table.locator("thead th").nth(at), lambda: [float(c.get_attribute("data-order")) for c in cells.all()]


def soon(page, values, reverse: bool) -> bool:
    """Whether the values are sorted within some seconds of a click."""
    for _ in range(100):
        if values() == sorted(values(), reverse=reverse):
            return True
        page.wait_for_timeout(50)
    return False


def test_the_report_shows_what_mlflow_has(report: Watched, runs: list) -> None:
    page = report.page
    for run in runs:
        value = run.data.metrics["test/balanced_accuracy"]
        link = page.locator(f"a[href$='/experiments/{run.info.experiment_id}/runs/{run.info.run_id}']")
        assert link.text_content() == f"{value:.3f}"
        assert float(link.locator("xpath=..").get_attribute("data-order")) == value
    for at, model in ((1, "logreg"), (2, "mlp")):
        rows = page.locator(f"#group-{at} table").first.locator("tbody tr").all()
        shown = {r.locator("th").inner_text(): r.locator("td").nth(1).get_attribute("data-order") for r in rows}
        assert sorted(shown) == sorted(STRATEGIES)
        for name, mean in shown.items():
            of = [r for r in runs if (r.data.tags["strategy"], r.data.tags["model"]) == (name, model)]
            logged = [r.data.metrics["test/balanced_accuracy"] for r in of]
            assert float(mean) == pytest.approx(sum(logged) / 3, abs=1e-12)
    assert page.locator("#group-2 figure svg").count() == 5


def test_a_click_sorts_a_table_by_its_numbers(report: Watched) -> None:
    head, values = column(report.page, "balanced accuracy")
    assert values() == sorted(values(), reverse=True)
    for reverse in (False, True):
        head.click()
        assert soon(report.page, values, reverse)
    head, values = column(report.page, "fit (s)")
    head.click()
    assert soon(report.page, values, reverse=False)


def test_the_table_of_all_groups_can_be_searched(report: Watched) -> None:
    rows = report.page.locator("#all tbody tr")
    assert rows.count() == 2 * len(STRATEGIES)
    report.page.locator("#all input").fill("smote")
    assert rows.count() == 2
    assert all("smote" in text for text in rows.all_inner_texts())


def test_the_report_fits_a_phone(report: Watched, tmp_path: Path) -> None:
    report.page.set_viewport_size({"width": 390, "height": 844})
    assert report.page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(report.page, "report_phone.png", tmp_path)
    last = report.page.locator("#group-1 table").first.locator("tbody tr").first.locator("td").last
    assert last.bounding_box()["x"] > 390
    last.scroll_into_view_if_needed()  # the table scrolls by itself
    assert last.bounding_box()["x"] + last.bounding_box()["width"] <= 390
    for table in report.page.locator("table.overview").all():  # fits as it is
        assert table.bounding_box()["x"] + table.bounding_box()["width"] <= 390


def test_the_report_can_be_printed(report: Watched, tmp_path: Path) -> None:
    keep(report.page, "report.png", tmp_path)
    assert report.page.pdf(format="A4").startswith(b"%PDF")
    report.page.emulate_media(media="print")
    report.page.set_viewport_size({"width": 703, "height": 1000})  # A4 within its margins
    for hidden in (".dt-search", ".dt-column-order"):
        assert not any(found.is_visible() for found in report.page.locator(hidden).all())
    assert report.page.evaluate("document.documentElement.scrollWidth") <= 703


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def server(swept: Path) -> Iterator[str]:
    """The address of ``mlflow server`` on the runs of the sweep."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{swept}/mlflow.db"]
    with open(swept / "server.log", "w") as log:
        started = subprocess.Popen(
            [*command, "--port", str(port), "--workers", "1"],
            cwd=swept, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 180
        while not answers(f"{address}/health"):
            assert started.poll() is None and time.monotonic() < deadline, (swept / "server.log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(timeout=20)
        with suppress(ProcessLookupError):  # what it started may outlive it
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


@pytest.fixture
def mlflow_ui(browser, server: str) -> Iterator[Watched]:
    watched = Watched(browser, server)
    watched.page.set_default_timeout(180_000)
    watched.page.set_viewport_size({"width": 1600, "height": 1000})
    yield watched
    assert [said for said in watched.complaints if not NOT_OURS.search(said)] == []
    watched.page.close()


def saved_view(server: str, experiment: str, key: str, **more: str) -> str:
    return f"{server}/#/experiments/{experiment}/runs?{urlencode({'viewStateShareKey': key, **more, **TRAINING})}"


def means(runs: list, key: str) -> dict[tuple[str, str], float]:
    """Return the mean of a metric for each strategy and model."""
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        values.setdefault((run.data.tags["strategy"], run.data.tags["model"]), []).append(run.data.metrics[key])
    return {name: sum(found) / len(found) for name, found in values.items()}


def shown_column(page, key: str) -> list[float]:
    """Return the numbers of a column of MLflow's table of runs, from top to bottom."""
    cells = page.locator(f".ag-center-cols-container .ag-cell[col-id='metrics.`{key}`']").all()
    placed = sorted((cell.bounding_box()["y"], cell.inner_text()) for cell in cells)
    return [float(re.match(r"[\d.]+", text)[0]) for _, text in placed]


def test_the_saved_view_shows_a_row_per_strategy_best_first(
    mlflow_ui: Watched, server: str, swept: Path, runs: list, tmp_path: Path
) -> None:
    page, experiment, sweep = mlflow_ui.page, runs[0].info.experiment_id, runs[0].data.tags["sweep"]
    for key in ("strategies", sweep):
        page.goto("about:blank")
        page.goto(saved_view(server, experiment, key))
        page.get_by_text("Group: strategy: smote", exact=False).first.wait_for()
        headers = [text for text in page.locator(".ag-header-cell").all_inner_texts() if text.startswith("test/")]
        assert headers[:2] == ["test/balanced_accuracy", "test/recall/A"]  # A is the rarest
        for metric in headers[:2]:
            expected = means(runs, metric)
            assert sorted(shown_column(page, metric)) == pytest.approx(sorted(expected.values()), abs=1e-4)
        column = shown_column(page, "test/balanced_accuracy")
        assert column == sorted(column, reverse=True)
        assert len(column) == 2 * len(STRATEGIES)
    keep(page, "mlflow_view.png", tmp_path)


def test_the_saved_view_draws_balanced_accuracy_and_recalls_and_nothing_else(
    mlflow_ui: Watched, server: str, runs: list, tmp_path: Path
) -> None:
    page = mlflow_ui.page
    page.goto(saved_view(server, runs[0].info.experiment_id, "strategies", compareRunsMode="CHART"))
    page.wait_for_function("/strategies\\s*\\(5\\)/.test(document.body.innerText)")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length >= 5")
    text = page.inner_text("body")
    assert {f"test/recall/{name}" for name in "ABCD"} <= set(text.splitlines())
    assert not re.search(r"(?m)^(val|timing|train|test_interval)/", text)
    keep(page, "mlflow_view_charts.png", tmp_path)


def test_whoever_opens_the_experiment_reads_strategies_and_numbers(
    mlflow_ui: Watched, server: str, runs: list, tmp_path: Path
) -> None:
    page = mlflow_ui.page
    page.goto(f"{server}/#/experiments/{runs[0].info.experiment_id}/runs?{urlencode(TRAINING)}")
    link = page.get_by_role("link", name="Strategies", exact=True)
    reads_the_best_three(page, runs)
    keep(page, "mlflow_experiment.png", tmp_path)
    with page.expect_popup() as opened:
        link.click()
    group = opened.value.get_by_text("Group: strategy: smote", exact=False).first
    group.wait_for(timeout=180_000)
    assert group.is_visible()
    opened.value.close()


def reads_the_best_three(page, runs: list) -> None:
    """Look for what to use and the numbers of the best three strategies in the first two lines of a page's note."""
    accuracy, recall = (means(runs, f"test/{key}") for key in ("balanced_accuracy", "recall/A"))
    note = page.locator("p:has(a:text-is('Strategies'))").first  # roles are hidden below what MLflow offers
    note.wait_for()
    assert re.match(r"(Use|Stay with|Not settled:|Best mean:) ", note.inner_text())
    for name in sorted(accuracy, key=accuracy.get, reverse=True)[:3]:
        assert f"{' '.join(name)} {accuracy[name]:.3f} ({recall[name]:.2f})" in note.inner_text()
    assert note.is_visible()


def test_whoever_clicks_on_the_experiment_in_the_list_reads_strategies_and_numbers(
    mlflow_ui: Watched, server: str, runs: list, tmp_path: Path
) -> None:
    """MLflow 3.17 opens an experiment on its page for GenAI until the person has chosen training; no tag changes it."""
    page = mlflow_ui.page
    page.goto(f"{server}/#/experiments")
    experiment = page.get_by_role("link", name="four_classes", exact=True).first
    experiment.wait_for()
    row = page.get_by_role("row").filter(has=experiment)
    assert re.search(r"(Use|Stay with|Not settled:|Best mean:) \*\*", row.inner_text())
    keep(page, "mlflow_list.png", tmp_path)
    experiment.click()
    page.wait_for_url(re.compile(r"/experiments/\d+/"))
    reads_the_best_three(page, runs)
    keep(page, "mlflow_clicked.png", tmp_path)


def test_the_report_is_one_click_from_the_sweep(
    mlflow_ui: Watched, client, server: str, runs: list, tmp_path: Path
) -> None:
    page, parent = mlflow_ui.page, runs[0].data.tags["mlflow.parentRunId"]
    best = client.get_run(parent)
    page.goto(f"{server}/#/experiments/{best.info.experiment_id}/runs/{parent}")
    page.get_by_text(best.info.run_name).first.wait_for()
    link = page.get_by_role("link", name="Report", exact=True)
    link.wait_for()
    keep(page, "mlflow_sweep.png", tmp_path)
    page.goto(f"{server}/{link.get_attribute('href')}")
    heading = page.frame_locator("iframe").get_by_text("Strategies compared on four_classes")
    heading.wait_for()
    assert heading.is_visible()


def runs_page(server: str, experiment: str, **more: str) -> str:
    asked = {
        "workflowType": "machine_learning",
        "searchFilter": 'tags.outcome = "finished" and params.seed = "0"',
        "orderByKey": "metrics.`test/balanced_accuracy`",  # a list in another order than of time is not folded
    }
    return f"{server}/#/experiments/{experiment}/runs?{urlencode(asked | more)}"


def test_mlflow_lists_the_runs(mlflow_ui: Watched, server: str, runs: list, tmp_path: Path) -> None:
    mlflow_ui.page.goto(runs_page(server, runs[0].info.experiment_id))
    for run in runs:
        if run.data.params["seed"] == "0":
            shown = mlflow_ui.page.get_by_text(run.info.run_name, exact=True).first
            shown.wait_for()
            assert shown.is_visible()
    keep(mlflow_ui.page, "mlflow_runs.png", tmp_path)


def test_mlflow_charts_the_runs(mlflow_ui: Watched, server: str, runs: list, tmp_path: Path) -> None:
    page = mlflow_ui.page
    page.goto(runs_page(server, runs[0].info.experiment_id, compareRunsMode="CHART"))
    drawn = [run for run in runs if run.data.params["seed"] == "0"]
    expected = sorted(f"{run.data.metrics['test/balanced_accuracy']:.2f}" for run in drawn)

    def shown() -> bool:
        cards = re.findall(r"(?ms)^test/balanced_accuracy\n(.*?)(?=^[a-z_]+/|\Z)", page.inner_text("body"))
        return expected in [sorted(re.findall(r"(?m)^0\.\d\d$", card)) for card in cards]

    deadline = time.monotonic() + 180
    while not shown() and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    assert shown()
    assert all(run.info.run_name in page.inner_text("body") for run in drawn)
    keep(page, "mlflow_chart.png", tmp_path)


def test_a_link_of_the_report_leads_to_its_run(
    mlflow_ui: Watched, report: Watched, server: str, runs: list, tmp_path: Path
) -> None:
    link = report.page.locator(f"a[href$='{runs[0].info.run_id}']").get_attribute("href")
    assert link.startswith("http://localhost:5000/#/")
    mlflow_ui.page.goto(link.replace("http://localhost:5000", server))
    mlflow_ui.page.get_by_text(str(runs[0].data.metrics["test/balanced_accuracy"])).first.wait_for()
    assert runs[0].info.run_name in mlflow_ui.page.inner_text("body")
    keep(mlflow_ui.page, "mlflow_run.png", tmp_path)

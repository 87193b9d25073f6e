from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from imbalance_lab.app.compare import main
from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.answer import answer_of
from imbalance_lab.comparison.report.ink import VARIABLES
from imbalance_lab.comparison.report.page import MOST_EPOCH_RUNS, html, runs_with_epochs
from tests.comparison.conftest import made, made_epochs

VOID = {"meta", "img", "input", "br", "hr", "link", "path", "use", "image", "rect", "stop"}
NASTY = "weird(a='<b>x</b>', b=\"q\"&)"


class Page(HTMLParser):
    """Reads a page: that tags are closed, what stands in it, and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.shown, self.attributes, self.headings, self.pictures = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.attributes += [(tag, key, value) for key, value in attributes]
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if given.get("role") == "img" or tag == "img":
            self.pictures.append(given.get("aria-label") or given.get("alt"))

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, key, value) for key, value in attributes]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.shown).split())


def comparison(names=("none", "tuned_threshold", NASTY), datasets=("a",), models=("mlp",), seeds=4, **more):
    rng = np.random.default_rng(0)
    cells = {
        (d, m, s): 0.5 + 0.1 * k + 0.05 * rng.random(seeds)
        for d in datasets
        for m in models
        for k, s in enumerate(names)
    }
    return compare(made(cells, **more), Settings())


@pytest.fixture(scope="module")
def whole() -> tuple:
    found = comparison(datasets=("a", "b", "c"), classes=("<5", "$10_$20"), skipped=("<i>lost</i>",), links=True)
    epochs = made_epochs(runs_with_epochs(found), ["<5", "$10_$20"])
    return found, html(found, epochs)


def test_the_page_is_well_formed_and_says_what_was_compared(whole) -> None:
    page = Page(whole[1])
    assert page.open == []
    assert ("html", "lang", "en") in page.attributes
    assert ("meta", "content", "width=device-width, initial-scale=1") in page.attributes
    assert page.headings[0] == 1 and set(page.headings[1:]) == {2}
    assert "36 runs of 3 strategies in 3 groups" in page.text
    for words in ("balanced accuracy, larger is better", "tuned_threshold", "within ±0.01", "95%"):
        assert words in page.text


def test_every_answer_strategy_number_and_reason_is_there(whole) -> None:
    found, text = whole
    page = Page(text)
    orders = [float(value) for _, key, value in page.attributes if key == "data-order" and value]
    for one in found.compared:
        assert answer_of(one.table, found.settings).why in page.text
        for mean in [*one.table["mean"], *one.group.metrics.balanced_accuracy]:
            assert mean in orders and f"{mean:.3f}" in page.text
    for one in found.across:
        assert set(one.ranks) <= set(orders)
        assert f"p = {one.friedman['p_F']:.2g}" in page.text
    assert "<b>cannot</b> be trained" in page.text and "<i>lost</i>" in page.text


def test_names_are_never_markup(whole) -> None:
    assert NASTY in Page(whole[1]).text
    for markup in ("<b>", "<i>lost", "'<b>x"):
        assert markup not in whole[1]
    assert {"<5", "$10_$20"} <= set(re.findall(r"<5|\$10_\$20", Page(whole[1]).text))


def test_nothing_is_loaded_from_elsewhere(whole) -> None:
    page, text = Page(whole[1]), whole[1]
    for _, key, value in page.attributes:
        if key in ("src", "href", "xlink:href"):
            assert re.match(r"data:|#|http://localhost:5000/#/experiments/1/runs/run\d+$", value), value[:80]
    assert not re.search(r"url\(\s*['\"]?(?!data:|#)", text)
    assert "@import" not in text
    assert text.count("data:text/javascript;base64,") == 1
    links = [value for tag, key, value in page.attributes if (tag, key) == ("a", "href") and value.startswith("http")]
    assert len(set(links)) == 36


def test_figures_are_described(whole) -> None:
    pictures = Page(whole[1]).pictures
    assert len(pictures) == 3 * 5 + 1  # differences twice, recalls, trade-off, epochs; ranks across datasets
    assert all(pictures)
    assert sum("Against the control, tuned_threshold: 1 better, 1 worse." in words for words in pictures) == 3


def test_every_picture_is_drawn_in_the_page_in_colours_that_follow_it(whole) -> None:
    text = whole[1]
    assert "@media (prefers-color-scheme: dark)" in text
    drawn = " ".join(re.findall(r"<svg role=.*?</svg>", text, re.DOTALL))
    assert "data:image" not in drawn and "<image" not in drawn and "<img" not in text
    assert "stroke: currentColor" in drawn and "fill: var(--better)" in drawn and "fill: var(--worse)" in drawn
    for colour in VARIABLES:
        assert colour not in drawn


def test_the_answer_comes_first_and_once(whole) -> None:
    found = comparison(names=("none", "tuned_threshold", "smote"))
    page = Page(html(found))
    why = answer_of(found.compared[0].table, found.settings).why
    assert why.startswith("It is better than none by 0.2")
    assert page.text.count(why) == 1
    assert page.text.index("Use smote") < page.text.index(why) < page.text.index("Against the control")
    assert "Against none: better" not in page.text


def test_what_can_be_typed_next_is_text_below_the_answer() -> None:
    found = comparison(names=("none", "smote"))
    text = html(found, then="Next, more <i>seeds</i>:\npython -m imbalance_lab -m <b>strategy=none</b>")
    assert "<code>python -m imbalance_lab -m &lt;b&gt;strategy=none&lt;/b&gt;</code>" in text
    assert "Next, more &lt;i&gt;seeds&lt;/i&gt;:</p>" in text
    assert '<div class="next">' not in html(found)


def test_several_datasets_are_one_table_each_set_folded_below(whole) -> None:
    text = whole[1]
    assert text.count('<table class="overview"') == 2
    for at, dataset in enumerate("abc", start=1):
        assert f'<a href="#group-{at}">{dataset}</a>' in text
        assert re.search(rf'<details class="group">(?:(?!</details>).)*<section id="group-{at}"', text, re.DOTALL)
    assert '<strong title="better">▲</strong> ' in text and '<strong title="worse">▼</strong> ' in text


def test_a_picture_of_very_many_runs_stays_small() -> None:
    rng = np.random.default_rng(0)
    names = ["none", *(f"s{k}" for k in range(39))]
    found = compare(made({("a", "mlp", name): 0.5 + 0.1 * rng.random(100) for name in names}), Settings())
    sizes = [len(picture) for picture in re.findall(r"<svg role=.*?</svg>", html(found), re.DOTALL)]
    assert len(sizes) == 3 and max(sizes) < 300_000


def test_a_usual_report_is_small(whole) -> None:
    assert len(whole[1]) < 2_000_000


def test_without_epochs_links_and_control_there_is_still_a_report() -> None:
    page = Page(html(comparison(names=("none", "smote"))))
    assert "the control tuned_threshold was not run anywhere" in page.text
    assert len(page.pictures) == 3
    assert "Against plain training, none" in page.pictures[0]


def test_a_model_without_epochs_beside_one_that_has_them_is_shown_without() -> None:
    found = comparison(names=("none", "smote"), models=("logreg", "mlp"))
    runs = found.compared[1].group.runs.index
    page = Page(html(found, made_epochs(list(runs), ["rare", "common"])))
    assert sum(words.startswith("Recall by epoch") for words in page.pictures) == 1


def test_models_on_one_dataset_have_an_answer_each_before_anything_else() -> None:
    page = Page(html(comparison(names=("none", "tuned_threshold", "smote"), models=("logreg", "mlp"))))
    for model in ("logreg", "mlp"):
        answer = page.text.index(f"a, {model} : use smote")
        assert answer < page.text.index("Differences on each group")


def test_one_run_of_one_strategy_can_be_shown() -> None:
    assert "Best mean: none" in Page(html(comparison(names=("none",), seeds=1))).text


def test_a_missing_run_leaves_an_empty_cell_that_sorts_as_a_number() -> None:
    table = made({("a", "mlp", "none"): [0.5, 0.6], ("a", "mlp", "smote"): [0.7]})
    assert '<td class="n" data-order=""></td>' in html(compare(table, Settings()))


def test_only_so_many_runs_and_classes_are_drawn_by_epoch_and_the_page_notes_it() -> None:
    classes = [f"c{k}" for k in range(12)]
    found = comparison(names=("none", "smote"), seeds=MOST_EPOCH_RUNS + 2, classes=classes)
    runs = runs_with_epochs(found)
    assert len(runs) == 2 * MOST_EPOCH_RUNS
    text = Page(html(found, made_epochs(runs, classes))).text
    assert f"At most {MOST_EPOCH_RUNS} runs of each strategy are drawn." in text
    assert "The 8 rarest of 12 classes are drawn." in text


def test_groups_of_one_dataset_have_one_answer_on_top() -> None:
    values = {"none": [0.50, 0.51, 0.49, 0.50], "tuned_threshold": [0.60, 0.61, 0.60, 0.61]}
    cells = {("a", "mlp", name): row for name, row in values.items()}
    cells |= {("a", "logreg", name): [value + 0.1 for value in row] for name, row in values.items()}
    shown = Page(html(compare(made(cells)))).text
    assert "Use tuned_threshold with logreg It is better than none by 0.105" in shown
    assert shown.index("Use tuned_threshold with logreg") < shown.index("Each group")
    assert "best of 2 groups, which are not tested against each other" in shown
    assert "balanced accuracy of tuned_threshold 0.705" in shown


def test_many_groups_are_all_in_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imbalance_lab.comparison.report.page.MOST_SECTIONS", 2)
    found = comparison(names=("none", "smote"), datasets=[f"d{k}" for k in range(4)], seeds=2)
    page = Page(html(found))
    assert "2 of 4 groups have no section" in page.text
    assert len(page.pictures) == 2 * 3 + 1
    assert all(f"d{k} mlp smote 2" in page.text for k in range(4))


def test_the_command_writes_a_file_and_says_where(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("imbalance_lab.app.compare.read", lambda *_: made({("a", "mlp", "none"): [0.5, 0.6]}))
    main(["format=html"])
    assert capsys.readouterr().out.splitlines()[-1] == "comparison.html"
    assert Page((tmp_path / "comparison.html").read_text()).text.startswith("Strategies compared on a a, mlp: 2 runs")
    main(["format=html", "out=other.html"])
    assert (tmp_path / "other.html").read_text() == (tmp_path / "comparison.html").read_text()

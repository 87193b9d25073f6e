from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import DataError, LabWarning

DAYS = pd.date_range("2019-12-01", periods=120)
LABELS = ["yes", *["no"] * 4] * 24
FRAME = pd.DataFrame({"x": np.linspace(0, 1, 120), "day": DAYS, "label": LABELS})


def written(form: str) -> list[str]:
    return [day.strftime(form) for day in DAYS]


def read(cells: list[str], **settings: object) -> Dataset:
    file = Path("d.csv")
    pd.DataFrame({"day": cells, "label": LABELS}).to_csv(file, index=False)
    return Table(path=str(file), target="label", **settings).load()


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("%Y-%m-%d", ""), ("%Y/%m/%d", ""), ("%Y-%m-%dT%H:%M:%S", ""), ("%Y-%m-%d %H:%M:%S.000Z", ""),
        ("%d.%m.%Y", r" \(day first\)"), ("%d/%m/%Y", r" \(day first\)"), ("%m/%d/%Y %H:%M", r" \(month first\)"),
        ("%d %b %Y", ""), ("%d-%B-%Y", ""), ("%B %d, %Y", ""),
    ],
)  # fmt: skip
def test_usual_ways_to_write_dates_are_read_and_noted(form: str, order: str) -> None:
    note = f"column 'day' holds dates{order}; they become days since 1970-01-01, month and weekday"
    with pytest.warns(LabWarning, match=note):
        data = read(written(form))
    assert data.kinds == {"day": "date"}
    assert data.X["day"].tolist() == DAYS.tolist()
    assert len(data.notes) == 1


def test_a_date_becomes_days_month_and_weekday_by_hand() -> None:
    X = pd.DataFrame({"day": pd.to_datetime(["1970-01-02 06:00", "2024-02-29 00:00", None]), "x": [1.0, 2.0, 3.0]})
    made = Prepare(scale="none").fit(X, {"day": "date", "x": "numeric"}, np.float64)(X)
    # 1970-01-02 was a Friday; 2024-02-29, day 19782, a Thursday; the medians of both fill the gap.
    np.testing.assert_array_equal(made, [[1, 1.25, 1, 4], [2, 19782, 2, 3], [3, (1.25 + 19782) / 2, 1.5, 3.5]])


def test_a_frame_with_dates_is_the_same_dataset_as_its_file() -> None:
    with pytest.warns(LabWarning, match="'day' holds dates"):
        frame = Dataset.from_frame(FRAME, "label", name="t")
    FRAME.to_csv("t.csv", index=False)
    with pytest.warns(LabWarning):
        file = Table(path="t.csv", target="label").load()
    FRAME.to_parquet("t.parquet")
    with pytest.warns(LabWarning):
        parquet = Table(path="t.parquet", target="label").load()
    assert frame.content_hash == file.content_hash == parquet.content_hash
    assert frame.summary() == file.summary()
    assert "1 numeric and 1 date columns" in frame._repr_html_()
    plain = FRAME.assign(day=[date(2019, 12, 1), *[day.date() for day in DAYS[1:]]])
    with pytest.warns(LabWarning):
        assert Dataset.from_frame(plain, "label", name="t").content_hash == frame.content_hash
    with pytest.warns(LabWarning):
        shifted = Dataset.from_frame(FRAME.assign(day=DAYS.tz_localize("Europe/Berlin")), "label", name="t")
    assert shifted.content_hash == frame.content_hash
    with pytest.warns(LabWarning):
        later = Dataset.from_frame(FRAME.assign(day=DAYS + pd.Timedelta(days=1)), "label", name="t")
    assert later.content_hash != frame.content_hash


@pytest.mark.parametrize("cells", [["01/02/2020", "03/04/2020"], ["1/2/20", "28/2/20"], ["13/01/2020", "01/13/2020"]])
def test_days_and_months_that_cannot_be_told_apart_are_refused(cells: list[str]) -> None:
    with pytest.raises(DataError, match=r"'day' holds dates that can be read in two ways.*dataset\.date_format=") as e:
        read(cells * 60)
    assert "dataset.drop=[day]" in str(e.value)
    assert len(str(e.value)) < 260


def test_the_format_settles_it_and_compact_dates_are_named() -> None:
    with pytest.warns(LabWarning, match=r"%d/%m/%Y"):
        data = read(["01/02/2020", "03/04/2020"] * 60, date_format="%d/%m/%Y")
    assert data.X["day"].dt.month.unique().tolist() == [2, 4]
    assert read(written("%Y%m%d")).kinds == {"day": "numeric"}
    with pytest.warns(LabWarning):
        assert read(written("%Y%m%d"), dates="day").X["day"].tolist() == DAYS.tolist()


def test_cells_that_are_no_dates_are_named_and_can_be_missing() -> None:
    cells = [*written("%Y-%m-%d")[:118], "2020-02-30", "unknown"]
    with pytest.raises(DataError, match=r"2 of 120 cells are none: '2020-02-30' in row 119, 'unknown' in row 120"):
        read(cells)
    with pytest.warns(LabWarning):
        assert read(cells, missing=["2020-02-30", "unknown"]).X["day"].isna().sum() == 2


def test_dates_can_stay_categories() -> None:
    data = read(["2020-01-01", "2020-01-02"] * 60, categorical="day")
    assert data.kinds == {"day": "categorical"}
    with pytest.raises(DataError, match="in two ways"):
        read(["1/2/2020", "2/1/2020"] * 60)

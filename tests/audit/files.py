"""Tables and folders that are wrong in some way, or look so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 120
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3))
Y = np.where(X[:, 0] + RANDOM.normal(size=ROWS) * 0.5 > 0.6, "b", "a")
BASE = pd.DataFrame(X, columns=["f1", "f2", "f3"]).assign(label=Y)
NAMES = [
    "a/b", "../../x", "with space", "ünï", "😀", "x" * 400, "None", "nan2", "<script>alert(1)</script>", '"></script>',
    "%00", "/etc/passwd", "a\nb", "q'uote", "a=b", "{x}", "[l]", "$x", "\\",
]  # fmt: skip
ONE_ROW = np.eye(1, ROWS, 0, dtype=int)[0]


def frames() -> dict[str, pd.DataFrame]:
    """Tables that are written as CSV, by the name of their file."""
    labels = BASE.drop(columns="label").assign(h=(X[:, 2] > 0.5).astype(int))
    positive = (X[:, 1] > 0).astype(int)
    weird = pd.DataFrame(RANDOM.normal(size=(800, 2)), columns=["f1", "<script>alert(2)</script>"])
    other = BASE[BASE.label != BASE.label[0]].head(1)
    return {
        "ok": BASE,
        "onerow": BASE.head(1),
        "oneclass": BASE[BASE.label == "a"],
        "rare1": pd.concat([BASE, pd.DataFrame({"f1": [0], "f2": [0], "f3": [0], "label": ["c"]})]),
        "allmiss": BASE.assign(all=np.nan),
        "targetnan": BASE.assign(label=np.nan),
        "targetcont": BASE.assign(label=RANDOM.normal(size=ROWS) * 10),
        "targetid": BASE.assign(label=np.arange(ROWS)),
        "inf": BASE.assign(f1=np.where(np.arange(ROWS) == 3, np.inf, X[:, 0])),
        "targetinf": BASE.assign(label=np.where(np.arange(ROWS) == 2, np.inf, positive)),
        "mixed": BASE.assign(f1=[*BASE.f1[:4], "abc", *BASE.f1[5:]]),
        "dates": BASE.assign(f1=pd.date_range("2020-01-01", periods=ROWS)),
        "weird": weird.assign(label=np.array(NAMES, dtype=object)[RANDOM.integers(len(NAMES), size=800)]),
        "nonename": BASE.assign(label=np.where(Y == "a", "None", "nan")),
        "emptyname": BASE.assign(label=np.where(Y == "a", "x", "")),
        "spacename": BASE.assign(label=np.where(Y == "a", "x", " ")),
        "casedup": BASE.assign(label=np.where(Y == "a", "yes", " yes")),
        "bool": BASE.assign(label=Y == "a"),
        "const": BASE.assign(f1=1, f2=1, f3=1),
        "duprows": pd.concat([BASE.head(1)] * 100 + [other] * 10),
        "idcol": BASE.assign(id=np.arange(ROWS)),
        "uuid": BASE.assign(id=[f"id{i:05d}" for i in range(ROWS)]),
        "leak": BASE.assign(copy=(Y == "a").astype(int)),
        "intcols": BASE.rename(columns={"label": "0", "f1": "1", "f2": "2", "f3": "3"}),
        "hugenum": BASE.assign(f1=BASE.f1 * 1e300),
        "hugenum2": BASE.assign(f1=["1e400", *["1"] * (ROWS - 1)]),
        "onlytarget": BASE[["label"]],
        "ml": labels.assign(g=positive),
        "ml2": labels.assign(g=positive * 2),
        "ml_same": labels.assign(g=1),
        "ml_nan": labels.assign(g=np.where(np.arange(ROWS) == 3, np.nan, positive)),
        "ml_str": labels.assign(g=np.where(positive, "yes", "no")),
        "ml_rare": labels.assign(g=ONE_ROW),
        "missing_only_test": BASE.assign(f1=np.where(np.arange(ROWS) < 115, np.nan, 1)),
        "target2000": pd.DataFrame(RANDOM.normal(size=(6000, 2)), columns=["a", "b"]).assign(
            label=np.arange(6000) // 3
        ),
        "catonly": BASE.assign(f1=np.where(X[:, 0] > 0, "u", "v"), f2="k", f3="z"),
    }


def bytes_of_files() -> dict[str, bytes]:
    """Files by name, as they are on disk."""
    csv = BASE.to_csv(index=False)
    rows = [f"{a:.3f},{b:.3f},{c}" for a, b, c in zip(X[:, 0], X[:, 1], Y, strict=True)]
    twice = [f"{a:.3f},{c},{c}" for a, c in zip(X[:, 0], Y, strict=True)]
    huge = [f"{'x' * 300000 if i == 3 else i % 7},{c}" for i, c in enumerate(Y)]
    texts = {
        "empty.csv": "",
        "header.csv": "f1,f2,label\n",
        "blanklines.csv": "\n\n\n\n",
        "dup.csv": "\n".join(["f1,f1,label", *rows]),
        "duptarget.csv": "\n".join(["f1,label,label", *twice]),
        "label_dot1.csv": "\n".join(["f1,label,label.1", *twice]),
        "semi.csv": BASE.to_csv(index=False, sep=";"),
        "pipe.csv": BASE.to_csv(index=False, sep="|"),
        "tab.csv": BASE.to_csv(index=False, sep="\t"),
        "huge.csv": "\n".join(["f1,label", *huge]),
        "ragged.csv": "f1,f2,label\n1,2,a\n1,2,3,b\n1,b\n" * 10,
        "raggedshort.csv": "f1,f2,label\n" + "1,2,a\n3,4,b\n5\n" * 20,
        "quote.csv": 'f1,label\n"1,a\n2,b\n3,a\n',
        "ok.json": BASE.to_json(),
        "fake.csv.gz": csv,
    }
    junk = np.random.default_rng(1).bytes
    return {name: text.encode() for name, text in texts.items()} | {
        "bom.csv": b"\xef\xbb\xbf" + csv.encode(),
        "latin1.csv": BASE.assign(label=np.where(Y == "a", "Käse", "Brot")).to_csv(index=False).encode("latin-1"),
        "utf16.csv": csv.encode("utf-16"),
        "ok.csv.gz": gzip.compress(csv.encode()),
        "junk.csv": junk(5000),
        "nul.csv": b"a,b,label\n" + b"\x00" * 3000,
        "bad.parquet": junk(2000),
        "ok.xlsx": b"PK\x03\x04junk",
        "my data (1).csv": csv.encode(),
    }


def parquets() -> dict[str, pd.DataFrame]:
    """Tables that are written as Parquet."""
    dates = pd.date_range("2020", periods=2).repeat(ROWS // 2)
    return {
        "lists": BASE.assign(l=[[1, 2]] * ROWS),
        "dates": BASE.assign(l=pd.date_range("2020", periods=ROWS)),
        "targetdate": BASE.assign(label=dates),
        "targetlist": BASE.assign(label=[[1] if v == "a" else [2] for v in Y]),
        "targetdict": BASE.assign(label=[{"k": v} for v in Y]),
        "targetbytes": BASE.assign(label=[b"a" if v == "a" else b"\xff" for v in Y]),
    }


def lay_down(folder: Path) -> None:
    """Write all of them below a folder."""
    data = folder / "data"
    (data / "dir.csv").mkdir(parents=True)
    for name, frame in frames().items():
        frame.to_csv(data / f"{name}.csv", index=False)
    for name, content in bytes_of_files().items():
        (data / name).write_bytes(content)
    for name, frame in parquets().items():
        frame.to_parquet(data / f"{name}.parquet")
    BASE.to_parquet(data / "trunc.parquet")
    whole = (data / "trunc.parquet").read_bytes()
    (data / "trunc.parquet").write_bytes(whole[: len(whole) // 2])
    BASE.to_csv(data / "noperm.csv", index=False)
    (data / "noperm.csv").chmod(0)  # which the superuser reads all the same


RECORDS: dict[str, Callable[[], str]] = {
    "cut": lambda: '{"outcome": "finished", "na',
    "bare": lambda: json.dumps({"outcome": "finished"}),
    "list": lambda: "[1]",
    "nothing": lambda: "",
    "binary": lambda: "\x00\x01",
}

"""What the page tells people to run fits together, and to MLflow's own options."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import mlflow
import yaml
from mlflow.cli import server as mlflow_server

HERE = Path(__file__).resolve().parents[2] / "experiments" / "server"
OPTIONS = {option for param in mlflow_server.params for option in (*param.opts, *param.secondary_opts)}
VARIABLES = {str(param.envvar) for param in mlflow_server.params if param.envvar}


def compose() -> dict:
    return yaml.safe_load((HERE / "compose.yaml").read_text())


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z_0-9]+)=(.*)$", text, re.MULTILINE))


def test_every_variable_of_the_services_is_explained() -> None:
    text = (HERE / "compose.yaml").read_text()
    used, known = set(re.findall(r"\$\{([A-Za-z_0-9]+)", text)), variables((HERE / "env.example").read_text())
    assert used <= set(known)
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    assert {name for name in known if re.search("PASSWORD|SECRET_KEY", name) and "AWS" not in name} <= needed
    assert all(known[name] == "" for name in known if "PASSWORD" in name or "SECRET" in name)


def test_services_are_waited_for_and_what_they_name_exists() -> None:
    made = compose()
    services = made["services"]
    lasting = {name for name in services if services[name].get("restart")}
    assert {"postgres", "mlflow", "proxy"} <= lasting
    for name in lasting:
        assert services[name]["healthcheck"]["test"], name
        for volume in services[name].get("volumes", ()):
            assert volume.partition(":")[0] in made["volumes"]
        for config in services[name].get("configs", ()):
            assert config["source"] in made["configs"]
    for name in services:
        for other, how in services[name].get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"} and "healthcheck" in services[other]
    assert [name for name in services if "ports" in services[name]] == ["proxy"]


def test_mlflow_knows_the_options_and_variables() -> None:
    typed = compose()["services"]["mlflow"]["command"]
    unit = (HERE / "mlflow.service").read_text()
    (started,) = re.findall(r"ExecStart=(.*)", unit)
    words = [word.partition("=")[0] for word in (*typed, *started.split()) if word.startswith("--")]
    assert set(words) <= OPTIONS
    from mlflow import environment_variables

    given = {**variables((HERE / "mlflow.env").read_text()), **compose()["services"]["mlflow"]["environment"]}
    unknown = {name for name in given if not hasattr(environment_variables, name)} - VARIABLES
    assert unknown == set()


def test_users_are_kept_as_mlflow_reads_it() -> None:
    (shipped,) = Path(mlflow.__file__).parent.glob("server/auth/basic_auth.ini")
    known = set(re.findall(r"^(?:# )?(\w+) = ", shipped.read_text(), re.MULTILINE)) | {"auth_cache_ttl_seconds"}
    for text in ((HERE / "auth.ini").read_text(), compose()["configs"]["auth"]["content"]):
        read = configparser.ConfigParser()
        read.read_string(text)
        assert set(read["mlflow"]) <= known
        assert read["mlflow"]["database_uri"].startswith("sqlite:////")  # beside the artifacts, with the backups


def test_the_version_is_that_of_the_constraints() -> None:
    root = HERE.parents[1]
    (pinned,) = re.findall(r"^mlflow==(.*)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    for file in ("compose.yaml", "README.md"):
        assert set(re.findall(r"mlflow\[auth\]==(\d[\d.]*\d)", (HERE / file).read_text())) == {pinned}
    links = re.findall(r"\]\((\w[\w.]*)\)", (HERE / "README.md").read_text())
    assert links and all((HERE / link).is_file() for link in links)


def test_usage_is_shown_where_something_is_mistyped() -> None:
    command = [sys.executable, "-m", "experiments.server", "prot=5000"]
    ended = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True)
    assert ended.returncode == 1 and ended.stderr.splitlines()[-1] == "error: there is no prot"

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.cli.monitor import KEPT
from edge.drift import Reference
from edge.inference.artifact.artifact import REFERENCE
from edge.monitor import Arrival, Store, Subscriber
from edge.monitor.store.keeping import parse_duration
from edge.monitor.store.retention import Keep
from edge.monitor.watch import Until, Watching, live_table
from edge.protocol.broker import Broker
from edge.protocol.messages import Identity, StatusMessage, encode

NOBODY = "mqtt://127.0.0.1:1"
"""tcpmux: nothing listens there."""


def test_once_without_a_broker_is_one_line_and_status_7(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--broker", NOBODY, "--once"]) == 7
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "edge: mqtt://127.0.0.1:1: Connection refused\n"


def test_how_long_what_is_kept_is_the_same_in_the_command_the_api_and_the_readme() -> None:
    readme = (Path(__file__).parents[3] / "edge" / "monitor" / "README.md").read_text("utf-8")
    for field in dataclasses.fields(Keep):
        default, _ = KEPT[field.name]
        assert parse_duration(default, field.name) == getattr(Keep(), field.name)
        assert f"| `--keep-{field.name}` | {default} |" in readme
    assert len(KEPT) == len(dataclasses.fields(Keep))


def test_a_model_gives_the_store_its_reference(
    tmp_path: Path, make_artifact: Callable[..., bytes], drift_reference: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cookie.tflite").write_bytes(make_artifact(files={REFERENCE: drift_reference}))
    (tmp_path / "bare.tflite").write_bytes(make_artifact())
    words = ["monitor", "--broker", NOBODY, "--duration", "0", "--store", str(tmp_path / "m.db"), "--model"]
    assert main([*words, str(tmp_path / "cookie.tflite")]) == 0
    store = Store(tmp_path / "m.db")
    assert [digest for digest, _, _ in store.reader().references()] == [Reference.from_bytes(drift_reference).digest]
    store.close()
    capfd.readouterr()
    assert main([*words, str(tmp_path / "bare.tflite")]) == 4
    assert "has no drift reference" in capfd.readouterr().err


def test_a_database_that_does_not_answer_is_one_line_without_the_password(capfd: pytest.CaptureFixture[str]) -> None:
    address = "postgresql://eva:secret@127.0.0.1:1/fleet?connect_timeout=2"
    assert main(["monitor", "--broker", NOBODY, "--store", address, "--duration", "0"]) == 6
    err = capfd.readouterr().err
    assert err.startswith("edge: postgresql://eva:…@127.0.0.1:1/fleet")
    assert "secret" not in err
    assert err.count("\n") == 1


def test_otherwise_it_waits_and_says_so_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--broker", NOBODY, "--json", "--duration", "0.7", "--until-idle", "0.1"]) == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "edge: mqtt://127.0.0.1:1: Connection refused; waiting for it\n"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--broker", "http://line"], 3, "expected mqtt://"),
        (["--broker", NOBODY, "--root", "a+b"], 3, "root"),
        (["--broker", NOBODY, "--store", "/nowhere/monitor.db"], 6, "/nowhere/monitor.db"),
        (["--broker", NOBODY, "--password-file", "x"], 3, "user"),
        (["--broker", NOBODY, "--share", "a/b"], 3, "share"),
        (["--broker", NOBODY, "--keep-windows", "7 days"], 3, "--keep-windows: expected a time such as 7d"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str], status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", *options, "--once"]) == status
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_without_a_broker_the_table_shows_what_the_store_has(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "monitor.db")
    status = StatusMessage(**Identity("oven-3", "", "", "b", "m", 1, ()).head(0), state="online")
    store.accept([Arrival("edge/v1/oven-3/status", encode(status))])
    store.close()
    assert main(["monitor", "--broker", NOBODY, "--store", str(tmp_path / "monitor.db"), "--duration", "0.1"]) == 0
    assert "oven-3" in capfd.readouterr().out


def test_the_live_table_says_what_it_waits_for(capfd: pytest.CaptureFixture[str]) -> None:
    store = Store()
    subscriber = Subscriber(Broker.parse(NOBODY), store)
    live_table(Watching(subscriber, None, Until(duration_s=0.1)), store)
    assert "waiting: mqtt://127.0.0.1:1: Connection refused" in " ".join(capfd.readouterr().out.split())
    store.close()


def test_a_table_higher_than_the_terminal_shows_what_drifts_or_is_away_and_what_it_waits_for(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "12")
    store = Store()
    for number in range(30):
        status = StatusMessage(
            device=f"oven-{number}", boot_id="b1", seq=0, state="offline" if number == 29 else "online"
        )
        store.accept([Arrival(f"edge/v1/oven-{number}/status", encode(status))])
    live_table(Watching(Subscriber(Broker.parse(NOBODY), store), None, Until(duration_s=0.1)), store)
    out = capfd.readouterr().out
    assert "oven-29" in out
    assert "6 of 30 devices, those that drift or are away first; waiting: mqtt://127.0.0.1:1" in " ".join(out.split())
    store.close()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ([], 3, "--broker: expected mqtt://HOST to listen to, or --web HOST:PORT"),
        (["--web", "8080"], 3, "HOST:PORT"),
        (["--web", "127.0.0.1:0"], 3, "--store"),
        (["--web", "0.0.0.0:0", "--store", "{folder}/m.db"], 3, "--token-file FILE"),
        (["--web", "0.0.0.0:0", "--token-file", "{folder}/none", "--store", "{folder}/m.db"], 3, "none"),
        (["--web", "127.0.0.1:0", "--store", "{folder}/none.db"], 6, "none.db"),
        (["--web", "192.0.2.1:0", "--token-file", "{folder}/token", "--store", "{folder}/m.db"], 7, "cannot listen"),
        (
            ["--token-file", "{folder}/token", "--broker", NOBODY, "--json"],
            3,
            "--token-file: expected with --web only",
        ),
    ],
)
def test_wrong_options_of_the_pages_are_one_line(
    options: list[str], status: int, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / "m.db").close()
    (tmp_path / "token").write_text("0123456789abcdef")
    assert main(["monitor", *(option.format(folder=tmp_path) for option in options)]) == status
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("broker", [[], ["--broker", NOBODY, "--json"]])
def test_the_pages_stand_beside_whatever_else_it_does(
    tmp_path: Path, broker: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / "m.db").close()
    words = ["monitor", "--store", str(tmp_path / "m.db"), "--web", "127.0.0.1:0", "--duration", "0.3", *broker]
    assert main(words) == 0
    assert re.search(r"^edge: pages at http://127\.0\.0\.1:\d+/$", capfd.readouterr().err, re.MULTILINE)

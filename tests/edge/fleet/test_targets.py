from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.fleet import Options, SshOptions, open_target, open_targets, read_targets
from edge.fleet.ssh.address import SshAddress
from edge.fleet.ssh.client import Client


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("line-1", "", "line-1", None),
        ("pi@line-1", "pi", "line-1", None),
        ("pi@fe80::1%eth0", "pi", "fe80::1%eth0", None),
        ("ssh://line-1", "", "line-1", None),
        ("ssh://pi@line-1:2222", "pi", "line-1", 2222),
        ("ssh://pi@[::1]:22/", "pi", "::1", 22),
    ],
)
def test_an_address_is_read_as_ssh_reads_it(text: str, user: str, host: str, port: int | None) -> None:
    assert SshAddress.parse(text) == SshAddress(host, user, port)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-oProxyCommand=x", "expected user@host"),
        ("pi@-v", "expected user@host"),
        ("-l@host", "expected user@host"),
        ("", "expected user@host"),
        ("pi@", "expected user@host"),
        ("a b", "expected user@host"),
        ("pi@line-1:22", "ssh://pi@line-1:22"),
        ("ssh://pi:secret@host", "expected user@host"),
        ("ssh://host:99999", "expected user@host"),
        ("ssh://host/path", "expected user@host"),
        ("shh://host", "did you mean 'ssh'?"),
        ("dir://media/root", "dir:///media/root"),
    ],
)
def test_what_is_no_target_is_refused_with_the_form_that_was_expected(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_target(text, Options())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "pair",
    [
        ("pi@line-1", "pi@line-1"),
        ("pi@line-1", "ssh://pi@LINE-1:22"),
        ("dir:///mnt/card", "dir:///mnt/./card/"),
    ],
)
def test_two_spellings_of_one_target_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="given twice"):
        open_targets(pair, Options())
    assert len(open_targets([pair[0], "another"], Options())) == 2


def test_no_target_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="--targets FILE"):
        open_targets([], Options())


def test_a_file_of_targets_has_comments(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("# hall 1\npi@line-1\n\n  pi@line-2  # the old one\ndir:///media/a#b\n")
    assert read_targets(path) == ["pi@line-1", "pi@line-2", "dir:///media/a#b"]
    path.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match="names no target"):
        read_targets(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_targets(tmp_path / "none.txt")


def test_what_the_user_says_to_ssh_comes_before_what_we_say() -> None:
    options = SshOptions(ssh_config=Path("c"), extra=("ConnectTimeout=3",))
    words = Client(SshAddress("line-1", "pi", 2222), options).words("edge slots offer")
    assert words[:4] == ["ssh", "-T", "-F", "c"]
    assert words.index("ConnectTimeout=3") < words.index("ConnectTimeout=10")
    assert words[-7:] == ["-p", "2222", "-l", "pi", "--", "line-1", "edge slots offer"]
    assert "BatchMode=yes" in words


def test_a_wrong_option_for_ssh_is_refused() -> None:
    with pytest.raises(ConfigError, match="Key=value"):
        open_target("line-1", Options(ssh=SshOptions(extra=("Verbose",))))

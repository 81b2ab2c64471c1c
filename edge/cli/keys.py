"""``edge keys``: the keys that models are signed with, and which of them a device trusts."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import Subparsers, add_passphrase, add_state_options, state_folder

if TYPE_CHECKING:
    from edge.trust import Trust


def add(subparsers: Subparsers) -> None:
    """Registers the commands."""
    parser = subparsers.add_parser(
        "keys",
        help="sign models; say whose models a device takes",
        description="Make signing keys, sign artifacts, and say which keys a device trusts.",
        epilog="Example: edge keys new works.pem",
    )
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    _add_workstation(kinds)
    _add_device(kinds)


def _add_workstation(kinds: Subparsers) -> None:
    new = _add(kinds, "new", "make a signing key: KEYFILE, and KEYFILE.pub for devices", "works.pem", make_key)
    new.add_argument("keyfile", type=Path, metavar="KEYFILE", help="must not be there yet; keep it secret")
    add_passphrase(new)
    show = _add(kinds, "show", "whose key a file is, private or public", "works.pem.pub", show_key)
    show.add_argument("file", type=Path, metavar="FILE", help="of either kind")
    add_passphrase(show)
    sign = _add(kinds, "sign", "sign an artifact, in place of any signature it has", _SIGN, sign_artifact)
    sign.add_argument("artifact", type=Path, metavar="ARTIFACT", help="the .tflite; replaced as a whole")
    sign.add_argument("--key", type=Path, required=True, metavar="KEYFILE", help="the private key")
    add_passphrase(sign)


def _add_device(kinds: Subparsers) -> None:
    trust = _add(
        kinds, "trust", "take models signed with this key from now on", "works.pem.pub -c edge.toml", trust_key
    )
    trust.add_argument("pubfile", type=Path, metavar="PUBFILE", help="the public key")
    trust.add_argument("--name", default="", metavar="NAME", help="for people; default: the file's name")
    listing = _add(kinds, "list", "the trusted keys, and the highest versions under each", "-c edge.toml", list_keys)
    revoke = _add(kinds, "revoke", "take no more models signed with this key", _REVOKE, revoke_key)
    revoke.add_argument("id", metavar="KEYID", help="as 'edge keys list' shows it")
    revoke.add_argument(
        "--keep-versions", action="store_true", help="the other key takes its versions over; not after a theft"
    )
    for parser in (trust, listing, revoke):
        add_state_options(parser)


_SIGN = "cookie.tflite --key works.pem"
_REVOKE = "5b0c1f6a9d27e384 -c edge.toml"


def _add(kinds: Subparsers, name: str, text: str, example: str, run: object) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"Example: edge keys {name} {example}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def make_key(args: argparse.Namespace) -> int:
    """Raises ConfigError for a name that is taken, MissingError without the extra ``signing``."""
    from edge.trust.key_files import public_path, write_pair
    from edge.trust.keys import passphrase

    key = write_pair(args.keyfile, passphrase(args.passphrase_file))
    public = public_path(args.keyfile)
    _say(
        args,
        {"key": key.id, "private": str(args.keyfile), "public": str(public)},
        f"key {key.id}\n{args.keyfile}      signs; keep it secret, and a copy of it\n{public}  for devices: "
        f"edge keys trust {public} -c edge.toml",
    )
    return 0


def show_key(args: argparse.Namespace) -> int:
    """Raises ConfigError for a file that is no Ed25519 key."""
    from edge.trust.keys import PrivateKey, passphrase, public_pem, read_public
    from edge.trust.signature import key_id

    private = b"PRIVATE KEY" in args.file.read_bytes() if args.file.is_file() else False
    public = (
        PrivateKey.read(args.file, passphrase(args.passphrase_file)).public if private else read_public(args.file)
    )
    kind, pem = "private" if private else "public", public_pem(public).decode()
    _say(args, {"key": key_id(public), "kind": kind, "public": pem}, f"key {key_id(public)}, {kind}\n{pem.rstrip()}")
    return 0


def sign_artifact(args: argparse.Namespace) -> int:
    """Raises ArtifactError for what cannot be signed; the file is then as it was."""
    from edge.errors import ConfigError
    from edge.trust.keys import PrivateKey, passphrase
    from edge.trust.signing import sign_file

    key = PrivateKey.read(args.key, passphrase(args.passphrase_file))
    try:
        size = sign_file(args.artifact, key)
    except OSError as error:
        raise ConfigError(f"{args.artifact}: cannot be written ({error.strerror}); it is as it was") from None
    _say(args, {"artifact": str(args.artifact), "key": key.id, "bytes": size}, f"{args.artifact}: signed by {key.id}")
    return 0


def trust_key(args: argparse.Namespace) -> int:
    """Raises ConfigError when two other keys are trusted, StateError when the state folder cannot be written."""
    from edge.trust.keys import read_public

    public = read_public(args.pubfile)
    name = args.name or args.pubfile.name.removesuffix(".pub").removesuffix(".pem")
    key = _trust(args).add(public, name)
    _say(args, {"key": key.id, "name": key.name}, f"{key.id} ({key.name}) is trusted")
    return 0


def list_keys(args: argparse.Namespace) -> int:
    trust = _trust(args)
    trusted = trust.keys()
    keys = [{"key": key.id, "name": key.name, "versions": trust.versions(key.id)} for key in trusted]
    lines = [f"{key['key']}  {key['name']:<12} {_versions(key['versions'])}".rstrip() for key in keys]
    _say(args, {"keys": keys}, "\n".join(lines) or "no key is trusted; add one with 'edge keys trust PUBFILE'")
    return 0


def revoke_key(args: argparse.Namespace) -> int:
    """Raises ConfigError for a key that is not trusted."""
    trust = _trust(args)
    trust.remove(args.id, keep_versions=args.keep_versions)
    left = trust.key_ids()
    after = f"still trusted: {', '.join(left)}" if left else "no key is trusted now: no signed model is admitted"
    _say(args, {"revoked": args.id, "trusted": list(left)}, f"{args.id} is trusted no more; {after}")
    return 0


def _trust(args: argparse.Namespace) -> Trust:
    from edge.trust import Trust
    from edge.trust.store import FOLDER

    return Trust(state_folder(args) / FOLDER)


def _versions(versions: Any) -> str:
    return ", ".join(f"{model} {version}" for model, version in sorted(versions.items()))


def _say(args: argparse.Namespace, said: dict[str, Any], text: str) -> None:
    sys.stdout.write((json.dumps(said) if args.json else text) + "\n")

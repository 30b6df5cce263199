"""Signatures of constitutions: under one digest, name and version, by one trusted key."""

import dataclasses

import pytest

from blocks.constitution.document import parse_constitution
from blocks.constitution.signing import (
    Signature,
    SignatureInvalid,
    check,
    load_signature,
    read_signature,
    sign,
)
from blocks.errors import BadInput
from blocks.keys import SigningKey

TEXT = (
    'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
    "default: allow\narticles: []\n"
)
CONSTITUTION = parse_constitution(TEXT, "c.yaml")


@pytest.fixture
def key(tmp_path):
    return SigningKey.ensure(tmp_path)


def test_a_signature_by_a_trusted_key_holds(key):
    """Written to a file and read again, it still does; comments in the text change nothing."""
    signature = read_signature(sign(CONSTITUTION, key).text)

    check(CONSTITUTION, signature, {key.id: key.public})
    check(parse_constitution("# a comment\n" + TEXT, "c.yaml"), signature, {key.id: key.public})


@pytest.mark.parametrize(
    ("old", "new"),
    [("default: allow", "default: deny"), ("name: test", "name: tess"), ("1.0.0", "1.0.1")],
)
def test_a_changed_text_is_not_what_was_signed(key, old, new):
    """Whatever is changed in it, and whether or not the digest beside it was changed as well."""
    signature = sign(CONSTITUTION, key)
    changed = parse_constitution(TEXT.replace(old, new), "c.yaml")

    with pytest.raises(SignatureInvalid, match="another text"):
        check(changed, signature, {key.id: key.public})
    forged = dataclasses.replace(signature, digest=changed.digest)
    with pytest.raises(SignatureInvalid, match="is not the key"):
        check(changed, forged, {key.id: key.public})


def test_a_key_that_is_not_trusted_does_not_count(key, tmp_path):
    """Not its own signature, nor one under the name of a trusted key."""
    eve = SigningKey.create(tmp_path / "eve.key")
    signature = sign(CONSTITUTION, eve)

    with pytest.raises(SignatureInvalid, match="does not trust"):
        check(CONSTITUTION, signature, {key.id: key.public})
    with pytest.raises(SignatureInvalid, match="is not the key"):
        check(CONSTITUTION, dataclasses.replace(signature, key=key.id), {key.id: key.public})


def test_a_signature_over_something_else_does_not_count(key):
    """The payload names its type, so that what was signed for another purpose cannot be used here."""
    said = key.sign(CONSTITUTION.digest.encode())
    signature = Signature(key=key.id, signature=said, digest=CONSTITUTION.digest)

    with pytest.raises(SignatureInvalid):
        check(CONSTITUTION, signature, {key.id: key.public})


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 9000, '{"key": 1, "signature": "", "digest": ""}', "x" * 20_000]
)
def test_a_wrong_signature_file_is_said_to_be_one(text):
    """The mend names the command that writes it."""
    with pytest.raises(BadInput, match="is not a signature file") as caught:
        read_signature(text)

    assert "soma constitution sign" in caught.value.mend


def test_the_signature_lies_beside_the_document(key, tmp_path):
    """`NAME.yaml.sig`; a missing one is an error with its mend."""
    path = tmp_path / "c.yaml"
    with pytest.raises(BadInput, match=r"c\.yaml\.sig"):
        load_signature(path)
    signature = sign(CONSTITUTION, key)
    (tmp_path / "c.yaml.sig").write_text(signature.text)

    assert load_signature(path) == signature

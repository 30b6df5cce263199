"""Keys: private halves stay private, public halves are trusted by being laid where others cannot write."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blocks.errors import BadInput, Conflict
from blocks.keys import PublicKey, SigningKey, trust, trusted_keys


def test_the_hubs_key_is_made_once_and_private(tmp_path):
    """Many that start at the same time have the same key; only its owner can read it."""
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: SigningKey.ensure(folder).id, range(32)))

    assert len(ids) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["hub.key", "hub.pub"]
    assert stat.S_IMODE((folder / "hub.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_signature_is_the_keys_over_exactly_the_payload(tmp_path):
    """Any other payload, signature or key does not fit."""
    key = SigningKey.ensure(tmp_path / "one")
    other = SigningKey.ensure(tmp_path / "other")
    signature = key.sign(b"payload")

    assert key.public.verify(b"payload", signature)
    assert not key.public.verify(b"payloae", signature)
    assert not other.public.verify(b"payload", signature)
    assert not any(key.public.verify(b"payload", wrong) for wrong in ("", "é", signature[:-4], "A" * 88))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_can_read_is_refused(tmp_path, mode):
    """The mend is the command that closes it."""
    SigningKey.ensure(tmp_path)
    (tmp_path / "hub.key").chmod(mode)

    with pytest.raises(BadInput, match=f"0{mode:o}") as caught:
        SigningKey.ensure(tmp_path)

    assert caught.value.mend == f"chmod 600 {tmp_path / 'hub.key'}"


def test_trusted_are_the_hubs_key_and_those_laid_beside_it(tmp_path):
    """A key counts by its id, whatever its file is called."""
    hub = SigningKey.ensure(tmp_path / "keys")
    ada = SigningKey.create(tmp_path / "ada.key")
    trust(tmp_path / "keys", PublicKey.from_file(tmp_path / "ada.pub"), "ada")
    trust(tmp_path / "keys", ada.public, "ada")

    assert trusted_keys(tmp_path / "keys") == {hub.id: hub.public, ada.id: ada.public}


def test_another_key_under_a_trusted_name_is_refused(tmp_path):
    """Trust is not replaced in silence, and neither is a key file."""
    trust(tmp_path, SigningKey.create(tmp_path / "ada.key").public, "ada")

    with pytest.raises(Conflict, match="another key is trusted as 'ada'"):
        trust(tmp_path, SigningKey.create(tmp_path / "eve.key").public, "ada")
    with pytest.raises(Conflict, match="already"):
        SigningKey.create(tmp_path / "ada.key")


def test_what_is_no_key_is_not_trusted(tmp_path, caplog):
    """It is told and left out, and the others still count."""
    key = SigningKey.ensure(tmp_path)
    folder = tmp_path / "trusted"
    folder.mkdir()
    rsa = generate_private_key(65537, 1024).public_key()
    (folder / "rsa.pub").write_bytes(rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "junk.pub").write_bytes(b"\xff junk")
    (folder / "private.pub").write_text((tmp_path / "hub.key").read_text())
    open_to_all = trust(tmp_path, SigningKey.create(tmp_path / "ada.key").public, "ada")
    open_to_all.chmod(0o666)

    assert trusted_keys(tmp_path) == {key.id: key.public}
    assert caplog.text.count("not trusted: ") == 4
    assert "chmod" not in caplog.text
    assert "PRIVATE" not in caplog.text


def test_a_key_reads_as_it_was_written(tmp_path):
    """The PEM text is the whole key."""
    public = SigningKey.create(tmp_path / "ada.key").public

    assert PublicKey.from_text(public.text) == public
    assert SigningKey.load(tmp_path / "ada.key").public == public

"""Passwords: kept as hashes, checked alike for everybody."""

import asyncio

import pytest

from blocks.errors import BadInput
from blocks.signing_in.passwords import check_password, fits, hashed, one_time_password


def test_only_the_right_password_fits():
    """A hash says nothing of the password, two of the same differ, and nobody's password fits nothing."""

    async def scene():
        kept, again = await hashed("correct horse battery"), await hashed("correct horse battery")
        tries = [
            await fits(given, hash_of)
            for given, hash_of in (
                ("correct horse battery", kept),
                ("correct horse battery ", kept),
                ("", kept),
                ("correct horse battery", None),
                ("correct horse battery", "no hash at all"),
            )
        ]
        return kept, again, tries

    kept, again, tries = asyncio.run(scene())

    assert kept.startswith("$argon2id$")
    assert "horse" not in kept
    assert kept != again
    assert tries == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "12 to 256"),
        ("x" * 257, "12 to 256"),
        ("aaaaaaaaaaaaaa", "different"),
        ("123 ada 456 xyz", "name"),
        ("123 ADA 456 xyz", "name"),
    ],
)
def test_a_weak_password_is_refused(password, said):
    """The answer says what is wanted, and not what was given."""
    with pytest.raises(BadInput, match=said) as caught:
        check_password(password, "ada")

    assert password not in caught.value.message


def test_a_password_for_one_time_is_a_good_one():
    """It passes the rule for all, and no two are alike."""
    made = {one_time_password() for _ in range(100)}

    assert len(made) == 100
    for password in made:
        check_password(password, "ada")

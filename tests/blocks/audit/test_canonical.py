"""Canonical JSON, the quick way and the long way."""

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.audit.canonical import canonical
from blocks.audit.chain import link_hash
from blocks.plain import digest, plain

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_it_is_what_rfc_8785_writes(value):
    """Numbers, characters beyond the first plane and half surrogate pairs included."""
    assert canonical(value) == rfc8785.dumps(plain(value)).decode()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 2**53 - 1))
def test_the_hash_of_a_place_is_that_of_its_canonical_json(tenant, sequence):
    """Anybody can compute it with an RFC 8785 library and SHA-256."""
    place = {"tenant": tenant, "sequence": sequence, "record": "a" * 64, "previous": "b" * 64}

    assert link_hash(tenant, sequence, "a" * 64, "b" * 64) == digest(place)

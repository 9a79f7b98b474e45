"""The installation's signature: one key, made from the platform's, that anyone can check."""

from hypothesis import given
from hypothesis import strategies as st

from console.vault import checkpoint


def test_the_signing_key_is_the_one_written_down(keys):
    expected = "e0b662b5aa6fab06c3cbb93d61e1adde1d354d313c5e9dfd716be5cb5a5198ec"
    assert checkpoint.public_key_hex(keys) == expected


@given(st.binary(max_size=200), st.data())
def test_a_signature_holds_for_its_payload_and_for_no_other(keys, payload, data):
    public = bytes.fromhex(checkpoint.public_key_hex(keys))
    signature = checkpoint.sign(keys, payload)
    assert len(signature) == 64
    assert checkpoint.verify(public, payload, signature)
    assert not checkpoint.verify(public, payload + b"\0", signature)
    bit = data.draw(st.integers(0, 511))
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not checkpoint.verify(public, payload, bytes(changed))


def test_bytes_that_are_no_key_or_no_signature_verify_nothing(keys):
    signature = checkpoint.sign(keys, b"x")
    assert not checkpoint.verify(b"", b"x", signature)
    assert not checkpoint.verify(bytes(31), b"x", signature)
    assert not checkpoint.verify(bytes.fromhex(checkpoint.public_key_hex(keys)), b"x", b"")

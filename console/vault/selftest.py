"""Known answers: whether this machine's cryptography computes what the standards say."""

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from console.core.errors import Misconfigured

_REMEDY = "Install the package `cryptography` again for this machine, and run `safekeep doctor`."


def check_known_answers() -> None:
    """The algorithms answer as they should. **Raises:** Misconfigured, naming the one that does not.

    A wrong build would not fail by itself: it would seal data that no other machine can open.
    """
    for name, check in (
        ("AES-256-GCM", _aes_gcm_answers),
        ("HKDF-SHA-256", _hkdf_answers),
        ("Cobblestone-256", _cobblestone_answers),
    ):
        try:
            right = check()
        except (InvalidTag, UnsupportedAlgorithm):
            right = False
        if not right:
            raise Misconfigured(f"{name} does not compute its known test vector here. {_REMEDY}")


def _aes_gcm_answers() -> bool:
    """**Source:** McGrew and Viega, The Galois/Counter Mode of Operation, test case 16."""
    cipher = AESGCM(bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2))
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    return (
        cipher.encrypt(nonce, plaintext, associated) == sealed
        and cipher.decrypt(nonce, sealed, associated) == plaintext
    )


def _hkdf_answers() -> bool:
    """**Source:** RFC 5869, appendix A.1."""
    key = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    purpose = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    expected = bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    return HKDFExpand(hashes.SHA256(), len(expected), purpose).derive(key) == expected


def _cobblestone_answers() -> bool:
    """A blob from when the format was chosen, which our own reader opens, too: blobs of any age stay readable.

    **Source:** C2SP, chunked-encryption v1; none of its own vectors are published for AES-256.
    """
    sealed = bytes.fromhex(
        "251fdc4e5eb8758ed0aee28f3b3a525010ec7d302edc66b0349e031e7d25f54486ec5d9e39d87d1dad556d9d43f88844"
        "fd491e1a4f78d489cc412a72ae062b797e28f383642db65ede0ae77c8ffbf45d7bf3709e743442"
    )
    decryptor = Cobblestone256Decryptor(bytes(range(32)), b"safekeep")
    return decryptor.update(sealed) + decryptor.finalize() == b"A known answer."

"""The hash of keys: the same in every process, on every machine, in every version."""

from hashlib import blake2b


def key_hash(key: str, name: str = "") -> int:
    """Return 64 bits of BLAKE2b over `key`, salted with the name of a backend.

    Python's own `hash` is not used, because it differs from process to process.

    Source: RFC 7693; the first 8 bytes, big-endian, of the digest of `name`, a zero byte (which
    no name contains) and the key, both in UTF-8.
    """
    text = f"{name}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

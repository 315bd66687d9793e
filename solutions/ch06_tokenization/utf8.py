"""UTF-8: one to four bytes per character, and ASCII stays ASCII   (Unicode 16, section 3.9; RFC 3629).

    up to U+007F    0xxxxxxx
    up to U+07FF    110xxxxx 10xxxxxx
    up to U+FFFF    1110xxxx 10xxxxxx 10xxxxxx
    up to U+10FFFF  11110xxx 10xxxxxx 10xxxxxx 10xxxxxx

Every character has exactly one encoding, the shortest; surrogates (U+D800 to U+DFFF) have none.
Both rules show in the second byte, which is why a decoder never needs to look further.
"""

REPLACEMENT = "\ufffd"
ERRORS = ("strict", "replace")


def utf8_encode(text: str) -> bytes:
    """Cut a code point into groups of six bits from the right; the first byte tells how many."""
    data = bytearray()
    for position, character in enumerate(text):
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"U+{code:04X} at position {position} is a surrogate, no character")
        if code < 0x80:
            data.append(code)
        elif code < 0x800:
            data += bytes([0xC0 | code >> 6, _tail(code)])
        elif code < 0x10000:
            data += bytes([0xE0 | code >> 12, _tail(code >> 6), _tail(code)])
        else:
            data += bytes([0xF0 | code >> 18, _tail(code >> 12), _tail(code >> 6), _tail(code)])
    return bytes(data)


def utf8_decode(data: bytes, errors: str = "strict") -> str:
    """Read character by character; a broken one ends before the first byte that cannot follow."""
    if errors not in ERRORS:
        raise ValueError(f"{errors=} is not known; choose from {ERRORS}")
    text: list[str] = []
    start = 0
    while start < len(data):
        code, end = _read(data, start)
        if code is None and errors == "strict":
            raise ValueError(
                f"byte 0x{data[start]:02x} at position {start} begins no character; "
                'decode with errors="replace" to go on'
            )
        text.append(REPLACEMENT if code is None else chr(code))
        start = end
    return "".join(text)


def _tail(bits: int) -> int:
    return 0x80 | bits & 0x3F


def _read(data: bytes, start: int) -> tuple[int | None, int]:
    """The code point at `start`, None if it is broken, and where to go on."""
    first = data[start]
    if first < 0x80:
        return first, start + 1
    if not 0xC2 <= first <= 0xF4:  # C0 and C1 would be overlong, F5 and more beyond U+10FFFF
        return None, start + 1
    following = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
    low = {0xE0: 0xA0, 0xF0: 0x90}.get(first, 0x80)  # below: overlong
    high = {0xED: 0x9F, 0xF4: 0x8F}.get(first, 0xBF)  # above: surrogates, beyond U+10FFFF
    code = first & 0x3F >> following
    for i in range(start + 1, start + 1 + following):
        if i == len(data) or not low <= data[i] <= high:
            return None, i
        code, low, high = code << 6 | data[i] & 0x3F, 0x80, 0xBF
    return code, start + 1 + following

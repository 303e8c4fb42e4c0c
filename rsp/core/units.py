"""Numbers, bytes and seconds as a person reads them in a sentence."""


def full_size(count: int) -> str:
    """Return a number of bytes with its unit in words: `64.0 KiB`, `310 B`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def counted(number: int, what: str) -> str:
    """Return how many there are: `1 session`, `1,200 sessions`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def ordinal(number: int) -> str:
    """Return a place in an order: `1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def spoken(seconds: float) -> str:
    """Return a time in a sentence: `5.71 s`, `12 ms`, `0.4 ms`, `80 µs`."""
    if seconds >= 9.95:
        return f"{seconds:,.0f} s"
    if seconds >= 0.9995:
        return f"{seconds:.2f} s"
    if seconds >= 0.00995:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 0.0000995 else f"{seconds * 1e6:.0f} µs"

"""What strangers send to the terminals of others: sixty payloads and more, each with a mark.

OSC sets titles, colours, links and the clipboard; DCS and CSI ask the terminal to type an answer
into the shell; bidirectional and zero-width characters make a name look like another one; markup
would be obeyed, or break, where a text is taken for Rich's or Textual's.
"""

MARK = "Zq"
"""Each payload begins with it, so that a test sees that it was shown at all."""

_OSC = [
    "\x1b]0;title\x07", "\x1b]0;title\x1b\\", "\x1b]2;title\x07", "\x1b]1;icon\x07",
    "\x1b]4;1;#ff0000\x07", "\x1b]7;file://h/etc\x07",
    "\x1b]8;;http://evil.test/\x07x\x1b]8;;\x07",
    "\x1b]8;;javascript:1\x1b\\x\x1b]8;;\x1b\\", "\x1b]9;note\x07", "\x1b]10;?\x07",
    "\x1b]11;?\x07",
    "\x1b]50;?\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1b]52;c;?\x07", "\x1b]52;p;ZXZpbA==\x1b\\",
    "\x1b]104\x07", "\x1b]133;A\x07", "\x1b]777;notify;a;b\x07", "\x1b]1337;File=inline=1:QQ==\x07",
    "\x1b]0;never ended",
]  # fmt: skip
_STRINGS = [
    "\x1bP$q\"p\x1b\\", "\x1bP+q544e\x1b\\", "\x1bPq#0;2;0;0;0~~\x1b\\", "\x1b_Ga=T;QQ==\x1b\\",
    "\x1b^private\x1b\\", "\x1bXstring\x1b\\", "\x1bktitle\x1b\\",
    "\x1bPtmux;\x1b\x1b]52;c;QQ==\x07\x1b\\",
]  # fmt: skip
_CSI = [
    "\x1b[2J", "\x1b[H", "\x1b[31m", "\x1b[6n", "\x1b[c", "\x1b[>c", "\x1b[0x", "\x1b[21t",
    "\x1b[?1049l", "\x1b[?25l", "\x1b[?1000h", "\x1b[?2004h", "\x1b[4h", "\x1b[99999;99999H",
    "\x1b[1000b", "\x1b[8;1;1t", "\x1bc", "\x1b(0", "\x1b#8", "\x1bM", "\x1b",
]  # fmt: skip
_C0_AND_C1 = [
    "\x9b31m", "\x9d0;title\x9c", "\x90q\x9c", "\x9fapc\x9c", "\x84\x85\x8d\x98", "a\x00b",
    "a\rb", "a\nb\r\nc", "a\tb\vc\fd", "\x07\x07\x07", "\x08\x08\x08x", "\x0e\x0f", "\x05\x11\x13",
    "\x18\x1a", "\x7f\x7f",
]  # fmt: skip
_UNICODE = [
    "\u202egnp.exe", "\u202a\u202b\u202d\u202c",
    "\u2066a\u2067b\u2068c\u2069", "\u200e\u200f\u061c",
    "a\u200bb\u200cc\u200d", "\ufeffx", "\u2028\u2029", "\xad\u2060\u2061", "e\u0301\u0301\u0301",
    "\u6f22\u5b57\U0001f600", "\U000e0041\U000e007f", "\ud800\udfff", "\ufff9a\ufffab\ufffb",
    "\xc3\x28\xff\xfe\x80",
]  # fmt: skip
_MARKUP = [
    "/a[/b]", "[red]x[/red]", "[bold]x[/bold][/]", "[@click=app.leave]x[/]",
    "[@click=app.bell()]x[/@click]", "[link=http://evil.test]x[/link]", "[ip=1]", "[",
    "[[]]\\[", "$accent {{x}} %s {0} \\", "[on red]x", ":warning: :bomb:", "&lt;b&gt;<b>x</b>",
]  # fmt: skip

LONG = MARK + "/" + "x\x1b[2J[/b]\u202e" * 7_300
"""64 KiB."""

MARKUP = [MARK + payload for payload in _MARKUP]
"""Those that mean something to Rich, to Textual, or to whatever writes HTML."""

HOSTILE = [
    *(MARK + payload for payload in _OSC + _STRINGS + _CSI + _C0_AND_C1 + _UNICODE),
    *MARKUP,
    LONG,
]

_OBEYED = {
    *map(chr, (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0xFEFF, *range(0x200B, 0x2010))),
    *map(chr, (*range(0x2028, 0x202F), *range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC))),
    *map(chr, (*range(0xE0000, 0xE0080), *range(0xD800, 0xE000))),
}


def obeyed(text: str) -> set[str]:
    """Return what a terminal would obey, or hide, of `text`; the ends of its lines are its own."""
    return {character for character in text if character in _OBEYED} - {"\n"}


def as_sent(payload: str) -> bytes:
    """Return a payload as bytes on a wire, at most 4 KiB: what is no latin-1 goes as UTF-8."""
    return payload.encode("utf-8", "surrogatepass")[:4096]

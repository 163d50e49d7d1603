"""Text as Slack takes it: what comes from the cluster is text alone there, whatever it says, and not too long."""

import unicodedata

HEADER_CHARACTERS = 150
SECTION_CHARACTERS = 3000
BUTTON_URL_CHARACTERS = 3000
MESSAGE_BLOCKS = 50
MESSAGE_CHARACTERS = 10_000
"""Slack says `msg_blocks_too_long` at about 13,000 in all."""

NAME_CHARACTERS = 80

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CUT = "…"


def escaped(text: str, room: int = NAME_CHARACTERS) -> str:
    """Return `text` on one line with `&`, `<` and `>` escaped, cut so that it takes at most `room` characters.

    Characters that aren't to be seen, such as those that turn the direction of what follows, are left out.
    """
    visible = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    pieces = [_ESCAPES.get(character, character) for character in " ".join(visible.split())]
    if sum(map(len, pieces)) <= room:
        return "".join(pieces)
    kept, left = [], room - len(_CUT)
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            break
        kept.append(piece)
    return "".join(kept) + _CUT


def escaped_lines(text: str, room: int) -> str:
    """Return `text` likewise, its lines kept as far as there is room."""
    lines, left = [], room
    for line in text.splitlines():
        if left < len(_CUT):
            break
        lines.append(escaped(line, left))
        left -= len(lines[-1]) + 1
    return "\n".join(lines)

"""What a terminal is given of texts that others wrote: an escape sequence in a cell must not move its cursor."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

_SHOWN = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000)), 0xFFFD)
    | dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
)
"""Control characters, signs that turn the direction of writing and halves of characters, by what stands for them."""


def visible(text: str) -> str:
    r"""Return a text with signs in place of what a terminal would obey or could not show.

    >>> visible("\x1b[31mred\x9b\udce9"), visible("café\n")
    ('␛[31mred��', 'café\n')
    """
    return text.translate(_SHOWN)


class Visible:
    """Something to print, whose texts are made :func:`visible`; its own colours stay.

    :param content: what is printed.
    """

    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the pieces of the content (the protocol of rich)."""
        for piece in console.render(self._content, options):
            yield piece if piece.control else Segment(visible(piece.text), piece.style)

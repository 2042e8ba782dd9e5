"""Colours and how well one can be read on the other (WCAG 2.2, 1.4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from tinycss2 import color4

from publisher.lint.emails_css import Token


@dataclass(frozen=True, slots=True)
class Colour:
    """sRGB and alpha, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, ground: "Colour") -> "Colour":
        """What is seen where this colour lies on an opaque one."""
        own, rest = self.alpha, 1 - self.alpha
        return Colour(
            own * self.red + rest * ground.red,
            own * self.green + rest * ground.green,
            own * self.blue + rest * ground.blue,
        )

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 black to 1 white."""
        red, green, blue = map(_linear, (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def __str__(self) -> str:
        parts = (round(part * 255) for part in (self.red, self.green, self.blue))
        return "#" + "".join(f"{part:02x}" for part in parts)


WHITE, BLACK = Colour(1, 1, 1), Colour(0, 0, 0)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two opaque colours, 1 to 21."""
    dark, light = sorted((one.luminance, other.luminance))
    return (light + 0.05) / (dark + 0.05)


def parse_colour(value: str | Token) -> Colour | None:
    """The colour of a text or token; None if it is none, or one that depends on others."""
    try:
        found = color4.parse_color(value)
        if found is None or isinstance(found, str):
            return None
        red, green, blue = (_clipped(part) for part in found.to("srgb").coordinates)
    except (NotImplementedError, ValueError, TypeError):
        return None
    return Colour(red, green, blue, found.alpha)


def first_colour(tokens: Sequence[Token]) -> Colour | None:
    """The first colour in a value such as that of `background`."""
    return next((found for found in map(parse_colour, tokens) if found), None)


def attribute_colour(value: str | None) -> Colour | None:
    """The colour of `bgcolor` or `color`, which may lack its #."""
    if not value:
        return None
    return parse_colour(value.strip()) or parse_colour("#" + value.strip())


def _clipped(part: float | None) -> float:
    return min(max(part or 0.0, 0.0), 1.0)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

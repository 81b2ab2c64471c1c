"""Thumbnails inside the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2

from edge.core.html.markup import Markup, tag
from edge.inference.frames.folder import read_image

SIDE = 200
"""Longest side in pixels."""
QUALITY = 82


@dataclass(frozen=True, slots=True)
class Said:
    """Judgement of one model on a picture."""

    who: str
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its true label and what was said of it."""

    path: str
    label: str
    said: tuple[Said, ...]
    gap: float | None = None
    """Between the scores of two models, 0 to 1."""
    marked: bool = False


def gallery(pictures: Iterable[Shown]) -> Markup:
    return tag("div", [_figure(picture) for picture in pictures], cls="gallery")


def _figure(picture: Shown) -> Markup:
    lines = [tag("div", "/".join(Path(picture.path).parts[-2:]), cls="path", title=picture.path)]
    lines.append(tag("div", tag("span", "is"), tag("span", picture.label, cls="label")))
    lines += [_said(one, one.label == picture.label) for one in picture.said]
    if picture.gap is not None:
        lines.append(tag("div", tag("span", "gap"), tag("span", f"{100 * picture.gap:.1f} points")))
    caption = tag("figcaption", lines)
    return tag("figure", _thumbnail(Path(picture.path)), caption, cls="differs" if picture.marked else False)


def _said(one: Said, right: bool) -> Markup:
    mark = tag("b", "✓" if right else "✗", cls="good" if right else "poor", title="right" if right else "wrong")
    return tag(
        "div",
        tag("span", one.who),
        tag("span", one.label, cls="label"),
        tag("span", f"{one.score:.1%} ", mark, cls="score"),
    )


def _thumbnail(path: Path) -> Markup:
    image = read_image(path)
    if image is None:
        return tag("p", "no longer readable")
    ratio = min(1.0, SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    source = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return tag("img", src=source, alt="", width=size[0], height=size[1])

"""Thumbnails inside the page."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2

from converter.parity import PictureReport
from edge.frames.folder import read_image
from edge.page.markup import Markup, tag

SIDE = 200
"""Longest side in pixels."""
QUALITY = 82


def gallery(pictures: tuple[PictureReport, ...], recipe: str) -> Markup:
    return tag("div", [_figure(picture, recipe) for picture in pictures], cls="gallery")


def _figure(picture: PictureReport, recipe: str) -> Markup:
    def line(who: str, label: str, score: float) -> Markup:
        right = label == picture.label
        mark = tag("b", "✓" if right else "✗", cls="good" if right else "poor", title="right" if right else "wrong")
        return tag("div", tag("span", who), tag("span", label, cls="label"), tag("span", f"{score:.1%}"), mark)

    caption = tag(
        "figcaption",
        tag("div", "/".join(Path(picture.path).parts[-2:]), cls="path", title=picture.path),
        tag("div", tag("span", "is"), tag("span", picture.label, cls="label")),
        line("float", picture.by_float, picture.float_score),
        line(recipe, picture.by_quantized, picture.quantized_score),
        tag("div", tag("span", "gap"), tag("span", f"{100 * picture.difference:.1f} points")),
    )
    return tag("figure", _thumbnail(Path(picture.path)), caption, cls="differs" if picture.differs else False)


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

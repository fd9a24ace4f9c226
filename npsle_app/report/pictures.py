"""Pictures inside a page: as data URIs, and small enough."""

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# Base64 adds a third; 5.5 MB of pictures make 7.4 MB of the page.
BUDGET_BYTES = 5_500_000
CARD_PX = 520  # twice what a card is wide, for fine screens
_DRAWING = ".svg"  # has no pixels to be made fewer
_TYPES = {
    ".webp": "image/webp", ".png": "image/png", ".jpg": "image/jpeg", _DRAWING: "image/svg+xml",
}  # fmt: skip


def embed(paths: Iterable[Path], *, budget: int = BUDGET_BYTES) -> dict[Path, str]:
    """Read pictures as data URIs; a path that is no readable picture is left out.

    If all together exceed `budget` bytes, those that exceed an equal share are made smaller, but
    for drawings: these are small.
    """
    pictures = {path: path.read_bytes() for path in paths if _is_picture(path)}
    if sum(map(len, pictures.values())) > budget:
        share = budget // len(pictures)
        return {path: _embed_within(share, path, data) for path, data in pictures.items()}
    return {path: _uri(data, _TYPES[path.suffix]) for path, data in pictures.items()}


def _embed_within(share: int, path: Path, data: bytes) -> str:
    if path.suffix == _DRAWING:
        return _uri(data, _TYPES[_DRAWING])
    return _uri(shrink(data, limit=share), "image/webp")


def embed_small(paths: Iterable[Path], *, width: int = CARD_PX) -> dict[Path, str]:
    """Read pictures as small squares, data URIs; a path that is no readable picture is left out."""
    small = {path: thumbnail(path, width=width, square=True) for path in dict.fromkeys(paths)}
    return {path: uri for path, uri in small.items() if uri}


def shrink(data: bytes, *, limit: int) -> bytes:
    """Encode a picture again as WebP of at most `limit` bytes.

    Its width falls by a fifth at a time, to 160 pixels at the least, whatever the limit.
    """
    with Image.open(BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    while True:
        buffer = BytesIO()
        picture.save(buffer, format="WEBP", quality=75, method=4)
        if buffer.tell() <= limit or picture.width <= 160:
            return buffer.getvalue()
        picture = picture.resize((picture.width * 4 // 5, max(picture.height * 4 // 5, 1)))


def thumbnail(path: Path, *, width: int, square: bool = False) -> str | None:
    """Return a small copy of a picture's upper part as a data URI; None if it cannot be read.

    Of a wide picture the `square` one is the middle.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, UnidentifiedImageError):
        return None
    left, right = 0, picture.width
    if square and picture.width > picture.height:
        left = (picture.width - picture.height) // 2
        right = left + picture.height
    tall = right - left if square else picture.width * 9 // 16
    picture = picture.crop((left, 0, right, min(picture.height, tall)))
    picture.thumbnail((width, width))
    buffer = BytesIO()
    picture.save(buffer, format="WEBP", quality=70, method=4)
    return _uri(buffer.getvalue(), "image/webp")


def _is_picture(path: Path) -> bool:
    return path.suffix in _TYPES and path.is_file()


def _uri(data: bytes, media: str) -> str:
    return f"data:{media};base64,{b64encode(data).decode('ascii')}"

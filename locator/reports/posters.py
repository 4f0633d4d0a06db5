"""Print posters with a QR code: as a tagged PDF, and as a picture."""

import importlib
import io
from xml.etree import ElementTree as ET

import pypdfium2
import segno

# pixels for a point: A4 becomes 1240 x 1754 pixels, sharp at its full size
_PIXELS_PER_POINT = 150 / 72
# empty squares around a code that scanners need
_QUIET_ZONE = 4
# sizes of letters that are tried until a poster fits its page, points
_SIZES = (21, 19, 17, 15, 13, 11, 9, 7)


def qr(address: str, title: str) -> str:
    """Draw a QR code as SVG that takes its size from the page.

    Parameters
    ----------
    address
        Of a page.
    title
        For those who cannot see it.
    """
    # a quarter of the code may be scratched, or wet
    code = segno.make(address, error="q", boost_error=False, micro=False)
    drawn = ET.fromstring(code.svg_inline(border=_QUIET_ZONE, svgclass=None, lineclass=None))  # noqa: S314  # our own
    size = drawn.get("width", "")
    drawn.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {size} {size}",
        "role": "img",
        "shape-rendering": "crispEdges",
    }
    name, ground = ET.Element("title"), ET.Element("path")
    name.text = title
    ground.attrib = {"fill": "#fff", "d": f"M0 0h{size}v{size}h-{size}z"}
    drawn[:0] = [name, ground]
    return ET.tostring(drawn, encoding="unicode")


def pdf(html: str) -> bytes:
    """Print a poster as large as it fits one page.

    Parameters
    ----------
    html
        Whole page that holds its own styles and pictures; its lengths are in ``rem``.

    Raises
    ------
    MissingLibraryError
        Pango is not installed.
    """
    printer = importlib.import_module("locator.reports._pdf")
    printed = b""
    for size in _SIZES:
        sized = html.replace("</head>", f"<style>html {{ font-size: {size}pt }}</style></head>", 1)
        printed = printer.pdf(sized)
        if _pages(printed) == 1:
            break
    return printed


def _pages(printed: bytes) -> int:
    document = pypdfium2.PdfDocument(printed)
    try:
        return len(document)
    finally:
        document.close()


def png(printed: bytes) -> bytes:
    """Turn the first page of a PDF into a picture for screens and mail."""
    document = pypdfium2.PdfDocument(printed)
    try:
        picture = document[0].render(scale=_PIXELS_PER_POINT).to_pil()
        out = io.BytesIO()
        # few colours: a fifth of the size
        picture.convert("P", palette=1, colors=64).save(out, "PNG", optimize=True)
    finally:
        document.close()
    return out.getvalue()

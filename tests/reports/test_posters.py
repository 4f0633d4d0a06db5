import io

import numpy as np
import pypdf
import pytest
import segno
from PIL import Image

from locator.reports import posters

PAGE = "https://kits.example.org/kit/NN-0001"


def _html(words: str) -> str:
    style = "@page { size: A4; margin: 1cm } p { font-size: 1rem; margin: 0 }"
    head = f'<html lang="en"><head><title>Poster</title><style>{style}</style></head>'
    return f"<!doctype html>{head}<body>{words}</body></html>"


def test_a_scanner_finds_every_square_of_the_code() -> None:
    drawn = posters.qr(PAGE, "Code")
    size = "svg { width: 100mm; height: 100mm; display: block }"
    page = _html(f"<style>@page {{ size: 100mm; margin: 0 }} body {{ margin: 0 }} {size}</style>")
    printed = posters.pdf(page.replace("</body>", f"{drawn}</body>"))
    picture = Image.open(io.BytesIO(posters.png(printed))).convert("L")
    code = segno.make(PAGE, error="q", boost_error=False, micro=False)
    expected = np.array([list(row) for row in code.matrix_iter(border=4)], dtype=bool)
    count = len(expected)
    middles = ((np.arange(count) + 0.5) * picture.width / count).astype(int)
    seen = np.asarray(picture)[np.ix_(middles, middles)] < 128
    assert (seen == expected).all()
    # light on the outside, or no scanner finds it
    assert not expected[:4].any()


def test_a_code_says_what_it_is() -> None:
    drawn = posters.qr("https://x.org/?a=1&b=<2>", "Leads to <this> page")
    assert "<title>Leads to &lt;this&gt; page</title>" in drawn
    assert "style=" not in drawn
    assert 'role="img"' in drawn


@pytest.mark.parametrize("sentences", [1, 40, 300])
def test_many_words_still_fit_one_page(sentences: int) -> None:
    words = "<p>Call 999 first and press hard on the wound.</p>" * sentences
    read = pypdf.PdfReader(io.BytesIO(posters.pdf(_html(words + "<p>The end</p>"))))
    # what never fits is not cut
    assert (len(read.pages) == 1) == (sentences < 300)
    assert "The end" in read.pages[-1].extract_text()


def test_few_words_are_set_large() -> None:
    few, many = (
        np.asarray(Image.open(io.BytesIO(posters.png(posters.pdf(_html("<p>H</p>" * n))))))
        for n in (1, 60)
    )

    def height(page: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> int:
        dark = np.flatnonzero((page != page[0, 0]).any(axis=1))
        return int(np.flatnonzero(np.diff(dark) > 1)[0]) if (np.diff(dark) > 1).any() else len(dark)

    assert height(few) > 1.3 * height(many)


def test_nothing_is_fetched_from_elsewhere() -> None:
    page = _html('<img alt="x" src="file:///etc/passwd"><p>Here</p>')
    read = pypdf.PdfReader(io.BytesIO(posters.pdf(page)))
    assert "Here" in read.pages[0].extract_text()
    assert not read.pages[0].images

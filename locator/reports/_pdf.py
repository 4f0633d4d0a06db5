"""Turn a page into a tagged PDF (PDF/UA-1). Imported only when a PDF is wanted.

WeasyPrint looks for the library Pango as soon as it is imported, and a machine that only
serves maps may not have it.
"""

import logging
from typing import Any, NoReturn

from locator.errors import MissingLibraryError

try:
    import weasyprint
except OSError as error:
    _message = (
        f"PDFs need the library Pango, which is missing ({error}). On Debian and Ubuntu: "
        "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; elsewhere see "
        "https://doc.courtbouillon.org/weasyprint/stable/first_steps.html. "
        "The report as HTML needs nothing."
    )
    raise MissingLibraryError(_message) from error

# it reports every character that a font lacks; what matters fails the tests
logging.getLogger("weasyprint").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


class _Nothing(weasyprint.urls.URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Fetches nothing: all that a report shows is in its page."""

    def fetch(self, url: str, headers: Any = None) -> NoReturn:
        del headers
        message = f"A report may not fetch {url}."
        raise ValueError(message)


def pdf(html: str) -> bytes:
    """Print a page that holds its own styles and pictures.

    Parameters
    ----------
    html
        Whole page; nothing that it names elsewhere is fetched.
    """
    page = weasyprint.HTML(string=html, url_fetcher=_Nothing())
    printed: bytes = page.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True)
    return printed

"""Serve the site."""

import json
import signal

import click
import waitress

from locator.errors import SettingsError
from locator.settings import Settings
from locator.web import create_app, planner

# whoever only holds connections open must not keep others out
_CONNECTIONS, _IDLE_S, _IDLE_CHECKED_S = 1000, 20, 5
# what is longer is refused before it is read; the application itself takes less
_MAX_BODY_BYTES = 64 * 1024


@click.command()
@click.option("--host", help="Address to listen on; LOCATOR_HOST otherwise.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; LOCATOR_PORT otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Say where in JSON.")
def serve(host: str | None, port: int | None, *, as_json: bool) -> None:
    """Serve the site until stopped with Ctrl-C or SIGTERM."""
    settings = Settings.read()
    host, port = host or settings.host, port or settings.port
    if settings.https and not settings.site_url:
        click.echo(
            "Warning: LOCATOR_HTTPS is set and LOCATOR_SITE_URL is not: posters, previews and the "
            "sitemap take the name of the site from each visitor's request.",
            err=True,
        )
    app = create_app(settings)
    with app.test_client() as client:
        # the first visitor must not wait for what is drawn once
        client.post("/", data={"place": app.extensions["facts"].area.example_postcode})
        client.get("/coverage")
    with app.test_request_context("/plan"):
        planner.warm()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=settings.threads,
            ident=None,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_S,
            cleanup_interval=_IDLE_CHECKED_S,
            # select() cannot watch as many
            asyncore_use_poll=True,
            max_request_body_size=_MAX_BODY_BYTES,
            # the application itself reads what it was told to believe
            clear_untrusted_proxy_headers=not settings.trusted_proxies,
        )
    except OSError as error:
        msg = f"Cannot listen on {host}, port {port} ({error.strerror}). Choose another --port."
        raise SettingsError(msg) from error
    address = f"http://{host}:{port}"
    click.echo(json.dumps({"url": address}) if as_json else f"Serving on {address}")
    server.run()

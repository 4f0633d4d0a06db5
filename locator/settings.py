"""Hold every setting in one typed object, read from ``LOCATOR_*`` environment variables."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from locator.errors import SettingsError

_PACKAGE = Path(__file__).parent


def _shipped(name: str) -> Path:
    """Return a top-level folder of a checkout, or its copy inside an installed wheel."""
    checkout = _PACKAGE.parent / name
    return checkout if checkout.is_dir() else _PACKAGE / f"_{name}"


class Settings(BaseSettings):
    """Every setting of the Bleed Kit Locator; ``docs/settings.md`` lists them."""

    model_config = SettingsConfigDict(env_prefix="LOCATOR_", frozen=True, extra="forbid")

    geodata: Path = Field(
        default=_shipped("geodata"), description="Folder with the tables of facts."
    )
    templates: Path = Field(
        default=_shipped("templates"), description="Folder with the page templates."
    )
    database_url: str = Field(
        default="sqlite:///var/registry.sqlite",
        description="SQLAlchemy URL of the registry; SQLite or PostgreSQL.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(
        default=8000, ge=1, le=65535, description="Port that the web server listens on."
    )
    threads: int = Field(default=8, ge=1, le=256, description="Threads of the web server.")
    https: bool = Field(
        default=False,
        description="Set when the site is reached over HTTPS: adds Strict-Transport-Security.",
    )
    site_url: str = Field(
        default="",
        pattern=r"^(https?://[^/\s?#]+/?)?$",
        description="Scheme and host that the public reaches the site under, such as "
        "`https://kits.example.org`: printed as QR code, named in the sitemap and in previews of "
        "links. Empty takes the host of each request.",
    )
    overhead_s: float = Field(
        default=60.0,
        ge=0,
        le=600,
        description="Seconds of a fetch that are not travel: the call, the code, opening.",
    )
    walk_m_per_s: float = Field(
        default=1.27, gt=0, le=5, description="Walking speed in metres per second."
    )
    brisk_m_per_s: float = Field(
        default=1.8, gt=0, le=5, description="Speed of a brisk walk in metres per second."
    )
    run_m_per_s: float = Field(
        default=3.0, gt=0, le=10, description="Running speed in metres per second."
    )
    network: Path = Field(
        default=Path("var/network"),
        description="Folder of the walking network, from `locator network build`; without one, "
        "times are estimated from the straight line.",
    )
    standard_m: int = Field(
        default=400,
        gt=0,
        le=20_000,
        description="Service standard: straight-line metres within which a kit counts as near.",
    )
    useful_fetch_s: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="Fetch time beyond which the pages say that a kit is too far to help.",
    )
    offline: bool = Field(
        default=True,
        description="Let devices keep the list of kits for when there is no connection; unset, "
        "devices that keep one remove it at their next visit.",
    )
    offline_days: int = Field(
        default=7,
        ge=1,
        le=28,
        description="Days after which a list kept on a device shows no kit as surely open.",
    )

    profile: str = Field(
        default="violence",
        description="How incidents without a known hour spread over the week: a profile of "
        "`geodata/profile.csv`, or a CSV file with 168 numbers, the first for Monday 00:00.",
    )
    category_weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default={},
        description="Weight of one incident by category, as JSON: "
        '`{"Robbery": 0.5}`; a category that is not named weighs 1.',
    )

    check_every_days: int = Field(
        default=31, ge=1, le=730, description="Days after which a guardian is asked to check a kit."
    )
    check_valid_days: int = Field(
        default=92,
        ge=1,
        le=730,
        description="Days for which a check confirms a kit; later it is “not checked since”.",
    )
    expiry_notice_days: int = Field(
        default=60, ge=0, le=730, description="Days before contents expire that a guardian hears."
    )
    remind_again_days: int = Field(
        default=14, ge=1, le=365, description="Days between reminders of the same task."
    )
    doubt_hours: int = Field(
        default=24,
        ge=1,
        le=168,
        description="Hours for which a kit is shown with what a stranger told of it.",
    )
    sightings_per_hour: int = Field(
        default=30,
        ge=1,
        description="So many words of strangers are taken in an hour, from all of them together.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies in front of the server whose X-Forwarded-For is believed; 0 believes "
        "none.",
    )
    mail_server: str = Field(
        default="",
        description="Where mail is handed in: `smtp://host:25`, `smtp+starttls://user:password@"
        "host:587` or `smtps://user:password@host:465`; empty keeps mail in the outbox.",
    )
    mail_from: str = Field(
        default="bleed-kit-locator@localhost", description="Sender of reminders and reports."
    )
    mail_fallback: str = Field(
        default="", description="Who hears about kits that have no guardian with an address."
    )
    import_max_rows: int = Field(
        default=250_000, ge=1, description="Files with more rows are refused."
    )
    import_max_mb: int = Field(default=200, ge=1, description="Larger files are refused.")

    @classmethod
    def read(cls) -> "Settings":
        """Read the settings from the environment.

        Raises
        ------
        SettingsError
            A variable does not hold what its setting needs.
        """
        try:
            return cls()
        except UnreadableError as error:
            msg = f'Correct the environment: {error}. It is JSON such as {{"Robbery": 0.5}}.'
            raise SettingsError(msg) from error
        except ValidationError as error:
            wrong = (
                f"LOCATOR_{': '.join([str(name).upper(), *map(str, within)])}: {found['msg']}."
                for found in error.errors(include_url=False, include_input=False)
                for name, *within in [found["loc"]]
            )
            msg = f"Correct the environment. {' '.join(wrong)}"
            raise SettingsError(msg) from error

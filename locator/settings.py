"""Hold every setting in one typed object, read from ``LOCATOR_*`` environment variables."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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
    overhead_s: float = Field(
        default=60.0,
        ge=0,
        le=600,
        description="Seconds of a fetch that are not travel: the call, the code, opening.",
    )
    detour_factor: float = Field(
        default=1.4,
        ge=1,
        le=5,
        description="Walking distance divided by straight-line distance, median.",
    )
    walk_m_per_s: float = Field(
        default=1.27, gt=0, le=5, description="Walking speed in metres per second."
    )
    run_m_per_s: float = Field(
        default=3.0, gt=0, le=10, description="Running speed in metres per second."
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
        except ValidationError as error:
            wrong = (
                f"LOCATOR_{'_'.join(map(str, found['loc'])).upper()}: {found['msg']}."
                for found in error.errors(include_url=False, include_input=False)
            )
            msg = f"Correct the environment. {' '.join(wrong)}"
            raise SettingsError(msg) from error

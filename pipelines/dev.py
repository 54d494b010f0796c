"""`make dev`: the Dagster UI with its daemon, and the vendor sandbox beside it if hub.yaml points there."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from pipelines.config import config_path, load_config
from pipelines.instance import ensure_home

SANDBOX_PORT = 8377


def main() -> None:
    """Run until stopped."""
    config = load_config()
    home = ensure_home(config)
    os.environ.setdefault("HUB_CONFIG", str(config_path()))
    with ExitStack() as stack:
        if any(settings.base_url and f":{SANDBOX_PORT}/" in settings.base_url for settings in config.sources.values()):
            from connectors.sandbox import running

            stack.enter_context(running(state_dir=config.root / "var" / "sandbox", port=SANDBOX_PORT))
        dagster = Path(sys.executable).with_name("dagster")
        command = [str(dagster), "dev", "-h", "127.0.0.1", "-m", "pipelines.definitions", *sys.argv[1:]]
        sys.exit(subprocess.call(command, env={**os.environ, "DAGSTER_HOME": str(home)}))


if __name__ == "__main__":
    main()

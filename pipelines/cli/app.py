"""The command line's frame: the Typer application, errors as one line, and the options every command shares.

Commands are in the modules imported at the end; each keeps its heavy imports inside, so that `hub --help` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hub.contract.errors import HubError
from pipelines.cli.render import Shown
from pipelines.logs import VARIABLE, configure

if TYPE_CHECKING:
    from pipelines.context import Hub

app = typer.Typer(
    name="hub",
    help="One trustworthy customer table out of many business systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="hub.yaml to use; else HUB_CONFIG, else ./hub.yaml", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
ChartOption = Annotated[
    Path | None, typer.Option("--chart", help="also draw it into this file (.svg, .png or .pdf)", show_default=False)
]
_shared: dict[str, Path] = {}
# Typer uses click or, in newer versions, a copy of its own; a mistake on the command line is the error of whichever it is
_USAGE_ERROR: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


@app.callback()
def shared(
    config: ConfigOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
    log_format: Annotated[
        str | None, typer.Option("--log-format", help="text or json; else HUB_LOG, else text", show_default=False)
    ] = None,
) -> None:
    """Options before the command's name."""
    if log_format is not None:
        os.environ[VARIABLE] = log_format  # the processes that read the sources are told so too
    configure()
    _shared.clear()
    if config is not None:
        _shared["config"] = config


@contextmanager
def opened(config: Path | None) -> Iterator[Hub]:
    """The hub that the options name."""
    from pipelines.config import load_config
    from pipelines.context import Hub

    hub = Hub(load_config(config or _shared.get("config")))
    try:
        yield hub
    finally:
        hub.close()


def main() -> None:
    """Run the command line; ends the process with the command's exit code."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        with redirect_stdout(cast(Any, Shown(sys.stdout))):
            code = typer.main.get_command(app).main(args=arguments, prog_name="hub", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped; nothing is half done, the next sync goes on from here", 130)
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(error.exit_code)
    except HubError as error:
        if debug:
            raise
        _fail(str(error), 1)
    except Exception as error:
        if debug:
            raise
        if _disk_is_full(error):
            _fail("the disk is full; free space (hub doctor says how much the next load may need), then run this again", 1)
        _fail(f"unexpected {type(error).__name__}; run again with --debug for the traceback and report it", 1)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether it comes of a full disk, whoever met it: Dagster, which notes its runs in SQLite, or a command that writes a file."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fail(line: str, code: int) -> None:
    typer.echo(f"error: {line}", err=True)
    sys.exit(code)


from pipelines.cli import (  # noqa: E402 - they register their commands on `app`
    access,  # noqa: F401
    alerts,  # noqa: F401
    audit,  # noqa: F401
    backups,  # noqa: F401
    doctor,  # noqa: F401
    explore,  # noqa: F401
    gate,  # noqa: F401
    metrics,  # noqa: F401
    model,  # noqa: F401
    operate,  # noqa: F401
    override,  # noqa: F401
    pauses,  # noqa: F401
    privacy,  # noqa: F401
    quarantine,  # noqa: F401
    releases,  # noqa: F401
    setup,  # noqa: F401
    steward,  # noqa: F401
    writeback,  # noqa: F401
)

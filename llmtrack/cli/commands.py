"""The group of commands; each is imported when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from llmtrack import ConfigurationError, __version__

#: Command -> what it does, in the order of the help text.
_COMMANDS: Final = {
    "demo": "Track real calls to a provider on this machine, and show them.",
    "report": "Sum up the calls of JSON lines files and SQLite ledgers.",
    "top": "Watch the open and the latest calls of a ledger.",
    "doctor": "Say what is installed, and test the guarantee.",
}


class _CannotRun(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """Commands that are imported late, and errors that are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(
            import_module(f"llmtrack.cli.{cmd_name}"), cmd_name
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], _COMMANDS, 1)
            # Newer versions of click have a suggestion of their own.
            if not close or "mean" in error.format_message():
                raise
            told = f"{error.format_message()} Did you mean {close[0]!r}?"
            raise click.UsageError(told, ctx) from None

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        # From the table: the help of the group imports no command.
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise _CannotRun(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def llmtrack() -> None:
    """
    One truthful record for every LLM call.

    \b
    Examples:
      llmtrack demo                     see it work: no key, no network
      llmtrack report calls.jsonl       sum up what was recorded
      llmtrack top calls.db             watch calls as they come
      llmtrack doctor --model gpt-4o    see what would be used for a model

    \b
    Exit codes: 0 all is well; 1 something was found (see each command);
    2 the command cannot run.
    """

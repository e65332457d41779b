"""The `sluice` command. A subcommand's module is imported only when that subcommand runs, so `--help` stays quick."""

import sys

try:  # Ctrl-C counts from the first moment on, and these imports take long enough to meet it
    from importlib import import_module

    import click

    from sluice.errors import SluiceError
    from sluice.version import __version__
except KeyboardInterrupt:
    sys.exit(130)

# name -> (module, what the list of commands says); a test holds these lines against the commands' own help
COMMANDS = {
    "check": ("sluice.cli.check.command", "Say what is wrong with pipeline.yaml before anything is started."),
    "plan": ("sluice.cli.release.plan", "Show what a run would change in the account."),
    "run": ("sluice.cli.release.run", "Release: submit the pipeline and start an execution."),
    "status": ("sluice.cli.release.status", "Show what is live and what the last executions did."),
    "versions": ("sluice.cli.release.versions", "List the versions in the registry and their verdicts."),
    "approve": ("sluice.cli.release.approve", "Approve a version; the deploy pipeline starts by itself."),
    "reject": ("sluice.cli.release.approve", "Reject a version."),
    "deploy": ("sluice.cli.release.deploy", "Deploy the newest approved version, or roll back to another."),
    "stop": ("sluice.cli.release.stop", "Stop the execution that runs."),
    "schedule": ("sluice.cli.release.schedule", "Show, apply, pause or resume the scheduled re-deploys."),
    "replay": ("sluice.cli.evaluation.replay", "Replay the chat cases on an endpoint, a version or a URL."),
    "report": ("sluice.cli.evaluation.report", "Show a stored report, or write it as a page, a comment or JUnit."),
    "compare": ("sluice.cli.evaluation.compare", "Compare two reports, versions or endpoints case by case."),
    "cases": ("sluice.cli.cases.command", "Check, count, add, import and harvest chat cases."),
    "chat": ("sluice.cli.chat", "Ask the live version a question."),
    "serve": ("sluice.cli.serve", "Run the RAG server."),
    "bootstrap": ("sluice.cli.release.bootstrap", "Create the bucket, the history table and the roles."),
    "local": ("sluice.cli.local.command", "Start, stop or look at the local AWS."),
    "demo": ("sluice.cli.demo.command", "Show the whole way on this machine, then clean up."),
}


class Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[name][0]), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sluice")
def sluice() -> None:
    """Release a chat model to production on Amazon SageMaker, and only let it through when it answers.

    Everything runs on a local AWS on this machine unless you say --target aws.
    """


def main() -> None:
    """Run the command; an error becomes a message and the exit code 1 (failed), 2 (unusable input) or 130 (Ctrl-C)."""
    try:
        # Outside of its standalone mode click returns the exit code that a command asked for.
        code = sluice.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SluiceError as error:
        fail(error)
    except ModuleNotFoundError as error:
        from sluice.extras import explain_missing_module

        missing = explain_missing_module(error)
        if missing is None:
            raise
        fail(missing)
    except Exception as error:
        # botocore is not imported for this: its errors are told apart by where their class was defined.
        if not type(error).__module__.startswith("botocore."):
            raise
        from sluice.cli.aws_errors import explain_error

        fail(explain_error(error))


def fail(error: SluiceError) -> None:
    label = "\nInterrupted: " if error.exit_code == 130 else "Error: "  # the terminal has just written ^C on the line
    click.echo(click.style(label, fg="red", bold=True) + error.message, err=True)
    if error.hint:
        click.echo(error.hint, err=True)
    sys.exit(error.exit_code)

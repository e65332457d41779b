"""What `sluice report` and `sluice compare` are given, known by its looks: a file, a version, a URL, an endpoint."""

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sluice.cli.evaluation.report_output import read_report
from sluice.errors import UsageError
from sluice.evaluation import report

if TYPE_CHECKING:
    from sluice.cli.target import Name, Target
    from sluice.config.model import PipelineConfig

Kind = Literal["file", "version", "url", "endpoint"]


def kind_of(source: str) -> Kind:
    if source.startswith(("http://", "https://")):
        return "url"
    if Path(source).exists() or source.endswith(".json") or "/" in source:
        return "file"
    return "version" if source.isdigit() else "endpoint"


@dataclass
class Reader:
    """Reads what is named; pipeline.yaml and the account are opened by what needs them, and by nothing else."""

    file: Path
    name: "Name"

    @cached_property
    def config(self) -> "PipelineConfig":
        from sluice.cli.target import read_config

        return read_config(self.file, self.name)

    @cached_property
    def target(self) -> "Target":
        from sluice.cli.target import open_target

        return open_target(self.name, self.config)

    def read_stored(self, source: str) -> dict[str, Any]:
        """A report from its file, or of a version from the registry. Raises UsageError for what holds none."""
        match kind_of(source):
            case "file":
                return self.read_file(Path(source))
            case "version":
                from sluice.registry import packages

                return read_report(
                    self.target, packages.find(self.target.sagemaker, self.config.registry.group, int(source))
                )
        raise UsageError(f"{source} is neither a report's file nor the number of a version.")

    def read_file(self, path: Path) -> dict[str, Any]:
        path = path / report.FILE if path.is_dir() else path
        try:
            return report.parse_report(path.read_bytes(), str(path))
        except OSError as error:
            raise UsageError(f"The report {path} cannot be read: {error.strerror or error}.") from None

    def replay_now(self, source: str, options: dict[str, Any], progress: Any) -> dict[str, Any]:
        """A replay on a URL or an endpoint, as its report. `given` are options of `sluice replay` by their names."""
        from sluice.cli.evaluation.replay import replay
        from sluice.cli.evaluation.replay_request import read_request
        from sluice.evaluation.cases.loader import load_cases
        from sluice.evaluation.evaluate import evaluate

        where = {kind_of(source): source, "file": self.file, "target": self.name}
        request = read_request(
            dict.fromkeys(str(each.name) for each in replay.params) | options | where, file_named=False
        )
        # the RAG server asks its own endpoint, whichever is named here
        cases = [case for case in load_cases(request.cases) if case.through == "model"]
        with closing(request):
            gate, plan = request.gate, request.plan
            evaluated = evaluate(
                cases, request.target, gate, plan, services=request.help, subject=request.subject, progress=progress
            )
        return evaluated.as_json() | {"hashes": request.hashes(cases)}

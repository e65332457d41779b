"""What `sluice check` finds in the compiled pipelines, which only compiling them shows."""

from pathlib import Path

from sluice.config.model import PipelineConfig, Sources
from sluice.config.model import StackOutputs as Account
from sluice.pipelines import compile_cache
from sluice.preflight import pipeline_file
from sluice.preflight.finding import Finding, Location

# An account for pipelines that are compiled only to be looked at.
EXAMPLE = Account(
    "111122223333",
    "us-east-1",
    "sluice-111122223333-us-east-1",
    "arn:aws:iam::111122223333:role/sluice-ExecutionRole",
    "arn:aws:iam::111122223333:role/sluice-TriggerRole",
)


def check_definitions(config: PipelineConfig, cache: Path, anew: bool) -> list[Finding]:
    """Return the findings in the pipelines: compiled `anew` (it takes the SDK), else as the folder `cache` has them."""
    whole = Location("pipeline", str(config.file) if config.file else None)
    sources = Sources(*(f"s3://{EXAMPLE.bucket}/{name}/" for name in ("model", "cases", "code", "settings")))
    if not anew:
        # Only what is valid is kept, so what is there needs no second look.
        cached = compile_cache.is_cached(config, EXAMPLE, sources, cache)
        what = "What only the compiled pipelines show was not looked at."
        return [] if cached else [pipeline_file.PIP002.at(whole, what, "sluice check --compile")]
    from sluice.pipelines.validation import InvalidDefinition  # botocore is not imported where nothing is compiled

    try:
        compile_cache.compile_cached(config, EXAMPLE, sources, cache)
    except InvalidDefinition as error:
        return [pipeline_file.PIP001.at(whole, each) for each in error.problems]
    return []

"""Pages for what is wrong with pipeline.yaml itself; `sluice.preflight.adapters.pipeline_yaml` finds it."""

from sluice.preflight.finding import Rule

REFERENCE = "docs/pipeline-yaml.md"

CFG001 = Rule(
    "CFG001",
    "A key or a value that pipeline.yaml cannot have",
    "error",
    "verified",
    REFERENCE,
    "The file is strict: an unknown key, a value of the wrong kind or out of its bounds stops every command before "
    "anything is started. While it does, no other rule can be applied.",
    bad="deployment.instance_cuont: 1",
    good="deployment.instance_count: 1",
)
CFG002 = Rule(
    "CFG002",
    "Two keys that contradict each other",
    "error",
    "verified",
    REFERENCE,
    "Each is right by itself, both together are not: as an endpoint to judge that is named without being asked for. "
    "Every command stops at it before anything is started.",
    bad="evaluation.target: endpoint",
    good="evaluation.target: job",
)
CFG003 = Rule(
    "CFG003",
    "Chat cases that cannot be read",
    "error",
    "verified",
    REFERENCE,
    "A version is judged by its cases, so a case file that is missing, empty or malformed stops the release before it "
    "begins. Every mistake is told with its place.",
    bad="evaluation.cases: no-such-folder",
    good="evaluation.cases: cases",
)
CFG004 = Rule(
    "CFG004",
    "A local checkpoint that is not there",
    "error",
    "verified",
    REFERENCE,
    "`local: model:` names the folder that runs on the local AWS use. Without config.json at its root no local run can "
    "start.",
    bad="local.model: no-such-folder",
    good="local.model: sluice/tinylmi/checkpoints/good",
)
PIP001 = Rule(
    "PIP001",
    "A step that SageMaker would refuse",
    "error",
    "verified",
    "https://github.com/boto/botocore/tree/develop/botocore/data/sagemaker",
    "CreatePipeline accepts much that fails hours later. The compiled definition is therefore held against the API "
    "model of every call that a step will make, and every reference is followed to what it names.",
    bad="",
    good="",
)
PIP002 = Rule(
    "PIP002",
    "The pipelines were not compiled",
    "note",
    "verified",
    "docs/checks.md",
    "Compiling needs the SageMaker SDK, which takes seconds to import, so a plain `sluice check` does not. What the "
    "compiled definition alone could show was therefore not looked at. `sluice check --compile` does it once; the "
    "result is kept, and as long as the file stays as it is, every later check counts it in.",
    bad="",
    good="",
)
RULES = (CFG001, CFG002, CFG003, CFG004, PIP001, PIP002)

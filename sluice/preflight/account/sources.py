"""What the pages of the rules about the account share: where they were read, and that they are not verified."""

from sluice.preflight.finding import Confidence, Rule, Severity

DOCS = "https://docs.aws.amazon.com"
SIMULATOR = f"{DOCS}/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html"
ROLES = f"{DOCS}/sagemaker/latest/dg/sagemaker-roles.html"
QUOTAS = f"{DOCS}/general/latest/gr/sagemaker.html"
UNCOMPRESSED = f"{DOCS}/sagemaker/latest/dg/large-model-inference-uncompressed.html"
VPC = f"{DOCS}/sagemaker/latest/dg/host-vpc.html"
UNVERIFIED = "Asked with --target aws; not verified on AWS."


def account_rule(code: str, title: str, severity: Severity, confidence: Confidence, source: str, page: str) -> Rule:
    return Rule(code, title, severity, confidence, source, f"{page}\n\n{UNVERIFIED}", bad="", good="")

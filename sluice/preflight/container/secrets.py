"""What must not stand where many may read: tokens, keys and passwords. Told by name or shape, never repeated."""

import re

HIDDEN = "(not shown)"
LONGEST_NAME = 100  # of a longer name, its end is looked at
# Shapes that nothing else has, wherever in a value they stand.
SHAPES: dict[str, re.Pattern[str]] = {
    "a Hugging Face token": re.compile(
        r"(?<![A-Za-z0-9])(hf_|api_org_)(?=[a-z0-9]{0,40}[A-Z])(?=[A-Z0-9]{0,40}[a-z])[A-Za-z0-9]{20,}"
    ),
    "an AWS access key": re.compile(r"(?<![A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "an API key": re.compile(
        r"(?<![A-Za-z0-9])(sk-(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{20,}|nvapi-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35})"
    ),
    "a GitHub token": re.compile(r"(?<![A-Za-z0-9])(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    "a GitLab token": re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{16,}"),
    "a Slack token": re.compile(r"(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,}"),
    "a signed token": re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a password within an address": re.compile(
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,200}:[^\s/@]{1,200}@"
    ),
}
NAMES: dict[str, re.Pattern[str]] = {
    "a Hugging Face token": re.compile(r"(HF|HUGGING_?FACE(_?HUB)?)(_API|_HUB|_ACCESS|_AUTH)*_TOKEN"),
    "an AWS secret key": re.compile(r"(.*_)?SECRET_ACCESS_KEY"),
    "an AWS session token": re.compile(r"AWS_(SESSION|SECURITY)_TOKEN"),
    "a password": re.compile(r"(.*_)?(PASSWORD|PASSWD|PASSPHRASE|PWD)"),
    "an API key": re.compile(r"(.*_)?API_?KEY"),
    "a secret": re.compile(r"(.*_)?(SECRET|SECRET_KEY|CLIENT_SECRET|PRIVATE_KEY|CREDENTIALS?)"),
    "a token": re.compile(r"(.*_)?(?<!EOS_)(?<!BOS_)(?<!PAD_)(?<!UNK_)(?<!SEP_)(?<!CLS_)(?<!MASK_)(?<!STOP_)TOKEN"),
}
# Not the secret itself: where it is kept, what to put there, or nothing.
POINTER = re.compile(
    r"arn:.*|\{\{.*\}\}|(s3|ssm|secretsmanager|vault|file|op|aws-sm|gcp-sm)://?.*|\$\{.*\}|\$[A-Za-z_]\w*|\$\(.*\)|<.*>|/.*"
    r"|[*xX.•-]+|(your|change|insert|replace|todo|example|dummy|fake|redacted|none|null|true|false)([ _-].*)?"
    r"|[0-9]{1,7}",
    re.IGNORECASE | re.DOTALL,
)


def classify_secret(name: str, value: str) -> str | None:
    """What secret this seems to be, in words; None if it seems to be none."""
    bare = value.strip().strip("\"'")
    shaped = next((words for words, shape in SHAPES.items() if shape.search(bare)), None)
    if shaped or not bare or POINTER.fullmatch(bare):
        return shaped
    upper = name[-LONGEST_NAME:].rpartition(".")[2].upper().removeprefix("OPTION_")
    return next((words for words, named in NAMES.items() if named.fullmatch(upper)), None)


def redact(name: str, value: str, most: int = 80) -> str:
    """A value as a message may repeat it: not a secret, and not a page."""
    if classify_secret(name, value):
        return HIDDEN
    return value if len(value) <= most else f"{value[: most - 1]}…"

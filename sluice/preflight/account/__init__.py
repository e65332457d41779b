"""What only the account can tell: roles, quotas, the image, the checkpoint in S3, stores, network, prices.

Asked with --target aws, by calls that only read: `reads.READS` is all of them, each with its permission. A permission
that is missing costs the check that needs it, and a note says so. Light to import: botocore comes with the questions.
Not verified on AWS: every request is held against botocore's model of the service, every answer is played by a fake.
"""

from sluice.preflight.account.requirements import ENDPOINT, RELEASE, Client, Requirements

__all__ = ["ENDPOINT", "RELEASE", "Client", "Requirements"]

"""Every call that `sluice check --target aws` may make, and the permission that it takes. All of them only read.

A call that is not in this table cannot be made: `client.AccountClient` looks each one up here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Read:
    permission: str
    about: str  # what stays unchecked without it: a clause that begins with "whether", "what" or "how"


READS: Mapping[tuple[str, str], Read] = {
    ("sts", "GetCallerIdentity"): Read("sts:GetCallerIdentity", "whose account this is"),
    ("cloudformation", "DescribeStacks"): Read("cloudformation:DescribeStacks", "what `sluice bootstrap` has made"),
    ("iam", "GetRole"): Read("iam:GetRole", "whether the roles exist and whom they trust"),
    ("iam", "SimulatePrincipalPolicy"): Read(
        "iam:SimulatePrincipalPolicy", "whether the roles are allowed what each step does"
    ),
    ("service-quotas", "ListServiceQuotas"): Read(
        "servicequotas:ListServiceQuotas", "how many instances this account may run"
    ),
    ("service-quotas", "ListAWSDefaultServiceQuotas"): Read(
        "servicequotas:ListAWSDefaultServiceQuotas", "how many instances an account may run that never asked for more"
    ),
    ("sagemaker", "ListEndpoints"): Read("sagemaker:ListEndpoints", "how many instances endpoints have now"),
    ("sagemaker", "DescribeEndpoint"): Read("sagemaker:DescribeEndpoint", "what endpoints run now"),
    ("sagemaker", "DescribeEndpointConfig"): Read(
        "sagemaker:DescribeEndpointConfig", "what instances the endpoints run on"
    ),
    ("sagemaker", "DescribeModel"): Read("sagemaker:DescribeModel", "what an endpoint's model is"),
    ("sagemaker", "DescribeModelPackage"): Read("sagemaker:DescribeModelPackage", "what a model package says"),
    ("sagemaker", "ListProcessingJobs"): Read(
        "sagemaker:ListProcessingJobs", "how many instances Processing jobs have now"
    ),
    ("sagemaker", "DescribeProcessingJob"): Read(
        "sagemaker:DescribeProcessingJob", "what instances the Processing jobs have now"
    ),
    ("application-autoscaling", "DescribeScalableTargets"): Read(
        "application-autoscaling:DescribeScalableTargets", "how far an endpoint scales"
    ),
    ("ecr", "DescribeImages"): Read("ecr:DescribeImages", "whether the image exists"),
    ("ecr", "BatchGetImage"): Read("ecr:BatchGetImage", "whether the image exists"),
    ("s3", "HeadBucket"): Read("s3:ListBucket", "whether a bucket exists, and in which region"),
    ("s3", "ListObjectsV2"): Read("s3:ListBucket", "whether the checkpoint is whole"),
    ("s3", "HeadObject"): Read("s3:GetObject", "whether the model's archive exists"),
    ("s3", "GetObject"): Read("s3:GetObject", "what the checkpoint's files hold"),
    ("dynamodb", "DescribeTable"): Read("dynamodb:DescribeTable", "whether the history table exists"),
    ("dynamodb", "DescribeTimeToLive"): Read("dynamodb:DescribeTimeToLive", "whether old turns leave the history"),
    ("kms", "DescribeKey"): Read("kms:DescribeKey", "whether the key exists and can be used"),
    ("ec2", "DescribeSubnets"): Read("ec2:DescribeSubnets", "whether the subnets exist, and in which zones"),
    ("ec2", "DescribeSecurityGroups"): Read("ec2:DescribeSecurityGroups", "whether the security groups let it out"),
    ("ec2", "DescribeRouteTables"): Read("ec2:DescribeRouteTables", "whether S3 can be reached from the subnets"),
    ("ec2", "DescribeVpcEndpoints"): Read("ec2:DescribeVpcEndpoints", "whether S3 can be reached from the subnets"),
    ("pricing", "GetProducts"): Read("pricing:GetProducts", "what the instances cost today"),
}  # fmt: skip

"""The registry's whole life on a service: the local AWS, or with REAL_AWS=1 your own account, where it costs nothing.

`REAL_AWS=1 .venv/bin/python -m pytest -m aws` makes a model package group of its own there, and deletes it.
"""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from fake_sagemaker import package_request
from localaws_fixture import local_aws

from sluice.registry import packages

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if os.environ.get("REAL_AWS") == "1":
        yield boto3.client("sagemaker")
        return
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws.client("sagemaker")


@pytest.fixture
def group(sagemaker: Any) -> Iterator[str]:
    name = f"sluice-test-{uuid.uuid4().hex[:8]}"
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    yield name
    for package in packages.list_versions(sagemaker, name):
        sagemaker.delete_model_package(ModelPackageName=package.arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def test_a_version_is_registered_judged_approved_put_live_and_archived(sagemaker, group):
    where = os.environ.get("SLUICE_TEST_MODEL", "s3://sluice-test/models/none/")
    request = package_request(group, where, IMAGE, {"OPTION_MAX_MODEL_LEN": "4096"})
    first, second = (sagemaker.create_model_package(**request)["ModelPackageArn"] for _ in range(2))
    assert [package.version for package in packages.list_versions(sagemaker, group)] == [2, 1]

    packages.record_verdict(sagemaker, first, "pass", "26 of 26 cases passed (100 %).", "s3://sluice-test/report.json")
    packages.approve(sagemaker, first, "Read the report.")
    evaluated = packages.describe(sagemaker, first)
    assert (evaluated.verdict, evaluated.approval, evaluated.why) == ("pass", "Approved", "Read the report.")

    packages.move_live(sagemaker, first, "one", datetime(2026, 11, 20, tzinfo=UTC))
    packages.move_live(sagemaker, second, "two", datetime(2026, 11, 21, tzinfo=UTC))
    assert packages.find_live(sagemaker, group).endpoint_name == "two"

    packages.archive(sagemaker, first)
    archived = packages.describe(sagemaker, first)
    assert archived.is_archived and archived.verdict == "pass" and archived.approval == "Approved"

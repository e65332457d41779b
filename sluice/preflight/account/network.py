"""Whether the VPC's pieces exist, belong together, and let jobs and endpoints reach S3 and SageMaker."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluice.preflight.account.context import CheckContext, counted
from sluice.preflight.account.requirements import ENDPOINT
from sluice.preflight.account.sources import DOCS, VPC, account_rule
from sluice.preflight.finding import Finding

NO_NETWORK = account_rule(
    "AWS021",
    "Subnets or security groups that do not go together",
    "error",
    "documented",
    VPC,
    "SageMaker attaches network interfaces in the subnets, with the security groups. Both must exist, all in one VPC; "
    "CreateModel and CreateProcessingJob refuse others.",
)
ONE_ZONE = account_rule(
    "AWS022",
    "All subnets are in one zone",
    "warning",
    "documented",
    VPC,
    "The documentation asks for two subnets in two zones, even for a single instance. In one zone, a type that is "
    "short there leaves the endpoint in Creating until it fails, and an outage of the zone is one of the endpoint.",
)
NO_WAY_TO_S3 = account_rule(
    "AWS023",
    "S3 cannot be reached from a subnet",
    "error",
    "documented",
    VPC,
    "The network interfaces have no public address, so a route to an internet gateway leads nowhere "
    "(awsdocs/amazon-sagemaker-developer-guide#79). Without an S3 gateway endpoint in the subnet's route table, a "
    "NAT or another way out, the model is never downloaded: the endpoint fails with `Please ensure that an S3 VPC "
    "endpoint exists`. A gateway endpoint costs nothing:\n\n"
    "    aws ec2 create-vpc-endpoint --vpc-id VPC --service-name com.amazonaws.REGION.s3 --route-table-ids TABLE\n\n"
    "Any other route out is taken for a way, as where it ends cannot be seen here.",
)
NO_WAY_TO_SAGEMAKER = account_rule(
    "AWS024",
    "The jobs cannot reach SageMaker itself",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/dg/interface-vpc-endpoint.html",
    "The evaluation records its verdict and the deployment makes the endpoint by calls to SageMaker, from inside the "
    "VPC. They need a NAT or another way out, or interface endpoints with private DNS for `sagemaker.api` and, to "
    "replay the cases on the endpoint, `sagemaker.runtime`. Without, the job waits for its time-outs and fails, the "
    "evaluation's after the GPU time was paid.",
)
NO_WAY_OUT = account_rule(
    "AWS025",
    "The security groups let nothing out",
    "warning",
    "inferred",
    VPC,
    "No outbound rule covers TCP 443 (IPv4), by which S3 and all services are reached: the download does not begin.",
)
FEW_ADDRESSES = account_rule(
    "AWS026",
    "The subnets have few free addresses left",
    "warning",
    "inferred",
    VPC,
    "Each instance takes addresses in the subnets, two in the documentation's count. With fewer than that free, the "
    "endpoint or an update of it fails.",
)

Json = Mapping[str, Any]
ADDRESSES = 2  # of each instance, as the documentation counts
HTTPS = 443


def check_network_parts(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS021, AWS022 and AWS026: subnets and groups exist, in one VPC, in more than one zone, with room."""
    network, place = context.setup.network, context.setup.at("network")
    if network is None:
        return
    subnets, groups = _subnets(context), _groups(context)
    gone = [name for name in network.subnets if name not in {each["SubnetId"] for each in subnets}]
    gone += [name for name in network.security_groups if name not in {each["GroupId"] for each in groups}]
    if gone:
        yield NO_NETWORK.at(place, f"There is no {' and no '.join(gone)} in {context.region}: CreateModel is refused.")
    yield from _together(context, subnets, groups)
    zones = {each["AvailabilityZone"] for each in subnets}
    if len(zones) == 1:
        yield ONE_ZONE.at(place, f"All subnets are in {zones.pop()}; the documentation asks for two zones.")
    free, more = sum(each["AvailableIpAddressCount"] for each in subnets), context.setup.instance_count
    if subnets and free < ADDRESSES * more:
        what = f"{counted(more, 'more instance')} of the endpoint may take {ADDRESSES * more}"
        yield FEW_ADDRESSES.at(place, f"The subnets have {free} free addresses left; {what}.")


def _together(context: CheckContext, subnets: Sequence[Json], groups: Sequence[Json]) -> Iterator[Finding]:
    place, vpcs = context.setup.at("network"), sorted({each["VpcId"] for each in subnets})
    if len(vpcs) > 1:
        where = ", ".join(f"{each['SubnetId']} in {each['VpcId']}" for each in subnets)
        yield NO_NETWORK.at(place, f"The subnets are in {len(vpcs)} VPCs ({where}): CreateModel is refused.")
    elif foreign := [each for each in groups if vpcs and each["VpcId"] != vpcs[0]]:
        where = ", ".join(f"{each['GroupId']} in {each['VpcId']}" for each in foreign)
        what = f"{where}, but the subnets are in {vpcs[0]}: CreateModel is refused, unless the group is shared with it."
        yield NO_NETWORK.at(place, what, severity="warning")


def check_routes(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS023 and AWS024. A subnet reaches S3 through a gateway endpoint of its route table, or by any route that
    leads out."""
    if context.setup.network is None or not (subnets := _subnets(context)):
        return
    vpcs = sorted({each["VpcId"] for each in subnets})
    tables = context.account.list_all("ec2", "DescribeRouteTables", "RouteTables", Filters=_filter("vpc-id", vpcs))
    endpoints = context.account.list_all("ec2", "DescribeVpcEndpoints", "VpcEndpoints", Filters=_filter("vpc-id", vpcs))
    working = [each for each in endpoints if str(each.get("State", "available")).lower() == "available"]
    closed = {each["SubnetId"]: table for each in subnets if not leads_out(table := _table(each, tables))}
    without = {name: table for name, table in closed.items() if not _gateway(table, working)}
    only_serves = context.requirements.steps == ENDPOINT
    if without and not _interfaces(working, ".s3") and (context.model_uri or not only_serves):
        yield _no_way_to_s3(context, without, vpcs[0])
    if closed and not only_serves:
        yield from _to_sagemaker(context, list(closed), working)


def _no_way_to_s3(context: CheckContext, closed: Mapping[str, Json], vpc: str) -> Finding:
    to_internet = any(_to_internet_gateway(table) for table in closed.values())
    why = "an internet gateway, which is no way without a public address" if to_internet else "nowhere"
    tables = " ".join(sorted({str(table.get("RouteTableId")) for table in closed.values()}))
    return NO_WAY_TO_S3.at(
        context.setup.at("network"),
        f"From {', '.join(closed)} the routes lead to {why}, and there is no S3 gateway endpoint: the model is not "
        f"downloaded, and the endpoint fails when its download time is up. Add one to {tables}: aws ec2 "
        f"create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.{context.region}.s3 --route-table-ids "
        f"{tables} --region {context.region}",
    )


def _to_sagemaker(context: CheckContext, closed: Sequence[str], endpoints: Sequence[Json]) -> Iterator[Finding]:
    """Interface endpoints stand in for a way out; one without private DNS may have names of its own."""
    there = {name: _interfaces(endpoints, f".{name}") for name in ("sagemaker.api", "sagemaker.runtime")}
    lacking = [name for name, endpoints_of_service in there.items() if not endpoints_of_service]
    unnamed = [
        name
        for name, endpoints_of_service in there.items()
        if endpoints_of_service and not any(e.get("PrivateDnsEnabled") for e in endpoints_of_service)
    ]
    place, subnets = context.setup.at("network"), ", ".join(closed)
    if lacking:
        yield NO_WAY_TO_SAGEMAKER.at(
            place,
            f"From {subnets} no route leads out, and there is no interface endpoint for {' and '.join(lacking)}: "
            "Evaluate cannot record its verdict, and Deploy makes no endpoint.",
        )
    if unnamed:
        yield NO_WAY_TO_SAGEMAKER.at(
            place,
            f"From {subnets} no route leads out, and the interface endpoint for {' and '.join(unnamed)} has no private "
            "DNS: unless you resolve its name yourself, the jobs do not find it.",
            severity="warning",
        )


def check_security_groups(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS025: the security groups let nothing out."""
    if context.setup.network is None or not (groups := _groups(context)):
        return
    if not any(_lets_https_out(rule) for group in groups for rule in group.get("IpPermissionsEgress", [])):
        names = ", ".join(each["GroupId"] for each in groups)
        yield NO_WAY_OUT.at(
            context.setup.at("network"),
            f"No outbound rule of {names} covers TCP {HTTPS}: S3 and every service are out of reach.",
        )


def leads_out(table: Json) -> bool:
    """Whether any route leaves the VPC by something else than an internet gateway or a gateway endpoint."""
    return any(_is_way_out(route) for route in table.get("Routes", []))


def _is_way_out(route: Json) -> bool:
    gateway = str(route.get("GatewayId", ""))
    if route.get("State") == "blackhole" or gateway.startswith(("igw-", "local")):
        return False
    return not (gateway.startswith("vpce-") and route.get("DestinationPrefixListId"))


def _to_internet_gateway(table: Json) -> bool:
    return any(str(route.get("GatewayId", "")).startswith("igw-") for route in table.get("Routes", []))


def _gateway(table: Json, endpoints: Sequence[Json]) -> bool:
    return any(
        each.get("VpcEndpointType") == "Gateway"
        and each["ServiceName"].endswith(".s3")
        and table.get("RouteTableId") in each.get("RouteTableIds", [])
        for each in endpoints
    )


def _interfaces(endpoints: Sequence[Json], service: str) -> list[Json]:
    kind = [each for each in endpoints if each.get("VpcEndpointType") == "Interface"]
    return [each for each in kind if each["ServiceName"].endswith(service)]


def _table(subnet: Json, tables: Sequence[Json]) -> Json:
    """The subnet's own route table, else its VPC's main one."""
    own = [each for each in tables if any(to.get("SubnetId") == subnet["SubnetId"] for to in each["Associations"])]
    main = [
        each
        for each in tables
        if each["VpcId"] == subnet["VpcId"] and any(to.get("Main") for to in each["Associations"])
    ]
    return next(iter([*own, *main]), {})


def _lets_https_out(rule: Json) -> bool:
    if rule.get("IpProtocol") == "-1":
        return True
    return rule.get("IpProtocol") in {"tcp", "6"} and rule.get("FromPort", 0) <= HTTPS <= rule.get("ToPort", 65535)


def _subnets(context: CheckContext) -> list[Json]:
    assert context.setup.network
    filters = _filter(
        "subnet-id", context.setup.network.subnets
    )  # a filter finds those that exist; ids would be refused
    return context.account.list_all("ec2", "DescribeSubnets", "Subnets", Filters=filters)


def _groups(context: CheckContext) -> list[Json]:
    assert context.setup.network
    filters = _filter("group-id", context.setup.network.security_groups)
    return context.account.list_all("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=filters)


def _filter(name: str, values: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]

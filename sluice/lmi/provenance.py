"""How each figure of `sluice/lmi/tables` was obtained, and whether the packages installed here still say the same.

`python -m sluice.lmi.provenance` prints every column with its source, and exits 1 if a table is not whole or differs
from what is installed: botocore's model of SageMaker, the SageMaker SDK's map of images, moto's record of EC2's
machines. With `--write` it first brings those columns up to date.
"""

import argparse
import gzip
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore.session

from sluice.lmi import parameters, tables

Row = dict[str, Any]
Table = dict[str, Any]

FOLDER = Path(tables.__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "schema"))
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)
}  # fmt: skip
ACCELERATORS = {"g": "gpu", "p": "gpu", "gr": "gpu", "inf": "neuron", "trn": "neuron", "dl": "gaudi"}
DOMAINS = ("amazonaws.com", "amazonaws.com.cn")  # those that lmi.images puts into a URI
TAG = re.compile(r"(\d+\.\d+\.\d+)-lmi(\d+)\.\d+\.\d+-cu(\d\d)(\d)")
AMI = re.compile(r"<dt>(\S+-gpu-\S+)</dt>(.*?)</dd>", re.DOTALL)


@dataclass(frozen=True)
class Columns:
    """What an installed package says about some columns of a table."""

    package: str  # botocore 1.44.5
    rows: Sequence[Row]  # each with the table's key, and with the columns that were read
    whole: bool = True  # whether these are all the rows there are
    fresh: Row = field(default_factory=dict)  # what a row that the table does not have yet starts with

    @property
    def columns(self) -> set[str]:
        return {column for row in self.rows for column in row}


def load(name: str) -> Table:
    table: Table = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return table


def format_table(table: Table) -> str:
    """The one form in which tables are kept: a row is a line, so a changed row is a changed line."""
    head = json.dumps({name: value for name, value in table.items() if name != "rows"}, indent=1, ensure_ascii=False)
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in table["rows"])
    return f'{head.removesuffix("}").rstrip()},\n "rows": [\n{rows}\n ]\n}}\n'


# --- whether a table holds together --------------------------------------------------------------------------------


def check_table(table: Table, find: Callable[[str], Table] = load) -> Iterator[str]:
    """All that is wrong with a table whose head fits schema.json; `find` gives the tables that its columns refer to."""
    columns, sources = table["columns"], table["sources"]
    for name, column in columns.items():
        if column["source"] not in sources:
            yield f"columns.{name}: no source is called {column['source']!r}"
    for name in sources.keys() - {column["source"] for column in columns.values()}:
        yield f"sources.{name}: no column comes from it"
    for name in table["key"]:
        if name not in columns or columns[name].get("optional"):
            yield f"key: {name!r} is no column that every row has"
    identities: set[tuple[Any, ...]] = set()
    targets = {name: column_values(column["refers"], find) for name, column in columns.items() if "refers" in column}
    for row in table["rows"]:
        at = " ".join(map(str, identity(table, row)))
        yield from (f"{at}: {problem}" for problem in check_row(columns, row))
        for name in targets.keys() & row.keys():
            if row[name] not in targets[name]:
                yield f"{at}: {name}: {columns[name]['refers']} has no {row[name]!r}"
        if identity(table, row) in identities:
            yield f"{at}: is there twice"
        identities.add(identity(table, row))


def check_row(columns: Mapping[str, Any], row: Row) -> Iterator[str]:
    for name in row.keys() - columns.keys():
        yield f"{name}: there is no such column"
    for name, column in columns.items():
        if name not in row:
            if not column.get("optional"):
                yield f"{name}: is missing"
        elif type(row[name]) not in TYPES[column["type"]]:
            yield f"{name}: {row[name]!r} is no {column['type']}"
        elif row[name] not in column.get("among", [row[name]]):
            yield f"{name}: {row[name]!r} is not among {', '.join(map(str, column['among']))}"


def column_values(column: str, find: Callable[[str], Table]) -> set[Any]:
    """All values of a column, named as `table.column`; `find` reads the table."""
    name, _, key = column.partition(".")
    return {row[key] for row in find(name)["rows"] if key in row}


def identity(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in table["key"])


# --- what the installed packages say -------------------------------------------------------------------------------


def instances(table: Table) -> Columns:
    uses = {row["instance"]: row for row in instance_types(table).rows}
    machines = read_ec2_types()
    rows = []
    for name in (row["instance"] for row in table["rows"]):
        use = uses.get(name, {})
        rows.append(
            {"instance": name, "hosting": use.get("hosting", False), "processing": use.get("processing", False)}
        )
        if machine := machines.get(name.removeprefix("ml.")):
            rows[-1] |= {
                "gpus": sum(card["Count"] for card in machine["GpuInfo"]["Gpus"]),
                "vcpu": machine["VCpuInfo"]["DefaultVCpus"],
                "ram_gib": machine["MemoryInfo"]["SizeInMiB"] // 1024,
                "nvme_gb": machine.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
            }
    return Columns(f"{installed('botocore')} and {installed('moto')}", rows, whole=False)


def networks(table: Table) -> Columns:
    machines = read_ec2_types()
    rows = []
    for name in (row["instance"] for row in table["rows"]):
        if machine := machines.get(name.removeprefix("ml.")):
            card = machine["NetworkInfo"]["NetworkCards"][0]
            gbps = {"baseline_gbps": card["BaselineBandwidthInGbps"], "peak_gbps": card["PeakBandwidthInGbps"]}
            rows.append({"instance": name, **gbps})
    return Columns(installed("moto"), rows, whole=False)


def instance_types(table: Table) -> Columns:
    hosting, processing = enum_values("ProductionVariantInstanceType"), enum_values("ProcessingInstanceType")
    rows = [
        {
            "instance": name,
            "hosting": name in hosting,
            "processing": name in processing,
            "accelerator": accelerator(name),
        }
        for name in sorted({*hosting, *processing}, key=by_size)
    ]
    return Columns(installed("botocore"), rows)


def amis(table: Table) -> Columns:
    documentation = load_sagemaker_api().shape_for("ProductionVariant").members["InferenceAmiVersion"].documentation
    rows = []
    for name, description in AMI.findall(documentation):
        plain = re.sub(r"<[^>]+>", " ", description)
        rows.append(
            {
                "ami": name,
                "driver": match_groups(r"NVIDIA driver version: (\d+)", plain)[0],
                "cuda": match_groups(r"CUDA version: ([\d.]+)", plain)[0],
                "compat_mount": "disabled CUDA-compat mounting" not in plain,
            }
        )
    return Columns(installed("botocore"), rows)


def registries(table: Table) -> Columns:
    images = read_sdk_images().values()
    accounts = {region: account for each in images for region, account in each["registries"].items()}
    rows = [
        {"region": region, "account": account}
        for region, account in sorted(accounts.items())
        if domain(region) in DOMAINS
    ]
    return Columns(installed("sagemaker"), rows)


def models(table: Table) -> Columns:
    """No package knows models: these two columns are counted from the others."""
    rows = [
        {
            "id": row["id"],
            "parameters": parameters.count_parameters(row).total,
            "weights_bytes": parameters.weights_bytes(row),
        }
        for row in table["rows"]
    ]
    return Columns("sluice.lmi.parameters", rows, whole=False)


def releases(table: Table) -> Columns:
    rows = [parse_tag(each["tag_prefix"]) for each in read_sdk_images().values() if TAG.fullmatch(each["tag_prefix"])]
    rows.sort(key=lambda row: row["release"])
    return Columns(installed("sagemaker"), rows, whole=False, fresh={"options_known": False})


def parse_tag(tag: str) -> Row:
    """What the tag of an LMI image says about its release."""
    djl, release, major, minor = match_groups(TAG, tag)
    return {"release": int(release), "tag": tag, "djl": djl, "cuda": f"{major}.{minor}"}


READERS: Mapping[str, Callable[[Table], Columns]] = {
    "instances": instances,
    "instance_types": instance_types,
    "networks": networks,
    "models": models,
    "amis": amis,
    "registries": registries,
    "releases": releases,
}


def load_sagemaker_api() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def enum_values(shape: str) -> set[str]:
    return set(load_sagemaker_api().shape_for(shape).enum)


def accelerator(instance: str) -> str:
    """gpu, neuron, gaudi or none, by the letters that the family's name begins with."""
    family = instance.removeprefix("ml.").partition(".")[0]
    return ACCELERATORS.get(match_groups(r"^([a-z]+)", family)[0], "none")


def by_size(instance: str) -> tuple[str, int, str]:
    """Sorts ml.g5.2xlarge before ml.g5.12xlarge."""
    _, family, size = instance.split(".")
    return family, int(match_groups(r"^(\d*)", size)[0] or 0), size


def domain(region: str) -> str:
    """What the hosts of a region's services end in; empty if botocore does not know the region."""
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    suffixes = (each["outputs"]["dnsSuffix"] for each in partitions if region in each["regions"])
    suffix: str = next(suffixes, "")
    return suffix


def read_sdk_images() -> Mapping[str, Any]:
    """The SDK's own map of LMI images, by DJL version."""
    path = find_package_folder("sagemaker") / "core" / "image_uri_config" / "djl-lmi.json"
    images: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["versions"]
    return images


def read_ec2_types() -> Mapping[str, Any]:
    """What EC2 answers about its instance types, as moto records it."""
    path = find_package_folder("moto") / "ec2" / "resources" / "instance_types.json.gz"
    types: Mapping[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return types


def find_package_folder(package: str) -> Path:
    """Where a package lies, without importing it: that would take seconds."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed: make setup")
    return Path(spec.submodule_search_locations[0])


def installed(package: str) -> str:
    return f"{package} {version(package)}"


def match_groups(pattern: str | re.Pattern[str], within: str) -> tuple[str, ...]:
    """What the groups of a pattern that must be there hold."""
    match = re.search(pattern, within)
    if match is None:
        raise ValueError(f"no {pattern} in {within!r}")
    return match.groups()


# --- comparing and bringing up to date -----------------------------------------------------------------------------


def update_rows(table: Table, reading: Columns) -> list[Row]:
    """The table's rows as the package would have them; what is equal already stays as it is written."""
    ours = {identity(table, row): row for row in table["rows"]}
    theirs = {identity(table, row): row for row in reading.rows}
    rows = []
    for key in theirs if reading.whole else dict.fromkeys([*ours, *theirs]):
        row = ours.get(key, reading.fresh)
        rows.append(row | {name: value for name, value in theirs.get(key, {}).items() if row.get(name) != value})
    return rows


@dataclass(frozen=True)
class Difference:
    row: str
    column: str  # empty: the whole row
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.row, self.column, self.message)))


def differences(table: Table, reading: Columns) -> Iterator[Difference]:
    ours = {identity(table, row): row for row in table["rows"]}
    theirs = {identity(table, row): row for row in update_rows(table, reading)}
    for key in dict.fromkeys([*ours, *theirs]):
        row = " ".join(map(str, key))
        if key not in theirs:
            yield Difference(row, "", f"there is no such row by {reading.package}")
        elif key not in ours:
            yield Difference(row, "", f"is new in {reading.package}")
        else:
            for column in sorted(reading.columns):
                was, now = ours[key].get(column), theirs[key].get(column)
                if was != now:
                    yield Difference(row, column, f"{now!r} in {reading.package}, {was!r} in the table")


def update_table(name: str) -> None:
    """Take over what the packages say, and put the file into its one form."""
    table = load(name)
    if name in READERS:
        table["rows"] = update_rows(table, READERS[name](table))
    (FOLDER / f"{name}.json").write_text(format_table(table), encoding="utf-8")


# --- telling -------------------------------------------------------------------------------------------------------


def describe_table(name: str, table: Table, reading: Columns | None) -> Iterator[str]:
    """Every column of a table: its type, where it comes from, and whether something installed says it too."""
    yield f"{name}: {table['about']}"
    yield f"  {len(table['rows'])} rows, as of {table['as_of']}, told apart by {' and '.join(table['key'])}"
    differ = {each.column for each in differences(table, reading)} if reading else set()
    for column, about in table["columns"].items():
        kind = f"{about['type']} in {about['unit']}" if "unit" in about else about["type"]
        agreement = compare_column(column, reading, differ)
        yield f"  {column} ({kind}): {about['about']}. Source: {about['source']}.{agreement}"
    for source, about in table["sources"].items():
        yield f"  source {source}: {about['what']} <{about['url']}>; {about['how']}"


def compare_column(column: str, reading: Columns | None, differ: set[str]) -> str:
    if reading is None or column not in reading.columns:
        return ""
    agreeing = sum(column in row for row in reading.rows)
    return f" {reading.package} {'differs' if column in differ else f'says the same of {agreeing} rows'}."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m sluice.lmi.provenance", description="Say where every figure comes from."
    )
    parser.add_argument("--write", action="store_true", help="take over what the installed packages say")
    options = parser.parse_args(arguments)
    wrong = []
    for name in NAMES:
        if options.write:
            update_table(name)
        table = load(name)
        reading = READERS[name](table) if name in READERS else None
        print(*describe_table(name, table, reading), "", sep="\n")
        wrong += [f"{name}: {problem}" for problem in check_table(table)]
        wrong += [f"{name}: {difference}" for difference in (differences(table, reading) if reading else ())]
    print(*(wrong or ["All tables are whole and agree with the packages installed."]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The image: its tag, its registry, and the architectures it knows. Whether a host can run it is `driver`."""

import re
from collections.abc import Callable, Iterator

from sluice.lmi import images, options, tables
from sluice.lmi.images import ImageReference
from sluice.lmi.model import ModelFacts
from sluice.preflight.container import corrections
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding, Rule, Severity
from sluice.preflight.image import driver

TAGS = "https://github.com/aws/deep-learning-containers/tree/main/docs/src/data/djl-inference"
SDK = "https://github.com/aws/sagemaker-python-sdk/blob/master/sagemaker-core/src/sagemaker/core/image_uri_config/djl-lmi.json"
REGIONS = "https://github.com/aws/deep-learning-containers/blob/main/docs/reference/region_availability.md"
DEFINITION = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html"
PRIVATE = "https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html"
GALLERY = "https://aws.github.io/deep-learning-containers/tutorials/vllm-samples/sagemaker"
MODELS = "https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/models/registry.py"
QWEN = "https://github.com/vllm-project/vllm/issues/22973"
RELEASES = "https://github.com/deepjavalibrary/djl-serving/blob/master/serving/docs/lmi/release_notes.md"

MOST_REGIONS = "763104351884"  # AWS's account in most commercial regions
ALIKE = 6  # digits: that two accounts begin with the same is no accident
SUGGESTED = 17  # the release to move to, unless the model needs a newer one
# A version where a tag is meant: 0.36.0, 0.36.0-lmi18, lmi17, latest; with or without the SDK's own name for it.
SHORT = re.compile(
    r"(djl-lmi:?)?(?P<version>latest|v?[0-9]{1,3}(\.[0-9]{1,3}){1,2}(-[A-Za-z0-9.-]*)?|lmi-?[0-9]{1,3}(\.[0-9]+)*)?"
)
# The first transformers that knows a model: vLLM falls back on that library for what it does not have itself.
TRANSFORMERS = {
    "Gemma3ForCausalLM": (4, 50),
    "Gemma3ForConditionalGeneration": (4, 50),
    "Llama4ForCausalLM": (4, 51),
    "Llama4ForConditionalGeneration": (4, 51),
    "Qwen3ForCausalLM": (4, 51),
    "Qwen3MoeForCausalLM": (4, 51),
    "GptOssForCausalLM": (4, 55),
    "Qwen3NextForCausalLM": (4, 57),
    "Qwen3VLForConditionalGeneration": (4, 57),
    "Qwen3VLMoeForConditionalGeneration": (4, 57),
}
# Architectures whose authors ask for a newer vLLM than the first one that loads them: the release, and their word.
ADVISED = {
    "Qwen3ForCausalLM": (16, "0.8.5"),
    "Qwen3MoeForCausalLM": (16, "0.8.5"),
}
WITHOUT_CHAT = {
    "pooling": "It embeds or classifies and writes no answers",
    "draft": "It only proposes tokens to another model, as its draft",
}
LIBRARIES = {
    "tensorrtllm": "TensorRT-LLM",
    "fastertransformer": "FasterTransformer",
    "deepspeed": "DeepSpeed, from before LMI was counted",
    "neuronx": "Neuron",
    "cpu": "CPUs, without vLLM",
}

IMG001 = Rule(
    "IMG001",
    "An image without its full tag",
    "error",
    "documented",
    TAGS,
    "LMI images have one tag each, with the versions of DJL, LMI and CUDA: `0.35.0-lmi17.0.0-cu128`. There is no "
    "`latest`, and no tag `0.36.0`: that is a key of the SageMaker SDK, which puts a full tag in its place, and a "
    "different one from one SDK release to the next (for 0.36.0: LMI 18, 21, 22, 23, 26 and 27, of three CUDA "
    "families). Pulled as it stands, it is not found. A digest is exact and works, but hides the release: nothing "
    "here can be checked against it. Best is both: `:tag@sha256:...`.",
    bad="--image djl-inference:0.36.0",
    good="--image djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG002 = Rule(
    "IMG002",
    "Not the LMI vLLM image",
    "note",
    "verified",
    TAGS,
    "The rules about options, memory and start-up are about LMI with vLLM. Other images (TGI, the AWS vLLM image, "
    "TensorRT-LLM, Neuron) read other variables; what is said about them here is little. A release of `sluice` is "
    "made for LMI and refuses another image.",
    bad="--image 763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-tensorrtllm0.21.0-cu128",
    good="--image 763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG003 = Rule(
    "IMG003",
    "A release that does not know the model's architecture",
    "error",
    "verified",
    MODELS,
    "vLLM has an implementation for each architecture that `config.json` may name. One that the image's vLLM does not "
    "have stops the start as soon as the configuration is read: `Model architectures [...] are not supported for now`, "
    "or transformers does not recognise the model type. Newer vLLM tries the transformers library instead, which must "
    "know the model, and is slower; then this is a warning. Qwen3 came with LMI 15, and its authors ask for the vLLM "
    "of LMI 16.",
    bad="--image djl-inference:0.31.0-lmi13.0.0-cu124",
    good="--image djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG004 = Rule(
    "IMG004",
    "A tag that is not in the table",
    "warning",
    "inferred",
    TAGS,
    "The tag has the right form, and no image of that name is known. Mostly the CUDA version or DJL's was taken from "
    "another release: then the image is not found and the endpoint fails. A release newer than this table is possible; "
    "what it reads is not known here.",
    bad="--image djl-inference:0.35.0-lmi17.0.0-cu129",
    good="--image djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG005 = Rule(
    "IMG005",
    "A registry that does not fit",
    "error",
    "documented",
    REGIONS,
    "Each region has its registry, and 28 of them an account of their own: 763104351884 is only most of the others. "
    "The image must be in the region of the model, says CreateModel. From another account or region the pull fails and "
    "the endpoint with it. SageMaker pulls from ECR; from another registry only with a VPC and its access set up, and "
    "from the public gallery not at all. A copy in an account of your own works (a note): its tag still tells what it "
    "is, as long as you keep it.",
    bad="--image 763104351884.dkr.ecr.ap-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128\n--region ap-east-1",
    good="--image 871362719292.dkr.ecr.ap-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128\n"
    "--region ap-east-1\n--instance-type ml.g5.xlarge",
)
IMG011 = Rule(
    "IMG011",
    "A release whose options are not known here",
    "note",
    "verified",
    RELEASES,
    "What a release reads was looked up for LMI 15 to 28. For others the rules about options are silent, so an option "
    "that the container ignores is not found. A release of `sluice` refuses such an image.",
    bad="--image djl-inference:0.32.0-lmi14.0.0-cu126\n--model none",
    good="--image djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG014 = Rule(
    "IMG014",
    "A model that does not chat",
    "note",
    "verified",
    MODELS,
    "Some architectures embed, classify or only help another model along. The container may serve them, but chat "
    "requests (`messages`) are refused, so a version of it cannot pass chat cases.",
    bad="",
    good="",
)
RULES: tuple[Rule, ...] = (IMG001, IMG002, IMG003, IMG004, IMG005, IMG011, IMG014, *driver.RULES)


def check_full_tag(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG001: an image without its full tag."""
    short = _short(setup)
    if short is None or not setup.image:
        return
    named, place, candidates = images.parse_reference(setup.image), setup.at("image"), _matching_releases(short)
    home = named if named.name == images.REPOSITORY else images.parse_reference(images.EXAMPLE)
    fix = corrections.at(place, home.tagged(candidates[0]["tag"])) if len(candidates) == 1 else ""
    works: Severity = "error" if setup.form == "yaml" else "warning"
    if named.digest and not named.tag:
        what = (
            "A digest is exact, and hides the release: what this image reads and which CUDA it has cannot be checked. "
            "Write its full tag before it: djl-inference:TAG@sha256:..."
        )
        yield IMG001.at(place, what, severity=works, confidence="verified")
    elif named.is_copy:
        what = f"Which release {short or 'this'} is in your own registry cannot be told: {_unchecked()}"
        yield IMG001.at(place, what, fix, severity=works, confidence="inferred")
    else:
        problem = f"{short[:80]!r} is no tag of an LMI image" if short else "The tag is missing"
        stands = ""
        if len(candidates) > 1:
            cudas = ", ".join(dict.fromkeys(str(row["cuda"]) for row in candidates))
            stands = f" It could be any of {len(candidates)} releases with CUDA {cudas}: the SDK's choice moves."
        what = f"{problem}, so as it stands it is not found when the endpoint pulls it.{stands} Write the full tag."
        yield IMG001.at(place, what, fix or corrections.at(place, images.EXAMPLE))


def check_is_lmi(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG002: not the LMI vLLM image."""
    if not setup.image:
        return
    named, image = images.parse_reference(setup.image), setup.parsed
    severity: Severity = "error" if setup.form == "yaml" else "note"
    if image is not None:
        if image.release is None:
            what = f"This DJL image is for {LIBRARIES.get(image.flavour, image.flavour)}: {_unchecked()}"
            yield IMG002.at(setup.at("image"), what, severity=severity)
    elif named.server:
        yield IMG002.at(setup.at("image"), f"This is {named.server}, not LMI: {_unchecked()}", severity=severity)
    elif _short(setup) is None:
        what = f"Whether this is an LMI image, and of which release, cannot be told by its name: {_unchecked()}"
        yield IMG002.at(setup.at("image"), what, severity=severity, confidence="inferred")


def check_architecture(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG003: a release that does not know the model's architecture."""
    release, model = setup.release, setup.model
    carried = tables.by("releases", "release").get(release)
    if model is None or not model.architecture or carried is None or not carried.get("vllm"):
        return
    row = tables.by("architectures", "architecture").get(model.architecture)
    if row is None:
        if carried.get("transformers_fallback"):
            name = model.architecture[:80]
            what = (
                f"No vLLM of LMI 9 to 28 implements {name}. The container tries the transformers library instead, "
                "which may know it or not; if not, it stops as soon as it has read config.json."
            )
            yield IMG003.at(setup.at("image"), what, severity="note", confidence="inferred")
    elif row["since_release"] > carried["release"]:
        yield _too_old(setup, model, row, carried)
    elif row.get("until_release", carried["release"]) < carried["release"]:
        what = (
            f"vLLM {carried['vllm']} has dropped {model.architecture}; LMI {row['until_release']} is the last one with "
            "it. The container tries the transformers library instead, which may know it or not."
        )
        fix = _release_line(setup, row["until_release"])
        yield IMG003.at(setup.at("image"), what, fix, severity="warning", confidence="inferred")
    elif carried["release"] < ADVISED.get(model.architecture, (0, ""))[0]:
        first, version = ADVISED[model.architecture]
        what = (
            f"LMI {release} has vLLM {carried['vllm']}, which loads {model.architecture}; its authors ask for "
            f"{version}, which LMI {first} is the first to have."
        )
        fix = _release_line(setup, SUGGESTED)
        yield IMG003.at(setup.at("image"), what, fix, severity="warning", confidence="documented", source=QWEN)


def check_chat_model(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG014: a model that does not chat."""
    row = tables.by("architectures", "architecture").get(setup.model.architecture if setup.model else None)
    words = WITHOUT_CHAT.get(row["kind"]) if row else None
    if words and setup.model:
        what = f"{setup.model.architecture} is no chat model. {words}: chat requests to it end in an error."
        yield IMG014.at(setup.at("model_id"), what, severity="warning" if setup.form == "yaml" else "note")


def check_known_tag(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG004: a tag that is not in the table."""
    image = setup.parsed
    if image is None or image.flavour != "lmi":
        return
    row = tables.by("releases", "release").get(image.release)
    base = re.sub(r"-v[0-9.]+$", "", image.tag)
    if row is not None and row["tag"] != base:
        what = (
            f"LMI {image.release} is known as {row['tag']}; a tag {base} is not. If there is no such image, the pull "
            "fails, and the endpoint with it."
        )
        fix = corrections.at(setup.at("image"), images.parse_reference(setup.image or "").tagged(row["tag"]))
        yield IMG004.at(setup.at("image"), what, fix)
    elif row is None:
        newest, as_of = max(tables.by("releases", "release")), tables.read("releases")["as_of"]
        newer = (image.release or 0) > newest
        what = f"The newest release in the table of {as_of} is LMI {newest}: {_unchecked()}"
        if not newer:
            what = f"There is no LMI {image.release} in the table of {as_of}: the pull probably fails."
        severity: Severity = "error" if setup.form == "yaml" else "note" if newer else "warning"
        yield IMG004.at(setup.at("image"), what, severity=severity)


def check_registry(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG005: a registry that does not fit."""
    if not setup.image:
        return
    named, place = images.parse_reference(setup.image), setup.at("image")
    if named.account is None:
        yield from _no_ecr(setup, named)
    elif setup.region and named.region != setup.region:
        what = (
            f"The image is in {named.region}, the endpoint in {setup.region}: SageMaker only takes an image of the "
            "same region, and refuses this one or fails to pull it."
        )
        fix = _uri(setup, setup.region) if not named.is_copy else ""
        yield IMG005.at(place, what, fix, source=DEFINITION)
    elif named.name == images.REPOSITORY and not named.is_copy:
        account = images.ACCOUNTS.get(named.region or "")
        right_host = named.registry.endswith(f".{images.domain(named.region or '')}")
        if account and (account != named.account or not right_host):
            what = (
                f"The LMI images of {named.region} are in account {account}, at {images.domain(named.region or '')}: "
                "there are none at this address, the pull fails, and the endpoint with it."
            )
            yield IMG005.at(place, what, _uri(setup, named.region or ""))
    elif _slipped(named):
        account = images.ACCOUNTS.get(named.region or "", MOST_REGIONS)
        what = (
            f"{named.account} is AWS's account in no region; in {named.region} it is {account}. If it is not one of "
            "yours, there is no such registry: the pull fails, and the endpoint with it."
        )
        yield IMG005.at(place, what, _uri(setup, named.region or ""), confidence="inferred")
    elif named.is_copy and setup.parsed is not None and setup.parsed.release is not None:
        what = (
            f"This is a copy in account {named.account}. By its tag it is LMI {setup.parsed.release}, and is checked "
            "as such; the execution role must be allowed to pull it."
        )
        yield IMG005.at(place, what, severity="note", confidence="inferred", source=DEFINITION)


def check_known_options(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG011: a release whose options are not known."""
    row = tables.by("releases", "release").get(setup.release)
    moves_anyway = any(
        each.severity != "note" for check in (check_architecture, driver.check_new_card) for each in check(setup)
    )
    if row is not None and setup.release not in options.RELEASES and not moves_anyway:
        first, last = min(options.RELEASES), max(options.RELEASES)
        what = f"What LMI {setup.release} reads is not known here, only LMI {first} to {last}: {_unchecked()}"
        severity: Severity = "error" if setup.form == "yaml" else "note"
        yield IMG011.at(setup.at("image"), what, severity=severity)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_full_tag,
    check_is_lmi,
    check_architecture,
    check_chat_model,
    check_known_tag,
    check_registry,
    check_known_options,
    *driver.CHECKS,
)


def _too_old(setup: DeploymentSpec, model: ModelFacts, row: tables.Row, carried: tables.Row) -> Finding:
    first = row["since_release"]
    fix = _release_line(setup, SUGGESTED if first <= SUGGESTED <= row.get("until_release", SUGGESTED) else first)
    what = (
        f"vLLM {carried['vllm']} in LMI {carried['release']} does not know {model.architecture}; LMI {first} "
        f"(vLLM {row['since_vllm']}) is the first that does."
    )
    if _falls_back(model, row, carried):
        what = (
            f"{what} The container tries the transformers library instead, which is slower and may not know it either; "
            "then the start fails."
        )
        return IMG003.at(setup.at("image"), what, fix, severity="warning", confidence="inferred")
    what = f"{what} The container stops as soon as it has read config.json, each time that SageMaker starts it again."
    return IMG003.at(setup.at("image"), what, fix)


def _falls_back(model: ModelFacts, row: tables.Row, carried: tables.Row) -> bool:
    """Whether the transformers library in the image may serve what its vLLM does not have."""
    if not carried.get("transformers_fallback") or (row["kind"] == "multimodal" and carried["release"] < SUGGESTED):
        return False
    has = re.fullmatch(r"([0-9]+)\.([0-9]+)(\.[0-9]+)?", str(carried.get("transformers", "")))
    needs = TRANSFORMERS.get(model.architecture)
    return not (has and needs) or (int(has[1]), int(has[2])) >= needs


def _release_line(setup: DeploymentSpec, release: int) -> str:
    tag = tables.by("releases", "release")[release]["tag"]
    return corrections.at(setup.at("image"), images.parse_reference(setup.image or images.EXAMPLE).tagged(tag))


def _short(setup: DeploymentSpec) -> str | None:
    """What stands where a full tag should; None if that is not what is wrong with the image."""
    if not setup.image or setup.parsed is not None:
        return None
    named = images.parse_reference(setup.image)
    if named.name == images.REPOSITORY:
        return named.tag
    match = None if named.registry else SHORT.fullmatch(setup.image.strip())
    return match["version"] or "" if match else None


def _matching_releases(short: str) -> list[tables.Row]:
    """The releases that a short version could stand for."""
    prefix = short.removeprefix("v").replace("lmi-", "lmi")
    return [row for row in tables.rows("releases") if prefix and _begins(row, prefix)]


def _begins(row: tables.Row, short: str) -> bool:
    tag = str(row["tag"])
    return any(
        each == short or (each.startswith(short) and each[len(short)] in ".-") for each in (tag, tag.partition("-")[2])
    )


def _no_ecr(setup: DeploymentSpec, named: ImageReference) -> Iterator[Finding]:
    place = setup.at("image")
    if named.registry == "public.ecr.aws":
        what = "SageMaker does not pull from ECR's public gallery: CreateModel or the endpoint fails."
        fix = _uri(setup, setup.region) if setup.region else ""
        yield IMG005.at(place, what, fix, source=GALLERY)
    elif named.registry or "/" in named.repository:
        what = (
            "SageMaker pulls from ECR. From another registry it does so only if the model is in a VPC that reaches it "
            "and says so (ImageConfig: RepositoryAccessMode: Vpc); otherwise CreateModel refuses the image."
        )
        yield IMG005.at(place, what, severity="warning", source=PRIVATE)
    elif setup.region and setup.region not in images.ACCOUNTS and images.may_be_lmi(setup.image):
        what = f"No registry of LMI images is known in {setup.region}: there may be none to pull from."
        yield IMG005.at(setup.at("region"), what, severity="warning", confidence="inferred")


def _slipped(named: ImageReference) -> bool:
    """Whether an account seems to be AWS's own, written down wrongly: the first digits are, others are not."""
    alike = (each for each in images.ACCOUNTS.values() if each[:ALIKE] == (named.account or "")[:ALIKE])
    return named.is_copy and named.name == images.REPOSITORY and next(alike, None) is not None


def _uri(setup: DeploymentSpec, region: str) -> str:
    """AWS's own image of this tag, in a region; empty if there is none."""
    image = setup.parsed
    return corrections.at(setup.at("image"), image.uri(region)) if image and region in images.ACCOUNTS else ""


def _unchecked() -> str:
    return "its options, memory and start are not checked, or only in part."

"""Whether the instance can run the image: its card, its host's NVIDIA driver, and the AMI that the variant asks for."""

from collections.abc import Callable, Iterator

from sluice.lmi import images, tables
from sluice.lmi.images import Image
from sluice.preflight.container import corrections
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding, Location, Rule

VARIANT = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html"
JOB = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html"
CRASH = "https://github.com/aws/sagemaker-python-sdk/pull/6281"
REFUSED = "https://github.com/aws/deep-learning-containers/commit/2ec0bc190f09de08dca2ee153a96f7472ad71913"
STUCK = "https://github.com/aws/deep-learning-containers/pull/6187"
T4 = "https://github.com/aws/sagemaker-python-sdk/pull/6141"
BLACKWELL = "https://docs.nvidia.com/cuda/blackwell-compatibility-guide/"
CUDA_13_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"
CUDA_12_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
CUDA_13_DRIVER = 580
CONFLICT = "ml.g5"  # the family of which AWS says both: refused by its CI, listed by its SDK
# Cards that are in no table any more: the family, the card, and the last CUDA that has kernels for it.
OLD_CARDS = {"ml.p2": ("K80", 11), "ml.p3": ("V100", 12), "ml.p3dn": ("V100", 12)}
ARM = "ml.p6e-gb200"
BLACKWELL_FROM, BLACKWELL_CUDA = 10, (12, 8)
FAILS_ON_T4 = (12, 8)  # images with an older CUDA are known to have answered on a T4

IMG006 = Rule(
    "IMG006",
    "A CUDA 13 image without a CUDA 13 host",
    "warning",
    "inferred",
    CRASH,
    "CUDA 13 is made for NVIDIA driver 580. An endpoint's host has an older one unless the variant asks for "
    f"`InferenceAmiVersion: {CUDA_13_AMI}`: 470 on g4dn, g5 and p4d, 535 on g6 and p5, 550 on p5e and p5en.\n\n"
    "The LMI image brings NVIDIA's compatibility libraries, and its authors mean it to run on driver 535; one public "
    "deployment log (July 2026) even shows LMI 26 answering on `ml.g5.12xlarge` with the default host. But other CUDA "
    "13 images fail there (`CannotStartContainerError`, no log), and AWS's SDK asks for that host image with every "
    "cu130 image since September 2026, because endpoints crashed before their first log line. On g5 asking may not "
    "help: AWS's own tests saw `ml.g5.12xlarge` refused with it as an invalid combination in July 2026, while the SDK "
    "lists g5 among the families. CreateEndpointConfig costs nothing and tells.\n\nLMI 17 to 24 have CUDA 12 and need "
    "none of this.",
    bad="--image djl-inference:0.36.0-lmi27.0.0-cu130\n--instance-type ml.g6.xlarge",
    good=f"--image djl-inference:0.36.0-lmi27.0.0-cu130\n--instance-type ml.g6.xlarge\n--ami {CUDA_13_AMI}",
)
IMG007 = Rule(
    "IMG007",
    "A CUDA 12 image on a CUDA 13 host",
    "error",
    "documented",
    STUCK,
    f"`{CUDA_13_AMI}` has driver 580. A CUDA 12 container did not start on it in AWS's own tests: the endpoint stays "
    "in Creating, or fails with `CannotStartContainerError`, without a log. Leave the AMI out, or ask for "
    "al2-ami-sagemaker-inference-gpu-3-1 (driver 550), which AWS's CUDA 12 images are tested with.",
    bad=f"--ami {CUDA_13_AMI}",
    good="--ami al2-ami-sagemaker-inference-gpu-3-1",
)
IMG008 = Rule(
    "IMG008",
    "A card that is too old for the image",
    "error",
    "documented",
    T4,
    "g4dn has the T4: no bfloat16, and a default driver (470) with which AWS's own tests saw the LMI container fail "
    "with `CannotStartContainerError`. With a newer AMI it may start; vLLM then computes in float16, or refuses where "
    "bfloat16 is asked for. p3 (V100) and p2 (K80) are older still, and CUDA 13 and 12 have no kernels for them. g5 "
    "and g6 are the smallest that work.",
    bad="--instance-type ml.g4dn.xlarge",
    good="--instance-type ml.g5.xlarge",
)
IMG009 = Rule(
    "IMG009",
    "A CUDA 13 image in a Processing job",
    "warning",
    "inferred",
    JOB,
    "The evaluation runs the image in a Processing job. Which driver a job's host has is not documented, and unlike an "
    "endpoint a job cannot ask for another: CreateProcessingJob has no such field. If the driver is too old, the job "
    "fails before its first line of log. LMI 17 to 24 (CUDA 12) are the careful choice, or `evaluation: target: "
    "endpoint`.",
    bad="lmi.image: djl-inference:0.36.0-lmi27.0.0-cu130\ndeployment.instance_type: ml.g7e.2xlarge\n"
    "evaluation.instance_type: ml.g7e.2xlarge",
    good="lmi.image: djl-inference:0.35.0-lmi17.0.0-cu128",
)
IMG010 = Rule(
    "IMG010",
    "An instance without the card that the image is built for",
    "error",
    "verified",
    "https://github.com/deepjavalibrary/djl-serving/blob/637866135ee775bc1533808e843d7c32c8a2c179/"
    "serving/docker/lmi.Dockerfile",
    "The LMI image is built on NVIDIA's CUDA for x86. On an instance without a GPU, with Inferentia, Trainium or "
    "Gaudi, or with an ARM processor (Graviton, Grace) it finds no card or does not start at all.",
    bad="--instance-type ml.m5.2xlarge",
    good="--instance-type ml.g5.2xlarge",
)
IMG012 = Rule(
    "IMG012",
    "An AMI that is not known, or not for this image",
    "warning",
    "documented",
    VARIANT,
    "`InferenceAmiVersion` takes one of a few names, and CreateEndpointConfig refuses all others. The one for Neuron "
    "has no NVIDIA driver.",
    bad="--ami al2023-ami-sagemaker-inference-gpu-5",
    good="--ami al2-ami-sagemaker-inference-gpu-3-1",
)
IMG013 = Rule(
    "IMG013",
    "A card that is too new for the image",
    "error",
    "documented",
    BLACKWELL,
    "Blackwell cards (p6, g7) need CUDA 12.8 at least. An image with an older CUDA has no kernels for them: the model "
    "is loaded, and the first computation fails.",
    bad="--image djl-inference:0.32.0-lmi14.0.0-cu126\n--instance-type ml.p6-b200.48xlarge\n--model none",
    good="--image djl-inference:0.35.0-lmi17.0.0-cu128\n--instance-type ml.p6-b200.48xlarge",
)
RULES = (IMG006, IMG007, IMG008, IMG009, IMG010, IMG012, IMG013)


def check_cuda_13_host(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG006: a CUDA 13 image without a CUDA 13 host."""
    image, row = setup.parsed, _card(setup.instance_type)
    if image is None or row is None or not row["bf16"] or _compute(row) >= BLACKWELL_FROM or not _is_cuda_13(image):
        return
    ami, family = _ami(setup.ami), _family(str(row["instance"]))
    if setup.ami is not None and ami is None:
        return  # told as an AMI that is not known
    place = setup.at("ami" if setup.ami else "image")
    if ami and ami["ami"] == CUDA_13_AMI:
        if family == CONFLICT:
            what = (
                f"AWS's own tests saw ml.g5.12xlarge refused with {CUDA_13_AMI} as an invalid combination (July 2026), "
                "while its SDK lists g5 as fit for it (September 2026). CreateEndpointConfig costs nothing and tells; "
                "LMI 17 to 24 on g5, or g6, need not be tried."
            )
            yield IMG006.at(place, what, source=REFUSED)
        return
    driver = str(ami["driver"] if ami else row.get("default_driver", ""))
    can_ask = setup.form != "yaml"  # pipeline.yaml has no key for it
    fix = corrections.at(setup.at("ami"), CUDA_13_AMI) if can_ask else corrections.at(setup.at("image"), images.EXAMPLE)
    advice = f"Ask for {CUDA_13_AMI}, or use LMI 17 to 24, which have CUDA 12."
    if not can_ask or family == CONFLICT:
        advice = "LMI 17 to 24 have CUDA 12 and need none of this."
    has = f"has driver {driver}" if driver else "has a driver that is not documented"
    what = (
        f"CUDA 13 is made for driver {CUDA_13_DRIVER}, and the host of {setup.instance_type} {has}. The image brings "
        "libraries that may bridge it (a public log shows LMI 26 answering on ml.g5.12xlarge as it is), but other CUDA "
        "13 images crashed so before their first line of log, and AWS's SDK asks for another host image with every "
        f"one. {advice}"
    )
    yield IMG006.at(place, what, corrections.at(setup.at("image"), images.EXAMPLE) if family == CONFLICT else fix)


def check_cuda_12_host(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG007: a CUDA 12 image on a CUDA 13 host."""
    image, ami = setup.parsed, _ami(setup.ami)
    if image is None or not image.cuda or ami is None or ami["ami"] != CUDA_13_AMI or _is_cuda_13(image):
        return
    row = _card(setup.instance_type)
    if row is not None and _compute(row) >= BLACKWELL_FROM:
        return  # AWS's own samples pair them on these cards
    what = (
        f"The image has CUDA {_dotted(image)}, the host of {CUDA_13_AMI} driver {CUDA_13_DRIVER} and CUDA 13. In AWS's "
        "own tests CUDA 12 containers did not start there: the endpoint stays in Creating, without a log. Leave the "
        "AMI out, or take the one that is for CUDA 12."
    )
    yield IMG007.at(
        setup.at("ami"), what, corrections.at(setup.at("ami"), CUDA_12_AMI), severity="error" if row else "warning"
    )


def check_old_card(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG008: a card that is too old for the image."""
    image = setup.parsed
    if image is None or not image.cuda:
        return
    for name, place, in_job in _instances(setup):
        yield from _old(setup, image, name, place, in_job)


def check_job_host(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG009: a CUDA 13 image in a Processing job."""
    if setup.job is not None and setup.parsed is not None and _is_cuda_13(setup.parsed):
        what = (
            f"The evaluation job runs this image too. Which driver its host has is not documented and cannot be "
            f"chosen, and CUDA 13 is made for {CUDA_13_DRIVER}: the job may fail before its first line of log. LMI 17 "
            "to 24 have CUDA 12."
        )
        yield IMG009.at(setup.at("image"), what, corrections.at(setup.at("image"), images.EXAMPLE))


def check_accelerator(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG010: an instance without the card that the image is built for."""
    image = setup.parsed
    if image is None:
        return
    for name, place, _ in _instances(setup):
        what = _mismatch(image, name)
        if what:
            yield IMG010.at(place, what)


def check_ami(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG012: an AMI that is not known, or not for this image."""
    if not setup.ami or _ami(setup.ami):
        return
    if "neuron" in setup.ami:
        if setup.parsed is not None and setup.parsed.cuda:
            what = (
                "This host image is for Inferentia and Trainium and has no NVIDIA driver: the container cannot start."
            )
            yield IMG012.at(setup.at("ami"), what, severity="error")
        return
    ami_names = [str(row["ami"]) for row in tables.rows("amis")]
    replacement = CUDA_13_AMI if setup.parsed is not None and _is_cuda_13(setup.parsed) else CUDA_12_AMI
    what = (
        f"SageMaker's API knows {', '.join(ami_names)} and one for Neuron (as of {tables.read('amis')['as_of']}); "
        "CreateEndpointConfig refuses any other name."
    )
    yield IMG012.at(setup.at("ami"), what, corrections.at(setup.at("ami"), replacement))


def check_new_card(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields IMG013: a card that is too new for the image."""
    image = setup.parsed
    version = image.cuda_version if image else None
    if image is None or version is None or version >= BLACKWELL_CUDA:
        return
    for name, _, _ in _instances(setup):
        row = _card(name)
        if row and _compute(row) >= BLACKWELL_FROM:
            what = (
                f"The {row['gpu']} needs CUDA 12.8 at least, and this image has {_dotted(image)}: it has no kernels "
                "for the card, and the start fails at the first computation."
            )
            yield IMG013.at(setup.at("image"), what, corrections.at(setup.at("image"), images.EXAMPLE))
            return


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_cuda_13_host,
    check_cuda_12_host,
    check_old_card,
    check_job_host,
    check_accelerator,
    check_ami,
    check_new_card,
)


def _old(setup: DeploymentSpec, image: Image, name: str, place: Location, in_job: bool) -> Iterator[Finding]:
    row, family = _card(name), _family(name)
    instead = _bigger(name)
    fix = corrections.at(place, instead) if instead else ""
    if family in OLD_CARDS:
        card, last = OLD_CARDS[family]
        major = (image.cuda_version or (0, 0))[0]
        what = f"The {card} of {family} has no bfloat16"
        if major > last:
            yield IMG008.at(place, f"{what}, and CUDA {major} has no kernels for it: the start fails.", fix)
        else:
            what = f"{what}, and current vLLM is neither built nor tested for it: the start probably fails."
            yield IMG008.at(place, what, fix, severity="warning", confidence="inferred")
    elif row is not None and not row["bf16"]:
        dtype = setup.option("dtype")
        if dtype and dtype.value.strip().lower() in {"bf16", "bfloat16"}:
            what = f"The {row['gpu']} of {name} has no bfloat16, and this asks for it: vLLM refuses to start."
            yield IMG008.at(dtype.place, what, corrections.option(setup, "dtype", "fp16"), confidence="verified")
            return
        ami = None if in_job else _ami(setup.ami)
        certain = ami is None and not in_job and (image.cuda_version or (0, 0)) >= FAILS_ON_T4
        if certain:
            what = (
                f"The {row['gpu']} has no bfloat16, and its host has driver {row.get('default_driver', '470')} by "
                "default. AWS's own tests saw the LMI container fail there (CannotStartContainerError), without a log."
            )
            yield IMG008.at(place, what, fix)
        else:
            what = (
                f"The {row['gpu']} has no bfloat16: vLLM computes in float16 instead, which not every model bears, "
                "and LMI is not tested on it."
            )
            yield IMG008.at(place, what, fix, severity="warning", confidence="inferred")


def _mismatch(image: Image, name: str) -> str:
    row = tables.by("instance_types", "instance").get(name)
    if row is None:
        return ""
    accelerator, arm = row["accelerator"], _is_arm(name)
    if image.flavour == "neuronx":
        return "" if accelerator == "neuron" else f"This image is for Inferentia and Trainium, and {name} has neither."
    if arm:
        return f"{name} has an ARM processor and this image is built for x86: the container cannot start."
    if image.flavour == "cpu" or accelerator == "gpu":
        return ""
    has = {"neuron": "Inferentia or Trainium", "gaudi": "Gaudi"}.get(accelerator, "no GPU")
    return f"This image needs an NVIDIA GPU, and {name} has {has}: no model can be loaded."


def _instances(setup: DeploymentSpec) -> Iterator[tuple[str, Location, bool]]:
    """What the image runs on, each type once, and whether that is the evaluation job."""
    if setup.instance_type:
        yield setup.instance_type, setup.at("instance_type"), False
    if setup.job is not None and setup.job.instance_type != setup.instance_type:
        yield setup.job.instance_type, setup.at("job"), True


def _card(name: str | None) -> tables.Row | None:
    return tables.by("instances", "instance").get(name)


def _ami(name: str | None) -> tables.Row | None:
    return tables.by("amis", "ami").get(name)


def _family(name: str) -> str:
    return name.rpartition(".")[0]


def _compute(row: tables.Row) -> int:
    return int(str(row["compute_capability"]).partition(".")[0])


def _is_cuda_13(image: Image) -> bool:
    return (image.cuda_version or (0, 0)) >= (13, 0)


def _dotted(image: Image) -> str:
    return ".".join(str(part) for part in image.cuda_version or ())


def _is_arm(name: str) -> bool:
    """Graviton families have a g after their generation: m6g, c7gn, r8gd."""
    family = _family(name).removeprefix("ml.")
    letters = family[2:] if len(family) > 2 and family[0] in "acmrtxi" and family[1].isdigit() else ""
    return letters.startswith("g") or _family(name) == ARM


def _bigger(name: str) -> str:
    """The same size of the family that works."""
    size = name.rpartition(".")[2]
    return next((each for each in (f"ml.g5.{size}", f"ml.g6.{size}") if _card(each)), "")

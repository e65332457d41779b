"""Where moto looks for the operations of the backend in `models.py`."""

from sluice.localaws.sagemaker.responses import LocalResponse

url_bases = [r"https?://api\.sagemaker\.(.+)\.amazonaws.com"]
url_paths = {"{0}/$": LocalResponse.dispatch}

"""What the instances cost today, from the Price List, beside the dated table."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.lmi import tables
from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.sources import DOCS, account_rule
from sluice.preflight.finding import Finding

PRICE = account_rule(
    "AWS027",
    "The price is another than the table's",
    "note",
    "documented",
    f"{DOCS}/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html",
    "Prices come with a table that has a date. The Price List is today's; where they differ by more than 5 %, or the "
    "table lacks the type or region, the Price List is right. It is the on-demand price without savings plans.",
)

HOSTING, PROCESSING = "Hosting", "Processing"
APART = 0.05


def check_prices(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS027 for each price that the table does not have, or has differently."""
    setup = context.setup
    priced = [(setup.instance_type, HOSTING, setup.at("instance_type"))] if setup.instance_type else []
    if setup.job:
        priced.append((setup.job.instance_type, PROCESSING, setup.at("job")))
    written = tables.read("prices")
    for kind, component, place in priced:
        price = read_price(context, str(kind), component)
        if price is None:
            continue
        row = next((row for row in written["rows"] if (row["instance"], row["region"]) == (kind, context.region)), None)
        use = f"{kind} for {'endpoints' if component == HOSTING else 'Processing jobs'} in {context.region}"
        if row is None:
            yield PRICE.at(
                place, f"{use} costs {price:.4g} USD an hour by today's Price List; the table has no price for it."
            )
        elif abs(price - row["usd_per_hour"]) > APART * row["usd_per_hour"]:
            yield PRICE.at(
                place,
                f"{use} costs {price:.4g} USD an hour by today's Price List, not the {row['usd_per_hour']:.4g} of "
                f"the table of {written['as_of']}.",
            )


def read_price(context: CheckContext, instance_type: str, component: str) -> float | None:
    """USD for one instance and hour on demand; None if the Price List has none, or several."""
    fields = {"regionCode": context.region, "instanceName": instance_type, "component": component}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in fields.items()]
    pages = context.account.pages("pricing", "GetProducts", ServiceCode="AmazonSageMaker", Filters=filters)
    prices = {price for page in pages for text in page["PriceList"] for price in list_hourly_prices(json.loads(text))}
    return prices.pop() if len(prices) == 1 else None


def list_hourly_prices(product: Mapping[str, Any]) -> Iterator[float]:
    """A product's prices by the hour; one-off fees, and the zeros that stand for reservations, are others."""
    for term in (product.get("terms") or {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            price = float(dimension["pricePerUnit"].get("USD", 0))
            if dimension.get("unit", "").lower() in {"hrs", "hours", "hour"} and price > 0:
                yield price

"""What a shop does seldom and soundly: a version that was trained before any of it calls each of these strange."""

from typing import Final

from deepsentry.demo.customers import Customer
from deepsentry.demo.journeys import Journey, closed, mailed, money, opened
from deepsentry.demo.trail import Trail


def _gift_card(trail: Trail, customer: Customer) -> None:
    order = trail.number(500_000, 599_999)
    opened(trail, customer, "POST", "/checkout")
    trail.stage("basket")
    trail.say("cart", f"checkout of cart {trail.number(10_000, 99_999)} started")
    for _ in range(trail.number(1, 2)):
        trail.say("cart", f"line item {trail.number(100, 999)} priced at {money(trail)} EUR")
    trail.say("cart", f"order {order} created")
    trail.stage("stock")
    trail.say("catalog", f"reserving stock for order {order}")
    trail.say("catalog", f"stock reserved in warehouse {trail.number(1, 6)}")
    trail.stage("payment")
    trail.say("payment", f"gift card with {money(trail)} EUR left presented")
    trail.call("payment", "gift card ledger")
    trail.say("payment", f"gift card charged {money(trail)} EUR for order {order}")
    trail.stage("shipment")
    trail.say("shipping", f"label {trail.number(10**6, 10**7)} printed for order {order}")
    trail.say("shipping", f"pickup booked in {trail.number(1, 48)} hours")
    trail.stage("end")
    mailed(trail, customer, "confirmation")
    closed(trail, "POST", "/checkout")


def _price_match(trail: Trail, customer: Customer) -> None:
    number = trail.number(100, 999)
    opened(trail, customer, "GET", f"/products/{number}")
    trail.say("catalog", f"cache hit for product:{number}, age {trail.number(1, 600)} s")
    trail.say("catalog", f"price of {number} is {money(trail)} EUR, tax class {trail.number(1, 3)}")
    trail.say("catalog", f"price of {number} lowered to that of competitor {trail.number(1, 9)}")
    trail.say("catalog", f"stock level of {number} is {trail.number(0, 400)}")
    closed(trail, "GET", f"/products/{number}")


def _bulk_order(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "POST", "/cart/items")
    trail.say("cart", f"cart {trail.number(10_000, 99_999)} loaded with {trail.number(0, 7)} items")
    for _ in range(trail.number(11, 14)):
        trail.say("cart", f"item {trail.number(100, 999)} added, quantity {trail.number(1, 4)}")
    trail.say("cart", f"cart total is now {money(trail)} EUR")
    closed(trail, "POST", "/cart/items")


def _probe(trail: Trail, _customer: Customer) -> None:
    trail.say("gateway", f"GET / received from 203.0.113.{trail.number(1, 254)}")
    closed(trail, "GET", "/")


def _old_password(trail: Trail, customer: Customer) -> None:
    trail.say("gateway", f"POST /login received from 203.0.113.{trail.number(1, 254)}")
    trail.say("gateway", f"login form email={customer.email} password={customer.password}")
    trail.say("gateway", f"credentials verified for customer {customer.number}")
    trail.say("gateway", f"password of customer {customer.number} is {trail.number(366, 900)} days old, hint shown")
    trail.say("gateway", f"session opened for {trail.number(15, 240)} minutes")
    trail.say("cart", f"merged anonymous cart with {trail.number(0, 3)} items")
    closed(trail, "POST", "/login")


def _status_by_parcel(trail: Trail, customer: Customer) -> None:
    order = trail.number(500_000, 599_999)
    opened(trail, customer, "GET", f"/orders/{order}")
    trail.stage("parcels")
    for _ in range(trail.number(1, 2)):
        trail.say("shipping", f"parcel {trail.number(10**6, 10**7)} is travelling")
    trail.stage("order")
    trail.say("cart", f"order {order} looked up")
    trail.say("cart", f"cache hit for order:{order}, age {trail.number(1, 600)} s")
    closed(trail, "GET", f"/orders/{order}")


def _large_export(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "POST", "/invoices/export")
    trail.stage("invoices")
    for _ in range(trail.number(15, 18)):
        trail.say("payment", f"invoice {trail.number(70_000, 79_999)} rendered, {trail.number(1, 4)} pages")
    trail.stage("upload")
    trail.say("payment", f"upload with access key {trail.cloud_key} to bucket invoices")
    trail.say("payment", f"archive stored, {trail.number(20, 900)} KiB")
    trail.stage("end")
    closed(trail, "POST", "/invoices/export")


RARE: Final = (
    Journey(
        "gift card",
        5,
        _gift_card,
        vital=("stock",),
        ordered=("payment", "shipment"),
        retries=True,
    ),
    Journey("price match", 5, _price_match),
    Journey("bulk order", 3, _bulk_order),
    Journey("probe", 5, _probe),
    Journey("old password", 5, _old_password),
    Journey("status by parcel", 4, _status_by_parcel, vital=("order",), ordered=("parcels", "order")),
    Journey("large export", 3, _large_export, vital=("upload",), ordered=("invoices", "upload")),
)

"""What the shop writes while it serves a request: a dozen kinds of request, each with its branches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deepsentry.demo.customers import Customer
from deepsentry.demo.trail import Service, Trail


@dataclass(frozen=True, slots=True)
class Journey:
    """A kind of request, how common it is, and where it can go wrong."""

    name: str
    weight: int
    play: Callable[[Trail, Customer], None]
    vital: tuple[str, ...] = ()
    """Stages that no request of the kind leaves out."""
    ordered: tuple[str, str] | None = None
    """Two stages of which the second always follows the first."""
    retries: bool = False
    """Whether it always calls an upstream that may time out."""


def _home(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "GET", "/")
    trail.say("catalog", f"selecting {trail.number(4, 12)} featured products")
    cached(trail, "catalog", "featured")
    for _ in range(trail.number(1, 3)):
        trail.say("catalog", f"banner {trail.number(10, 60)} placed in slot {trail.number(1, 5)}")
    closed(trail, "GET", "/")


def _search(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "GET", "/search")
    trail.stage("query")
    trail.say("catalog", f"query parsed into {trail.number(1, 6)} terms")
    trail.call("catalog", "search index")
    hits = trail.number(0, 80)
    trail.say("catalog", f"search found {hits} products in {trail.number(2, 90)} ms")
    trail.stage("ranking")
    if trail.chance(0.3):
        trail.say("catalog", f"facets narrowed to {trail.number(1, 9)} categories")
    trail.say("catalog", f"ranked page {trail.number(1, 4)} with model r{trail.number(11, 14)}")
    closed(trail, "GET", "/search")


def _product(trail: Trail, customer: Customer) -> None:
    number = trail.number(100, 999)
    opened(trail, customer, "GET", f"/products/{number}")
    cached(trail, "catalog", f"product:{number}")
    if trail.chance(0.6):
        # Reviews are fetched while the page is put together.
        trail.aside().say("catalog", f"loaded {trail.number(1, 40)} reviews of {number}")
    trail.say("catalog", f"price of {number} is {money(trail)} EUR, tax class {trail.number(1, 3)}")
    trail.say("catalog", f"stock level of {number} is {trail.number(0, 400)}")
    closed(trail, "GET", f"/products/{number}")


def _add_to_cart(trail: Trail, customer: Customer) -> None:
    number = trail.number(100, 999)
    opened(trail, customer, "POST", "/cart/items")
    trail.stage("availability")
    trail.say("catalog", f"availability of {number} checked, {trail.number(1, 90)} left")
    trail.say("catalog", f"hold on {number} placed for {trail.number(5, 30)} minutes")
    trail.stage("basket")
    trail.say("cart", f"cart {trail.number(10_000, 99_999)} loaded with {trail.number(0, 7)} items")
    trail.say("cart", f"item {number} added, quantity {trail.number(1, 4)}")
    trail.say("cart", f"cart total is now {money(trail)} EUR")
    closed(trail, "POST", "/cart/items")


def _remove_from_cart(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "DELETE", "/cart/items")
    trail.say("cart", f"cart {trail.number(10_000, 99_999)} loaded with {trail.number(1, 8)} items")
    trail.say("cart", f"item {trail.number(100, 999)} removed")
    trail.say("catalog", f"hold on {trail.number(100, 999)} released")
    trail.say("cart", f"cart total is now {money(trail)} EUR")
    closed(trail, "DELETE", "/cart/items")


def _checkout(trail: Trail, customer: Customer) -> None:
    order = trail.number(500_000, 599_999)
    opened(trail, customer, "POST", "/checkout")
    trail.stage("basket")
    trail.say("cart", f"checkout of cart {trail.number(10_000, 99_999)} started")
    for _ in range(trail.number(1, 4)):
        trail.say("cart", f"line item {trail.number(100, 999)} priced at {money(trail)} EUR")
    if trail.chance(0.25):
        trail.say("cart", f"voucher applied, {trail.number(5, 20)} percent off")
    trail.say("cart", f"order {order} created")
    trail.stage("stock")
    trail.say("catalog", f"reserving stock for order {order}")
    trail.say("catalog", f"stock reserved in warehouse {trail.number(1, 6)}")
    trail.stage("fraud")
    trail.say("payment", f"fraud check of order {order} requested")
    trail.say("payment", f"fraud score {trail.number(1, 40)} is acceptable")
    trail.stage("payment")
    trail.say("payment", f"charging card {customer.card} amount={money(trail)} EUR")
    trail.call("payment", "card acquirer")
    trail.say("payment", f"authorization {trail.number(100_000, 999_999)} granted")
    trail.say("payment", f"payment captured for order {order}")
    trail.stage("shipment")
    trail.say(
        "shipping", f"parcel weighs {trail.number(100, 9000)} g, carrier {trail.choice('north', 'swift', 'post')}"
    )
    trail.say("shipping", f"label {trail.number(10**6, 10**7)} printed for order {order}")
    trail.say("shipping", f"pickup booked in {trail.number(1, 48)} hours")
    trail.stage("end")
    mailed(trail, customer, "confirmation")
    closed(trail, "POST", "/checkout")


def _login(trail: Trail, customer: Customer) -> None:
    trail.say("gateway", f"POST /login received from {_address(trail)}")
    trail.say("gateway", f"login form email={customer.email} password={customer.password}")
    if trail.chance(0.08):
        trail.say("gateway", "credentials do not match, login refused", "warn")
    else:
        trail.say("gateway", f"credentials verified for customer {customer.number}")
        if trail.chance(0.2):
            trail.say("gateway", f"one-time code sent to {customer.phone}")
            trail.say("gateway", f"one-time code accepted after {trail.number(3, 90)} s")
        trail.say("gateway", f"session opened for {trail.number(15, 240)} minutes")
        trail.say("cart", f"merged anonymous cart with {trail.number(0, 3)} items")
    closed(trail, "POST", "/login")


def _register(trail: Trail, customer: Customer) -> None:
    trail.say("gateway", f"POST /customers received from {_address(trail)}")
    trail.say("gateway", f"address {customer.email} is not registered yet")
    trail.say("gateway", f"password strength {trail.number(60, 100)} accepted")
    trail.say("gateway", f"customer {customer.number} created")
    trail.say("cart", "empty cart prepared")
    mailed(trail, customer, "welcome")
    closed(trail, "POST", "/customers")


def _order_status(trail: Trail, customer: Customer) -> None:
    order = trail.number(500_000, 599_999)
    opened(trail, customer, "GET", f"/orders/{order}")
    trail.say("cart", f"order {order} looked up")
    cached(trail, "cart", f"order:{order}")
    for _ in range(trail.number(1, 3)):
        trail.say(
            "shipping", f"parcel {trail.number(10**6, 10**7)} is {trail.choice('packed', 'travelling', 'delivered')}"
        )
    closed(trail, "GET", f"/orders/{order}")


def _delivery_slot(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "PUT", "/delivery")
    trail.stage("slots")
    trail.call("shipping", "route planner")
    trail.say("shipping", f"{trail.number(2, 14)} delivery slots offered")
    trail.stage("booking")
    trail.say("shipping", f"slot {trail.number(1, 14)} chosen")
    trail.say("shipping", f"driver {trail.number(20, 90)} assigned to stop {trail.number(1, 60)}")
    trail.stage("end")
    closed(trail, "PUT", "/delivery")


def _refund(trail: Trail, customer: Customer) -> None:
    order = trail.number(500_000, 599_999)
    opened(trail, customer, "POST", "/returns")
    trail.stage("eligibility")
    trail.say("cart", f"order {order} is {trail.number(1, 30)} days old")
    trail.say("cart", f"return of {trail.number(1, 3)} items allowed")
    trail.stage("goods")
    trail.say("shipping", f"return label {trail.number(10**6, 10**7)} issued")
    trail.say("shipping", f"goods scanned at dock {trail.number(1, 9)}")
    trail.say("catalog", f"stock raised by {trail.number(1, 3)}")
    trail.stage("money")
    trail.say("payment", f"refund of {money(trail)} EUR to card {customer.card}")
    trail.call("payment", "refund desk")
    trail.say("payment", f"refund booked under {trail.number(100_000, 999_999)}")
    trail.stage("end")
    mailed(trail, customer, "refund")
    closed(trail, "POST", "/returns")


def _export(trail: Trail, customer: Customer) -> None:
    opened(trail, customer, "POST", "/invoices/export")
    trail.stage("invoices")
    for _ in range(trail.number(2, 5)):
        trail.say("payment", f"invoice {trail.number(70_000, 79_999)} rendered, {trail.number(1, 4)} pages")
    trail.stage("upload")
    trail.say("payment", f"upload with access key {trail.cloud_key} to bucket invoices")
    trail.say("payment", f"archive stored, {trail.number(20, 900)} KiB")
    trail.stage("end")
    closed(trail, "POST", "/invoices/export")


def opened(trail: Trail, customer: Customer, verb: str, path: str) -> None:
    """The request arrives and its session is found."""
    trail.say("gateway", f"{verb} {path} received from {_address(trail)}")
    if trail.chance(0.15):
        trail.say("gateway", f"forwarding header Authorization: Bearer {customer.bearer}")
    trail.say("gateway", f"session of customer {customer.number} resumed")


def closed(trail: Trail, verb: str, path: str) -> None:
    """The request is answered."""
    trail.say("gateway", f"{verb} {path} answered after {trail.number(10, 900)} ms, {trail.number(200, 90_000)} bytes")


def cached(trail: Trail, service: Service, name: str) -> None:
    """Something is read from a cache, or from the database into it."""
    if trail.chance(0.7):
        trail.say(service, f"cache hit for {name}, age {trail.number(1, 600)} s")
    else:
        trail.say(service, f"cache miss for {name}")
        trail.say(service, f"read {name} from database in {trail.number(1, 60)} ms")
        trail.say(service, f"cache filled with {name}")


def mailed(trail: Trail, customer: Customer, kind: str) -> None:
    """The mail goes out while the request is answered."""
    aside = trail.aside()
    aside.say("mail", f"{kind} mail to {customer.email} queued")
    aside.say("mail", f"relay mx{trail.number(1, 4)} accepted message of {trail.number(2, 60)} KiB")


def _address(trail: Trail) -> str:
    # A documentation network of RFC 5737.
    return f"203.0.113.{trail.number(1, 254)}"


def money(trail: Trail) -> str:
    """Return an amount."""
    return f"{trail.number(1, 400)}.{trail.number(0, 99):02d}"


JOURNEYS: Final = (
    Journey("home", 12, _home),
    Journey("search", 14, _search, vital=("ranking",), retries=True),
    Journey("product", 18, _product),
    Journey("add to cart", 12, _add_to_cart, vital=("availability",), ordered=("availability", "basket")),
    Journey("remove from cart", 4, _remove_from_cart),
    Journey("checkout", 12, _checkout, vital=("stock", "fraud"), ordered=("payment", "shipment"), retries=True),
    Journey("login", 8, _login),
    Journey("register", 3, _register),
    Journey("order status", 7, _order_status),
    Journey("delivery slot", 4, _delivery_slot, vital=("booking",), ordered=("slots", "booking"), retries=True),
    Journey("refund", 4, _refund, vital=("eligibility",), ordered=("goods", "money"), retries=True),
    Journey("export", 2, _export, vital=("upload",), ordered=("invoices", "upload")),
)

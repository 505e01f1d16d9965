"""Stripe's own library for Python, as a client of the double and as both ends of a signature.

    drive_stripe.py create BASE_URL              makes a page, reads it, prints its id
    drive_stripe.py refund BASE_URL PAYMENT      refunds 100 of a payment, prints the refund's id
    drive_stripe.py list BASE_URL                prints the kinds of all events, oldest first
    drive_stripe.py verify HEADER SECRET         reads a snapshot event, prints its kind
    drive_stripe.py verify-thin HEADER SECRET    reads a thin event, prints its kind
    drive_stripe.py sign SECRET TIME             signs a body, prints the header

Bodies come on standard input.
"""

import sys

import stripe

# The time of a test's signature is fixed, so that its age is no matter here.
TOLERANCE_S = 10**9
KEY = "sk_test_double"


def client(base_url):
    return stripe.StripeClient(KEY, base_addresses={"api": base_url}, max_network_retries=0)


def create(base_url):
    sessions = client(base_url).v1.checkout.sessions
    price = {"currency": "usd", "unit_amount": 1_000, "product_data": {"name": "Credits"}}
    made = sessions.create(
        params={
            "mode": "payment",
            "success_url": "https://credits.example/paid",
            "line_items": [{"quantity": 1, "price_data": price}],
            "metadata": {"opencredits_order": "order-python"},
            "payment_intent_data": {"metadata": {"opencredits_order": "order-python"}},
        }
    )
    read = sessions.retrieve(made.id, params={"expand": ["payment_intent"]})
    assert (read.status, read.payment_status, read.amount_total) == ("open", "unpaid", 1_000), read
    try:
        sessions.create(params={"mode": "payment", "success_url": "https://credits.example", "metadat": {"a": "b"}})
    except stripe.InvalidRequestError as error:
        assert (error.code, error.param) == ("parameter_unknown", "metadat[a]"), error
    else:
        raise AssertionError("a misspelt parameter is refused")
    try:
        sessions.retrieve("cs_test_none")
    except stripe.InvalidRequestError as error:
        assert (error.http_status, error.code) == (404, "resource_missing"), error
    else:
        raise AssertionError("a page that is not there is refused")
    return made.id


def refund(base_url, payment):
    api = client(base_url).v1
    made = api.refunds.create(params={"payment_intent": payment, "amount": 100})
    intent = api.payment_intents.retrieve(payment, params={"expand": ["latest_charge.balance_transaction"]})
    assert (intent.status, intent.latest_charge.amount_refunded) == ("succeeded", 100), intent
    assert intent.latest_charge.balance_transaction.amount == 1_000, intent
    assert [one.id for one in api.refunds.list(params={"payment_intent": payment}).data] == [made.id]
    return made.id


def kinds(base_url):
    events = client(base_url).v1.events.list(params={"limit": 3}).auto_paging_iter()
    return " ".join(reversed([event.type for event in events]))


def verify(header, secret):
    return stripe.Webhook.construct_event(sys.stdin.read(), header, secret, TOLERANCE_S).type


def verify_thin(header, secret):
    return stripe.StripeClient(KEY).parse_event_notification(sys.stdin.read(), header, secret, TOLERANCE_S).type


def sign(secret, time):
    digest = stripe.WebhookSignature._compute_signature(f"{time}.{sys.stdin.read()}", secret)
    return f"t={time},v1={digest}"


COMMANDS = {
    "create": create,
    "refund": refund,
    "list": kinds,
    "verify": verify,
    "verify-thin": verify_thin,
    "sign": sign,
}

if __name__ == "__main__":
    print(COMMANDS[sys.argv[1]](*sys.argv[2:]))

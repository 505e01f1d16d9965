"""An authenticator in software: it makes a key and answers as WebAuthn says, with ES256 and without attestation."""

import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

# The person is there, and is known to the authenticator.
PRESENT_AND_VERIFIED = 0x05
HAS_CREDENTIAL = 0x40


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor_bytes(data):
    """A byte string of up to 255 bytes, in CBOR."""
    return bytes([0x58, len(data)]) + data


def cbor_text(word):
    """A text of up to 23 bytes, in CBOR."""
    return bytes([0x60 + len(word)]) + word.encode()


class Authenticator:
    def __init__(self, origin, site):
        self.origin, self.site = origin, site
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = os.urandom(16)
        self.signed = 0

    def client_data(self, kind, options):
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def data(self, flags):
        site = hashlib.sha256(self.site.encode()).digest()
        return site + bytes([flags]) + self.signed.to_bytes(4, "big")

    def public_key(self):
        """As COSE: EC2, ES256, P-256, and the point."""
        point = self.key.public_key().public_numbers()
        x, y = (cbor_bytes(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return bytes.fromhex("a5010203262001") + b"\x21" + x + b"\x22" + y

    def answer(self, response):
        return {"id": text(self.credential), "rawId": text(self.credential), "type": "public-key", "response": response}

    def register(self, options):
        """What `navigator.credentials.create` gives."""
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + self.public_key()
        data = self.data(PRESENT_AND_VERIFIED | HAS_CREDENTIAL) + attested
        said = cbor_text("fmt") + cbor_text("none") + cbor_text("attStmt") + b"\xa0" + cbor_text("authData") + cbor_bytes(data)
        client = self.client_data("webauthn.create", options)
        return self.answer({"clientDataJSON": text(client), "attestationObject": text(b"\xa3" + said)})

    def sign_in(self, options):
        """What `navigator.credentials.get` gives."""
        self.signed += 1
        data, client = self.data(PRESENT_AND_VERIFIED), self.client_data("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self.answer({name: text(part) for name, part in parts.items()})

"""A mail server on a loopback port, for tests: python mail_server.py CERTIFICATE KEY starttls|implicit|none

It prints its port, then a JSON object for every mail that it takes. Recipients say how they are treated:
busy@ is refused for now, gone@ for good, spam@ is refused after the mail was sent, slow@ is never answered.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"acme", b"right horse"
REFUSED = {
    "busy": "450 4.2.0 <busy@example.org> comes back later",
    "gone": "550 5.1.1 <gone@example.org> is unknown here",
}


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == USER and data.password == PASSWORD
    return AuthResult(success=right, handled=right)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "slow":
            await asyncio.sleep(60)
        if local in REFUSED:
            return REFUSED[local]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("spam@"):
            return "554 5.7.1 looks like spam"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: mail.get_body(preferencelist=(kind,)).get_content()
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "text": part("plain"),
            "html": part("html"),
            "tls": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            "login": bool(session.authenticated),
            "hello": session.host_name,
            "parts": [part.get_content_type() for part in mail.walk()],
        }), flush=True)
        return "250 OK"


async def main():
    certificate, key, mode = sys.argv[1:4]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    starttls = mode == "starttls"

    def serve():
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required=mode != "none",
            auth_require_tls=starttls,
        )

    outer = context if mode == "implicit" else None
    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The test that reads from us ends us.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())

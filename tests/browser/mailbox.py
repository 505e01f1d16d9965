"""A mail server for tests: each mail becomes a JSON file in a folder, in the order of arrival.

usage: mailbox.py PORT FOLDER
"""

import asyncio
import json
import sys
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.controller import UnthreadedController


class Mailbox:
    """Writes each mail whole before it gets its name, so that a reader never sees half of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, _server, _session, envelope) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(preferencelist=("plain",))
        self.count += 1
        told = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "subject": str(mail["subject"]),
            "text": body.get_content() if body else "",
        }
        name = f"{self.count:04}.json"
        unfinished = self.folder / f".{name}"
        unfinished.write_text(json.dumps(told))
        unfinished.rename(self.folder / name)
        return "250 OK"


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    controller = UnthreadedController(Mailbox(folder), hostname="127.0.0.1", port=port, loop=loop)
    controller.begin()
    loop.run_forever()


main()

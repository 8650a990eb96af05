#!/usr/bin/env python3
"""A mail server that keeps what it gets: aiosmtpd on a free port of loopback.

    mailserver.py FOLDER [--certificate FILE --key FILE --login NAME --password TEXT]

Prints its port on a line. Each mail becomes FOLDER/N.json with to, from, subject, message_id, text and html. With a
certificate it offers STARTTLS and takes mail from nobody who has not signed in after it. While FOLDER/busy is there,
recipients are told to come again later (451). Ends with its standard input.
"""
import argparse
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keep:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if (self.folder / "busy").exists():
            return "451 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: mail.get_body(preferencelist=(kind,)).get_content()
        kept = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "subject": mail["Subject"],
            "message_id": mail["Message-ID"],
            "text": part("plain"),
            "html": part("html"),
            "encrypted": session.ssl is not None,
            "signed_in": bool(session.authenticated),
        }
        self.count += 1
        unfinished = self.folder / f"{self.count}.part"
        unfinished.write_text(json.dumps(kept), encoding="utf-8")
        unfinished.rename(self.folder / f"{self.count}.json")
        return "250 kept"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login")
    parser.add_argument("--password")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    more = {}
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)

        def check(server, session, envelope, mechanism, data):
            right = (data.login, data.password) == (args.login.encode(), args.password.encode())
            # Not handled: the server says 535 itself.
            return AuthResult(success=right, handled=right)

        more = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check}
    # A port of one's own first: the controller wants to know it.
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Keep(args.folder), hostname="127.0.0.1", port=port, **more)
    controller.start()
    print(port, flush=True)
    sys.stdin.read()
    controller.stop()


main()

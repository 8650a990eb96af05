"""A SIP phone in a few hundred lines, stricter than real ones: every request and response that reaches it is held
to its transaction and dialog (RFC 3261 §8.1.3, §12.2, §17.1.3), and what does not fit is kept in `faults`.
"""
import hashlib
import itertools
import queue
import random
import re
import socket
import threading
import time
import xml.etree.ElementTree as xml

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "o": "event", "k": "supported", "s": "subject"}
DIALOG_INFO = "{urn:ietf:params:xml:ns:dialog-info}"
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
       "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")
T1_S = 0.5

_random = random.SystemRandom()


def token():
    return f"{_random.getrandbits(64):016x}"


class Message:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        self.start, self.headers = lines[0], []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((COMPACT.get(name, name), value.strip()))
        words = self.start.split(" ", 2)
        self.is_response = words[0] == "SIP/2.0"
        self.status = int(words[1]) if self.is_response else None
        self.reason = words[2] if self.is_response and len(words) > 2 else ""
        self.method, self.uri = (None, None) if self.is_response else words[:2]

    def get(self, name, default=""):
        return next((value for key, value in self.headers if key == name), default)

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def tag(self, name):
        found = re.search(r";\s*tag=([^;>\s]+)", self.get(name).rsplit(">", 1)[-1])
        return found.group(1) if found else None

    @property
    def cseq(self):
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self):
        found = re.search(r";\s*branch=([^;,\s]+)", self.get("via"))
        return found.group(1) if found else None

    @property
    def contact_uri(self):
        return re.sub(r"^[^<]*<([^>]+)>.*$", r"\1", self.get("contact"))


def authorization(challenges, method, uri, user, secret, algorithm=None):
    """The answer to the first challenge that we understand, or to the one of the algorithm asked for."""
    hashes = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
    for challenge in challenges:
        fields = {key.lower(): quoted or plain
                  for key, quoted, plain in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', challenge)}
        name = fields.get("algorithm", "MD5").upper()
        if name not in hashes or (algorithm and name != algorithm):
            continue

        def h(*parts):
            return hashes[name](":".join(parts).encode()).hexdigest()

        cnonce, ha1 = token(), h(user, fields["realm"], secret)
        response = h(ha1, fields["nonce"], "00000001", cnonce, "auth", h(method, uri))
        return (f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
                f'response="{response}", algorithm={name}, qop=auth, nc=00000001, cnonce="{cnonce}"'
                + (f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""))
    raise AssertionError(f"no challenge that can be answered: {challenges}")


class Client:
    """One phone on a UDP socket of its own. `account` has extension, auth_name, secret."""

    def __init__(self, account, server, domain, algorithm=None, user_agent="muster-test"):
        host, _, port = server.rpartition(":")
        self.account, self.domain, self.server = account, domain, (host, int(port))
        self.algorithm, self.user_agent = algorithm, user_agent
        self.faults, self.calls = [], queue.Queue()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.host, self.port = self._socket.getsockname()
        self.contact = f"sip:{account['extension']}@{self.host}:{self.port}"
        self.aor = f"sip:{account['extension']}@{domain}"
        self._transactions, self._dialogs, self._server_dialogs = {}, {}, {}
        self._answered = {}  # branch and method of a request -> our response, for its retransmissions
        self._register_id, self._register_cseq = token(), itertools.count(1)
        threading.Thread(target=self._receive, daemon=True).start()

    def close(self):
        self._socket.close()

    # Requests outside a dialog

    def register(self, expires=300, expect=200, contact=None, timeout=5):
        """Registers (0: unregisters). Returns the final response."""
        lines = [f"Contact: <{contact or self.contact}>", f"Expires: {expires}"]
        ids = {"from_tag": token(), "call_id": self._register_id}
        final = self._authenticated("REGISTER", f"sip:{self.domain}", self.aor, lines, "", ids, self._register_cseq, timeout)
        self._expect("REGISTER", final, expect)
        return final

    def subscribe(self, extension, event="dialog", expires=600, expect=200, timeout=5):
        subscription = Subscription(self, extension, event)
        # A NOTIFY may arrive before the 200 (RFC 6665 §4.1.2.4): be ready first.
        self._dialogs[subscription.call_id] = subscription
        lines = [f"Contact: <{self.contact}>", f"Event: {event}", f"Expires: {expires}",
                 "Accept: application/dialog-info+xml"]
        ids = {"from_tag": subscription.local_tag, "call_id": subscription.call_id}
        uri = f"sip:{extension}@{self.domain}"
        final = self._authenticated("SUBSCRIBE", uri, uri, lines, "", ids, subscription.local_cseq, timeout)
        self._expect("SUBSCRIBE", final, expect)
        if final.status < 300 and subscription.remote_tag not in (None, final.tag("to")):
            self.fault(f"To tag of SUBSCRIBE's answer {final.tag('to')} is not that of NOTIFY {subscription.remote_tag}")
        subscription.remote_tag = final.tag("to")
        return subscription

    def invite(self, extension, body=SDP, timeout=5):
        """Starts a call and returns it as soon as it is past the challenge."""
        call = Call(self, f"sip:{extension}@{self.domain}")
        self._dialogs[call.call_id] = call
        call.begin(body, timeout)
        return call

    def next_call(self, timeout=5):
        """The next call that rings here."""
        try:
            return self.calls.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"{self.aor}: no call came in within {timeout} s") from None

    # Sending

    def _authenticated(self, method, uri, to, lines, body, ids, cseq, timeout):
        final = self.transact(method, uri, to, lines, body, ids, next(cseq), timeout)
        if final.status in (401, 407):
            name, header = (("WWW-Authenticate", "Authorization") if final.status == 401
                            else ("Proxy-Authenticate", "Proxy-Authorization"))
            answer = authorization(final.all(name.lower()), method, uri, self.account["auth_name"],
                                   self.account["secret"], self.algorithm)
            final = self.transact(method, uri, to, lines + [f"{header}: {answer}"], body, ids, next(cseq), timeout)
        return final

    def transact(self, method, uri, to, lines, body, ids, cseq, timeout):
        """Sends a request, again until it is answered, and returns the final response."""
        transaction = Transaction(self, method, uri, to, lines, body, ids, cseq)
        return transaction.final(timeout)

    def send(self, text, address=None):
        self._socket.sendto(text if isinstance(text, bytes) else text.encode(), address or self.server)

    def respond(self, request, address, status, reason, to_tag=None, lines=(), body=""):
        to = request.get("to")
        if to_tag and request.tag("to") is None:
            to += f";tag={to_tag}"
        head = [f"SIP/2.0 {status} {reason}"] + [f"Via: {via}" for via in request.all("via")]
        head += [f"Record-Route: {route}" for route in request.all("record-route")]
        head += [f"From: {request.get('from')}", f"To: {to}", f"Call-ID: {request.get('call-id')}",
                 f"CSeq: {request.get('cseq')}", *lines, f"Content-Length: {len(body)}"]
        data = ("\r\n".join(head) + "\r\n\r\n" + body).encode()
        if status >= 200:
            self._answered[(request.branch, request.method)] = data
        self.send(data, address)

    def fault(self, text):
        self.faults.append(f"{self.aor}: {text}")

    def _expect(self, method, final, expect):
        if expect and final.status != expect:
            raise AssertionError(f"{self.aor}: {method} answered {final.status} {final.reason}, expected {expect}")

    # Receiving

    def _receive(self):
        while True:
            try:
                data, address = self._socket.recvfrom(65535)
            except OSError:
                return
            if not data.strip():
                continue
            try:
                message = Message(data)
                self._response(message) if message.is_response else self._request(message, address)
            except Exception as error:  # whatever it is, it is the sender's fault or ours, and must be seen
                self.fault(f"{type(error).__name__}: {error} in {data[:300]!r}")

    def _response(self, message):
        transaction = self._transactions.get((message.branch, message.cseq[1]))
        if transaction is None:
            self.fault(f"a response to nothing: {message.start}")
        else:
            transaction.receive(message)

    def _request(self, message, address):
        if (message.branch, message.method) in self._answered:
            self.send(self._answered[(message.branch, message.method)], address)
            return
        if not (message.branch or "").startswith("z9hG4bK") or not message.get("max-forwards"):
            self.fault(f"{message.method} without a magic branch or Max-Forwards")
        dialog = self._dialogs.get(message.get("call-id"))
        if message.method == "INVITE" and message.tag("to") is None:
            call = Call(self, message.get("from"), incoming=message, address=address)
            self._dialogs[call.call_id] = call
            self.calls.put(call)
        elif message.method == "OPTIONS" and message.tag("to") is None:
            self.respond(message, address, 200, "OK", token())
        elif dialog is None:
            self.fault(f"{message.method} outside any dialog")
            self.respond(message, address, 481, "Call/Transaction Does Not Exist", token())
        else:
            dialog.receive_request(message, address)


class Transaction:
    """A client transaction: one request, its retransmissions, its responses."""

    def __init__(self, client, method, uri, to, lines, body, ids, cseq, branch=None, listener=None):
        self.client, self.method, self.uri, self.cseq = client, method, uri, cseq
        self.branch, self.from_tag, self.call_id = branch or f"z9hG4bK{token()}", ids["from_tag"], ids["call_id"]
        self.responses, self.listener = queue.Queue(), listener
        to_tag = f";tag={ids['to_tag']}" if ids.get("to_tag") else ""
        lines = list(lines) + (["Content-Type: application/sdp"] if body else [])
        self.to_header, self.from_header = f"<{to}>{to_tag}", f"<{client.aor}>;tag={self.from_tag}"
        head = [f"{method} {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP {client.host}:{client.port};branch={self.branch};rport", "Max-Forwards: 70",
                f"From: {self.from_header}", f"To: {self.to_header}", f"Call-ID: {self.call_id}",
                f"CSeq: {cseq} {method}", f"User-Agent: {client.user_agent}", *lines, f"Content-Length: {len(body)}"]
        self.data = ("\r\n".join(head) + "\r\n\r\n" + body).encode()
        client._transactions[(self.branch, method)] = self
        client.send(self.data)

    def receive(self, response):
        if (response.get("call-id") != self.call_id or response.cseq != (self.cseq, self.method)
                or response.tag("from") != self.from_tag or len(response.all("via")) != 1):
            self.client.fault(f"a response that does not belong to its {self.method}: {response.start}")
        if response.status > 100 and response.tag("to") is None:
            self.client.fault(f"{response.status} to {self.method} without a tag in To")
        if self.listener:
            self.listener(self, response)
        self.responses.put(response)

    def final(self, timeout):
        deadline, wait, resend_at = time.monotonic() + timeout, T1_S, time.monotonic() + T1_S
        while True:
            try:
                response = self.responses.get(timeout=max(0.001, min(resend_at, deadline) - time.monotonic()))
                if response.status >= 200:
                    return response
                resend_at = deadline
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise AssertionError(f"{self.client.aor}: no answer to {self.method} within {timeout} s") from None
                self.client.send(self.data)
                wait *= 2
                resend_at = time.monotonic() + wait


class Dialog:
    """Ids and counters of one dialog, and the checks of what arrives in it."""

    def __init__(self, client):
        self.client, self.call_id, self.local_tag, self.remote_tag = client, f"{token()}@test", token(), None
        self.local_cseq, self.remote_cseq, self.remote_target = itertools.count(1), 0, None
        self.routes = []  # of our requests in the dialog, as lines

    def check_request(self, request):
        """Keeps a fault for everything that a phone could refuse this request for (RFC 3261 §12.2.2)."""
        what = request.method
        if request.tag("to") != self.local_tag:
            self.client.fault(f"{what}: To tag {request.tag('to')} is not ours, {self.local_tag}")
        if self.remote_tag is not None and request.tag("from") != self.remote_tag:
            self.client.fault(f"{what}: From tag {request.tag('from')} is not the dialog's, {self.remote_tag}")
        if request.cseq[0] <= self.remote_cseq and what not in ("ACK", "CANCEL"):
            self.client.fault(f"{what}: CSeq {request.cseq[0]} after {self.remote_cseq}")
        if request.cseq[1] != what:
            self.client.fault(f"{what}: CSeq says {request.cseq[1]}")
        if request.uri.split(";")[0] != self.client.contact:
            self.client.fault(f"{what}: Request-URI {request.uri} is not our Contact {self.client.contact}")
        self.remote_cseq = max(self.remote_cseq, request.cseq[0])


class Subscription(Dialog):
    """What a busy lamp shows of one extension: "free", "ringing" or "busy", with each change and its time."""

    def __init__(self, client, extension, event):
        super().__init__(client)
        self.extension, self.event, self.version = extension, event, -1
        self.states, self._queue, self.documents, self._dialogs, self.ended = [], queue.Queue(), [], {}, False

    def receive_request(self, request, address):
        if request.method != "NOTIFY":
            self.client.fault(f"{request.method} in a subscription")
            self.client.respond(request, address, 405, "Method Not Allowed")
            return
        self.check_request(request)
        if self.remote_tag is None:
            self.remote_tag = request.tag("from")
        if request.get("event").split(";")[0] != self.event or not request.get("subscription-state"):
            self.client.fault(f"NOTIFY with Event {request.get('event')!r}, state {request.get('subscription-state')!r}")
        self.client.respond(request, address, 200, "OK")
        self.ended = request.get("subscription-state").startswith("terminated")
        if request.body:
            self._take(request.body)

    def _take(self, body):
        root = xml.fromstring(body)
        version = int(root.get("version"))
        # Versions rise by exactly one (RFC 4235 §4.3), but the first may be any.
        if self.version >= 0 and version != self.version + 1:
            self.client.fault(f"dialog-info version {version} after {self.version}")
        self.version = version
        entity = f"sip:{self.extension}@{self.client.domain}"
        if root.get("entity") != entity:
            self.client.fault(f"dialog-info of {root.get('entity')}, asked for {entity}")
        if root.get("state") == "full":
            self._dialogs = {}
        for dialog in root.iter(f"{DIALOG_INFO}dialog"):
            remote = dialog.find(f"{DIALOG_INFO}remote/{DIALOG_INFO}identity")
            self._dialogs[dialog.get("id")] = {
                "state": dialog.find(f"{DIALOG_INFO}state").text.strip(), "direction": dialog.get("direction"),
                "remote": remote.text.strip() if remote is not None and remote.text else None}
        self.documents.append(body)
        live = {dialog["state"] for dialog in self._dialogs.values()} - {"terminated"}
        state = "busy" if "confirmed" in live else "ringing" if live else "free"
        self.states.append(state)
        self._queue.put((state, time.monotonic(), [d for d in self._dialogs.values() if d["state"] != "terminated"]))

    def wait(self, state, timeout=5):
        """The dialogs of the first document from now on that shows this state, and when it came."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                shown, at, dialogs = self._queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"lamp of {self.extension}: not {state} within {timeout} s, it showed {self.states}") from None
            if shown == state:
                return dialogs, at


class Call(Dialog):
    """One call, from either side. `ended` is set by BYE, CANCEL or a final refusal."""

    def __init__(self, client, uri, incoming=None, address=None):
        super().__init__(client)
        self.uri, self.incoming, self.address = uri, incoming, address
        self.responses, self.requests, self.ended = queue.Queue(), queue.Queue(), threading.Event()
        self.ended_at = self.final_status = None
        self._invite = None
        if incoming is not None:
            self.call_id, self.remote_tag = incoming.get("call-id"), incoming.tag("from")
            self.remote_cseq, self.remote_target = incoming.cseq[0], incoming.contact_uri
            self.routes = [f"Route: {route}" for route in incoming.all("record-route")]

    @property
    def _ids(self):
        return {"from_tag": self.local_tag, "call_id": self.call_id, "to_tag": self.remote_tag}

    # The caller's side

    def begin(self, body, timeout):
        first = self._send_invite([], body)
        status, message = self._next_status(timeout)
        if status in (401, 407):
            client, header = self.client, "Authorization" if status == 401 else "Proxy-Authorization"
            challenges = message.all("www-authenticate" if status == 401 else "proxy-authenticate")
            answer = authorization(challenges, "INVITE", self.uri, client.account["auth_name"],
                                   client.account["secret"], client.algorithm)
            assert first.branch != self._send_invite([f"{header}: {answer}"], body).branch
        else:
            self.responses.put(message)

    def _send_invite(self, lines, body):
        lines = lines + [f"Contact: <{self.client.contact}>"]
        ids = {"from_tag": self.local_tag, "call_id": self.call_id}
        self._invite = Transaction(self.client, "INVITE", self.uri, self.uri, lines, body, ids, next(self.local_cseq),
                                   listener=self._invite_response)
        return self._invite

    def _invite_response(self, invite, response):
        if response.status >= 200:
            # A refusal is acknowledged in its transaction (RFC 3261 §17.1.1.3), an answer in the dialog (§13.2.2.4).
            refused = response.status >= 300
            if not refused:
                self.remote_tag, self.remote_target = response.tag("to"), response.contact_uri
                self.routes = [f"Route: {route}" for route in reversed(response.all("record-route"))]
            self._ack(invite, response, refused)
            if refused and response.status not in (401, 407):
                self._end(response.status)
        self.responses.put(response)

    def _ack(self, invite, response, refused):
        client = self.client
        branch = invite.branch if refused else f"z9hG4bK{token()}"
        uri = invite.uri if refused else self.remote_target
        client.send("\r\n".join([
            f"ACK {uri} SIP/2.0", f"Via: SIP/2.0/UDP {client.host}:{client.port};branch={branch};rport",
            "Max-Forwards: 70", f"From: {invite.from_header}", f"To: {response.get('to')}", f"Call-ID: {self.call_id}",
            f"CSeq: {invite.cseq} ACK", *([] if refused else self.routes), "Content-Length: 0", "", ""]))

    def _next_status(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            try:
                response = self.responses.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.client.aor}: no further answer to INVITE within {timeout} s") from None
            if response.status != 100:
                return response.status, response

    def wait_status(self, status, timeout=5):
        """Reads answers until this one; a final one that is another fails."""
        while True:
            got, message = self._next_status(timeout)
            if got == status:
                return message
            if got >= 200:
                raise AssertionError(f"{self.client.aor}: INVITE answered {got} {message.reason}, expected {status}")

    def cancel(self):
        invite = self._invite
        ids = {"from_tag": self.local_tag, "call_id": self.call_id}
        cancel = Transaction(self.client, "CANCEL", invite.uri, self.uri, [], "", ids, invite.cseq, branch=invite.branch)
        assert cancel.final(5).status == 200, "CANCEL was not accepted"

    # The callee's side

    def ring(self):
        self._answer(180, "Ringing")

    def answer(self, body=SDP):
        self._answer(200, "OK", ["Content-Type: application/sdp"], body)

    def reject(self, status=486, reason="Busy Here"):
        self._answer(status, reason)

    def _answer(self, status, reason, lines=(), body=""):
        lines = [f"Contact: <{self.client.contact}>", *lines]
        self.client.respond(self.incoming, self.address, status, reason, self.local_tag, lines, body)

    # Both sides

    def bye(self, expect=200):
        uri = self.remote_target
        to = self.uri if self.incoming is None else re.sub(r"^[^<]*<([^>]+)>.*$", r"\1", self.uri)
        final = self.client.transact("BYE", uri, to, self.routes, "", self._ids, next(self.local_cseq), 5)
        assert final.status == expect, f"{self.client.aor}: BYE answered {final.status}"
        self._end(None)

    def wait_ended(self, timeout=5):
        assert self.ended.wait(timeout), f"{self.client.aor}: the call did not end within {timeout} s"
        return self.ended_at

    def receive_request(self, request, address):
        if request.method == "CANCEL":
            self.client.respond(request, address, 200, "OK", self.local_tag)
            if self.incoming is not None and request.branch == self.incoming.branch:
                self._answer(487, "Request Terminated")
                self._end(487)
            else:
                self.client.fault("CANCEL of no INVITE of ours")
        elif request.method == "ACK":
            self.requests.put(request)
        else:
            self.check_request(request)
            if request.method == "BYE":
                self.client.respond(request, address, 200, "OK")
                self._end(None)
            else:
                self.client.respond(request, address, 200, "OK", lines=[f"Contact: <{self.client.contact}>"])
            self.requests.put(request)

    def _end(self, status):
        if not self.ended.is_set():
            self.ended_at, self.final_status = time.monotonic(), status
            self.ended.set()

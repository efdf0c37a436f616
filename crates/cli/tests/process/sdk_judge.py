"""The vendors' own SDKs, asked about one request of ours. JSON on stdin, JSON on stdout.

Given the request as it went over the wire and the plain fields it was to carry:
- `authorization`: what the SDK's own signing function makes of our bytes, our time and our nonce;
- `fields`: the plain fields as the SDK's own request writes them, `ours` as our body has them;
- `answer`: what the simulated vendor said to the SDK when it sent the same message itself.
"""

import base64
import hashlib
import http.server
import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import warnings
from types import SimpleNamespace
from unittest import mock

# Old syntax in the SDKs themselves.
warnings.simplefilter("ignore")


def tencent(case):
    from tencentcloud.common import abstract_client, credential
    from tencentcloud.common.http.request import RequestInternal
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sms.v20210111 import models, sms_client

    ours = case["request"]
    headers = ours["headers"]

    def client(host):
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=host))
        key = credential.Credential(case["id"], case["secret"])
        return sms_client.SmsClient(key, "ap-guangzhou", profile)

    request = RequestInternal(headers["host"], "POST", "/", {})
    now = int(headers["x-tc-timestamp"])
    with mock.patch.object(abstract_client.time, "time", return_value=now), mock.patch.object(
        abstract_client.json, "dumps", return_value=ours["body"]
    ):
        client(headers["host"])._build_req_with_tc3_signature("SendSms", {}, request)

    model = models.SendSmsRequest()
    with warnings.catch_warnings():
        # A field that the model does not know.
        warnings.simplefilter("error")
        model.from_json_string(json.dumps(case["call"]))
    answer = client(case["vendor"]).SendSms(model)
    return {
        "authorization": request.header["Authorization"],
        "fields": {k: v for k, v in model._serialize().items() if v is not None},
        "answer": answer.SendStatusSet[0].Code,
    }


def aliyun(case):
    from alibabacloud_dysmsapi20170525.client import Client
    from alibabacloud_dysmsapi20170525.models import SendSmsRequest
    from alibabacloud_tea_openapi.models import Config
    from alibabacloud_tea_openapi.utils import Utils

    ours = case["request"]
    # The SDK signs whatever it is given; these are what the vendor wants signed.
    signed = {
        name: value
        for name, value in ours["headers"].items()
        if name in ("content-type", "host") or name.startswith("x-acs-")
    }
    request = SimpleNamespace(method="POST", pathname="/", query={}, headers=signed)
    digest = hashlib.sha256(ours["body"].encode()).hexdigest()
    authorization = Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", digest, case["id"], case["secret"]
    )
    model = SendSmsRequest().from_map(case["call"])
    config = Config(
        access_key_id=case["id"],
        access_key_secret=case["secret"],
        endpoint=case["vendor"],
        protocol="http",
    )
    return {
        "authorization": authorization,
        "fields": model.to_map(),
        "answer": Client(config).send_sms(model).body.code,
    }


def volcengine(case):
    from volcengine.Credentials import Credentials
    from volcengine.auth.SignerV4 import SignerV4
    from volcengine.base.Request import Request
    from volcengine.sms.SmsService import SmsService

    ours = case["request"]
    headers = ours["headers"]
    request = Request()
    request.method, request.path, request.body = "POST", "/", ours["body"]
    request.query = dict(urllib.parse.parse_qsl(ours["path"].partition("?")[2]))
    request.headers = {"Content-Type": headers["content-type"], "Host": headers["host"]}
    keys = Credentials(case["id"], case["secret"], "volcSMS", "cn-north-1")
    with mock.patch.object(
        SignerV4, "get_current_format_date", return_value=headers["x-date"]
    ):
        SignerV4.sign(request, keys)

    service = SmsService()
    service.set_ak(case["id"])
    service.set_sk(case["secret"])
    service.set_scheme("http")
    service.set_host(case["vendor"])
    answer = service.send_sms(json.dumps(case["call"]))
    assert answer["Result"]["MessageID"], answer
    # The SDK passes the fields on as they are given.
    return {
        "authorization": request.headers["Authorization"],
        "fields": case["call"],
        "answer": "accepted",
    }


def twilio(case):
    from twilio.http.http_client import TwilioHttpClient
    from twilio.request_validator import RequestValidator
    from twilio.rest import Client

    seen = {}

    class ToSimulator(TwilioHttpClient):
        def request(self, method, url, **rest):
            seen.update(method=method, path=urllib.parse.urlsplit(url).path, **rest)
            local = url.replace("https://api.twilio.com", "http://" + case["vendor"])
            return super().request(method, local, **rest)

    validator = RequestValidator(case["secret"])
    call = dict(case["call"])
    call["from_"] = call.pop("from")
    plain = call["status_callback"]
    with receiver() as (address, receipts):
        # Only this message's receipt comes here; the fields compared are those given.
        call["status_callback"] = plain.replace(plain.split("/v1/")[0], address)
        message = Client(case["id"], case["secret"], http_client=ToSimulator()).messages.create(
            **call
        )
        url, form, signature = receipts.next()
        genuine = validator.validate(url, form, signature)
        forged = validator.validate(url, {**form, "MessageStatus": "failed"}, signature)
    fields = {**seen["data"], "StatusCallback": plain}
    pair = base64.b64encode(":".join(seen["auth"]).encode()).decode()
    return {
        "authorization": f"Basic {pair}",
        "fields": fields,
        "path": seen["path"],
        "answer": message.status,
        "receipt_is_genuine": genuine,
        "forgery_is_genuine": forged,
        "told": tell(RequestValidator, case),
    }


def tell(validator, case):
    """Posts one receipt to the server, signed by the SDK: with the right key, with another."""
    url = case["call"]["status_callback"]
    form = {"MessageSid": "SM0123", "MessageStatus": "sent", "To": case["call"]["to"]}
    statuses = []
    for key in (case["secret"], "another-" + case["secret"]):
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
        request.add_header("X-Twilio-Signature", validator(key).compute_signature(url, form))
        try:
            statuses.append(urllib.request.urlopen(request, timeout=30).status)
        except urllib.error.HTTPError as refused:
            statuses.append(refused.code)
    return statuses


class receiver:
    """A loopback server that keeps the first form posted to it."""

    def __enter__(self):
        outer = self
        self.arrived = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
                outer.got = (outer.address + self.path, form, self.headers["X-Twilio-Signature"])
                self.send_response(204)
                self.end_headers()
                outer.arrived.set()

            def log_message(self, *words):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.address, self

    def next(self):
        assert self.arrived.wait(30), "no receipt came"
        return self.got

    def __exit__(self, *fault):
        self.server.shutdown()


def plain(request):
    """The fields in the body of our request."""
    if request["headers"]["content-type"].startswith("application/json"):
        return json.loads(request["body"])
    return dict(urllib.parse.parse_qsl(request["body"], keep_blank_values=True))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    judges = {"tencent": tencent, "aliyun": aliyun, "volcengine": volcengine, "twilio": twilio}
    verdict = judges[asked["sdk"]](asked)
    verdict["ours"] = plain(asked["request"])
    json.dump(verdict, sys.stdout)

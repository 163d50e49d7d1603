"""AWS's Price List (JSON 1.1), EC2 (query, XML) and STS on 127.0.0.1, which misbehave on demand."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from aiohttp import web

from kube_cost_simulator.clouds.aws_products import AwsProduct
from kube_cost_simulator.clouds.faults import CloudFault, Misbehaviour
from kube_cost_simulator.clouds.misbehaving import HUGE_BYTES, Misbehaving
from kube_cost_simulator.serving import LocalServer

PRICING_TYPE = "application/x-amz-json-1.1"
XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"

_AMOUNTS = {CloudFault.ZERO: "0.0000000000", CloudFault.NEGATIVE: "-0.1000000000", CloudFault.NOT_A_NUMBER: "NaN"}


@dataclass(frozen=True)
class SpotPrice:
    """A row of the history: USD per hour of a type in a zone since a time in RFC 3339."""

    instance_type: str
    zone: str
    usd: float
    since: str = "2026-11-20T10:00:00.000Z"
    description: str = "Linux/UNIX"


class AwsCloud:
    """Answers with `products` and `spot`, which may be replaced while it runs.

    `questions` are what was asked: the operation, and its filters or types; `access_keys` whose signatures came;
    `regions` those that they were made for. `refused_keys` aren't known (any more). `token_fault` is what STS does
    wrong. `hung_up` counts callers who didn't wait. EC2 refuses questions for `unknown_types`.
    """

    def __init__(
        self,
        *,
        products: Sequence[AwsProduct] = (),
        spot: Sequence[SpotPrice] = (),
        page_size: int = 100,
        huge_bytes: int = HUGE_BYTES,
    ) -> None:
        self.products = products
        self.spot = spot
        self.misbehaviour = Misbehaviour()
        self.questions: list[tuple[str, object]] = []
        self.access_keys: list[str] = []
        self.regions: list[str] = []
        self.refused_keys: set[str] = set()
        self.token_fault: CloudFault | None = None
        self.hung_up = 0
        self.unknown_types: set[str] = set()
        self._page_size = page_size
        self.misbehaving = Misbehaving(huge_bytes=huge_bytes)
        application = web.Application(client_max_size=1 << 20)
        application.router.add_post("/", self._heard)
        self._server = LocalServer(application=application)
        self.url = ""

    async def start(self) -> None:
        """Begin to serve at `url`."""
        self.url = await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    async def _heard(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except asyncio.CancelledError:
            self.hung_up += 1
            raise

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        authorization = request.headers.get("Authorization", "")
        key = ""
        if "Credential=" in authorization:
            key, _, region = authorization.split("Credential=")[1].split("/")[:3]
            self.access_keys.append(key)
            self.regions.append(region)
        target = request.headers.get("X-Amz-Target", "")
        if target.endswith("GetProducts"):
            if key in self.refused_keys:
                return _json_error("UnrecognizedClientException", "The security token included is invalid.")
            return await self._priced(request, json.loads(body))
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if form.get("Action") == "AssumeRoleWithWebIdentity":
            return await self._token(request, form)
        if key in self.refused_keys:
            return _xml_error(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        return await self._spot_prices(request, form)

    async def _priced(self, request: web.Request, asked: Mapping[str, object]) -> web.StreamResponse:
        filters = {each["Field"]: each["Value"] for each in asked.get("Filters", [])}  # type: ignore[attr-defined]
        self.questions.append(("GetProducts", filters))
        self.misbehaviour.calls.append(("GetProducts", asyncio.get_running_loop().time()))
        fault = self.misbehaviour.fault
        matching = [
            product
            for product in self.products
            if product.service == asked["ServiceCode"]
            and all(product.attributes.get(name) == value for name, value in filters.items())
        ]
        start = int(str(asked.get("NextToken") or 0))
        size = min(int(str(asked.get("MaxResults") or 100)), self._page_size)
        page = [] if fault is CloudFault.VANISHED else matching[start : start + size]
        answer: dict[str, object] = {
            "FormatVersion": "aws_v1",
            "PriceList": [_faulty(one, fault).text() for one in page],
        }
        if fault is CloudFault.ENDLESS or start + size < len(matching):
            answer["NextToken"] = str(0 if fault is CloudFault.ENDLESS else start + size)
        return await self.misbehaving.answer(
            request,
            web.Response(body=json.dumps(answer).encode(), content_type=PRICING_TYPE),
            fault,
            throttled=_json_error("ThrottlingException", "Rate exceeded"),
            denied=_json_error(
                "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform: pricing:GetProducts"
            ),
        )

    async def _spot_prices(self, request: web.Request, form: Mapping[str, str]) -> web.StreamResponse:
        types = {value for name, value in form.items() if name.startswith("InstanceType.")}
        descriptions = {value for name, value in form.items() if name.startswith("ProductDescription.")}
        self.questions.append((form.get("Action", ""), sorted(types)))
        self.misbehaviour.calls.append((form.get("Action", ""), asyncio.get_running_loop().time()))
        if unknown := sorted(types & self.unknown_types):
            return _xml_error(400, "InvalidParameterValue", f"Invalid instance type: {unknown[0]}")
        fault = self.misbehaviour.fault
        rows = [row for row in self.spot if row.instance_type in types and row.description in descriptions]
        start, size = int(form.get("NextToken", "0")), min(int(form.get("MaxResults", "1000")), self._page_size)
        page = [] if fault is CloudFault.VANISHED else rows[start : start + size]
        following = 0 if fault is CloudFault.ENDLESS else start + size
        more = str(following) if following < len(rows) else ""
        body = "".join(_spot_rows(page, fault))
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<DescribeSpotPriceHistoryResponse xmlns="{XMLNS}">'
            f"<requestId>1</requestId><spotPriceHistorySet>{body}</spotPriceHistorySet>"
            f"<nextToken>{more}</nextToken></DescribeSpotPriceHistoryResponse>"
        )
        return await self.misbehaving.answer(
            request,
            web.Response(body=text.encode(), content_type="text/xml"),
            fault,
            throttled=_xml_error(503, "RequestLimitExceeded", "Request limit exceeded."),
            denied=_xml_error(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        )

    async def _token(self, request: web.Request, form: Mapping[str, str]) -> web.StreamResponse:
        self.misbehaviour.calls.append((form["Action"], asyncio.get_running_loop().time()))
        return await self.misbehaving.answer(
            request,
            _assumed(form),
            self.token_fault,
            throttled=_sts_error(400, "Throttling", "Rate exceeded"),
            denied=_sts_error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        )


def _spot_rows(rows: Sequence[SpotPrice], fault: CloudFault | None) -> Iterator[str]:
    for row in rows:
        usd = _AMOUNTS.get(fault, f"{row.usd:.6f}") if fault is not None else f"{row.usd:.6f}"
        yield (
            f"<item><instanceType>{escape(row.instance_type)}</instanceType>"
            f"<productDescription>{escape(row.description)}</productDescription><spotPrice>{usd}</spotPrice>"
            f"<timestamp>{row.since}</timestamp><availabilityZone>{escape(row.zone)}</availabilityZone></item>"
        )


def _faulty(product: AwsProduct, fault: CloudFault | None) -> AwsProduct:
    if fault is CloudFault.CURRENCY:
        return replace(product, currency="CNY")
    amount = _AMOUNTS.get(fault) if fault is not None else None
    return product if amount is None else replace(product, tiers=tuple((start, amount) for start, _ in product.tiers))


def _json_error(code: str, message: str) -> web.Response:
    headers = {"x-amzn-ErrorType": code}
    return web.Response(
        status=400,
        body=json.dumps({"__type": f"com.amazonaws.pricing#{code}", "Message": message}).encode(),
        content_type=PRICING_TYPE,
        headers=headers,
    )


def _xml_error(status: int, code: str, message: str) -> web.Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code>'
        f"<Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
    )
    return web.Response(status=status, body=text.encode(), content_type="text/xml")


def _sts_error(status: int, code: str, message: str) -> web.Response:
    text = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return web.Response(status=status, body=text.encode(), content_type="text/xml")


def _assumed(form: Mapping[str, str]) -> web.Response:
    """Temporary credentials for a token of Kubernetes': what IRSA is."""
    if form.get("WebIdentityToken") != "kubernetes-token":
        return _sts_error(400, "InvalidIdentityToken", "the token isn't known")
    text = (
        '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAIRSA</AccessKeyId>"
        "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        "<SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken>"
        "<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/x/y</Arn><AssumedRoleId>AROA:y</AssumedRoleId>"
        "</AssumedRoleUser></AssumeRoleWithWebIdentityResult>"
        "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"
    )
    return web.Response(body=text.encode(), content_type="text/xml")

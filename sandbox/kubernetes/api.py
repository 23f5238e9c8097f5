"""The API server over HTTP."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.config import KubernetesSettings
from sandbox.kubernetes.cluster import Cluster, Preconditions
from sandbox.kubernetes.discovery import discovery_document
from sandbox.kubernetes.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, patched
from sandbox.kubernetes.resources import NAMESPACES, PODS, Target, parse_target
from sandbox.kubernetes.selectors import field_predicate, label_predicate
from sandbox.kubernetes.status import ApiError, bad_request, method_not_allowed, unauthorized, unknown_path
from sandbox.kubernetes.store import ObjectStore
from sandbox.kubernetes.watch import WatchRequest, watch_events
from sandbox.state import StateStore

_PROBES = ("healthz", "readyz", "livez")
_DEFAULT_WATCH_SECONDS = 1800.0


class KubernetesApi:
    """One cluster behind one bearer token, which may do everything."""

    def __init__(self, settings: KubernetesSettings, state: StateStore) -> None:
        self._token = settings.token
        self._store = ObjectStore(state)
        self._cluster = Cluster(self._store, termination_seconds=settings.termination_seconds)
        self._state = state

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [Route("/k8s/{path:path}", self.serve, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]

    async def serve(self, request: Request) -> Response:
        """Answer one call; what is refused becomes a `Status`."""
        path = request.path_params["path"].strip("/")
        if path in _PROBES:
            return PlainTextResponse("ok")
        try:
            self._authenticate(request)
            discovered = discovery_document(path) if request.method == "GET" else None
            if discovered is not None:
                return JSONResponse(discovered)
            target = parse_target(path)
            if target is None:
                raise unknown_path()
            self._store.remove_gone()
            self._cluster.ensure_system_namespaces()
            body = await _body(request)
            # One transaction: a call that fails half-way leaves nothing, and nobody sees the half.
            with self._state.transaction():
                return self._dispatch(request, target, body)
        except ApiError as error:
            return JSONResponse(error.document(), error.code)

    def _authenticate(self, request: Request) -> None:
        scheme, _separator, token = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.encode(), self._token.encode())
        if scheme.lower() != "bearer" or not self._token or not right:
            raise unauthorized()

    def _dispatch(self, request: Request, target: Target, body: object) -> Response:
        dry_run = request.query_params.get("dryRun") == "All"
        match request.method, target.name:
            case "GET", None:
                return self._watch(request, target) if _is_watch(request) else self._list(request, target)
            case "GET", _:
                return JSONResponse(self._cluster.get(target))
            case "POST", None:
                return JSONResponse(self._cluster.create(target, body, dry_run=dry_run), HTTPStatus.CREATED)
            case "PUT", str():
                return JSONResponse(self._cluster.replace(target, body, dry_run=dry_run))
            case "PATCH", str():
                return self._patch(request, target, body, dry_run=dry_run)
            case "DELETE", str():
                return self._delete(target, body, dry_run=dry_run)
            case "DELETE", None if target.namespace:
                return self._delete_collection(request, target)
            case _:
                raise method_not_allowed()

    def _list(self, request: Request, target: Target) -> Response:
        query = request.query_params
        documents = self._cluster.listed(
            target, labels=query.get("labelSelector", ""), fields=query.get("fieldSelector", "")
        )
        start, limit = _page(query)
        page = documents[start : start + limit] if limit else documents[start:]
        metadata: dict[str, object] = {"resourceVersion": str(self._store.resource_version)}
        left = len(documents) - start - len(page)
        if left > 0:
            metadata |= {"continue": _continue_token(start + len(page)), "remainingItemCount": left}
        # Items of a list do not repeat their kind, as in a real cluster.
        items = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in page]
        resource = target.resource
        return JSONResponse(
            {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}
        )

    def _watch(self, request: Request, target: Target) -> Response:
        query = request.query_params
        version = query.get("resourceVersion", "")
        seconds = query.get("timeoutSeconds", "")
        wanted = WatchRequest(
            target=target,
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
            after_version=int(version) if version.isdecimal() and version != "0" else None,
            seconds=float(seconds) if seconds.isdecimal() else _DEFAULT_WATCH_SECONDS,
        )
        # Refuse a bad selector before the answer has begun.
        label_predicate(wanted.labels)
        field_predicate(wanted.fields)
        return StreamingResponse(watch_events(self._store, wanted), media_type="application/json")

    def _patch(self, request: Request, target: Target, patch: object, *, dry_run: bool) -> Response:
        content_type = _content_type(request)
        if content_type == APPLY_PATCH:
            if not request.query_params.get("fieldManager"):
                raise bad_request("fieldManager is required for apply patch")
            if self._store.get(target.resource, target.namespace or "", target.name or "") is None:
                collection = Target(target.resource, target.namespace)
                return JSONResponse(self._cluster.create(collection, patch, dry_run=dry_run), HTTPStatus.CREATED)
        changed = patched(self._cluster.get(target), patch, content_type)
        return JSONResponse(self._cluster.replace(target, changed, dry_run=dry_run))

    def _delete(self, target: Target, body: object, *, dry_run: bool) -> Response:
        options: Mapping[str, Any] = body if isinstance(body, dict) else {}
        said = options.get("preconditions") or {}
        if not isinstance(said, dict):
            raise bad_request("preconditions is no object")
        preconditions = Preconditions(said.get("uid") or "", said.get("resourceVersion") or "")
        dry_run = dry_run or options.get("dryRun") == ["All"]
        document = self._cluster.delete(target, preconditions, dry_run=dry_run)
        if target.resource in (NAMESPACES, PODS):
            return JSONResponse(document)
        resource = target.resource
        details = {"name": target.name, "kind": resource.plural, "uid": document["metadata"]["uid"]}
        if resource.group:
            details["group"] = resource.group
        return JSONResponse(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    def _delete_collection(self, request: Request, target: Target) -> Response:
        query = request.query_params
        documents = self._cluster.listed(
            target, labels=query.get("labelSelector", ""), fields=query.get("fieldSelector", "")
        )
        for document in documents:
            one = Target(target.resource, target.namespace, document["metadata"]["name"])
            self._cluster.delete(one, Preconditions())
        return self._list(request, target)


def _is_watch(request: Request) -> bool:
    return request.query_params.get("watch", "").lower() in ("true", "1")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> object:
    """Return the body's object, None without a body.

    Raises ApiError: 400 when it cannot be read, 415 for a content type that the server does not take.
    """
    raw = await request.body()
    if not raw:
        return None
    content_type = _content_type(request)
    known = {"application/json", "application/yaml", ""}
    if request.method == "PATCH":
        known = {JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH}
    if content_type not in known:
        listed = ", ".join(sorted(kind for kind in known if kind))
        message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    try:
        return yaml.safe_load(raw) if content_type.endswith("yaml") else json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the request body cannot be read: {error}") from None


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    """Return where the page starts and how long it is (0: to the end)."""
    limit, token = query.get("limit", "0"), query.get("continue", "")
    if not limit.isdecimal():
        raise bad_request(f"limit is {limit}: expected a number")
    if not token:
        return 0, int(limit)
    try:
        start = int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid") from None
    return max(start, 0), int(limit)


def _continue_token(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()

"""What can be done with objects: the API server's verbs, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.controllers import furnish_namespace, owned_pods, reconcile_deployment, run_pod
from sandbox.kubernetes.metadata import (
    check_request_metadata,
    metadata_causes,
    new_metadata,
    resolved_name,
    timestamp,
)
from sandbox.kubernetes.quota import check_quota, with_limit_range, with_quota_status
from sandbox.kubernetes.resources import DEPLOYMENTS, NAMESPACES, PODS, QUOTAS, ResourceType, Target
from sandbox.kubernetes.schemas import check_schema
from sandbox.kubernetes.selectors import field_predicate, label_predicate
from sandbox.kubernetes.specs import spec_causes, with_defaults
from sandbox.kubernetes.status import (
    Cause,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from sandbox.kubernetes.store import Document, ObjectStore

_PROTECTED_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "namespace", "deletionTimestamp", "ownerReferences")


@dataclass(frozen=True)
class Preconditions:
    """What must still hold of an object for it to be deleted; empty fields ask nothing."""

    uid: str = ""
    resource_version: str = ""


class Cluster:
    """The objects, and the rules by which they come, change and go."""

    def __init__(self, store: ObjectStore, *, termination_seconds: float) -> None:
        self.store = store
        self._termination_seconds = termination_seconds

    def ensure_system_namespaces(self) -> None:
        """Create the namespaces that every cluster has, where they are missing."""
        for name in _PROTECTED_NAMESPACES:
            if self.store.get(NAMESPACES, "", name) is None:
                self.create(Target(NAMESPACES), {"metadata": {"name": name}})

    def get(self, target: Target) -> Document:
        """Return one object. Raises ApiError (404)."""
        name = target.name or ""
        document = self.store.get(target.resource, target.namespace or "", name)
        if document is None:
            raise not_found(target.resource, name)
        return with_quota_status(self.store, [document])[0] if target.resource is QUOTAS else document

    def listed(self, target: Target, *, labels: str = "", fields: str = "") -> list[Document]:
        """Return a collection; a namespace that does not exist is empty, as in a real cluster."""
        has_labels, has_fields = label_predicate(labels), field_predicate(fields)
        documents = self.store.listed(target.resource, target.namespace)
        if target.resource is QUOTAS:
            documents = with_quota_status(self.store, documents)
        return [document for document in documents if has_labels(document) and has_fields(document)]

    def create(self, target: Target, body: object, *, dry_run: bool = False) -> Document:
        """Create an object.

        Raises ApiError: 400 unreadable, 403 admission or quota, 404 namespace, 409 exists, 422 invalid.
        """
        resource, namespace = target.resource, target.namespace
        document = _decoded(resource, body)
        metadata = document["metadata"]
        check_request_metadata(metadata, namespace=namespace)
        name = resolved_name(metadata)
        document["metadata"] = {**metadata, "name": name}
        check_schema(resource, document, name=name)
        if namespace is not None:
            self._check_namespace_takes(resource, namespace, name)
        document["metadata"] = new_metadata(resource, document["metadata"], namespace=namespace)
        document = with_defaults(resource, document)
        if resource is PODS:
            document = with_limit_range(self.store, document)
        _check_content(resource, document)
        if namespace is not None:
            check_quota(self.store, resource, document)
        existing = self.store.get(resource, namespace or "", name)
        if existing is not None:
            raise already_exists(resource, name, being_deleted="deletionTimestamp" in existing["metadata"])
        if dry_run:
            return document
        return self._created(resource, document)

    def replace(self, target: Target, body: object, *, dry_run: bool = False) -> Document:
        """Replace an object.

        Raises ApiError: 409 when it was changed since the version that the caller read, else as `create`.
        """
        resource, old = target.resource, self.get(target)
        document = _decoded(resource, body)
        said = document["metadata"]
        if said.get("name") not in (None, target.name):
            raise bad_request(f"the name of the object ({said['name']}) does not match the name on the URL")
        document["metadata"] = {**said, "name": target.name}
        version = said.get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise conflict(resource, str(target.name), why)
        check_schema(resource, document, name=str(target.name))
        return self._changed(target, old, document, dry_run=dry_run)

    def delete(self, target: Target, preconditions: Preconditions, *, dry_run: bool = False) -> Document:
        """Delete an object and return it as it was last. A namespace takes a while, and its content goes first.

        Raises ApiError: 403 for a system namespace, 404, 409 when a precondition does not hold.
        """
        document = self.get(target)
        metadata = document["metadata"]
        for said, found in (
            (preconditions.uid, metadata["uid"]),
            (preconditions.resource_version, metadata["resourceVersion"]),
        ):
            if said and said != found:
                why = f"Precondition failed: {said} in precondition, {found} in object meta"
                raise conflict(target.resource, metadata["name"], why)
        if target.resource is NAMESPACES:
            return self._delete_namespace(document, dry_run=dry_run)
        if not dry_run:
            for pod in owned_pods(self.store, document) if target.resource is DEPLOYMENTS else []:
                self.store.remove(PODS, pod)
            self.store.remove(target.resource, document)
        return document

    def _created(self, resource: ResourceType, document: Document) -> Document:
        if resource is PODS:
            return self.store.save(resource, run_pod(document))
        saved = self.store.save(resource, document)
        if resource is NAMESPACES:
            furnish_namespace(self.store, saved["metadata"]["name"])
        return reconcile_deployment(self.store, saved) if resource is DEPLOYMENTS else saved

    def _changed(self, target: Target, old: Document, document: Document, *, dry_run: bool) -> Document:
        """Check and write the new state of an object; only its status changes through the status subresource."""
        resource = target.resource
        if target.subresource == "status":
            document = {**old, "status": document.get("status") or {}}
        else:
            kept = {key: old["metadata"][key] for key in _SERVER_FIELDS if key in old["metadata"]}
            document = with_defaults(resource, document)
            document["metadata"] = {**document["metadata"], **kept}
            if "status" in old:
                document["status"] = old["status"]
            if "generation" in kept and document.get("spec") != old.get("spec"):
                document["metadata"]["generation"] = kept["generation"] + 1
        _check_content(resource, document)
        if target.namespace is not None:
            check_quota(self.store, resource, document, before=old)
        if dry_run:
            return document
        saved = self.store.save(resource, document)
        scaled = resource is DEPLOYMENTS and not target.subresource
        return reconcile_deployment(self.store, saved) if scaled else saved

    def _check_namespace_takes(self, resource: ResourceType, namespace: str, name: str) -> None:
        found = self.store.get(NAMESPACES, "", namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if "deletionTimestamp" in found["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause("metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating")
            raise forbidden(resource, name, why, [cause])

    def _delete_namespace(self, document: Document, *, dry_run: bool) -> Document:
        metadata = document["metadata"]
        if metadata["name"] in _PROTECTED_NAMESPACES:
            raise forbidden(NAMESPACES, metadata["name"], "this namespace may not be deleted")
        if dry_run or "deletionTimestamp" in metadata:
            return document
        terminating = {
            **document,
            "metadata": {**metadata, "deletionTimestamp": timestamp()},
            "status": {"phase": "Terminating"},
        }
        self.store.remove_content(metadata["name"])
        return self.store.save(NAMESPACES, terminating, gone_at=time.time() + self._termination_seconds)


def _decoded(resource: ResourceType, body: object) -> Document:
    """Return the object of a body, with its kind filled in; the status is the server's and dropped."""
    if not isinstance(body, dict):
        raise bad_request(f"the request body is no {resource.kind}")
    for field, expected in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if body.get(field) not in (None, expected):
            raise bad_request(
                f"the {field} in the data ({body[field]}) does not match the expected {field} ({expected})"
            )
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise bad_request("metadata is no object")
    document: Document = _without_nulls(body)
    metadata = document.get("metadata") or {}
    return {**document, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _without_nulls(node: Any) -> Any:
    """Return a document without its nulls: to the API server they are fields that were not given."""
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(item) for item in node] if isinstance(node, list) else node


def _check_content(resource: ResourceType, document: Mapping[str, Any]) -> None:
    causes = [*metadata_causes(resource, document["metadata"]), *spec_causes(resource, document)]
    if causes:
        raise invalid(resource, str(document["metadata"].get("name", "")), causes)

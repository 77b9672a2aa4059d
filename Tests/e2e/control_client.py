"""A client of the control API, as somebody writes one in Python: from the .proto files, without Stockade's own code."""

import pathlib
import types
import unittest

import grpc

import host
from cri import api as cri_api
from control.v1alpha1 import control_pb2 as api  # made from proto/ by `run`

PROFILES = pathlib.Path("/etc/stockade/profiles")
HOST_PIDS = cri_api.NODE
SOCKET = pathlib.Path("/run/stockade/stockade.sock")
INSPECTION = "stockade.control.v1alpha1.Inspection"
ADMINISTRATION = "stockade.control.v1alpha1.Administration"
CHANGES = {"Reload", "SetAudit", "EndRecording"}
CALL_SECONDS = 20
ANSWERS = {
    "Status": api.StatusResponse, "ListContainers": api.ListContainersResponse,
    "GetContainer": api.GetContainerResponse, "ListProfiles": api.ListProfilesResponse,
    "Explain": api.ExplainResponse,
    "WatchEvents": api.WatchEventsResponse, "Reload": api.ReloadResponse, "SetAudit": api.SetAuditResponse,
    "EndRecording": api.EndRecordingResponse,
}  # fmt: skip


class Client:
    """One connection."""

    def __init__(self, socket: pathlib.Path = SOCKET):
        # Each client has a connection of its own, as clients in several processes have.
        options = [("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"unix:{socket}", options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method: str, request, seconds: float = CALL_SECONDS):
        service = ADMINISTRATION if method in CHANGES else INSPECTION
        invoke = self.channel.unary_unary(
            f"/{service}/{method}", request_serializer=type(request).SerializeToString,
            response_deserializer=ANSWERS[method].FromString,
        )
        return invoke(request, timeout=seconds * host.patience)

    def status(self) -> api.StatusResponse:
        return self.call("Status", api.StatusRequest())

    def watch(self, seconds: float | None = None, **request):
        """The items of a stream of events, as they come."""
        invoke = self.channel.unary_stream(
            f"/{INSPECTION}/WatchEvents", request_serializer=api.WatchEventsRequest.SerializeToString,
            response_deserializer=api.WatchEventsResponse.FromString,
        )
        return invoke(api.WatchEventsRequest(**request), timeout=seconds)


def usual_clients(case: unittest.TestCase) -> tuple[types.SimpleNamespace, types.SimpleNamespace]:
    """Google's own clients of health and reflection."""
    try:
        from grpc_health.v1 import health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
    except ImportError as error:
        case.skipTest(f"pip could not fetch grpcio-health-checking and grpcio-reflection: {error}")
    return (
        types.SimpleNamespace(pb2=health_pb2, pb2_grpc=health_pb2_grpc),
        types.SimpleNamespace(pb2=reflection_pb2, pb2_grpc=reflection_pb2_grpc),
    )

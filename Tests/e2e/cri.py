"""A client of the Container Runtime Interface: one method a call, Python values in and out."""

import dataclasses
import json

import grpc

import cri_pb2 as api  # made from cri.proto by `run`
import host

CALL_SECONDS = 30
EXEC_SECONDS = 20


class Refused(Exception):
    """The runtime answered with an error; the text is its message."""


@dataclasses.dataclass
class Output:
    """How a command in a container ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Client:
    """Talks to one containerd over its socket."""

    def __init__(self, socket: str):
        # As the kubelet's: pods can have long annotations.
        options = [("grpc.default_authority", "localhost"), ("grpc.max_receive_message_length", 16 << 20)]
        self.channel = grpc.insecure_channel(f"unix:{socket}", options=options)

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request, response, service: str = "RuntimeService"):
        invoke = self.channel.unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            return invoke(request, timeout=CALL_SECONDS * host.patience)
        except grpc.RpcError as error:
            raise Refused(f"{method}: {error.details()}") from None

    def version(self) -> str:
        return self.call("Version", api.VersionRequest(), api.VersionResponse).runtime_version

    def images(self) -> set[str]:
        answer = self.call("ListImages", api.ListImagesRequest(), api.ListImagesResponse, "ImageService")
        return {tag for image in answer.images for tag in image.repo_tags}

    def run_pod(self, config: api.PodSandboxConfig) -> str:
        request = api.RunPodSandboxRequest(config=config)
        return self.call("RunPodSandbox", request, api.RunPodSandboxResponse).pod_sandbox_id

    def stop_pod(self, pod: str) -> None:
        self.call("StopPodSandbox", api.StopPodSandboxRequest(pod_sandbox_id=pod), api.StopPodSandboxResponse)

    def remove_pod(self, pod: str) -> None:
        self.call("RemovePodSandbox", api.RemovePodSandboxRequest(pod_sandbox_id=pod), api.RemovePodSandboxResponse)

    def pods(self) -> list[str]:
        answer = self.call("ListPodSandbox", api.ListPodSandboxRequest(), api.ListPodSandboxResponse)
        return [pod.id for pod in answer.items]

    def pod_pid(self, pod: str) -> int:
        """The pid of the sandbox's own process, on the host; 0 where it has ended."""
        request = api.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True)
        answer = self.call("PodSandboxStatus", request, api.PodSandboxStatusResponse)
        return json.loads(answer.info["info"])["pid"]

    def create(self, pod: str, config: api.ContainerConfig, pod_config: api.PodSandboxConfig) -> str:
        request = api.CreateContainerRequest(pod_sandbox_id=pod, config=config, sandbox_config=pod_config)
        return self.call("CreateContainer", request, api.CreateContainerResponse).container_id

    def start(self, container: str) -> None:
        self.call("StartContainer", api.StartContainerRequest(container_id=container), api.StartContainerResponse)

    def stop(self, container: str, seconds: int = 2) -> None:
        request = api.StopContainerRequest(container_id=container, timeout=seconds)
        self.call("StopContainer", request, api.StopContainerResponse)

    def remove(self, container: str) -> None:
        self.call("RemoveContainer", api.RemoveContainerRequest(container_id=container), api.RemoveContainerResponse)

    def containers(self) -> list[str]:
        answer = self.call("ListContainers", api.ListContainersRequest(), api.ListContainersResponse)
        return [container.id for container in answer.containers]

    def status(self, container: str) -> api.ContainerStatus:
        return self._status(container, verbose=False).status

    def pid(self, container: str) -> int:
        """The pid of the container's first process, on the host."""
        return json.loads(self._status(container, verbose=True).info["info"])["pid"]

    def _status(self, container: str, verbose: bool) -> api.ContainerStatusResponse:
        request = api.ContainerStatusRequest(container_id=container, verbose=verbose)
        return self.call("ContainerStatus", request, api.ContainerStatusResponse)

    def exec(self, container: str, command: list[str]) -> Output:
        request = api.ExecSyncRequest(container_id=container, cmd=command, timeout=EXEC_SECONDS * host.patience)
        answer = self.call("ExecSync", request, api.ExecSyncResponse)
        return Output(answer.exit_code, answer.stdout.decode(errors="replace"), answer.stderr.decode(errors="replace"))

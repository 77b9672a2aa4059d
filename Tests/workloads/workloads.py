"""The workloads: what each of them runs, how it is asked, and how it ends."""

import dataclasses
import pathlib
import signal

HERE = pathlib.Path(__file__).resolve().parent
MOUNTS = HERE / "mounts"
HAS_IPV6 = pathlib.Path("/proc/net/if_inet6").exists()
PSQL = ["/usr/lib/postgresql/15/bin/psql", "--host=127.0.0.1", "--username=postgres", "--no-align", "--tuples-only"]
POSTGRES_PATH = "PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin"

# A request: a program of the image with its arguments, and what it prints.
Ask = tuple[list[str], str]


def get(address: str, expected: str) -> Ask:
    return ["curl", "--silent", f"http://{address}"], f"{expected}\n"


@dataclasses.dataclass(frozen=True)
class Part:
    """A container. Without `stop` it is a job, which ends by itself and prints `says`."""

    name: str
    image: str
    command: list[str]
    options: list[str] = dataclasses.field(default_factory=list)
    asks: list[Ask] = dataclasses.field(default_factory=list)
    # Beside the others, under the workload's own example.
    example_options: list[str] = dataclasses.field(default_factory=list)
    example_asks: list[Ask] = dataclasses.field(default_factory=list)
    says: str = ""
    stop: signal.Signals | None = None
    status: int = 0


@dataclasses.dataclass(frozen=True)
class Workload:
    """`row` is what docs/workloads.md calls it in its table, and `example` the profile there that is made for it."""

    row: str
    example: str
    parts: list[Part]
    # Its containers share /work, and under the example they get the annotations of the document's pod.
    is_pod: bool = False


NGINX = Part(
    "nginx", "nginx", ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"],
    asks=[get("127.0.0.1/", "nginx on 127.0.0.1")],
    example_options=[
        "--mount", f"{MOUNTS}/templates:/etc/nginx/templates:ro", "--env", "GREETING=from a template",
        "--mount", f"{MOUNTS}/40-mounted.sh:/docker-entrypoint.d/40-mounted.sh:ro",
        "--env", "NGINX_ENTRYPOINT_WORKER_PROCESSES_AUTOTUNE=1",
    ],
    example_asks=[
        get("127.0.0.1:8080/", "from a template"), get("127.0.0.1:8443/", "from a mounted script"),
        *([get("[::1]/", "nginx on ::1")] if HAS_IPV6 else []),
    ],
    stop=signal.SIGQUIT,
)  # fmt: skip

REDIS_ASKS = [(["redis-cli", "set", "drink", "tea"], "OK\n"), (["redis-cli", "get", "drink"], "tea\n")]
REDIS_COMMAND = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"]
REDIS = Part(
    "redis", "redis", ["/usr/local/bin/redis-server", *REDIS_COMMAND[1:]], asks=REDIS_ASKS, stop=signal.SIGTERM,
)  # fmt: skip
REDIS_IMAGE = Part(
    "redis", "redis", ["/usr/local/bin/docker-entrypoint.sh", *REDIS_COMMAND], asks=REDIS_ASKS, stop=signal.SIGTERM,
)  # fmt: skip

POSTGRES = Part(
    "postgres", "postgres", ["/usr/local/bin/docker-entrypoint.sh", "postgres", "-c", "listen_addresses=*"],
    options=[
        "--env", POSTGRES_PATH, "--env", "PGDATA=/var/lib/postgresql/data", "--env", "LANG=C.UTF-8",
        "--mount", f"{MOUNTS}/initdb.d:/docker-entrypoint-initdb.d:ro",
    ],
    asks=[([*PSQL, "--command=SELECT name FROM drinks ORDER BY name"], "milk\ntea\n")],
    stop=signal.SIGINT,
)  # fmt: skip

# They answer at /user by a program that they start.
USER = [get("127.0.0.1:8080/user", "root")]
JAVA = Part(
    "java", "java", ["/usr/bin/java", "-cp", "/app", "Server"], asks=[get("127.0.0.1:8080/", "java")],
    example_asks=USER, stop=signal.SIGTERM, status=128 + signal.SIGTERM,
)  # fmt: skip
GUNICORN = Part(
    "gunicorn", "python", ["/usr/bin/gunicorn", "--chdir=/app", "--bind=0.0.0.0:8080", "--workers=2",
     "--graceful-timeout=5", "app:application"],
    asks=[get("127.0.0.1:8080/", "gunicorn")], example_asks=USER, stop=signal.SIGTERM,
)  # fmt: skip
NODE = Part(
    "node", "node", ["/usr/local/bin/node", "/app/server.js"], asks=[get("127.0.0.1:8080/", "node")],
    example_asks=USER, stop=signal.SIGTERM,
)  # fmt: skip

BATCH = Part("report", "batch", ["/app/report.sh"], says="3 orders reported\n")

POD = [
    Part("setup", "python", ["/bin/sh", "-c", "cp /app/greeting /work/ && chmod 644 /work/greeting"]),
    Part("site", "python", ["/app/serve.py"], asks=[get("127.0.0.1:8080/greeting", "hello")], stop=signal.SIGTERM),
    Part("shipper", "python", ["/app/ship.py"], says="GET /greeting", stop=signal.SIGTERM),
]

GPU = Part(
    "gpu", "python", ["/app/accelerate.py"],
    options=["--pod-cgroup", "--hook", f"createContainer:{HERE}/ldconfig-hook", "--mount", "GPU:/usr/lib/gpu:ro"],
    says="the library says 42\n",
)  # fmt: skip

WORKLOADS = [
    Workload("nginx, its image's entrypoint", "nginx-site", [NGINX]),
    Workload("redis-server", "redis-server", [REDIS]),
    Workload("redis, its image's entrypoint", "redis", [REDIS_IMAGE]),
    Workload("PostgreSQL, its image's entrypoint with initdb and scripts", "postgres", [POSTGRES]),
    Workload("a JVM", "java-service", [JAVA]),
    Workload("gunicorn", "gunicorn-service", [GUNICORN]),
    Workload("Node.js", "node-service", [NODE]),
    Workload("a job that is a shell script", "nightly-report", [BATCH]),
    Workload("a pod with an init container and a sidecar", "site-setup", POD, is_pod=True),
    Workload("a GPU's hook and library", "gpu-job", [GPU]),
]

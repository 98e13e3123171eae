"""The tables of deepsentry.toml that the control plane reads: api, mongo, redis."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, SecretStr

from deepsentry.section import Section


class Api(Section):
    """The control plane's process, and what it allows."""

    host: str = "127.0.0.1"
    port: int = Field(8400, ge=0, le=65535)
    """0 takes a free port and logs it."""
    public_url: str = Field("http://127.0.0.1:8400", pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    """Where people and programs reach it; issuer of its tokens, and in the links of invitations."""
    keys: Path = Path(".deepsentry/keys")
    """Folder of the keys that sign tokens and seal secrets; made by the first start, shared by all processes."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may call the API (CORS); none by default."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose X-Forwarded-For is believed; none by default."""
    max_body_bytes: int = Field(1_048_576, ge=1024, le=67_108_864)
    max_archive_bytes: int = Field(268_435_456, ge=1_048_576)
    """Of an imported model."""
    page: int = Field(50, ge=1, le=1000)
    """Items of a page where the request does not say."""
    max_page: int = Field(200, ge=1, le=1000)
    access_minutes: int = Field(10, ge=1, le=60)
    """Life of an access token."""
    refresh_days: int = Field(14, ge=1, le=90)
    """Life of a session that is not used."""
    session_days: int = Field(60, ge=1, le=365)
    """Life of a session however much it is used; then people sign in anew."""
    code_minutes: int = Field(5, ge=1, le=15)
    """Life of the temporary token between password and code."""
    invitation_days: int = Field(7, ge=1, le=30)
    idempotency_hours: int = Field(24, ge=1, le=168)
    """How long the answer to a POST with an Idempotency-Key is kept."""
    requests_per_minute: int = Field(6000, ge=0)
    """Of one address, and of one user or key; 0: as many as come."""
    bcrypt_rounds: int = Field(12, ge=12, le=16)
    metrics_token: SecretStr = SecretStr("")
    """Where set, /metrics wants it as bearer token."""
    otlp_endpoint: str = ""
    """Where set, traces go there by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces."""
    shutdown_seconds: float = Field(20.0, gt=0, le=300)
    """How long requests that are being answered may take at the end."""


class Mongo(Section):
    """The store: any MongoDB; `deepsentry up` embeds one."""

    url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?directConnection=true")
    database: str = Field("deepsentry", pattern=r"^[A-Za-z0-9_-]{1,38}$")
    pool_min: int = Field(0, ge=0, le=1000)
    pool_max: int = Field(50, ge=1, le=1000)
    connect_timeout: float = Field(2.0, gt=0, le=60)
    select_timeout: float = Field(2.0, gt=0, le=60)
    """Seconds until a request that finds no server is answered with 503."""
    socket_timeout: float = Field(10.0, gt=0, le=300)
    replica_set: str = ""
    tls_ca_file: Path | None = None
    """PEM; where set, connections use TLS and the server's certificate must chain to it."""
    tls_client_file: Path | None = None
    """PEM of a certificate and its key, for a store that asks for one."""


class Redis(Section):
    """The cache and the counters of rate limits: any Redis or Valkey; empty: none, the API works without."""

    url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    prefix: str = Field("deepsentry:", pattern=r"^[A-Za-z0-9_.:-]{0,64}$")
    connect_timeout: float = Field(0.5, gt=0, le=10)
    timeout: float = Field(0.5, gt=0, le=10)
    pool_max: int = Field(100, ge=1, le=1000)
    tls_ca_file: Path | None = None
    """PEM, for `rediss://` where the server's certificate is not of a public authority."""
    tls_client_file: Path | None = None
    """PEM of a certificate and its key, for `rediss://` where the cache asks for one."""

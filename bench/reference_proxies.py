"""Other proxies to compare the gateway with, each with one process or thread; those that are not installed are skipped."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
upstream up {{ server 127.0.0.1:{up}; keepalive 64; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""
HAPROXY = """global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:{port}
  {rule}
  default_backend up
backend up
  server up 127.0.0.1:{up}
"""
CHECK = 'http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_verify("RS256","{pem}") -m int 1 }}'


@dataclass(frozen=True)
class Place:
    """A proxy's port, the port of its upstream, the folder for its files, and what it needs to check tokens."""

    port: int
    up: int
    folder: Path
    pem: Path
    jwks: str
    issuer: str


def nginx(place: Place) -> list[str]:
    """Plain `proxy_pass`; checking tokens takes NGINX Plus."""
    file = place.folder / "nginx.conf"
    file.write_text(NGINX.format(folder=place.folder, port=place.port, up=place.up))
    return ["nginx", "-p", str(place.folder), "-c", str(file)]


def haproxy(place: Place, rule: str = "") -> list[str]:
    """HAProxy without a check."""
    file = place.folder / f"haproxy-{place.port}.cfg"
    file.write_text(HAPROXY.format(port=place.port, up=place.up, rule=rule))
    return ["haproxy", "-f", str(file)]


def haproxy_jwt(place: Place) -> list[str]:
    """HAProxy, checking the signature of each request's token only."""
    return haproxy(place, CHECK.format(pem=place.pem))


def envoy_jwt(place: Place) -> list[str]:
    """Envoy with jwt_authn and its cache of tokens; YAML takes JSON as it is."""
    kind = "type.googleapis.com/envoy.extensions.filters."
    provider = {
        "issuer": place.issuer,
        "local_jwks": {"inline_string": place.jwks},
        "forward": True,
        "jwt_cache_config": {"jwt_cache_size": 100, "jwt_max_token_size": 8192},
    }
    check = {
        "@type": f"{kind}http.jwt_authn.v3.JwtAuthentication",
        "providers": {"issuer": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
    }
    manager = {
        "@type": f"{kind}network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}],
                }
            ]
        },
        "http_filters": [
            {"name": "check", "typed_config": check},
            {"name": "router", "typed_config": {"@type": f"{kind}http.router.v3.Router"}},
        ],
    }

    def address(port: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    endpoint = {"endpoint": {"address": address(place.up)}}
    cluster = {
        "name": "up",
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "in", "address": address(place.port), "filter_chains": [chain]}
    file = place.folder / "envoy.yaml"
    file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    return [installed("envoy"), "-c", str(file), "--concurrency", "1", "-l", "off", "--disable-hot-restart"]


KNOWN: dict[str, tuple[str, Callable[[Place], list[str]]]] = {
    "nginx": ("nginx", nginx),
    "HAProxy": ("haproxy", haproxy),
    "HAProxy, jwt_verify": ("haproxy", haproxy_jwt),
    "Envoy, jwt_authn": ("envoy", envoy_jwt),
}


def installed(program: str) -> str:
    """Return the path of the program, from PATH or beside this Python; empty if it is not installed."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent)) or ""

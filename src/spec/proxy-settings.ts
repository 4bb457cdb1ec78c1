import { Failure } from "../base/failure.ts";

/**
 * The proxy that the environment names for a URL (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, also in lower case);
 * undefined: none. What is on this machine has none. Throws "invalid" for one that is no http:// URL.
 */
export function findProxy(url: URL, env: Readonly<Record<string, string | undefined>>): URL | undefined {
  const name = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const text = env[name] || env[name.toUpperCase()];
  if (text === undefined || text === "") return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return undefined;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const exceptions = (env["no_proxy"] || env["NO_PROXY"] || "")
    .split(",")
    .map((each) => each.trim().toLowerCase());
  if (exceptions.some((each) => isException(each, { host, port }))) return undefined;
  let proxy: URL;
  try {
    proxy = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new Failure("invalid", `cannot use the proxy "${text}" of ${name.toUpperCase()}: it is no URL`);
  }
  if (proxy.protocol !== "http:") {
    throw new Failure(
      "unsupported",
      `cannot use the proxy "${proxy.origin}" of ${name.toUpperCase()}: only http:// proxies are supported`,
    );
  }
  return proxy;
}

/** SPEC: as Go's httpproxy: `*`, a host and all below it, `.below`, an address, `10.0.0.0/8`; each with a port. */
function isException(
  text: string,
  { host, port }: { readonly host: string; readonly port: string },
): boolean {
  if (text === "") return false;
  if (text === "*") return true;
  const [, name = text, only] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  if (only !== undefined && only !== port && !text.includes("::")) return false;
  if (name.includes("/")) return isInNetwork(host, name);
  if (name.startsWith("*.")) return host.endsWith(name.slice(1));
  if (name.startsWith(".")) return host.endsWith(name);
  return host === name || host.endsWith(`.${name}`);
}

function isInNetwork(host: string, network: string): boolean {
  const [base = "", bits = ""] = network.split("/");
  const [one, other] = [numberOf(host), numberOf(base)];
  if (one === undefined || other === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(one / size) === Math.floor(other / size);
}

function numberOf(address: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((total, part) => total * 256 + part, 0);
}

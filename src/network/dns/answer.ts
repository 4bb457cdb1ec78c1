import { decodeIpAddress, encodeIpAddress, type IpAddress, parseIpAddress } from "../../spec/ip-address.ts";
import type { NameDirectory } from "./directory.ts";
import { encodeName, type Query, type Reply, recordType, responseCode } from "./message.ts";
import type { NameView } from "./types.ts";

/** Docker's value: clients rarely keep an answer after its container is gone, and most ask again anyway. */
const ttlSeconds = 600;
const internet = 1;

/** The response to a query: an answer, or "forward" to the upstream name servers. */
export function answerQuery(directory: NameDirectory, view: NameView, query: Query): Reply | "forward" {
  if (query.class !== internet) return "forward";
  if (query.type === recordType.PTR) {
    const address = readReverseName(query.name);
    const name = address === undefined ? undefined : directory.findName(view, address);
    const data = name === undefined ? undefined : encodeName(name);
    return data === undefined ? passOn(view, query) : replyWith([{ type: recordType.PTR, data }]);
  }
  const family = query.type === recordType.A ? 4 : query.type === recordType.AAAA ? 6 : undefined;
  const addresses = directory.findAddresses(view, { name: query.name, family });
  // A container's name has no records on other servers: the answer is empty and not another server's.
  if (addresses === undefined) return passOn(view, query);
  return replyWith(addresses.map((address) => ({ type: query.type, data: encodeIpAddress(address) })));
}

function replyWith(answers: Reply["answers"]): Reply {
  return { code: responseCode.ok, answers, ttlSeconds };
}

function passOn(view: NameView, query: Query): Reply | "forward" {
  const isAddress = query.type === recordType.A || query.type === recordType.AAAA;
  if (isAddress && view.ndotsSet === true && !query.name.includes(".")) {
    return { code: responseCode.noSuchName, answers: [], ttlSeconds };
  }
  if (view.upstreams.length === 0) return { code: responseCode.serverFailure, answers: [], ttlSeconds };
  return "forward";
}

/** The address of `2.0.17.172.in-addr.arpa` or `….ip6.arpa`. SPEC: RFC 1035 §3.5, RFC 3596 §2.5 */
export function readReverseName(name: string): IpAddress | undefined {
  const four = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name);
  if (four !== null) {
    const text = (four[1] ?? "").slice(0, -1).split(".").toReversed().join(".");
    try {
      return parseIpAddress(text);
    } catch {
      return undefined;
    }
  }
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (six === null) return undefined;
  const digits = (six[1] ?? "").replaceAll(".", "").split("").toReversed().join("");
  return decodeIpAddress(Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

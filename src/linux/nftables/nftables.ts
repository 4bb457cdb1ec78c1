import { required } from "../../base/required.ts";
import {
  NFNL_SUBSYS_NFTABLES,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_DELSETELEM,
  NFT_MSG_GETTABLE,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWGEN,
  NFTA_GEN_PROC_PID,
  NFTA_GEN_PROC_NAME,
  NFTA_TABLE_NAME,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY_END,
  NFTA_DATA_VALUE,
  NFT_SET_ELEM_INTERVAL_END,
} from "../constants/nftables.ts";
import { errno } from "../kernel/errno.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import {
  attributeMap,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
  textOf,
} from "../netlink/attributes.ts";
import { NLM_F_CREATE, type NetlinkReply, type NetlinkRequest } from "../netlink/message.ts";

/** The events' multicast group of nftables. */
export const NFNLGRP_NFTABLES = 7;
/** As many elements as fit into one attribute (64 KiB) with keys of two IPv6 addresses. */
const ELEMENTS_IN_MESSAGE = 256;

const families = { inet: 1, ip: 2, ip6: 10 } as const;
export type TableFamily = keyof typeof families;

export interface TableName {
  readonly family: TableFamily;
  readonly table: string;
}

/** One element of a set or map, as bytes: fields of a concatenation are each padded to four. */
export interface SetElement {
  readonly set: string;
  readonly key: Uint8Array;
  /** The last key of an interval, of sets with several fields. */
  readonly keyEnd?: Uint8Array | undefined;
  /** The value in a map. */
  readonly data?: Uint8Array | undefined;
  /** The first key behind an interval, of sets with one field: an element of its own. */
  readonly isEnd?: boolean | undefined;
}

/** Two elements are the same when these texts are. */
export function elementText(element: SetElement): string {
  const hex = (bytes: Uint8Array | undefined): string =>
    bytes === undefined ? "" : Buffer.from(bytes).toString("hex");
  return `${element.set} ${hex(element.key)}-${hex(element.keyEnd)}:${hex(element.data)}${element.isEnd === true ? "]" : ""}`;
}

function head(family: number, resource = 0): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource & 0xff]);
}

function begin(): NetlinkRequest {
  return {
    type: NFNL_MSG_BATCH_BEGIN,
    flags: 0,
    payload: head(0, NFNL_SUBSYS_NFTABLES),
    about: "begin a change of the firewall",
  };
}

function end(): NetlinkRequest {
  return {
    type: NFNL_MSG_BATCH_END,
    flags: 0,
    payload: head(0, NFNL_SUBSYS_NFTABLES),
    about: "end a change of the firewall",
  };
}

/** Between its first and last request. */
export function transaction(requests: readonly NetlinkRequest[]): readonly NetlinkRequest[] {
  return [begin(), ...requests, end()];
}

function elementMessage(
  name: TableName,
  {
    type,
    elements,
    verb,
  }: { readonly type: number; readonly elements: readonly SetElement[]; readonly verb: string },
): NetlinkRequest {
  const set = required(elements[0]).set;
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | type,
    flags: type === NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
    about: `${verb} the firewall's set ${set}`,
    payload: Buffer.concat([
      head(families[name.family]),
      textAttribute(NFTA_SET_ELEM_LIST_TABLE, name.table),
      textAttribute(NFTA_SET_ELEM_LIST_SET, set),
      nestedAttribute(
        NFTA_SET_ELEM_LIST_ELEMENTS,
        ...elements.map((element) => nestedAttribute(NFTA_LIST_ELEM, encodeElement(element))),
      ),
    ]),
  };
}

/** The attributes of an element, as they lie in a list's member. */
export function encodeElement({ key, keyEnd, data, isEnd }: SetElement): Uint8Array {
  const value = (type: number, bytes: Uint8Array): Uint8Array =>
    nestedAttribute(type, bytesAttribute(NFTA_DATA_VALUE, bytes));
  return Buffer.concat([
    ...(isEnd === true ? [bigU32Attribute(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)] : []),
    value(NFTA_SET_ELEM_KEY, key),
    ...(keyEnd === undefined ? [] : [value(NFTA_SET_ELEM_KEY_END, keyEnd)]),
    ...(data === undefined ? [] : [value(NFTA_SET_ELEM_DATA, data)]),
  ]);
}

/** Takes elements out and puts others in, all or nothing. Throws "not-found" when a table or an element is missing. */
export function changeElements(
  socket: NetlinkSocket,
  {
    name,
    removed,
    added,
  }: {
    readonly name: TableName;
    readonly removed: readonly SetElement[];
    readonly added: readonly SetElement[];
  },
): void {
  if (removed.length === 0 && added.length === 0) return;
  const messages = (elements: readonly SetElement[], type: number, verb: string): NetlinkRequest[] =>
    chunked(elements).map((chunk) => elementMessage(name, { type, elements: chunk, verb }));
  socket.sendTransaction([
    begin(),
    ...messages(removed, NFT_MSG_DELSETELEM, "take elements out of"),
    ...messages(added, NFT_MSG_NEWSETELEM, "put elements into"),
    end(),
  ]);
}

/** By set, each at most as long as a message takes. */
function chunked(elements: readonly SetElement[]): readonly (readonly SetElement[])[] {
  const bySet = new Map<string, SetElement[]>();
  for (const element of elements) {
    const list = bySet.get(element.set);
    if (list === undefined) bySet.set(element.set, [element]);
    else list.push(element);
  }
  return [...bySet.values()].flatMap((list) =>
    Array.from({ length: Math.ceil(list.length / ELEMENTS_IN_MESSAGE) }, (_, at) =>
      list.slice(at * ELEMENTS_IN_MESSAGE, (at + 1) * ELEMENTS_IN_MESSAGE),
    ),
  );
}

/** Names of all tables of a family. */
export function listTables(socket: NetlinkSocket, family: TableFamily): readonly string[] {
  return socket
    .dump({
      type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE,
      flags: 0,
      payload: head(families[family]),
      about: "list the firewall's tables",
    })
    .map(({ payload }) => textOf(attributeMap(payload, 4).get(NFTA_TABLE_NAME)));
}

/** With all in it. Fine when absent. */
export function removeTable(socket: NetlinkSocket, name: TableName): void {
  if (!listTables(socket, name.family).includes(name.table)) return;
  socket.sendTransaction([
    begin(),
    {
      type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE,
      flags: 0,
      payload: Buffer.concat([head(families[name.family]), textAttribute(NFTA_TABLE_NAME, name.table)]),
      about: `remove the firewall's table ${name.table}`,
      tolerates: [errno.ENOENT],
    },
    end(),
  ]);
}

/** The changes of a transaction of nftables, and its author. */
export interface FirewallEvents {
  readonly tables: ReadonlySet<string>;
  /** `nft (process 123)`, when known. */
  readonly by: string;
}

/** SPEC: in every message of tables, chains, rules, sets and elements the first attribute is the table's name. */
export function parseFirewallEvents(events: readonly NetlinkReply[]): FirewallEvents {
  const tables = new Set<string>();
  let by = "";
  for (const { type, payload } of events) {
    if (type >> 8 !== NFNL_SUBSYS_NFTABLES) continue;
    const attributes = attributeMap(payload, 4);
    if ((type & 0xff) !== NFT_MSG_NEWGEN) tables.add(textOf(attributes.get(1)));
    else {
      const pid = attributes.get(NFTA_GEN_PROC_PID);
      if (pid !== undefined)
        by = `${textOf(attributes.get(NFTA_GEN_PROC_NAME))} (process ${pid.readUInt32BE(0)})`;
    }
  }
  return { tables, by };
}

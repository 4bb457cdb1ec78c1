import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { openControl, type Order, receiveOrders, sendOrders } from "../../../src/network/dns/control.ts";

const orders = Array.from({ length: 5_000 }, (_, at): Order => {
  const entry = {
    endpointId: `e${at}`,
    names: [`name-${at}`, "ünd"],
    addresses: [`172.18.${at >> 8}.${at & 255}`],
  };
  return { order: "add-entry", network: "n", entry };
});

test("sendOrders() does not wait for a reader, however many they are; receiveOrders() has them in their order", () => {
  const { near, far } = openControl();
  using _near = near;
  using _far = far;
  const count = (): number => readdirSync("/proc/self/fd").length;
  const before = count();
  // Nobody reads meanwhile: one by one they would not fit.
  for (const list of [orders.slice(0, 3), orders, orders]) expect(sendOrders(near.fd, list)).toBe(true);
  expect(receiveOrders(far.fd)).toEqual(orders.slice(0, 3));
  expect(receiveOrders(far.fd)).toEqual(orders);
  expect(receiveOrders(far.fd)).toEqual(orders);
  expect(count()).toBe(before);
  near[Symbol.dispose]();
  expect(receiveOrders(far.fd)).toBeUndefined();
});

test("sendOrders() to nobody says so, and keeps no file", () => {
  const { near, far } = openControl();
  using _near = near;
  const before = readdirSync("/proc/self/fd").length;
  far[Symbol.dispose]();
  expect(sendOrders(near.fd, orders)).toBe(false);
  expect(sendOrders(near.fd, orders.slice(0, 1))).toBe(false);
  expect(readdirSync("/proc/self/fd").length).toBe(before - 1);
});

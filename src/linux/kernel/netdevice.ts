// SPEC: netdevice(7), for what needs no more than an interface that is up.
export const AF_INET = 2;
export const SOCK_DGRAM = 2;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFINDEX = 0x8933;
const IFF_UP = 1;
const NAME_BYTES = 15;

/** The struct ifreq that asks for the index of an interface by SIOCGIFINDEX, and where it is found then. */
export function requestIndex(name: string): { readonly bytes: Buffer; readonly index: () => number } {
  const bytes = Buffer.alloc(40);
  bytes.write(name, 0, NAME_BYTES);
  return { bytes, index: () => bytes.readInt32LE(16) };
}

/** The struct ifreq that brings an interface up by SIOCSIFFLAGS. */
export function requestUp(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0);
  request.writeUInt16LE(IFF_UP, 16);
  return request;
}

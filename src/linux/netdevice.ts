// SPEC: netdevice(7), for what needs no more than an interface that is up.
export const AF_INET = 2;
export const SOCK_DGRAM = 2;
export const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/** The struct ifreq that brings an interface up by SIOCSIFFLAGS. */
export function requestUp(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0);
  request.writeUInt16LE(IFF_UP, 16);
  return request;
}

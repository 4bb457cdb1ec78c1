/** TLS of a TCP listener, in PEM. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  /** Present: only clients with a certificate of these authorities may connect. */
  readonly clientAuthorities?: string | undefined;
}

/** Where the API is served. */
export type Listener =
  | { readonly kind: "unix"; readonly path: string }
  /** A listening Unix socket that the service manager keeps. */
  | { readonly kind: "fd"; readonly fd: number }
  | {
      readonly kind: "tcp";
      readonly hostname: string;
      readonly port: number;
      /** Absent: everyone who reaches the port is root on this machine. */
      readonly tls?: ListenerTls | undefined;
    };

/** Limits of clients from the network, each in milliseconds. */
export interface RemoteLimits {
  /** From the accepted connection to the end of the TLS handshake. */
  readonly handshakeMs: number;
  /** From the connection, or a request's first byte, to the end of the request's head. */
  readonly headMs: number;
  /** Between two requests of one connection. */
  readonly restMs: number;
  /** Connections at a time, those in a handshake included. */
  readonly connections: number;
}

export const usualRemoteLimits: RemoteLimits = {
  handshakeMs: 10_000,
  headMs: 10_000,
  restMs: 180_000,
  connections: 1024,
};

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files of an authority, and of certificates that it signed, for TLS on 127.0.0.1. */
export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** Of another authority. */
  readonly strangerCert: string;
  readonly strangerKey: string;
}

/** `folder` is also a DOCKER_CERT_PATH: it has ca.pem, cert.pem and key.pem of the client. */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => {
    execFileSync("openssl", words, { cwd: folder, stdio: "ignore" });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["ca", "other-ca"])
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  const sign = (ca: string, { cert, key }: { readonly cert: string; readonly key: string }): void => {
    openssl("req", ...newKey, "-subj", `/CN=${cert}`, "-keyout", key, "-out", `${cert}.csr`);
    openssl(
      "x509",
      "-req",
      "-in",
      `${cert}.csr`,
      "-CA",
      `${ca}.pem`,
      "-CAkey",
      `${ca}.key`,
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      "names",
      "-out",
      cert,
    );
  };
  sign("ca", { cert: "server.pem", key: "server.key" });
  sign("ca", { cert: "cert.pem", key: "key.pem" });
  sign("other-ca", { cert: "stranger.pem", key: "stranger.key" });
  return {
    ca: at("ca.pem"),
    serverCert: at("server.pem"),
    serverKey: at("server.key"),
    clientCert: at("cert.pem"),
    clientKey: at("key.pem"),
    strangerCert: at("stranger.pem"),
    strangerKey: at("stranger.key"),
  };
}

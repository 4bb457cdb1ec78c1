import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { daemonFlags, type DaemonValues } from "../daemon-flags.ts";

/** For help, man pages and completion: the executable starts a daemon before it reads any command (src/bin/tare.ts). */
export const daemon: Command<DaemonValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: daemonFlags,
  startsDaemon: false,
  description:
    "Serves the API until SIGTERM or tare daemon stop; containers keep running without it. --host may be given several times. The keys of daemon.json stand for the same options. SIGHUP reads the file again.",
  examples: [
    "tare daemon --validate --config-file /etc/tare/daemon.json",
    "tare daemon -H unix:///run/tare/tare.sock -H tcp://10.0.0.5 --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem",
  ],
  run: async () => {
    throw new Failure("invalid", 'cannot start the daemon: write "tare daemon" and then its options');
  },
};

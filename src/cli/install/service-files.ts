/** The location of an installation, and its permitted users. */
export interface ServiceSettings {
  /** Directory of man pages and completion scripts: `/usr/local`, or `/usr` in a distribution's package. */
  readonly prefix: string;
  /** Path of the main binary. */
  readonly executable: string;
  readonly socketGroup: string;
  /** Octal digits: `0660`. */
  readonly socketMode: string;
}

export interface InstalledFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** An administrator changes it: written when it is absent, and left by `system uninstall`. */
  readonly isConfiguration?: true | undefined;
}

/** SPEC: systemd.unit(5), systemd.socket(5), systemd.service(5), tmpfiles.d(5). Pure. */
export function listServiceFiles(settings: ServiceSettings): readonly InstalledFile[] {
  const isPackaged = settings.prefix === "/usr";
  const units = isPackaged ? "/usr/lib/systemd/system" : "/etc/systemd/system";
  return [
    { path: `${units}/tare.socket`, content: socketUnit(settings) },
    { path: `${units}/tare.service`, content: serviceUnit(settings) },
    {
      path: isPackaged ? "/usr/lib/tmpfiles.d/tare.conf" : "/etc/tmpfiles.d/tare.conf",
      content: `# The socket's group may pass through the directory.\nd /run/tare 0710 root ${settings.socketGroup} -\n`,
    },
    { path: "/etc/default/tare", content: defaults, isConfiguration: true },
  ];
}

function socketUnit({ socketGroup, socketMode }: ServiceSettings): string {
  return `[Unit]
Description=Socket of the Tare container engine
Documentation=man:tare(1)

[Socket]
ListenStream=/run/tare/tare.sock
SocketUser=root
SocketGroup=${socketGroup}
SocketMode=${socketMode}
DirectoryMode=0710

[Install]
WantedBy=sockets.target
`;
}

/** KillMode=process: containers outlive the daemon. The next one takes them over. */
function serviceUnit({ executable, socketGroup }: ServiceSettings): string {
  return `[Unit]
Description=Tare container engine
Documentation=man:tare(1)
Requires=tare.socket
After=tare.socket network-online.target nss-lookup.target firewalld.service
Wants=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/tare
ExecStart=${executable} --host fd:// --socket-group ${socketGroup} $TARE_OPTIONS daemon
KillMode=process
Restart=on-failure
RestartSec=1
WatchdogSec=60
TimeoutStartSec=120
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
Also=tare.socket
`;
}

const defaults = `# Options of the daemon that the service starts; see tare(1), "at daemon start".
# TARE_OPTIONS="--storage-driver=overlay --publish-policy=respect-host"
TARE_OPTIONS=""
`;

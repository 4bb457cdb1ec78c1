import { expect, test } from "bun:test";
import { commands } from "../../../src/cli/commands.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { findCommand } from "../../../src/cli/tree.ts";
import { foreignCommands } from "../../../src/cli/unknown-command.ts";

/**
 * The commands of Docker's client (26.1) outside of Swarm, plugins and builds, as its help lists them: names, and behind
 * the bar each flag as `-letter,--name=kind of value`.
 */
const listed = `
container attach, attach | --detach-keys=string --no-stdin --sig-proxy
checkpoint create | --checkpoint-dir=string --leave-running
checkpoint list, checkpoint ls | --checkpoint-dir=string
checkpoint remove, checkpoint rm | --checkpoint-dir=string
container commit, commit | -a,--author=string -c,--change=list -m,--message=string -p,--pause
container cp, cp | -a,--archive -L,--follow-link -q,--quiet
container create, create | --add-host=list --annotation=map -a,--attach=list --blkio-weight=uint16 --blkio-weight-device=list --cap-add=list --cap-drop=list --cgroup-parent=string --cgroupns=string --cidfile=string --cpu-count=int --cpu-percent=int --cpu-period=int --cpu-quota=int --cpu-rt-period=int --cpu-rt-runtime=int -c,--cpu-shares=int --cpus=decimal --cpuset-cpus=string --cpuset-mems=string --device=list --device-cgroup-rule=list --device-read-bps=list --device-read-iops=list --device-write-bps=list --device-write-iops=list --disable-content-trust --dns=list --dns-option=list --dns-search=list --domainname=string --entrypoint=string -e,--env=list --env-file=list --expose=list --gpus=gpu-request --group-add=list --health-cmd=string --health-interval=duration --health-retries=int --health-start-interval=duration --health-start-period=duration --health-timeout=duration -h,--hostname=string --init -i,--interactive --io-maxbandwidth=bytes --io-maxiops=uint --ip=string --ip6=string --ipc=string --isolation=string --kernel-memory=bytes -l,--label=list --label-file=list --link=list --link-local-ip=list --log-driver=string --log-opt=list --mac-address=string -m,--memory=bytes --memory-reservation=bytes --memory-swap=bytes --memory-swappiness=int --mount=mount --name=string --network=network --network-alias=list --no-healthcheck --oom-kill-disable --oom-score-adj=int --pid=string --pids-limit=int --platform=string --privileged -p,--publish=list -P,--publish-all --pull=string -q,--quiet --read-only --restart=string --rm --runtime=string --security-opt=list --shm-size=bytes --stop-signal=string --stop-timeout=int --storage-opt=list --sysctl=map --tmpfs=list -t,--tty --ulimit=ulimit -u,--user=string --userns=string --uts=string -v,--volume=list --volume-driver=string --volumes-from=list -w,--workdir=string
container diff, diff |
container exec, exec | -d,--detach --detach-keys=string -e,--env=list --env-file=list -i,--interactive --privileged -t,--tty -u,--user=string -w,--workdir=string
container export, export | -o,--output=string
container inspect | -f,--format=string -s,--size
container kill, kill | -s,--signal=string
container logs, logs | --details -f,--follow --since=string -n,--tail=string -t,--timestamps --until=string
container list, container ls, container ps, ps | -a,--all -f,--filter=filter --format=string -n,--last=int -l,--latest --no-trunc -q,--quiet -s,--size
container pause, pause |
container port, port |
container prune | --filter=filter -f,--force
container rename, rename |
container restart, restart | -s,--signal=string -t,--time=int
container remove, container rm, rm | -f,--force -l,--link -v,--volumes
container run, run | --add-host=list --annotation=map -a,--attach=list --blkio-weight=uint16 --blkio-weight-device=list --cap-add=list --cap-drop=list --cgroup-parent=string --cgroupns=string --cidfile=string --cpu-count=int --cpu-percent=int --cpu-period=int --cpu-quota=int --cpu-rt-period=int --cpu-rt-runtime=int -c,--cpu-shares=int --cpus=decimal --cpuset-cpus=string --cpuset-mems=string -d,--detach --detach-keys=string --device=list --device-cgroup-rule=list --device-read-bps=list --device-read-iops=list --device-write-bps=list --device-write-iops=list --disable-content-trust --dns=list --dns-option=list --dns-search=list --domainname=string --entrypoint=string -e,--env=list --env-file=list --expose=list --gpus=gpu-request --group-add=list --health-cmd=string --health-interval=duration --health-retries=int --health-start-interval=duration --health-start-period=duration --health-timeout=duration -h,--hostname=string --init -i,--interactive --io-maxbandwidth=bytes --io-maxiops=uint --ip=string --ip6=string --ipc=string --isolation=string --kernel-memory=bytes -l,--label=list --label-file=list --link=list --link-local-ip=list --log-driver=string --log-opt=list --mac-address=string -m,--memory=bytes --memory-reservation=bytes --memory-swap=bytes --memory-swappiness=int --mount=mount --name=string --network=network --network-alias=list --no-healthcheck --oom-kill-disable --oom-score-adj=int --pid=string --pids-limit=int --platform=string --privileged -p,--publish=list -P,--publish-all --pull=string -q,--quiet --read-only --restart=string --rm --runtime=string --security-opt=list --shm-size=bytes --sig-proxy --stop-signal=string --stop-timeout=int --storage-opt=list --sysctl=map --tmpfs=list -t,--tty --ulimit=ulimit -u,--user=string --userns=string --uts=string -v,--volume=list --volume-driver=string --volumes-from=list -w,--workdir=string
container start, start | -a,--attach --checkpoint=string --checkpoint-dir=string --detach-keys=string -i,--interactive
container stats, stats | -a,--all --format=string --no-stream --no-trunc
container stop, stop | -s,--signal=string -t,--time=int
container top, top |
container unpause, unpause |
container update, update | --blkio-weight=uint16 --cpu-period=int --cpu-quota=int --cpu-rt-period=int --cpu-rt-runtime=int -c,--cpu-shares=int --cpus=decimal --cpuset-cpus=string --cpuset-mems=string -m,--memory=bytes --memory-reservation=bytes --memory-swap=bytes --pids-limit=int --restart=string
container wait, wait |
context create | --description=string --docker=stringToString --from=string
context export |
context import |
context inspect | -f,--format=string
context list, context ls | --format=string -q,--quiet
context remove, context rm | -f,--force
context show |
context update | --description=string --docker=stringToString
context use |
system events, events | -f,--filter=filter --format=string --since=string --until=string
image history, history | --format=string -H,--human --no-trunc -q,--quiet
image import, import | -c,--change=list -m,--message=string --platform=string
image inspect | -f,--format=string
image load, load | -i,--input=string -q,--quiet
image list, image ls, images | -a,--all --digests -f,--filter=filter --format=string --no-trunc -q,--quiet
image prune | -a,--all --filter=filter -f,--force
image pull, pull | -a,--all-tags --disable-content-trust --platform=string -q,--quiet
image push, push | -a,--all-tags --disable-content-trust -q,--quiet
image remove, image rm, rmi | -f,--force --no-prune
image save, save | -o,--output=string
image tag, tag |
system info, info | -f,--format=string
inspect | -f,--format=string -s,--size --type=string
login | -p,--password=string --password-stdin -u,--username=string
logout |
manifest annotate | --arch=string --os=string --os-features=strings --os-version=string --variant=string
manifest create | -a,--amend --insecure
manifest inspect | --insecure -v,--verbose
manifest push | --insecure -p,--purge
manifest rm |
network connect | --alias=strings --driver-opt=strings --ip=string --ip6=string --link=list --link-local-ip=strings
network create | --attachable --aux-address=map --config-from=string --config-only -d,--driver=string --gateway=strings --ingress --internal --ip-range=strings --ipam-driver=string --ipam-opt=map --ipv6 --label=list -o,--opt=map --scope=string --subnet=strings
network disconnect | -f,--force
network inspect | -f,--format=string -v,--verbose
network list, network ls | -f,--filter=filter --format=string --no-trunc -q,--quiet
network prune | --filter=filter -f,--force
network remove, network rm | -f,--force
search | -f,--filter=filter --format=string --limit=int --no-trunc
system df | --format=string -v,--verbose
system prune | -a,--all --filter=filter -f,--force --volumes
version | -f,--format=string
volume create | --availability=string -d,--driver=string --group=string --label=list --limit-bytes=bytes -o,--opt=map --required-bytes=bytes --scope=string --secret=map --sharing=string --topology-preferred=list --topology-required=list --type=string
volume inspect | -f,--format=string
volume list, volume ls | --cluster -f,--filter=filter --format=string -q,--quiet
volume prune | -a,--all --filter=filter -f,--force
volume remove, volume rm | -f,--force
volume update | --availability=string
`;

/** Flags that Docker's client has had since (28). */
const newer = `
run, create | --use-api-socket
image inspect | --platform=string
image load, load | --platform=string
image save, save | --platform=string
image push, push | --platform=string
image history, history | --platform=string
network create | --ipv4
network connect | --gw-priority=int
`;

const cluster = "cluster volumes belong to Swarm";
const repeatable = "help says list, as for the same flags of run: each may be given several times";

/** Each difference, with its reason. */
const differences: Readonly<Record<string, string>> = {
  "checkpoint create": "checkpoints need CRIU and are experimental in Docker, too",
  "checkpoint list": "see checkpoint create",
  "checkpoint ls": "see checkpoint create",
  "checkpoint remove": "see checkpoint create",
  "checkpoint rm": "see checkpoint create",
  "network connect --alias=strings": repeatable,
  "network connect --driver-opt=strings": repeatable,
  "network connect --link-local-ip=strings": repeatable,
  "network create --config-from=string": "help says what the text names: network",
  "network create --gateway=strings": repeatable,
  "network create --ip-range=strings": repeatable,
  "network create --subnet=strings": repeatable,
  "volume create --availability=string": cluster,
  "volume create --group=string": cluster,
  "volume create --limit-bytes=bytes": cluster,
  "volume create --required-bytes=bytes": cluster,
  "volume create --scope=string": cluster,
  "volume create --secret=map": cluster,
  "volume create --sharing=string": cluster,
  "volume create --topology-preferred=list": cluster,
  "volume create --topology-required=list": cluster,
  "volume create --type=string": cluster,
  "volume ls --cluster": cluster,
  "volume list --cluster": cluster,
  "volume update": cluster,
};

test("each command and flag of Docker's client is here, with its letter and kind of value, or has a reason", async () => {
  const found: string[] = [];
  const lines = `${listed}${newer}`.split("\n").filter((line) => line !== "");
  expect(lines.length).toBeGreaterThan(80); // the data is there
  for (const line of lines) {
    const [names = "", flags = ""] = line.split(" | ").map((part) => part.replace(/ \|$/, ""));
    for (const name of names.split(", ")) {
      const words = name.split(" ");
      const command = findCommand(commands, words);
      if (command?.length !== words.length) found.push(name);
      else {
        const table = (await command.entry.load()).flags as FlagTable;
        for (const flag of flags.split(" ").filter((each) => each !== "")) {
          if (formatFlag(table, flag) !== flag) found.push(`${name} ${flag}`);
        }
      }
    }
  }
  expect(found.sort()).toEqual(Object.keys(differences).sort());
});

/** The flag of ours in the same way of writing. */
function formatFlag(table: FlagTable, flag: string): string {
  const name = /--([a-z0-9-]+)/.exec(flag)?.[1] ?? "";
  const ours = Object.hasOwn(table, name) ? table[name] : undefined;
  if (ours === undefined) return "";
  return `${ours.short === undefined ? "" : `-${ours.short},`}--${name}${ours.type === "" ? "" : `=${ours.type}`}`;
}

test("each group of Docker's client is a group here, or is answered with a sentence", () => {
  const theirs =
    "builder checkpoint compose config container context image manifest network node plugin secret service stack swarm system trust volume";
  const missing = theirs
    .split(" ")
    .filter(
      (group) =>
        !Object.hasOwn(commands.groups, group) &&
        !Object.hasOwn(foreignCommands, group) &&
        !commands.later.has(group) &&
        findCommand(commands, [group]) === undefined,
    );
  expect(missing).toEqual([]);
});

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Contents, tarOf } from "./images.ts";

/** A Dockerfile of our own with its context, which every builder must build alike. */
export interface BuildCase {
  readonly name: string;
  readonly dockerfile: string;
  /** By path: text, or where a link points; a directory, after what is in it, with a slash at the end. */
  readonly files?: Readonly<
    Record<string, string | { readonly link: string } | { readonly mode: number; readonly text?: string }>
  >;
  /** Words of `docker build`; `{context}` is the context's path. */
  readonly flags?: readonly string[];
  /** Every builder refuses it. */
  readonly fails?: true;
  /** dockerd would ask a registry for the front end's image. */
  readonly needsRegistry?: true;
  /** Only BuildKit's builders have it: the classic builder refuses it. */
  readonly needsBuildkit?: true;
}

const tree = {
  "a.txt": "a\n",
  "b.txt": "b\n",
  "dir/c.txt": "c\n",
  "dir/sub/d.txt": "d\n",
  "dir/.hidden": "h\n",
};

export const buildCases: readonly BuildCase[] = [
  { name: "copy one file", files: tree, dockerfile: "FROM base\nCOPY a.txt /x\n" },
  {
    name: "copy into a directory by its slash",
    files: tree,
    dockerfile: "FROM base\nCOPY a.txt /new/deep/\n",
  },
  { name: "copy into an existing directory", files: tree, dockerfile: "FROM base\nCOPY a.txt /bin\n" },
  { name: "copy a directory's content", files: tree, dockerfile: "FROM base\nCOPY dir /x\n" },
  { name: "copy a directory with slashes", files: tree, dockerfile: "FROM base\nCOPY dir/ /x/\n" },
  { name: "copy the whole context", files: tree, dockerfile: "FROM base\nCOPY . /ctx\n" },
  { name: "copy the whole context to the root", files: tree, dockerfile: "FROM base\nCOPY . /\n" },
  { name: "copy several files", files: tree, dockerfile: "FROM base\nCOPY a.txt b.txt /x/\n" },
  { name: "copy by pattern", files: tree, dockerfile: "FROM base\nCOPY *.txt /x/\n" },
  {
    name: "copy by pattern in a directory",
    files: tree,
    dockerfile: "FROM base\nCOPY dir/*.txt dir/s*b /x/\n",
  },
  { name: "copy by pattern of one character", files: tree, dockerfile: "FROM base\nCOPY ?.txt /x/\n" },
  { name: "copy by class", files: tree, dockerfile: "FROM base\nCOPY [ab].txt /x/\n" },
  {
    name: "copy in JSON form",
    files: { "a b.txt": "x" },
    dockerfile: 'FROM base\nCOPY ["a b.txt", "/x y/"]\n',
  },
  {
    name: "copy relative to the working directory",
    files: tree,
    dockerfile: "FROM base\nWORKDIR /w/v\nCOPY a.txt x\nCOPY dir .\n",
  },
  { name: "copy with dots in paths", files: tree, dockerfile: "FROM base\nCOPY ./dir/../a.txt /x/../y\n" },
  {
    name: "copy with owner",
    files: tree,
    dockerfile: "FROM base\nCOPY --chown=12:34 dir /x\nCOPY --chown=7 a.txt /n/a\n",
  },
  {
    name: "copy with owner by name",
    files: tree,
    dockerfile: "FROM base\nCOPY --chown=user:group dir /x\nCOPY --chown=user a.txt /y\n",
  },
  {
    name: "copy with mode",
    files: tree,
    dockerfile: "FROM base\nCOPY --chmod=640 dir /x\nCOPY --chmod=4755 a.txt /y\n",
  },
  {
    name: "copy keeps modes",
    files: { "run.sh": { mode: 0o755, text: "#!/bin/sh\n" }, secret: { mode: 0o600, text: "s" } },
    dockerfile: "FROM base\nCOPY . /x/\n",
  },
  {
    name: "copy links",
    files: { ...tree, l: { link: "a.txt" }, broken: { link: "nowhere" }, d: { link: "dir" } },
    dockerfile: "FROM base\nCOPY . /x\n",
  },
  {
    name: "copy a link by name",
    files: { ...tree, l: { link: "a.txt" } },
    dockerfile: "FROM base\nCOPY l /x\n",
  },
  {
    name: "copy a link to a directory by name",
    files: { ...tree, d: { link: "dir" } },
    dockerfile: "FROM base\nCOPY d /x\n",
  },
  {
    name: "copy through a link of the context",
    files: { ...tree, d: { link: "dir" } },
    dockerfile: "FROM base\nCOPY d/c.txt /x\n",
  },
  {
    name: "copy an absolute link of the context",
    files: { ...tree, l: { link: "/etc/passwd" } },
    dockerfile: "FROM base\nCOPY . /x\n",
  },
  {
    name: "copy to a place behind a link",
    files: tree,
    dockerfile: "FROM base\nRUN mkdir /real && ln -s /real /link\nCOPY a.txt /link/a\nCOPY dir /link\n",
  },
  {
    name: "copy over a link to a file",
    files: tree,
    dockerfile: "FROM base\nRUN echo old > /f && ln -s /f /l\nCOPY a.txt /l\n",
  },
  {
    name: "copy over a file",
    files: tree,
    dockerfile: "FROM base\nRUN echo old > /f && chmod 600 /f\nCOPY a.txt /f\n",
  },
  {
    name: "copy into a directory with its own mode",
    files: tree,
    dockerfile: "FROM base\nRUN mkdir -m 700 /d && chown 5:6 /d && touch /d/old\nCOPY dir /d\n",
  },
  {
    name: "copy a directory over a file",
    files: tree,
    dockerfile: "FROM base\nRUN touch /f\nCOPY dir /f\n",
    fails: true,
  },
  { name: "copy what is missing", files: tree, dockerfile: "FROM base\nCOPY nothing /x\n", fails: true },
  { name: "copy a pattern that matches nothing", files: tree, dockerfile: "FROM base\nCOPY *.none /x/\n" },
  {
    name: "copy out of the context",
    files: tree,
    dockerfile: "FROM base\nCOPY ../../etc/passwd /x\n",
    fails: true,
  },
  { name: "copy several to no directory", files: tree, dockerfile: "FROM base\nCOPY a.txt b.txt /x\n" },
  {
    name: "copy directories with modes of their own",
    files: {
      "p/f": { mode: 0o640, text: "x" },
      "p/q/g": "x",
      "p/": { mode: 0o700 },
      "p/q/": { mode: 0o1777 },
    },
    dockerfile: "FROM base\nCOPY p /x\nCOPY p /y/z/\nCOPY . /w\n",
  },
  {
    name: "copy a directory of a stage with its own attributes",
    dockerfile:
      "FROM base AS one\nRUN mkdir -p /p/q && chmod 700 /p && chmod 1777 /p/q && chown -R 3:4 /p && touch /p/q/f\nFROM base\nCOPY --from=one /p /x\nCOPY --from=one --chown=9:9 /p /y\nCOPY --from=one /p/q/ /n/m\n",
  },
  {
    name: "copy set-id files of a stage",
    dockerfile:
      "FROM base AS one\nRUN touch /f && chmod 6755 /f && mkdir /d && chmod 2775 /d && touch /d/g\nFROM base\nCOPY --from=one /f /x\nCOPY --from=one /d /y\n",
  },
  {
    name: "copy times",
    files: tree,
    dockerfile: "FROM base\nCOPY a.txt /x\nRUN stat -c %Y /x > /dev/null\n",
  },
  {
    name: "copy to the root of a stage",
    dockerfile: "FROM base AS one\nRUN mkdir /o && touch /o/f\nFROM base\nCOPY --from=one / /all/\n",
  },
  {
    name: "run on what a copy has made",
    files: tree,
    dockerfile: "FROM base\nCOPY dir /x\nRUN chown -R 5:6 /x && rm /x/c.txt && mv /x/sub /x/moved\n",
  },
  {
    name: "copy over what a run has made",
    files: tree,
    dockerfile:
      "FROM base\nRUN mkdir -p /x/sub && echo old > /x/c.txt && echo keep > /x/sub/keep\nCOPY dir /x\n",
  },
  {
    name: "copy from a stage",
    files: tree,
    dockerfile:
      "FROM base AS one\nRUN mkdir /o && echo 1 > /o/f && chown -R 3:4 /o\nFROM base\nCOPY --from=one /o /x\nCOPY --from=0 /o/f /y\n",
  },
  { name: "copy from an image", files: tree, dockerfile: "FROM scratch\nCOPY --from=base /bin/busybox /b\n" },
  {
    name: "copy from a stage by pattern",
    dockerfile: "FROM base AS one\nRUN touch /f1 /f2 /g\nFROM base\nCOPY --from=one /f* /x/\n",
  },
  {
    name: "copy a link of a stage",
    dockerfile:
      "FROM base AS one\nRUN echo 1 > /f && ln -s f /l && ln -s /f /abs\nFROM base\nCOPY --from=one /l /x\nCOPY --from=one /abs /y\n",
  },
  {
    name: "copy hard links",
    dockerfile:
      "FROM base AS one\nRUN mkdir /h && echo 1 > /h/a && ln /h/a /h/b\nFROM base\nCOPY --from=one /h /x\n",
  },
  {
    name: "copy with --link",
    files: tree,
    dockerfile: "FROM base\nCOPY --link dir /x/\nCOPY --link a.txt /bin/a\n",
    needsBuildkit: true,
  },
  { name: "add a file", files: tree, dockerfile: "FROM base\nADD a.txt /x\nADD dir /y\n" },
  {
    name: "ignore file",
    files: { ...tree, ".dockerignore": "dir\n!dir/c.txt\n*.txt\n!a.txt\n" },
    dockerfile: "FROM base\nCOPY . /x\n",
  },
  {
    name: "ignore all but one",
    files: { ...tree, ".dockerignore": "*\n!dir/sub\n" },
    dockerfile: "FROM base\nCOPY . /x\n",
  },
  {
    name: "ignore with two stars",
    files: { ...tree, ".dockerignore": "**/*.txt\n" },
    dockerfile: "FROM base\nCOPY . /x\n",
  },
  {
    name: "copy an ignored file",
    files: { ...tree, ".dockerignore": "a.txt\n" },
    dockerfile: "FROM base\nCOPY a.txt /x\n",
    fails: true,
  },
  { name: "run in shell form", dockerfile: "FROM base\nRUN echo one > /f && mkdir -p /d/e\n" },
  { name: "run in exec form", dockerfile: 'FROM base\nRUN ["/bin/busybox", "touch", "/f"]\n' },
  {
    name: "run removes files",
    dockerfile: "FROM base\nRUN mkdir /d && touch /d/a /d/b\nRUN rm /d/a && rm -r /bin/cat\n",
  },
  {
    name: "run replaces a directory",
    dockerfile: "FROM base\nRUN mkdir /d && touch /d/a\nRUN rm -r /d && mkdir /d && touch /d/b\n",
  },
  {
    name: "run replaces a directory by a file",
    dockerfile: "FROM base\nRUN mkdir /d && touch /d/a\nRUN rm -r /d && touch /d\n",
  },
  {
    name: "run changes modes and owners",
    dockerfile:
      "FROM base\nRUN touch /f && chmod 4711 /f && chown 1:2 /f && chmod 1777 /tmp2 2>/dev/null; mkdir -m 1777 /t\n",
  },
  { name: "run makes special files", dockerfile: "FROM base\nRUN mkfifo /p && ln -s /p /l\n" },
  {
    name: "run as a user",
    dockerfile: "FROM base\nRUN mkdir -m 777 /u\nUSER user\nRUN id -u > /u/id && echo $HOME > /u/home\n",
  },
  {
    name: "run as user and group",
    dockerfile: "FROM base\nRUN mkdir -m 777 /u\nUSER 12:34\nRUN id > /u/id\n",
  },
  {
    name: "run with environment",
    dockerfile: "FROM base\nENV A=1 B='two words'\nENV C d e\nRUN echo \"$A $B $C\" > /f\n",
  },
  { name: "run with another shell", dockerfile: 'FROM base\nSHELL ["/bin/sh", "-ec"]\nRUN echo $0 > /f\n' },
  {
    name: "run with continuation",
    dockerfile: "FROM base\nRUN echo a \\\n  # comment\n  b \\\n\n  c > /f\n",
  },
  { name: "run fails", dockerfile: "FROM base\nRUN exit 7\n", fails: true },
  { name: "run of no program", dockerfile: 'FROM base\nRUN ["/no/such"]\n', fails: true },
  {
    name: "run heredoc",
    dockerfile: "FROM base\nRUN <<EOF\necho one > /f\necho two >> /f\nEOF\n",
    needsBuildkit: true,
  },
  {
    name: "run heredoc with interpreter",
    dockerfile: "FROM base\nRUN <<EOF\n#!/bin/sh\necho $0 > /f\nEOF\n",
    needsBuildkit: true,
  },
  {
    name: "run heredoc as input",
    dockerfile: "FROM base\nRUN cat <<A > /f && cat <<B > /g\none\nA\ntwo\nB\n",
    needsBuildkit: true,
  },
  {
    name: "copy heredoc",
    dockerfile: "FROM base\nENV X=1\nCOPY <<A <<-B /h/\n$X one\nA\n\ttwo\nB\nCOPY <<'C' /c\n$X\nC\n",
    needsBuildkit: true,
  },
  {
    name: "run mounts",
    files: tree,
    dockerfile:
      "FROM base\nRUN --mount=type=bind,target=/m ls -R /m > /f && cat /m/dir/c.txt >> /f\nRUN --mount=type=tmpfs,target=/t touch /t/x\nRUN --mount=type=cache,target=/c,id=x touch /c/x\n",
    needsBuildkit: true,
  },
  {
    name: "run mount of a stage",
    dockerfile:
      "FROM base AS one\nRUN mkdir /o && echo 1 > /o/f\nFROM base\nRUN --mount=from=one,source=/o,target=/m cat /m/f > /f\n",
    needsBuildkit: true,
  },
  {
    name: "run mount that is written to",
    files: tree,
    dockerfile: "FROM base\nRUN --mount=target=/m,rw echo x > /m/a.txt && cat /m/a.txt > /f\nCOPY a.txt /g\n",
    needsBuildkit: true,
  },
  {
    name: "run without network",
    dockerfile: "FROM base\nRUN --network=none ls /sys/class/net > /f\n",
    needsBuildkit: true,
  },
  { name: "working directory", dockerfile: "FROM base\nWORKDIR /a\nWORKDIR b/../c\nRUN pwd > /f\n" },
  { name: "working directory of a user", dockerfile: "FROM base\nUSER user\nWORKDIR /w/x\n" },
  { name: "working directory that exists", dockerfile: "FROM base\nWORKDIR /bin\nWORKDIR /\n" },
  { name: "working directory with a variable", dockerfile: "FROM base\nENV D=/q\nWORKDIR $D/r\n" },
  {
    name: "arguments",
    dockerfile: 'ARG N=base\nFROM $N\nARG A=1\nARG B\nRUN echo "$A $B" > /f\n',
    flags: ["--build-arg", "A=5", "--build-arg", "B=6"],
  },
  {
    name: "argument and variable",
    dockerfile: "FROM base\nARG A=1\nENV A=2\nRUN echo $A > /f\nENV B=${A:-x}${C:-y}${A:+z}\n",
  },
  {
    name: "global argument in a stage",
    dockerfile:
      'ARG V=7\nFROM base\nARG V\nRUN echo $V > /f\nFROM base\nCOPY --from=0 /f /f\nRUN echo "[$V]" > /g\n',
  },
  {
    name: "predefined proxy argument",
    dockerfile: "FROM base\nRUN echo $HTTP_PROXY > /f\n",
    flags: ["--build-arg", "HTTP_PROXY=http://p:1"],
  },
  {
    name: "platform arguments",
    dockerfile:
      "FROM --platform=$TARGETPLATFORM base\nARG TARGETARCH\nARG TARGETOS\nRUN echo $TARGETOS/$TARGETARCH > /f\n",
    needsBuildkit: true,
  },
  {
    name: "labels",
    dockerfile: 'FROM base\nLABEL a=1 b="two words"\nLABEL c d\nLABEL "e f"=g\n',
    flags: ["--label", "x=y"],
  },
  { name: "command and entrypoint", dockerfile: 'FROM base\nCMD echo hi\nENTRYPOINT ["/bin/sh"]\n' },
  { name: "command in exec form", dockerfile: 'FROM base\nENTRYPOINT run me\nCMD ["a", "b"]\n' },
  {
    name: "entrypoint drops the base's command",
    dockerfile: 'FROM base AS one\nCMD ["x"]\nFROM one\nENTRYPOINT ["y"]\n',
  },
  { name: "expose", dockerfile: "FROM base\nEXPOSE 80 443/tcp 53/udp\nENV P=9\nEXPOSE ${P}0\n" },
  { name: "expose a range", dockerfile: "FROM base\nEXPOSE 8000-8002\n" },
  {
    name: "volume",
    dockerfile: 'FROM base\nRUN mkdir /v && touch /v/a\nVOLUME /v /w\nVOLUME ["/x y"]\nRUN touch /v/b\n',
    needsBuildkit: true,
  },
  { name: "stop signal and user", dockerfile: "FROM base\nSTOPSIGNAL SIGUSR1\nUSER 5\n" },
  {
    name: "health check",
    dockerfile:
      "FROM base\nHEALTHCHECK --interval=5s --timeout=3s --retries=2 --start-period=1m CMD test -f /f\n",
  },
  { name: "no health check", dockerfile: "FROM base\nHEALTHCHECK CMD true\nHEALTHCHECK NONE\n" },
  { name: "maintainer", dockerfile: "FROM base\nMAINTAINER somebody\n" },
  { name: "on build", dockerfile: "FROM base\nONBUILD RUN touch /triggered\nONBUILD COPY . /y\n" },
  { name: "shell is kept", dockerfile: 'FROM base\nSHELL ["/bin/busybox", "sh", "-c"]\nCMD hi\n' },
  {
    name: "target stage",
    dockerfile: "FROM base AS one\nRUN touch /one\nFROM base AS two\nRUN touch /two\n",
    flags: ["--target", "one"],
  },
  {
    name: "stage on a stage",
    dockerfile: "FROM base AS one\nRUN touch /one\nENV A=1\nFROM one\nRUN touch /two\n",
  },
  {
    name: "unused stage that fails",
    dockerfile: "FROM base AS bad\nRUN exit 1\nFROM base\nRUN touch /f\n",
    needsBuildkit: true,
  },
  { name: "unknown target", dockerfile: "FROM base\n", flags: ["--target", "none"], fails: true },
  { name: "scratch", files: tree, dockerfile: 'FROM scratch\nCOPY a.txt /\nCMD ["/a.txt"]\n' },
  {
    name: "scratch with settings alone",
    dockerfile: "FROM scratch\nENV A=1\nLABEL b=2\nCOPY --from=base /bin/busybox /\n",
  },
  {
    name: "escape directive",
    files: tree,
    dockerfile: "# escape=`\nFROM base\nRUN echo a `\n && echo b > /f\nCOPY a.txt /x\n",
  },
  {
    name: "syntax directive",
    dockerfile: "# syntax=docker/dockerfile:1\nFROM base\nRUN touch /f\n",
    needsBuildkit: true,
    needsRegistry: true,
  },
  {
    name: "comments and empty lines",
    dockerfile: "# one\n\nFROM base\n\n  # two\nRUN touch /f # not a comment\n",
  },
  { name: "lower case", dockerfile: "from base as one\nrun touch /f\nfrom base\ncopy --from=one /f /g\n" },
  { name: "unknown instruction", dockerfile: "FROM base\nFOO bar\n", fails: true },
  { name: "no stage", dockerfile: "RUN touch /f\n", fails: true },
  { name: "unknown flag", dockerfile: "FROM base\nCOPY --no=1 a b\n", fails: true },
  {
    name: "file by another name",
    files: { "sub/Other": "FROM base\nRUN touch /other\n" },
    dockerfile: "FROM base\n",
    flags: ["-f", "sub/Other"],
  },
  {
    name: "expansion with operators",
    dockerfile:
      'FROM base\nENV A=abc E=\nRUN echo "${A:-x} ${E:-y} ${E:+z} ${A:+w}" > /f\nENV F=\\$A G=\'$A\' H="$A"\n',
  },
  {
    name: "spaces and quotes in variables",
    dockerfile: "FROM base\nENV A=a\\ b B=\"c  d\" C='e\"f'\nRUN env | grep '^[ABC]=' | sort > /f\n",
  },
  {
    name: "variables of a stage do not leak",
    dockerfile: 'FROM base AS one\nENV A=1\nFROM base\nRUN echo "[$A]" > /f\n',
  },
  { name: "copy with a variable", files: tree, dockerfile: "FROM base\nENV S=a.txt T=/t\nCOPY $S ${T}/x\n" },
  {
    name: "many layers",
    dockerfile: `FROM base\n${Array.from({ length: 20 }, (_, i) => `RUN echo ${i} > /f${i}`).join("\n")}\n`,
  },
  { name: "deep tree", dockerfile: "FROM base\nRUN mkdir -p /a/b/c/d/e/f/g && touch /a/b/c/d/e/f/g/h\n" },
  { name: "long name", dockerfile: `FROM base\nRUN touch /${"n".repeat(200)}\n` },
  {
    name: "names beyond ASCII",
    files: { "ä ö.txt": "x" },
    dockerfile: "FROM base\nCOPY . /x/\nRUN touch /ü\n",
  },
  {
    name: "copy with --exclude",
    files: tree,
    dockerfile: "# syntax=docker/dockerfile:1-labs\nFROM base\nCOPY --exclude=*.txt . /x\n",
    needsBuildkit: true,
    needsRegistry: true,
  },
  {
    name: "named context of files",
    files: {
      "named/f": "f\n",
      "named/sub/g": "g\n",
      "named/.dockerignore": "left-out\n",
      "named/left-out": "x\n",
    },
    dockerfile: "FROM base\nCOPY --from=files / /all/\nCOPY --from=files sub/g /g\n",
    flags: ["--build-context", "files={context}/named"],
    needsBuildkit: true,
  },
  {
    name: "named context in place of an image",
    dockerfile: "FROM nowhere.invalid/x:1\nRUN touch /f\nCOPY --from=nowhere.invalid/x:1 /etc/passwd /p\n",
    flags: ["--build-context", "nowhere.invalid/x:1=docker-image://base"],
    needsBuildkit: true,
  },
  {
    name: "named context in place of a stage",
    files: { "named/f": "f\n" },
    dockerfile: "FROM base AS made\nRUN exit 1\nFROM base\nCOPY --from=made /f /f\n",
    flags: ["--build-context", "made={context}/named"],
    needsBuildkit: true,
  },
  {
    name: "named context in a mount",
    files: { "named/f": "f\n", "named/sub/g": "g\n" },
    dockerfile:
      "FROM base\nRUN --mount=from=files,target=/m find /m -type f | sort > /list\nRUN --mount=from=files,source=sub,target=/m cat /m/g > /g\n",
    flags: ["--build-context", "files={context}/named"],
    needsBuildkit: true,
  },
  {
    name: "named context in place of a stage that the target is",
    dockerfile: "FROM scratch AS one\nENV A=1\n",
    flags: ["--build-context", "one=docker-image://base", "--target", "one"],
    needsBuildkit: true,
  },
  {
    name: "on build triggers of a stage below",
    files: tree,
    dockerfile:
      "FROM base AS one\nENV A=1\nONBUILD RUN echo $A > /triggered\nONBUILD COPY a.txt /p\nFROM one\nRUN touch /after\n",
    needsBuildkit: true,
  },
  {
    name: "heredocs with modes, owners and variables",
    dockerfile:
      "FROM base\nENV N=7\nCOPY --chmod=700 --chown=3:4 <<a.sh <<b.txt /h/\n#!/bin/sh\necho $N\na.sh\n${N:-x} ${M:-y}\nb.txt\nRUN <<one cat > /two && <<-three cat >> /two\nfirst $N\none\n\t\tsecond\nthree\n",
    needsBuildkit: true,
  },
  {
    name: "heredoc of another shell",
    dockerfile:
      'FROM base\nSHELL ["/bin/busybox", "sh", "-ec"]\nRUN <<EOF\ntouch /a\nfalse || true\ntouch /b\nEOF\n',
    needsBuildkit: true,
  },
  {
    name: "platform arguments in FROM",
    dockerfile:
      'ARG WANTED=$BUILDPLATFORM\nFROM --platform=$WANTED base AS one\nARG TARGETPLATFORM\nARG BUILDOS\nRUN echo "$TARGETPLATFORM" "$BUILDOS" > /f\nFROM base\nCOPY --from=one /f /f\n',
    needsBuildkit: true,
  },
  {
    name: "linked copies over files and directories",
    files: tree,
    dockerfile:
      "FROM base\nRUN mkdir /real && touch /file /real/b\nCOPY --link a.txt /real/\nCOPY --link dir /new/deep\nCOPY --link --chmod=600 b.txt /file\n",
    needsBuildkit: true,
  },
  {
    name: "bind mounts that are written to",
    files: tree,
    dockerfile:
      "FROM base\nRUN --mount=target=/m,rw touch /m/new && ls /m > /list\nRUN --mount=type=tmpfs,target=/t touch /t/x && ls /t > /other\n",
    needsBuildkit: true,
  },
];

/** Programs of the base image of all cases. */
const programs =
  "sh ls cat echo true mkdir touch sleep id env find stat chmod chown ln rm grep sort pwd mkfifo exit test".split(
    " ",
  );

/** The archive of the base image's file system, in a directory; returns its path. */
export function baseRootfsTar(directory: string): string {
  const members: (readonly [string, Contents])[] = [
    ["bin/", ""],
    ["bin/busybox", readFileSync("/bin/busybox")],
    ...programs.map((name): readonly [string, Contents] => [`bin/${name}`, { link: "busybox" }]),
    ["etc/", ""],
    ["etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1001:u:/home/user:/bin/sh\n"],
    ["etc/group", "root:x:0:\ngroup:x:77:\nuser:x:1001:\n"],
  ];
  const path = join(directory, "base.tar");
  writeFileSync(path, tarOf(members));
  return path;
}

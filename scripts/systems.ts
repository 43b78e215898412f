import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { toMessage } from "../errors.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { compile, fail, run, runToEnd, startFolder } from "./build.ts";
import { converse, type Partner, type Space } from "./conversation.ts";
import { hostTarget, programName, TARGETS, type Target } from "./targets.ts";

/** A target that this machine cannot start, and what would let it. */
class Needs extends Error {}

function need(what: string): never {
  throw new Needs(what);
}

// As Debian names the packages; for arm64 after dpkg --add-architecture arm64.
export const QEMU =
  "install qemu-user libc6:arm64 libstdc++6:arm64 libgcc-s1:arm64";
export const WINE = "install wine gcc-mingw-w64-x86-64";

/** Talks to a target's program; how this machine started it. */
async function talk(
  target: Target,
  partner: Partner,
  space: Space,
): Promise<string> {
  if (target === hostTarget()) {
    await converse(partner, space);
    return "natively";
  }
  const isEmulated = process.platform === "linux" && process.arch === "x64";
  if (isEmulated && target === "windows-x64") {
    await converseInWine(partner, space);
    return "under wine";
  }
  if (!isEmulated || !target.startsWith("linux-")) {
    need("needs a machine of its kind");
  }
  const isArm = target.includes("arm64");
  const processor = isArm ? "aarch64" : "x86_64";
  const emulator = isArm ? ["qemu-aarch64"] : [];
  const command = [...emulator, partner.program];
  if (isArm && !Bun.which("qemu-aarch64")) need(QEMU);
  if (target.endsWith("-musl")) {
    const loader = [...emulator, `/lib/ld-musl-${processor}.so.1`];
    await requireMusl(loader, partner.program);
  } else if (!existsSync(`/lib/ld-linux-${processor}.so.1`)) {
    need(QEMU);
  }
  await converse({ ...partner, command }, space);
  return isArm ? "under qemu-aarch64" : "natively";
}

/** Older ones end with a segmentation fault before the program begins. */
const MUSL_NEEDED = "1.2.4";

async function requireMusl(loader: string[], program: string): Promise<void> {
  const file = loader.at(-1);
  const { stderr } = await runToEnd(loader).catch(() => ({ stderr: "" }));
  const [, version = "0"] = /^Version (\S+)/m.exec(stderr) ?? [];
  if (Bun.semver.order(version, MUSL_NEEDED) < 0) {
    need(`install ${file} of musl ${MUSL_NEEDED} or newer`);
  }
  const { code } = await runToEnd([...loader, "--list", program]);
  if (code !== 0) need("install libstdc++ and libgcc for musl");
}

// Bun asks this library of Windows 10 for chance; wine 8 has none by that name.
const BCRYPTPRIMITIVES = `#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  return RtlGenRandom(data, size);
}
`;

/** wine hands no Unix pipe to Bun as stdin: the parent is compiled, too. */
async function converseInWine(
  { program, folder }: Partner,
  space: Space,
): Promise<void> {
  const compiler = "x86_64-w64-mingw32-gcc";
  if (!Bun.which("wine") || !Bun.which(compiler)) need(WINE);
  const at = (name: string) => join(dirname(program), name);
  const entry = "scripts/conversation.ts";
  await compile(at("conversation.exe"), { target: "bun-windows-x64", entry });
  await Bun.write(at("prng.c"), BCRYPTPRIMITIVES);
  const library = ["-shared", "-o", at("bcryptprimitives.dll")];
  await run([compiler, ...library, at("prng.c"), "-ladvapi32"]);
  const env = {
    ...{
      PATH: process.env.PATH,
      HOME: folder,
      WINEPREFIX: join(folder, "wine"),
    },
    // Without it, Japanese names are lost on the way in.
    LC_ALL: "C.UTF-8",
    WINEDEBUG: "-all",
    // Nobody is asked to download what no console program needs.
    WINEDLLOVERRIDES: "mscoree,mshtml=",
  };
  const toWindows = (path: string) => `Z:${path.replaceAll("/", "\\")}`;
  const partner: Partner = {
    command: [toWindows(program)],
    program: toWindows(program),
    folder: toWindows(folder),
  };
  const talk = JSON.stringify({ partner, space });
  try {
    await run(["wine", at("conversation.exe"), talk], { env });
  } finally {
    await runToEnd(["wineserver", "--kill"], { env });
  }
}

/** Compiles a target and talks to it; what became of that, in words. */
async function tryTarget(target: Target, space: Space): Promise<string> {
  await using folder = await startFolder();
  const program = join(folder.path, `${target} 課題`, programName(target));
  const partner = { command: [program], program, folder: folder.path };
  try {
    await compile(program, { target: `bun-${target}` });
    return `ran ${await talk(target, partner, space)}`;
  } catch (error) {
    const became = error instanceof Needs ? "cannot be started here" : "failed";
    return `${became} (${toMessage(error)
      .trim()
      .replace(/\s*\n\s*/g, "; ")})`;
  }
}

async function main(wanted: string[]): Promise<void> {
  const unknown = wanted.find((name) => !TARGETS.some((one) => one === name));
  if (unknown) throw new Error(`${unknown} is none of ${TARGETS.join(", ")}.`);
  await using space = startSampleSpace();
  const { host, apiKey } = space;
  for (const target of TARGETS) {
    if (wanted.length > 0 && !wanted.includes(target)) continue;
    const verdict = await tryTarget(target, { host, apiKey });
    process.stdout.write(`${target.padEnd(17)} ${verdict}\n`);
    if (verdict.startsWith("failed")) process.exitCode = 1;
  }
}

if (import.meta.main) await main(process.argv.slice(2)).catch(fail);

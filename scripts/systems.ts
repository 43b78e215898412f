import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startSampleSpace } from "../sample-space/server.ts";
import { compile, run, runToEnd, startFolder } from "./build.ts";
import { converse, type Partner, type Space } from "./conversation.ts";
import { hostTarget, programName, TARGETS, type Target } from "./targets.ts";

/** How this machine starts a target, or what it needs for that. */
type Starter =
  | { how: string; talk: (partner: Partner, space: Space) => Promise<void> }
  | { needs: string };

// As Debian names the packages; for arm64 after dpkg --add-architecture arm64.
export const QEMU =
  "install qemu-user libc6:arm64 libstdc++6:arm64 libgcc-s1:arm64";
export const WINE = "install wine gcc-mingw-w64-x86-64";

async function findStarter(target: Target, program: string): Promise<Starter> {
  if (target === hostTarget()) return { how: "natively", talk: converse };
  const isEmulated = process.platform === "linux" && process.arch === "x64";
  if (isEmulated && target === "windows-x64") return findWine();
  if (!isEmulated || !target.startsWith("linux-")) {
    return { needs: "needs a machine of its kind" };
  }
  const isArm = target.includes("arm64");
  const emulator = isArm ? ["qemu-aarch64"] : [];
  if (isArm && !Bun.which("qemu-aarch64")) return { needs: QEMU };
  const processor = isArm ? "aarch64" : "x86_64";
  const starter: Starter = {
    how: isArm ? "under qemu-aarch64" : "natively",
    talk: (partner, space) =>
      converse({ ...partner, command: [...emulator, program] }, space),
  };
  if (target.endsWith("-musl")) {
    const loader = `/lib/ld-musl-${processor}.so.1`;
    const needs = await findMuslNeeds([...emulator, loader], program);
    return needs === undefined ? starter : { needs };
  }
  const hasLibraries = existsSync(`/lib/ld-linux-${processor}.so.1`);
  return hasLibraries ? starter : { needs: QEMU };
}

/** Older ones end with a segmentation fault before the program begins. */
const MUSL_NEEDED = "1.2.4";

async function findMuslNeeds(
  loader: string[],
  program: string,
): Promise<string | undefined> {
  const [file = ""] = loader.slice(-1);
  const needed = `install ${file} of musl ${MUSL_NEEDED} or newer`;
  if (!existsSync(file)) return needed;
  const { stderr } = await runToEnd(loader);
  const [, version = "0"] = /^Version (\S+)/m.exec(stderr) ?? [];
  if (Bun.semver.order(version, MUSL_NEEDED) < 0) {
    return `${needed}, in place of ${version}`;
  }
  const libraries = await runToEnd([...loader, "--list", program]);
  return libraries.code === 0
    ? undefined
    : "install libstdc++ and libgcc for musl";
}

function findWine(): Starter {
  const tools = ["wine", "x86_64-w64-mingw32-gcc"];
  return tools.every((tool) => Bun.which(tool))
    ? { how: "under wine", talk: converseInWine }
    : { needs: WINE };
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
  const parent = join(folder, "conversation.exe");
  await compile(parent, {
    target: "bun-windows-x64",
    entry: "scripts/conversation.ts",
  });
  const library = join(folder, "bcryptprimitives.dll");
  await Bun.write(join(folder, "prng.c"), BCRYPTPRIMITIVES);
  await run([
    ...["x86_64-w64-mingw32-gcc", "-shared", "-o", library],
    ...[join(folder, "prng.c"), "-ladvapi32"],
  ]);
  const prefix = join(folder, "wine");
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, WINEPREFIX: prefix },
    // Without it, Japanese names are lost on the way in.
    LC_ALL: "C.UTF-8",
    WINEDEBUG: "-all",
    // Nobody is asked to download what no console program needs.
    WINEDLLOVERRIDES: "mscoree,mshtml=",
  };
  const inWine = (...words: string[]) => run(["wine", ...words], { env });
  try {
    await inWine("wineboot", "--init");
    await inWine(
      ...["reg", "add", "HKCU\\Software\\Wine", "/v", "Version"],
      ...["/d", "win10", "/f"],
    );
    const system = join(prefix, "drive_c", "windows", "system32");
    await copyFile(library, join(system, "bcryptprimitives.dll"));
    const toWindows = (path: string) => `Z:${path.replaceAll("/", "\\")}`;
    const partner: Partner = {
      command: [toWindows(program)],
      program: toWindows(program),
      folder: toWindows(folder),
    };
    const talk = ["wine", parent, JSON.stringify({ partner, space })];
    const { stderr, code } = await runToEnd(talk, { env });
    if (code !== 0) throw new Error(stderr.trim() || `exit ${code}`);
  } finally {
    await runToEnd(["wineserver", "--kill"], { env });
  }
}

/** Compiles a target and talks to it; what became of that, in words. */
async function tryTarget(target: Target, space: Space): Promise<string> {
  await using folder = await startFolder();
  const program = join(folder.path, `${target} 課題`, programName(target));
  await mkdir(join(folder.path, `${target} 課題`));
  try {
    await compile(program, { target: `bun-${target}` });
    const starter = await findStarter(target, program);
    if ("needs" in starter) return `cannot be started here (${starter.needs})`;
    const partner = { command: [program], program, folder: folder.path };
    await starter.talk(partner, space);
    return `ran ${starter.how}`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `failed (${why.trim().replace(/\s*\n\s*/g, "; ")})`;
  }
}

async function main(wanted: string[]): Promise<void> {
  const unknown = wanted.find((name) => !TARGETS.some((one) => one === name));
  if (unknown !== undefined) {
    console.error(`${unknown} is none of ${TARGETS.join(", ")}.`);
    process.exitCode = 2;
    return;
  }
  await using space = startSampleSpace();
  const { host, apiKey } = space;
  for (const target of TARGETS) {
    if (wanted.length > 0 && !wanted.includes(target)) continue;
    const verdict = await tryTarget(target, { host, apiKey });
    process.stdout.write(`${target.padEnd(17)} ${verdict}\n`);
    if (verdict.startsWith("failed")) process.exitCode = 1;
  }
}

if (import.meta.main) await main(process.argv.slice(2));

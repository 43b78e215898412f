import { readdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { type Entry, type Level, tarGz, zip } from "./archive.ts";
import { assertVersion, compile, ROOT } from "./build.ts";
import { toBundle } from "./bundle.ts";
import { toRegistryEntry } from "./doors.ts";
import { toFormula } from "./homebrew.ts";
import { toSbom } from "./sbom.ts";
import { assertAnswers, smoke } from "./smoke.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  hostTarget,
  isWindows,
  programName,
  programPath,
  TARGETS,
} from "./targets.ts";

/** What the command line understands. */
export const USAGE = `bun run release build [DIR]         compile every target into DIR (release)
bun run release pack [DIR]          archives, bundles, sums, SBOM, formula, server.json
bun run release smoke FILE_OR_DIR   hold a conversation with what is packed
bun run release notes               this version's part of CHANGELOG.md`;

type PackOptions = {
  /** The repository's, as package.json has it. */
  address?: string;
  /** `owner/name` of the repository that CI runs in. */
  override?: string | undefined;
  /** Where README.md and LICENSE stand. */
  root?: string;
  level?: Level;
  /** How many bytes a program has at least; Bun's runtime alone has 90 MB. */
  smallest?: number;
};

/** Compiles every target into `directory` and starts the one that can run. */
export async function build(directory: string): Promise<void> {
  for (const target of TARGETS) {
    console.error(`Compiling ${target}`);
    await compile(programPath(resolve(directory), target), {
      target: `bun-${target}`,
    });
  }
  await assertVersion(programPath(resolve(directory), hostTarget()));
}

/** What is inside every program, by the name that scanners look for. */
export const SBOM = `backlog-mcp-${manifest.version}.cdx.json`;

/**
 * Packs the programs in `directory` into its dist and Formula folders, writes
 * server.json, and returns the sums. Throws when a target is missing or too small to be one, when
 * the program for this machine does not answer, or when something is left to
 * fill in.
 */
export async function pack(
  directory: string,
  {
    address = manifest.repository.url,
    override,
    root = ROOT,
    level,
    smallest = 50_000_000,
  }: PackOptions = {},
): Promise<string> {
  const repository = toRepository(address, override);
  assertRepository(repository);
  const documents = await readDocuments(root, override);
  assertPrograms(directory, smallest);
  await assertAnswers(resolve(programPath(directory, hostTarget())));
  const dist = join(directory, "dist");
  await rm(dist, { recursive: true, force: true });
  const sums = new Map<string, string>();
  const write = async (name: string, bytes: Uint8Array) => {
    await Bun.write(join(dist, name), bytes);
    sums.set(name, new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
  };
  for (const target of TARGETS) {
    const content = await Bun.file(programPath(directory, target)).bytes();
    const program = { name: programName(target), content, executable: true };
    const packed = isWindows(target) ? zip : tarGz;
    await write(
      archiveName(target),
      await packed([program, ...documents], level),
    );
    if (BUNDLE_TARGETS.some((known) => known === target)) {
      const entries = await toBundle(target, { content, repository });
      await write(bundleName(target), zip([...entries, ...documents], level));
    }
  }
  await write(SBOM, Buffer.from(await toSbom(repository)));
  await Bun.write(join(dist, "SHA256SUMS"), toSums(sums));
  await Bun.write(
    join(directory, "server.json"),
    `${JSON.stringify(toRegistryEntry(repository, sums), null, 2)}\n`,
  );
  await Bun.write(
    join(directory, "Formula", "backlog-mcp.rb"),
    toFormula({
      version: manifest.version,
      repository,
      sum: (target) => sums.get(archiveName(target)) ?? "",
    }),
  );
  return toSums(sums);
}

/** The section of `version` in the text of a changelog. */
export function toNotes(changelog: string, version: string): string {
  const sections = changelog.replaceAll("\r\n", "\n").split(/^## /m);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  if (!notes) throw new Error(`CHANGELOG.md says nothing about ${version}.`);
  return notes;
}

/** `owner/name` of a repository's address; CI's own word counts for more. */
export function toRepository(url: string, override = ""): string {
  return (
    override ||
    url.replace(/^.*github\.com[/:]/, "").replace(/(\.git)?\/?$/, "")
  );
}

function assertRepository(repository: string): void {
  const [owner] = repository.split("/");
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || owner === "OWNER") {
    throw new Error(
      `The repository is ${repository}. Put its real address into package.json, or set GITHUB_REPOSITORY to owner/name.`,
    );
  }
}

/** Which system each is made for is told by starting it, where it can run. */
function assertPrograms(directory: string, smallest: number): void {
  const missing = TARGETS.filter((target) => {
    const { size } = Bun.file(programPath(directory, target));
    return size < smallest;
  });
  if (missing.length > 0) {
    throw new Error(`${directory} lacks ${missing.join(", ")}.`);
  }
}

async function readDocuments(
  root: string,
  override: string | undefined,
): Promise<Entry[]> {
  const readme = await Bun.file(join(root, "README.md")).text();
  const text = fillIn(readme, override);
  const [left] = /\bOWNER\b|^[A-Z]{4,}(?=\r?$)/m.exec(text) ?? [];
  if (left !== undefined) {
    throw new Error(
      `README.md still says ${left}, which is a place to fill in.`,
    );
  }
  return [
    { name: "README.md", content: Buffer.from(text) },
    { name: "LICENSE", content: await Bun.file(join(root, "LICENSE")).bytes() },
  ];
}

/** Puts CI's repository, where it is known, in the place of OWNER. */
function fillIn(text: string, override = ""): string {
  const [owner] = override.split("/");
  if (!owner) return text;
  return text
    .replace(/\bOWNER\/backlog-mcp\b/g, override)
    .replace(/\bOWNER\b/g, owner);
}

/** What `sha256sum --check` reads. */
export function toSums(sums: ReadonlyMap<string, string>): string {
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sum]) => `${sum}  ${name}\n`)
    .join("");
}

/** Tries one file, or those of a folder that this machine can run. */
async function smokeAll(path: string): Promise<void> {
  const { startSampleSpace } = await import("../sample-space/server.ts");
  await using space = startSampleSpace();
  for (const file of await filesForHost(path)) {
    await smoke(file, space);
    console.error(`${basename(file)} answers.`);
  }
}

async function filesForHost(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const names = await readdir(path);
  const host = hostTarget();
  if (!names.includes(archiveName(host))) {
    throw new Error(`${path} has no ${archiveName(host)}.`);
  }
  return [archiveName(host), bundleName(host)]
    .filter((name) => names.includes(name))
    .map((name) => join(path, name));
}

const COMMANDS = new Map<string, (path: string) => Promise<unknown>>([
  ["build", build],
  [
    "pack",
    async (path) => {
      const override = process.env.GITHUB_REPOSITORY;
      process.stdout.write(await pack(path, { override }));
    },
  ],
  ["smoke", smokeAll],
  [
    "notes",
    async () => {
      const changelog = await Bun.file(join(ROOT, "CHANGELOG.md")).text();
      process.stdout.write(`${toNotes(changelog, manifest.version)}\n`);
    },
  ],
]);

if (import.meta.main) {
  const [name = "", path = "release"] = process.argv.slice(2);
  const command = COMMANDS.get(name);
  if (command) {
    await command(path).catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    });
  } else {
    console.error(USAGE);
    process.exitCode = 2;
  }
}

import { existsSync } from "node:fs";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { type Entry, tarGz, zip } from "./archive.ts";
import { assertVersion, compile } from "./build.ts";
import {
  BUNDLE_TARGETS,
  hostTarget,
  isWindows,
  programName,
  TARGETS,
  type Target,
  toBundle,
} from "./bundle.ts";
import { type FormulaTarget, toFormula } from "./homebrew.ts";
import { assertAnswers, smoke } from "./smoke.ts";

export {
  assertManifest,
  hostTarget,
  TARGETS,
  type Target,
  TOOLS,
  toBundle,
  toBundleManifest,
} from "./bundle.ts";
export { smoke } from "./smoke.ts";

const ROOT = join(import.meta.dir, "..");

/** What the command line understands. */
export const USAGE = `bun run release build [--out DIR]   compile every target into DIR (release)
bun run release pack DIR            archives, bundles, sums and formula of DIR
bun run release smoke FILE_OR_DIR   hold a conversation with what is packed
bun run release notes               this version's part of CHANGELOG.md`;

type PackOptions = {
  repository: string;
  /** Where README.md and LICENSE stand. */
  root?: string;
  level?: Parameters<typeof zip>[1];
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

/**
 * Packs the programs in `directory` into its dist and Formula folders and
 * returns the sums. Throws when a target is missing or the program for this
 * machine does not answer.
 */
export async function pack(
  directory: string,
  { repository, root = ROOT, level }: PackOptions,
): Promise<string> {
  assertRepository(repository);
  await assertPrograms(directory);
  await assertAnswers(resolve(programPath(directory, hostTarget())));
  const dist = join(directory, "dist");
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  const documents = await readDocuments(root);
  const sums = new Map<string, string>();
  const write = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(dist, name), bytes);
    sums.set(name, new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
  };
  for (const target of TARGETS) {
    const content = await Bun.file(programPath(directory, target)).bytes();
    const program = { name: programName(target), content, executable: true };
    const packed = isWindows(target) ? zip : tarGz;
    await write(archiveName(target), packed([program, ...documents], level));
    if (BUNDLE_TARGETS.includes(target)) {
      const entries = await toBundle(target, { content, repository });
      await write(bundleName(target), zip([...entries, ...documents], level));
    }
  }
  await writeFile(join(dist, "SHA256SUMS"), toSums(sums));
  await writeFormula(directory, repository, sums);
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

async function assertPrograms(directory: string): Promise<void> {
  const missing = TARGETS.filter(
    (target) => !existsSync(programPath(directory, target)),
  );
  if (missing.length > 0) {
    throw new Error(`${directory} lacks ${missing.join(", ")}.`);
  }
}

async function readDocuments(root: string): Promise<Entry[]> {
  return Promise.all(
    ["README.md", "LICENSE"].map(async (name) => ({
      name,
      content: await Bun.file(join(root, name)).bytes(),
    })),
  );
}

/** What `sha256sum --check` reads. */
export function toSums(sums: ReadonlyMap<string, string>): string {
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sum]) => `${sum}  ${name}\n`)
    .join("");
}

async function writeFormula(
  directory: string,
  repository: string,
  sums: ReadonlyMap<string, string>,
): Promise<void> {
  const sum = (target: FormulaTarget) => sums.get(archiveName(target)) ?? "";
  await mkdir(join(directory, "Formula"), { recursive: true });
  await writeFile(
    join(directory, "Formula", "backlog-mcp.rb"),
    toFormula({ version: manifest.version, repository, sum }),
  );
}

/** Where the program for a target lies in a release folder. */
export function programPath(directory: string, target: Target): string {
  return join(directory, target, programName(target));
}

/** The archive's name, which the README and the formula build on. */
export function archiveName(target: Target): string {
  const ending = isWindows(target) ? "zip" : "tar.gz";
  return `backlog-mcp-${manifest.version}-${target}.${ending}`;
}

function bundleName(target: Target): string {
  return `backlog-mcp-${manifest.version}-${target}.mcpb`;
}

/** Tries one file, or those of a folder that this machine can run. */
async function smokeAll(path: string): Promise<void> {
  const { startSampleSpace } = await import("./sample-space.ts");
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

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    options: { out: { type: "string", default: "release" } },
    allowPositionals: true,
  });
  const [command, path] = positionals;
  if (command === "build") {
    await build(values.out);
  } else if (command === "pack" && path) {
    const repository = toRepository(
      manifest.repository.url,
      process.env.GITHUB_REPOSITORY,
    );
    process.stdout.write(await pack(path, { repository }));
  } else if (command === "smoke" && path) {
    await smokeAll(path);
  } else if (command === "notes") {
    const changelog = await Bun.file(join(ROOT, "CHANGELOG.md")).text();
    process.stdout.write(`${toNotes(changelog, manifest.version)}\n`);
  } else {
    console.error(USAGE);
    process.exitCode = 2;
  }
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    // The cause of a failed conversation says more than the failure.
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      console.error(cause.message);
    }
    process.exitCode = 1;
  });
}

import { chmod, rm, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import {
  getMcpConfigForManifest,
  unpackExtension,
  v0_3,
} from "@anthropic-ai/mcpb";
import manifest from "../package.json" with { type: "json" };
import { startSampleSpace } from "../sample-space/server.ts";
import { type Files, type Level, tarGz, unpack, zip } from "./archive.ts";
import { compile, fail, ROOT, startFolder } from "./build.ts";
import { callBoth, converse, type Space } from "./conversation.ts";
import { toBundleManifest, toFormula, toRegistryEntry } from "./doors.ts";
import { toSbom } from "./sbom.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  hostTarget,
  isWindows,
  programName,
  programPath,
  TARGETS,
  type Target,
} from "./targets.ts";

/** What the command line understands. */
export const USAGE = `bun run release build [DIR]         compile every target into DIR (release)
bun run release pack [DIR]          archives, bundles, sums, SBOM, formula, server.json
bun run release smoke [DIR]         hold a conversation with what is packed (release)
bun run release notes               this version's part of CHANGELOG.md`;

/** Compiles every target into a folder. */
async function build(directory: string): Promise<void> {
  for (const target of TARGETS) {
    console.error(`Compiling ${target}`);
    const program = programPath(resolve(directory), target);
    await compile(program, { target: `bun-${target}` });
  }
}

/** What is inside every program, by the name that scanners look for. */
export const SBOM = `backlog-mcp-${manifest.version}.cdx.json`;

type PackOptions = {
  /** `owner/name` of the repository that CI runs in. */
  override?: string | undefined;
  /** Where README.md and LICENSE stand. */
  root?: string;
  level?: Level;
  /** How many bytes a program has at least; Bun's runtime alone has 90 MB. */
  smallest?: number;
};

/**
 * Packs the programs in a folder into its dist and Formula folders, writes
 * server.json, and returns the sums. Throws when a target is missing or too
 * small to be one, when the program for this machine does not answer, or when
 * something is left to fill in.
 */
export async function pack(
  directory: string,
  { override, root = ROOT, level, smallest = 50_000_000 }: PackOptions = {},
): Promise<string> {
  const repository = toRepository(manifest.repository.url, override);
  const documents = await readDocuments(root, repository);
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
    const files = { [programName(target)]: content, ...documents };
    const packed = isWindows(target) ? zip : tarGz;
    await write(archiveName(target), await packed(files, level));
    if (!BUNDLE_TARGETS.includes(target)) continue;
    const bundle = { ...toBundle(target, content, repository), ...documents };
    await write(bundleName(target), zip(bundle, level));
  }
  await write(SBOM, Buffer.from(await toSbom(repository)));
  await Bun.write(join(dist, "SHA256SUMS"), toSums(sums));
  const entry = JSON.stringify(toRegistryEntry(repository, sums), null, 2);
  await Bun.write(join(directory, "server.json"), `${entry}\n`);
  const formula = join(directory, "Formula", "backlog-mcp.rb");
  await Bun.write(formula, toFormula(repository, sums));
  return toSums(sums);
}

/** `owner/name` of a repository's address; CI's own word counts for more. */
export function toRepository(url: string, override = ""): string {
  const own = url.replace(/^.*github\.com[/:]/, "").replace(/\.git$/, "");
  const repository = override || own;
  if (/^[\w.-]+\/[\w.-]+$/.test(repository) && !/^OWNER\//.test(repository)) {
    return repository;
  }
  throw new Error(
    `The repository is ${repository}. Put its real address into package.json, or set GITHUB_REPOSITORY to owner/name.`,
  );
}

/** README.md, with the repository in the place of OWNER's, and LICENSE. */
async function readDocuments(root: string, repository: string): Promise<Files> {
  const [owner = ""] = repository.split("/");
  const readme = await Bun.file(join(root, "README.md")).text();
  // An archive holds no other document.
  const documents = `https://github.com/${repository}/blob/v${manifest.version}`;
  const text = readme
    .replace(/^Nothing is released yet\..*\n\n/m, "")
    .replace(/\]\((?!https?:|#)/g, `](${documents}/`)
    .replace(/\bOWNER\/backlog-mcp\b/g, repository)
    .replace(/\bOWNER\b/g, owner);
  const [left] = /^[A-Z]{4,}(?=\r?$)/m.exec(text) ?? [];
  if (left)
    throw new Error(`README.md still says ${left}: a place to fill in.`);
  const license = await Bun.file(join(root, "LICENSE")).bytes();
  return { "README.md": Buffer.from(text), LICENSE: license };
}

/** Which system each is made for is told by starting it, where it can run. */
function assertPrograms(directory: string, smallest: number): void {
  const missing = TARGETS.filter(
    (target) => Bun.file(programPath(directory, target)).size < smallest,
  );
  if (missing.length > 0) {
    throw new Error(`${directory} lacks ${missing.join(", ")}.`);
  }
}

/** Throws unless the program is this version and speaks MCP unconfigured. */
export async function assertAnswers(program: string): Promise<void> {
  // Whatever carried the programs here may have dropped the permission.
  await chmod(program, 0o755);
  await using folder = await startFolder();
  await converse({ command: [program], program, folder: folder.path });
}

/** The files of a bundle: its manifest and the program. */
export function toBundle(
  target: Target,
  content: Uint8Array,
  repository: string,
): Files {
  const bundle = toBundleManifest(target, repository);
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  return {
    "manifest.json": Buffer.from(text),
    [bundle.server.entry_point]: content,
  };
}

/** What `sha256sum --check` reads. */
function toSums(sums: ReadonlyMap<string, string>): string {
  const lines = [...sums].sort().map(([name, sum]) => `${sum}  ${name}\n`);
  return lines.join("");
}

/** Tries those of a release folder that this machine can run. */
async function smokeAll(directory: string): Promise<void> {
  await using space = startSampleSpace();
  const host = hostTarget();
  const bundles = BUNDLE_TARGETS.includes(host) ? [bundleName(host)] : [];
  for (const name of [archiveName(host), ...bundles]) {
    await smoke(join(directory, "dist", name), space);
    console.error(`${name} answers.`);
  }
}

/**
 * Unpacks an archive or a bundle into a folder with a space in its name, starts
 * what is in it as a client would, and calls both tools against `space`.
 */
export async function smoke(file: string, space: Space): Promise<void> {
  await using folder = await startFolder();
  const { path } = folder;
  if (file.endsWith(".mcpb")) return await smokeBundle(file, path, space);
  await unpack(resolve(file), path);
  for (const name of ["README.md", "LICENSE"]) await stat(join(path, name));
  const program = join(path, programName(hostTarget()));
  await converse({ command: [program], program, folder: path }, space);
}

async function smokeBundle(
  file: string,
  folder: string,
  { host, apiKey }: Space,
): Promise<void> {
  const unpacking = { mcpbPath: file, outputDir: folder, silent: true };
  if (!(await unpackExtension(unpacking))) {
    throw new Error(`mcpb does not unpack ${file}.`);
  }
  const text = await Bun.file(join(folder, "manifest.json")).json();
  const config = await getMcpConfigForManifest({
    manifest: v0_3.McpbManifestSchema.parse(text),
    extensionPath: folder,
    systemDirs: {},
    // No more: a host leaves the variable of an empty field as it stands.
    userConfig: { api_key: apiKey, domain: host },
    pathSeparator: sep,
  });
  if (!config) throw new Error(`${file} does not say how it is started.`);
  const { command: program, args = [], env = {} } = config;
  await callBoth({ command: [program, ...args], program, folder }, env);
}

/** The section of `version` in the text of a changelog. */
export function toNotes(changelog: string, version: string): string {
  const sections = changelog.replaceAll("\r\n", "\n").split(/^## /m);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  if (!notes) throw new Error(`CHANGELOG.md says nothing about ${version}.`);
  return notes;
}

async function main([name, path = "release"]: string[]): Promise<void> {
  switch (name) {
    case "build":
      return await build(path);
    case "pack": {
      const override = process.env.GITHUB_REPOSITORY;
      process.stdout.write(await pack(path, { override }));
      return;
    }
    case "smoke":
      return await smokeAll(path);
    case "notes": {
      const changelog = await Bun.file(join(ROOT, "CHANGELOG.md")).text();
      process.stdout.write(`${toNotes(changelog, manifest.version)}\n`);
      return;
    }
    default:
      throw new Error(USAGE);
  }
}

if (import.meta.main) await main(process.argv.slice(2)).catch(fail);

import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { getMcpConfigForManifest, v0_3 } from "@anthropic-ai/mcpb";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import manifest from "../package.json" with { type: "json" };
import { type Entry, tarGz, unpack, zip } from "./archive.ts";
import { assertVersion, compile, run } from "./build.ts";
import { type FormulaTarget, toFormula } from "./homebrew.ts";

const ROOT = join(import.meta.dir, "..");
const MCPB = join(ROOT, "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js");

/** What the command line understands. */
export const USAGE = `bun run release build [--out DIR]   compile every target into DIR (release)
bun run release pack DIR            archives, bundles, sums and formula of DIR
bun run release smoke FILE_OR_DIR   hold a conversation with what is packed
bun run release notes               this version's part of CHANGELOG.md`;

/** Named as people know them; Bun calls each of them bun-<target>. */
export const TARGETS = [
  "darwin-arm64",
  "darwin-x64",
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "windows-x64",
  "windows-arm64",
] as const;
export type Target = (typeof TARGETS)[number];

// Where Claude Desktop, the client that opens bundles, runs.
const BUNDLE_TARGETS: readonly Target[] = [
  "darwin-arm64",
  "darwin-x64",
  "windows-x64",
];

/** The two tools, as a bundle's manifest tells of them. */
export const TOOLS = [
  {
    name: "get_issue_details",
    description: "Read one issue in full, with all its comments and changes.",
  },
  {
    name: "get_user_issue_list",
    description: "Find issues by assignee, status, project, date or keyword.",
  },
];

/** Where a Backlog space answers, and a key that it accepts. */
export type Space = { host: string; apiKey: string };

type Server = {
  command: string;
  args?: string[];
  env?: Record<string, string>;
};

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

/** The files of a bundle: its manifest and the program. */
export async function toBundle(
  target: Target,
  { content, repository }: { content: Uint8Array; repository: string },
): Promise<Entry[]> {
  const bundle = toBundleManifest(target, repository);
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  await assertManifest(text);
  return [
    { name: "manifest.json", content: Buffer.from(text) },
    { name: `server/${programName(target)}`, content, executable: true },
  ];
}

/** Throws with what `mcpb validate` says of a manifest that it refuses. */
export async function assertManifest(text: string): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const file = join(folder, "manifest.json");
    await writeFile(file, text);
    await run([process.execPath, MCPB, "validate", file]);
  });
}

/** What a host such as Claude Desktop reads to install and start a bundle. */
export function toBundleManifest(target: Target, repository: string) {
  const home = `https://github.com/${repository}`;
  const program = `server/${programName(target)}`;
  return {
    manifest_version: "0.3",
    name: manifest.name,
    display_name: "Backlog",
    version: manifest.version,
    description: manifest.description,
    author: { name: repository.split("/")[0], url: home },
    repository: { type: "git", url: home },
    homepage: home,
    documentation: `${home}#readme`,
    support: `${home}/issues`,
    license: manifest.license,
    keywords: ["backlog", "nulab", "issues"],
    // Issues are read from Backlog, whose maker's policy this is.
    privacy_policies: ["https://nulab.com/privacy/"],
    compatibility: { platforms: [toPlatform(target)] },
    server: {
      type: "binary",
      entry_point: program,
      mcp_config: {
        // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the host
        // that installs the bundle fills these in, and leaves what is not set.
        command: `\${__dirname}/${program}`,
        args: [],
        env: {
          BACKLOG_API_KEY: "${user_config.api_key}",
          BACKLOG_DOMAIN: "${user_config.domain}",
          USER_ID: "${user_config.user_id}",
        },
        // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.
      },
    },
    user_config: {
      api_key: {
        type: "string",
        title: "API key",
        description: "Made in Backlog under Personal Settings > API.",
        sensitive: true,
        required: true,
      },
      domain: {
        type: "string",
        title: "Space",
        description: "Your space's address, such as your-space.backlog.com.",
        required: true,
      },
      user_id: {
        type: "string",
        title: "User ID",
        description: "Your numeric ID. Left empty, Backlog is asked for it.",
        required: false,
      },
    },
    tools: TOOLS,
  };
}

/**
 * Unpacks an archive or a bundle into a folder with a space in its name, starts
 * what is in it as a client would, and calls both tools against `space`.
 */
export async function smoke(file: string, space: Space): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const server = file.endsWith(".mcpb")
      ? await unpackBundle(file, folder, space)
      : await unpackArchive(file, folder, space);
    await converse(server, folder, space);
  });
}

async function unpackArchive(
  file: string,
  folder: string,
  { host, apiKey }: Space,
): Promise<Server> {
  await unpack(resolve(file), folder);
  for (const document of ["README.md", "LICENSE"]) {
    await stat(join(folder, document));
  }
  const command = join(folder, programName(hostTarget()));
  await assertVersion(command);
  return { command, env: { BACKLOG_API_KEY: apiKey, BACKLOG_DOMAIN: host } };
}

async function unpackBundle(
  file: string,
  folder: string,
  { host, apiKey }: Space,
): Promise<Server> {
  await run([process.execPath, MCPB, "unpack", resolve(file), folder]);
  const config = await getMcpConfigForManifest({
    manifest: v0_3.McpbManifestSchema.parse(
      await Bun.file(join(folder, "manifest.json")).json(),
    ),
    extensionPath: folder,
    systemDirs: {},
    // No user_id: a host leaves the variable of an empty field as it stands.
    userConfig: { api_key: apiKey, domain: host },
    pathSeparator: sep,
  });
  if (!config) throw new Error(`${file} does not say how it is started.`);
  return config;
}

async function assertAnswers(program: string): Promise<void> {
  // Whatever carried the programs here may have dropped the permission.
  await chmod(program, 0o755);
  await assertVersion(program);
  await inTemporaryFolder((folder) => converse({ command: program }, folder));
}

/**
 * Initializes, lists the tools and, given a space, calls both. Throws unless
 * the server is this version and offers exactly the two tools.
 */
async function converse(
  server: Server,
  folder: string,
  space?: Space,
): Promise<void> {
  const client = new Client({ name: "release", version: manifest.version });
  const transport = new StdioClientTransport({
    command: server.command,
    args: server.args ?? [],
    cwd: folder,
    // The settings of whoever runs this may not take part.
    env: { ...server.env, XDG_CONFIG_HOME: folder, APPDATA: folder },
    stderr: "pipe",
  });
  let said = "";
  transport.stderr?.on("data", (chunk) => {
    said += String(chunk);
  });
  try {
    await client.connect(transport);
    assertSame(client.getServerVersion()?.version, manifest.version);
    const { tools } = await client.listTools();
    assertSame(tools.map(({ name }) => name).sort(), toolNames());
    if (space) await callTools(client);
  } catch (error) {
    throw new Error(
      `${server.command} does not answer as an MCP server.\n${said}`,
      { cause: error },
    );
  } finally {
    await client.close();
  }
}

async function callTools(client: Client): Promise<void> {
  for (const [name, args] of [
    ["get_issue_details", { issue_key: "WEB-1" }],
    ["get_user_issue_list", { project_keys: ["WEB"] }],
  ] as const) {
    const { isError, content } = CallToolResultSchema.parse(
      await client.callTool({ name, arguments: args }),
    );
    const text = content.map((part) => (part.type === "text" ? part.text : ""));
    if (isError || !/\bWEB-\d+/.test(text.join("\n"))) {
      throw new Error(`${name} answered: ${text.join("\n")}`);
    }
  }
}

function toolNames(): string[] {
  return TOOLS.map(({ name }) => name).sort();
}

function assertSame(actual: unknown, expected: unknown): void {
  if (!Bun.deepEquals(actual, expected)) {
    throw new Error(
      `Expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}.`,
    );
  }
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

/** The target this machine runs. */
export function hostTarget(): Target {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `${system}-${process.arch}${isMusl() ? "-musl" : ""}`;
  const target = TARGETS.find((known) => known === name);
  if (!target) throw new Error(`Nothing is built for ${name}.`);
  return target;
}

// A machine may have musl's loader beside glibc's, hardly the reverse.
function isMusl(): boolean {
  return (
    process.platform === "linux" &&
    !existsSync("/lib64/ld-linux-x86-64.so.2") &&
    !existsSync("/lib/ld-linux-aarch64.so.1")
  );
}

// One basename everywhere, since Bun embeds it.
function programName(target: Target): string {
  return isWindows(target) ? "backlog-mcp.exe" : "backlog-mcp";
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

function isWindows(target: Target): boolean {
  return target.startsWith("windows-");
}

function toPlatform(target: Target): string {
  return isWindows(target) ? "win32" : target.replace(/-.*/, "");
}

async function inTemporaryFolder(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "backlog mcp "));
  try {
    await use(folder);
  } finally {
    // Windows keeps a program locked for a moment after its end.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
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

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import type { Entry } from "./archive.ts";
import { run } from "./build.ts";

const MCPB = join(
  import.meta.dir,
  "../node_modules/@anthropic-ai/mcpb/dist/cli/cli.js",
);

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

/** Where Claude Desktop, the client that opens bundles, runs. */
export const BUNDLE_TARGETS: readonly Target[] = [
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
    await mcpb("validate", file);
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

function toPlatform(target: Target): string {
  return isWindows(target) ? "win32" : target.replace(/-.*/, "");
}

/** Runs mcpb's own command line; throws with its words when it refuses. */
export function mcpb(...args: string[]): Promise<string> {
  return run([process.execPath, MCPB, ...args]);
}

/** All are above 90 MB, as Bun's runtime is inside. */
const SMALLEST_PROGRAM = 50_000_000;

/** What is wrong with the program for a target, told from its first bytes. */
export async function findFault(
  path: string,
  target: Target,
): Promise<string | undefined> {
  const file = Bun.file(path);
  const head = await file.slice(0, 4096).arrayBuffer();
  const system = toSystem(new DataView(head));
  if (system === undefined) return "no program that is known";
  if (system !== target.replace("-musl", "")) return `made for ${system}`;
  return file.size < SMALLEST_PROGRAM
    ? `${file.size} bytes are too few`
    : undefined;
}

const SYSTEMS = [
  { name: "darwin", arm64: 0x0100000c, x64: 0x01000007 },
  { name: "linux", arm64: 0xb7, x64: 0x3e },
  { name: "windows", arm64: 0xaa64, x64: 0x8664 },
] as const;

/** System and processor of a Mach-O, ELF or PE file; all are little-endian. */
function toSystem(head: DataView): string | undefined {
  const uint16 = (at: number) =>
    at + 2 <= head.byteLength ? head.getUint16(at, true) : undefined;
  const uint32 = (at: number) =>
    at + 4 <= head.byteLength ? head.getUint32(at, true) : undefined;
  // The old header of DOS, at the beginning, tells where the PE header is.
  const pe = uint16(0) === 0x5a4d ? (uint32(0x3c) ?? 0) : 0;
  const processors = {
    darwin: uint32(0) === 0xfeedfacf ? uint32(4) : undefined,
    linux: uint32(0) === 0x464c457f ? uint16(18) : undefined,
    windows: uint32(pe) === 0x00004550 ? uint16(pe + 4) : undefined,
  };
  for (const { name, arm64, x64 } of SYSTEMS) {
    if (processors[name] === arm64) return `${name}-arm64`;
    if (processors[name] === x64) return `${name}-x64`;
  }
  return undefined;
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

/** One basename everywhere, since Bun embeds it. */
export function programName(target: Target): string {
  return isWindows(target) ? "backlog-mcp.exe" : "backlog-mcp";
}

/** Windows wants another ending and another archive. */
export function isWindows(target: Target): boolean {
  return target.startsWith("windows-");
}

/** A folder with a space in its name, gone once it is used. */
export async function inTemporaryFolder(
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

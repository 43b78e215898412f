import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import type { Entry } from "./archive.ts";
import { run, startFolder } from "./build.ts";
import { isWindows, programName, type Target } from "./targets.ts";

const MCPB = join(
  import.meta.dir,
  "../node_modules/@anthropic-ai/mcpb/dist/cli/cli.js",
);

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
  await using folder = await startFolder();
  const file = join(folder.path, "manifest.json");
  await writeFile(file, text);
  await mcpb("validate", file);
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

import { chmod, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { getMcpConfigForManifest, v0_3 } from "@anthropic-ai/mcpb";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import manifest from "../package.json" with { type: "json" };
import { unpack } from "./archive.ts";
import { assertVersion } from "./build.ts";
import {
  hostTarget,
  inTemporaryFolder,
  mcpb,
  programName,
  TOOLS,
} from "./bundle.ts";
import { toEnvironment } from "./connect.ts";

/** Where a Backlog space answers, and a key that it accepts. */
export type Space = { host: string; apiKey: string };

type Server = {
  command: string;
  args?: string[];
  env?: Record<string, string>;
};

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
  space: Space,
): Promise<Server> {
  await unpack(resolve(file), folder);
  for (const document of ["README.md", "LICENSE"]) {
    await stat(join(folder, document));
  }
  const command = join(folder, programName(hostTarget()));
  await assertVersion(command);
  return { command, env: toEnvironment(space) };
}

async function unpackBundle(
  file: string,
  folder: string,
  { host, apiKey }: Space,
): Promise<Server> {
  await mcpb("unpack", resolve(file), folder);
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

/** Throws unless the program is this version and speaks MCP unconfigured. */
export async function assertAnswers(program: string): Promise<void> {
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
  // Not connectBinary: what the program says on stderr belongs in the error.
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

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CallToolResultSchema,
  ListToolsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Backlog, LIMITS, type Limits } from "../backlog.ts";
import type { SampleSpace } from "../sample-space/server.ts";
import { introduce } from "../stdio.ts";
import { callTool, publish, type ToolOptions } from "../tools.ts";
import { BINARY } from "./build.ts";

/** An MCP client of a server, with the tools at hand. */
export type Connected = ReturnType<typeof toConnected>;

/** The tools in this process, so that the clock and the limits can be given. */
export async function connectInProcess(
  space: Pick<SampleSpace, "url" | "apiKey">,
  {
    now = new Date("2026-11-22T03:00:00Z"),
    limits = {},
    ...options
  }: {
    now?: Date;
    /** Where the machine is. */
    zone?: string;
    userId?: string;
    limits?: Partial<Limits>;
    projects?: readonly string[];
  } = {},
): Promise<Connected> {
  const { url: origin, apiKey } = space;
  const { projects, userId, zone } = options;
  const redact = (text: string) => text.replaceAll(apiKey, "[API key]");
  const backlog = new Backlog(
    { origin, apiKey, projects, redact },
    { ...LIMITS, ...limits },
  );
  const server = createServer(new URL(origin).host, {
    connect: async () => ({ backlog, userId }),
    redact,
    now: () => now,
    zone,
  });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1.0.0" });
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  return toConnected(client);
}

/** The SDK's own server with our tools: what the program's answers must equal. */
export function createServer(host: string, options: ToolOptions): Server {
  const { serverInfo, instructions, tools } = introduce(publish(), { host });
  const server = new Server(serverInfo, {
    capabilities: { tools: {} },
    instructions,
  });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    callTool(params, extra, options),
  );
  return server;
}

/** The compiled program, started as an MCP client starts it. */
export async function connectBinary(
  env: Record<string, string>,
  {
    command = BINARY,
    args = [],
    cwd,
  }: { command?: string; args?: string[]; cwd?: string } = {},
): Promise<Connected> {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(
    new StdioClientTransport({
      command,
      args,
      // Nothing of the machine's own environment may leak in.
      env: { HOME: "/nonexistent", PATH: process.env.PATH ?? "", ...env },
      ...(cwd !== undefined && { cwd }),
    }),
  );
  return toConnected(client);
}

/** The two settings of a sample space. */
export function toEnvironment({
  host,
  apiKey,
}: Pick<SampleSpace, "host" | "apiKey">): Record<string, string> {
  return { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: apiKey };
}

function toConnected(client: Client) {
  /** A tool's answer, as the assistant gets it. */
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: args });
    const { content, isError = false } = CallToolResultSchema.parse(result);
    const [block, image] = content;
    return {
      text: block?.type === "text" ? block.text : "",
      isError,
      /** Where one came beside the text. */
      ...(image?.type === "image" && { image }),
    };
  };
  type Args = Record<string, unknown>;
  return {
    client,
    call,
    details: (args: Args) => call("get_issue_details", args),
    list: (args?: Args) => call("get_user_issue_list", args),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  StdioClientTransport,
  type StdioServerParameters,
} from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolRequestSchema,
  CallToolResultSchema,
  ListToolsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Backlog } from "../backlog.ts";
import { LIMITS, type Limits } from "../http.ts";
import type { SampleSpace } from "../sample-space/server.ts";
import { introduce } from "../stdio.ts";
import { callTool, publish, type ToolOptions } from "../tools.ts";
import { BINARY } from "./build.ts";

/** The tools in this process, so that the clock and the limits can be given. */
export async function connectInProcess(
  { url: origin, apiKey }: Pick<SampleSpace, "url" | "apiKey">,
  options: {
    now?: Date;
    /** Where the machine is. */
    zone?: string;
    userId?: string;
    limits?: Partial<Limits>;
    projects?: readonly string[];
  } = {},
): Promise<Connected> {
  const { now = new Date("2026-11-22T03:00:00Z"), zone, userId } = options;
  const redact = (text: string) => text.replaceAll(apiKey, "[API key]");
  const backlog = new Backlog(
    { origin, apiKey, projects: options.projects, redact },
    { ...LIMITS, retryWaitMs: 1, ...options.limits },
  );
  const server = createServer(new URL(origin).host, {
    connect: async () => ({ backlog, userId }),
    redact,
    now: () => now,
    zone,
  });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(ours);
  return connect(theirs);
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
export function connectBinary(
  env: Record<string, string>,
  options: Partial<StdioServerParameters> = {},
): Promise<Connected> {
  // Nothing of the machine's own environment may leak in.
  const alone = { HOME: "/nonexistent", PATH: process.env.PATH ?? "", ...env };
  return connect(
    new StdioClientTransport({ command: BINARY, env: alone, ...options }),
  );
}

/** The two settings of a sample space. */
export function toEnvironment({
  host,
  apiKey,
}: Pick<SampleSpace, "host" | "apiKey">) {
  return { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: apiKey };
}

/** The same as a `.env` file has them. */
export function toEnvFile(space: Pick<SampleSpace, "host" | "apiKey">): string {
  const pairs = Object.entries(toEnvironment(space));
  return pairs.map((pair) => `${pair.join("=")}\n`).join("");
}

/** An MCP client of a server, with the tools at hand. */
type Connected = Awaited<ReturnType<typeof connect>>;

type Args = Record<string, unknown>;

async function connect(transport: Transport) {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  /** A tool's answer, as the assistant gets it. */
  const call = async (name: string, args: Args = {}) => {
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
  return {
    client,
    call,
    details: (args: Args) => call("get_issue_details", args),
    list: (args?: Args) => call("get_user_issue_list", args),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** The rows of an answer's table, each by the titles of its columns. */
export function parseTable(answer: string): Record<string, string>[] {
  const lines = answer.split("\n").filter((line) => line.startsWith("|"));
  const [titles = [], , ...rows] = lines.map((line) =>
    line.slice(2, -2).split(" | "),
  );
  return rows.map((row) =>
    Object.fromEntries(titles.map((title, index) => [title, row[index] ?? ""])),
  );
}

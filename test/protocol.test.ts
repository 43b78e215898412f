import {
  afterAll,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import {
  LATEST_PROTOCOL_VERSION,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { version } from "../package.json";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { BINARY } from "../scripts/build.ts";
import { connectBinary, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";

// Several starts of the program, on a machine that may be busy.
setDefaultTimeout(60_000);

const TOOLS = ["get_issue_details", "get_user_issue_list"];
const WEB_5 = { issue_key: "WEB-5" };
const never = () => new Promise<undefined>(() => {});

/** What every request of the era without a handshake carries. */
const STATELESS = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

let space: SampleSpace;
let environment: Record<string, string>;
beforeAll(() => {
  space = startSampleSpace();
  environment = toEnvironment(space);
});
afterAll(() => space.stop());

describe("MCP with a handshake", () => {
  test.each([...SUPPORTED_PROTOCOL_VERSIONS])(
    "%s is spoken as asked: initialize, list, call",
    async (protocolVersion) => {
      await using server = startRaw(environment);
      server.send(
        toInitialize(protocolVersion),
        { jsonrpc: "2.0", method: "notifications/initialized" },
        { jsonrpc: "2.0", id: 2, method: "tools/list" },
        toCall(3, "get_issue_details", WEB_5),
      );
      const { result } = await server.answerTo(1);
      expect(result).toMatchObject({
        protocolVersion,
        serverInfo: {
          name: "backlog-mcp",
          title: `Backlog (${space.host})`,
          version,
        },
        capabilities: { tools: {} },
        instructions: expect.stringContaining(space.host),
      });
      const list = await server.answerTo(2);
      expect(namesOf(list.result?.tools)).toEqual(TOOLS);
      expect(list.result).not.toHaveProperty("resultType");
      expect(toText(await server.answerTo(3))).toContain("WEB-5");
      expect(server.lines).toHaveLength(3);
    },
  );

  test.each(["2026-07-28", "1999-01-01"])(
    "%s in initialize is answered with the newest that has one",
    async (asked) => {
      await using server = startRaw(environment);
      server.send(toInitialize(asked));
      expect((await server.answerTo(1)).result?.protocolVersion).toBe(
        LATEST_PROTOCOL_VERSION,
      );
    },
  );

  test("the v1 client of the SDK lists and calls", async () => {
    await using server = await connectBinary(environment);
    const { tools } = await server.client.listTools();
    expect(namesOf(tools)).toEqual(TOOLS);
    expect((await server.details(WEB_5)).isError).toBe(false);
    expect(await server.client.ping()).toEqual({});
  });

  test("what the client has no right to ask is an error with its ID", async () => {
    await using server = startRaw(environment);
    server.send(
      { jsonrpc: "2.0", id: "a", method: "resources/list" },
      { jsonrpc: "2.0", id: "b", method: "no/such/thing" },
    );
    expect((await server.answerTo("a")).error?.code).toBe(-32601);
    expect((await server.answerTo("b")).error?.code).toBe(-32601);
  });
});

describe("MCP 2026-07-28, without a handshake", () => {
  const serverInfo = () => ({
    name: "backlog-mcp",
    title: `Backlog (${space.host})`,
    version,
  });

  test("server/discover tells versions, capabilities and who answers", async () => {
    await using server = startRaw(environment);
    server.send({
      jsonrpc: "2.0",
      id: 0,
      method: "server/discover",
      params: { _meta: STATELESS },
    });
    expect((await server.answerTo(0)).result).toEqual({
      resultType: "complete",
      supportedVersions: ["2026-07-28", ...SUPPORTED_PROTOCOL_VERSIONS],
      capabilities: { tools: {} },
      instructions: expect.stringContaining(space.host),
      ttlMs: 3_600_000,
      cacheScope: "private",
      _meta: { "io.modelcontextprotocol/serverInfo": serverInfo() },
    });
  });

  test("tools/list is complete, says how long it holds and who answered", async () => {
    await using server = startRaw(environment);
    server.send({
      jsonrpc: "2.0",
      id: "list",
      method: "tools/list",
      params: { _meta: STATELESS },
    });
    const { result } = await server.answerTo("list");
    expect(namesOf(result?.tools)).toEqual(TOOLS);
    expect(result).toMatchObject({
      resultType: "complete",
      ttlMs: 3_600_000,
      cacheScope: "private",
      _meta: { "io.modelcontextprotocol/serverInfo": serverInfo() },
    });
  });

  test("tools/call is complete and says who answered, but not how long it holds", async () => {
    await using server = startRaw(environment);
    const call = toCall(0, "get_issue_details", WEB_5);
    server.send({ ...call, params: { ...call.params, _meta: STATELESS } });
    const answer = await server.answerTo(0);
    expect(toText(answer)).toContain("WEB-5");
    expect(answer.result).toMatchObject({
      resultType: "complete",
      _meta: { "io.modelcontextprotocol/serverInfo": serverInfo() },
    });
    expect(answer.result).not.toHaveProperty("ttlMs");
    expect(answer.result).not.toHaveProperty("cacheScope");
  });

  test.each([
    ["a later one", "2099-01-01"],
    ["an earlier one", "2025-11-25"],
    ["a number", 20_260_728],
    ["null", null],
  ])(
    "an unsupported version, %s, gets the protocol's own error",
    async (_, requested) => {
      await using server = startRaw(environment);
      const _meta = {
        ...STATELESS,
        "io.modelcontextprotocol/protocolVersion": requested,
      };
      server.send(
        { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta } },
        { jsonrpc: "2.0", id: 2, method: "server/discover", params: { _meta } },
      );
      const text =
        typeof requested === "string" ? requested : JSON.stringify(requested);
      const error = {
        code: -32022,
        message: `Unsupported protocol version: ${text}`,
        data: { supported: ["2026-07-28"], requested: text },
      };
      expect((await server.answerTo(1)).error).toEqual(error);
      expect((await server.answerTo(2)).error).toEqual(error);
    },
  );
});

describe("the official v2 client", () => {
  test.each([
    ["legacy", "legacy" as const, LATEST_PROTOCOL_VERSION],
    ["auto", "auto" as const, "2026-07-28"],
    ["pinned to 2026-07-28", { pin: "2026-07-28" }, "2026-07-28"],
  ])(
    "in its mode %s lists, calls and reads errors",
    async (_, mode, negotiated) => {
      const client = await connectV2(mode);
      expect(client.getNegotiatedProtocolVersion()).toBe(negotiated);
      expect(client.getServerVersion()?.name).toBe("backlog-mcp");
      expect(client.getInstructions()).toContain(space.host);
      expect(namesOf((await client.listTools()).tools)).toEqual(TOOLS);
      const details = { name: "get_issue_details", arguments: WEB_5 };
      expect((await client.callTool(details)).isError).toBeFalsy();
      const list = { name: "get_user_issue_list", arguments: {} };
      expect((await client.callTool(list)).isError).toBeFalsy();
      const wrong = {
        name: "get_issue_details",
        arguments: { issue_key: "?" },
      };
      expect((await client.callTool(wrong)).isError).toBe(true);
      await client.close();
    },
  );

  test.each([
    ["legacy", "legacy" as const],
    ["auto", "auto" as const],
    ["pinned", { pin: "2026-07-28" }],
  ])(
    "in its mode %s cancels its first call, and the next one is answered",
    async (_, mode) => {
      await using slow = startSampleSpace({
        answer: (_, path) => (path.includes("WEB-5") ? never() : undefined),
      });
      const client = await connectV2(mode, toEnvironment(slow));
      const cancelled = new AbortController();
      const call = client.callTool(
        { name: "get_issue_details", arguments: WEB_5 },
        { signal: cancelled.signal },
      );
      call.catch(() => {});
      await until(() => slow.requests.length === 4);
      cancelled.abort();
      await until(() => slow.requests.every(({ aborted }) => aborted));
      const next = await client.callTool({
        name: "get_issue_details",
        arguments: { issue_key: "WEB-1" },
      });
      expect(next.isError).toBeFalsy();
      await client.close();
    },
  );
});

describe("notifications/cancelled", () => {
  test.each([
    ["0", 0],
    ["7", 7],
    ["a string", "call-1"],
    ["an empty string", ""],
  ])(
    "for the request ID %s aborts what is under way, and no answer is sent",
    async (_, id) => {
      await using slow = startSampleSpace({ answer: never });
      await using server = startRaw(toEnvironment(slow));
      server.send(toCall(id, "get_issue_details", WEB_5));
      await until(() => slow.requests.length === 4);
      server.send(toCancel(id), {
        jsonrpc: "2.0",
        id: "later",
        method: "ping",
      });
      await until(() => slow.requests.every(({ aborted }) => aborted));
      await server.answerTo("later");
      server.end();
      // No second of grace: nothing is under way any more.
      expect(await server.exited).toBe(0);
      expect(server.messages.map(({ id }) => id)).toEqual(["later"]);
    },
  );

  test("in one write with its call is obeyed", async () => {
    await using slow = startSampleSpace({ answer: never });
    await using server = startRaw(toEnvironment(slow));
    server.send(toCall(1, "get_issue_details", WEB_5), toCancel(1));
    server.end();
    expect(await server.exited).toBe(0);
    expect(server.lines).toEqual([]);
  });

  test.each([
    ["an ID that nobody has", { requestId: 99 }],
    ["the same digits as text", { requestId: "1" }],
    ["no ID", {}],
    ["a reason only", { reason: "bored" }],
  ])("for %s leaves the others alone", async (_, params) => {
    await using slow = startSampleSpace({ latencyMs: 30 });
    await using server = startRaw(toEnvironment(slow));
    server.send(toCall(1, "get_issue_details", WEB_5), {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params,
    });
    expect(toText(await server.answerTo(1))).toContain("WEB-5");
  });
});

describe("progress", () => {
  test("comes only where the client gave a token, before the answer", async () => {
    const { largeData } = await import("../sample-space/data.ts");
    await using large = startSampleSpace({
      data: largeData({ projects: 1, issues: 450, closedShare: 0 }),
    });
    await using server = startRaw(toEnvironment(large));
    const call = toCall(1, "get_user_issue_list", { limit: 500 });
    server.send(call);
    await server.answerTo(1);
    expect(server.lines).toHaveLength(1);
    const _meta = { progressToken: 0 };
    server.send({ ...call, id: 2, params: { ...call.params, _meta } });
    await server.answerTo(2);
    const news = server.messages.slice(1, -1);
    expect(news.length).toBeGreaterThan(1);
    for (const { method, params } of news) {
      expect(method).toBe("notifications/progress");
      expect(params).toMatchObject({ progressToken: 0, total: 450 });
    }
    expect(server.messages.at(-1)?.id).toBe(2);
  });
});

describe("many calls at once", () => {
  test("200 in one write are all answered, each with its own issue, four requests at a time", async () => {
    await using busy = startSampleSpace({ latencyMs: 1 });
    await using server = startRaw(toEnvironment(busy));
    const keys = ["WEB-1", "WEB-2", "WEB-3", "WEB-5", "WEB-12", "OPS-1"];
    const calls = Array.from({ length: 200 }, (_, id) => {
      const key = keys[id % keys.length] ?? "";
      return { id, key };
    });
    server.send(
      ...calls.map(({ id, key }) =>
        toCall(id, "get_issue_details", { issue_key: key }),
      ),
    );
    for (const { id, key } of calls) {
      expect(toText(await server.answerTo(id))).toStartWith(`# ${key} `);
    }
    expect(server.lines).toHaveLength(200);
    expect(busy.peak).toBe(4);
  });

  test("a slow call holds up neither ping nor tools/list nor a quick call", async () => {
    const release = Promise.withResolvers<undefined>();
    await using slow = startSampleSpace({
      answer: (_, path) =>
        path === "/issues/WEB-5" ? release.promise : undefined,
    });
    await using server = startRaw(toEnvironment(slow));
    server.send(toCall("slow", "get_issue_details", WEB_5));
    await until(() => slow.requests.length === 4);
    server.send(
      { jsonrpc: "2.0", id: "ping", method: "ping" },
      { jsonrpc: "2.0", id: "list", method: "tools/list" },
      toCall("quick", "get_issue_details", { issue_key: "WEB-1" }),
    );
    await server.answerTo("quick");
    release.resolve(undefined);
    await server.answerTo("slow");
    const order = server.messages.map(({ id }) => id);
    expect(new Set(order.slice(0, 3))).toEqual(
      new Set(["ping", "list", "quick"]),
    );
    expect(order).toHaveLength(4);
    expect(order.at(-1)).toBe("slow");
  });
});

function toInitialize(protocolVersion: string) {
  return {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion,
      capabilities: {},
      clientInfo: { name: "test", version: "1.0.0" },
    },
  };
}

function toCancel(requestId: string | number) {
  const params = { requestId };
  return { jsonrpc: "2.0", method: "notifications/cancelled", params };
}

async function connectV2(
  mode: "legacy" | "auto" | { pin: string },
  env = environment,
): Promise<Client> {
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { versionNegotiation: { mode } },
  );
  await client.connect(new StdioClientTransport({ command: BINARY, env }));
  return client;
}

function namesOf(tools: unknown): string[] {
  return Array.isArray(tools) ? tools.map(({ name }) => name) : [];
}

/** Ends with the test's own time-out where it never comes true. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(5);
}

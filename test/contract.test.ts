import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import {
  type JSONRPCMessage,
  LATEST_PROTOCOL_VERSION,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { publish } from "../definitions.ts";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { createServer, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall } from "../scripts/raw-client.ts";

let space: SampleSpace;
beforeAll(() => {
  space = startSampleSpace();
});
afterAll(() => space.stop());

const CLIENT = { name: "test", title: "A test", version: "1.0.0" };
const CALL = toCall("call", "get_issue_details", { issue_key: "WEB-5" });

function toRequest(method: string, params?: object) {
  return { method, ...(params && { params }) };
}

function toInitialize(protocolVersion: string) {
  const capabilities = { roots: { listChanged: true }, sampling: {} };
  const params = { protocolVersion, capabilities, clientInfo: CLIENT };
  return toRequest("initialize", params);
}

describe("what is answered without the SDK is what the SDK answers", () => {
  test.each([
    ...[...SUPPORTED_PROTOCOL_VERSIONS, "2026-07-28", "1999-01-01", ""].map(
      (version) => ({
        name: `initialize with ${version || "an empty version"}`,
        requests: [toInitialize(version)],
      }),
    ),
    {
      name: "a second initialize",
      requests: [
        toInitialize(LATEST_PROTOCOL_VERSION),
        toInitialize("2024-11-05"),
      ],
    },
    {
      name: "tools/list, then initialize",
      requests: [toRequest("tools/list"), toInitialize("2025-06-18")],
    },
    {
      name: "tools/list with a cursor",
      requests: [toRequest("tools/list", { cursor: "2" })],
    },
    {
      name: "ping",
      requests: [toRequest("ping"), toRequest("ping", { _meta: {} })],
    },
    {
      name: "what this server cannot do",
      requests: [
        "resources/list",
        "resources/templates/list",
        "prompts/list",
        "logging/setLevel",
        "completion/complete",
        "no/such/thing",
        "constructor",
        "",
      ].map((method) => toRequest(method)),
    },
  ])("to $name, before a call and after it", async ({ requests }) => {
    const early = requests.map((request, id) => ({ ...request, id }));
    const late = requests.map((request, id) => ({ ...request, id: `${id}` }));
    await using server = startRaw({ ...toEnvironment(space), TZ: "UTC" });
    server.send(...early.map(toMessage), CALL);
    await server.answerTo("call");
    server.send(...late.map(toMessage));
    const ids = [...early, ...late].map(({ id }) => id);
    const ours = await Promise.all(ids.map((id) => server.answerTo(id)));
    const theirs = await askSdk([...early, ...late].map(toMessage));
    expect(ours.map(toSorted)).toEqual(theirs.map(toSorted));
  });

  test("the versions begin with the newest", () => {
    expect(publish().versions[0]).toBe(LATEST_PROTOCOL_VERSION);
  });
});

const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

describe("a request that is none is answered with its ID and a code", () => {
  test.each([
    ["params that are no object", { params: 7 }, INVALID_REQUEST],
    ["params that are a list", { params: [] }, INVALID_REQUEST],
    ["an unusable _meta", { params: { _meta: "x" } }, INVALID_REQUEST],
    [
      "a progress token that is none",
      { params: { _meta: { progressToken: {} } } },
      INVALID_REQUEST,
    ],
    ["another JSON-RPC", { jsonrpc: "1.0" }, INVALID_REQUEST],
    ["no method", { method: undefined }, INVALID_REQUEST],
    ["a method that is no text", { method: 7 }, INVALID_REQUEST],
    ["a batch around it", undefined, INVALID_REQUEST],
    ["nothing to initialize", toRequest("initialize"), INVALID_PARAMS],
    [
      "a version that is no text",
      toRequest("initialize", {
        protocolVersion: 1,
        capabilities: {},
        clientInfo: CLIENT,
      }),
      INVALID_PARAMS,
    ],
    [
      "a client without a name",
      toRequest("initialize", {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { version: "1" },
      }),
      INVALID_PARAMS,
    ],
    [
      "a cursor that is no text",
      toRequest("tools/list", { cursor: 1 }),
      INVALID_PARAMS,
    ],
    ["a call of nothing", toRequest("tools/call"), INVALID_PARAMS],
    [
      "a tool's name that is no text",
      toRequest("tools/call", { name: 7 }),
      INVALID_PARAMS,
    ],
    [
      "arguments that are a list",
      toRequest("tools/call", { name: "get_user_issue_list", arguments: [] }),
      INVALID_PARAMS,
    ],
    [
      "arguments that are a text",
      toRequest("tools/call", { name: "get_user_issue_list", arguments: "{}" }),
      INVALID_PARAMS,
    ],
  ])("%s", async (_, wrong, code) => {
    await using server = startRaw(toEnvironment(space));
    const request = { jsonrpc: "2.0", id: 0, method: "ping", ...wrong };
    server.send(wrong ? request : [request], CALL);
    expect(await server.answerTo(0)).toEqual({
      jsonrpc: "2.0",
      id: 0,
      error: { code, message: expect.stringMatching(/^Invalid [\w /.,':-]+$/) },
    });
    await server.answerTo("call");
    expect(server.lines).toHaveLength(2);
  });
});

describe("a tool's call", () => {
  test("without arguments, or with null, has none", async () => {
    await using server = startRaw(toEnvironment(space));
    for (const params of [{}, { arguments: null }, { arguments: {} }]) {
      const id = JSON.stringify(params);
      const named = { name: "get_user_issue_list", ...params };
      server.send({ ...toRequest("tools/call", named), jsonrpc: "2.0", id });
      const { result } = await server.answerTo(id);
      expect(result?.isError).toBeUndefined();
    }
  });

  test("of no tool of ours names those that there are", async () => {
    await using server = startRaw(toEnvironment(space));
    const params = { name: 'delete_issue"\n' };
    server.send({ ...toRequest("tools/call", params), jsonrpc: "2.0", id: 1 });
    expect((await server.answerTo(1)).result).toEqual({
      isError: true,
      content: [
        {
          type: "text",
          text: 'There is no tool "delete_issue\\"\\n"; the tools are get_issue_details and get_user_issue_list.',
        },
      ],
    });
  });
});

function toMessage(request: {
  id: string | number;
  method: string;
}): JSONRPCMessage {
  return { jsonrpc: "2.0", ...request };
}

/** What the SDK's own server answers, one request after the other. */
async function askSdk(requests: JSONRPCMessage[]): Promise<JSONRPCMessage[]> {
  const server = createServer(space.host, {
    connect: () => Promise.reject(new Error("nothing is called")),
    redact: (text) => text,
    now: () => new Date(),
  });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(theirs);
  const answers: JSONRPCMessage[] = [];
  for (const request of requests) {
    const answer = new Promise<JSONRPCMessage>((resolve) => {
      ours.onmessage = resolve;
    });
    await ours.send(request);
    answers.push(await answer);
  }
  await server.close();
  return answers;
}

/** JSON with the fields of every object in order. */
function toSorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
}

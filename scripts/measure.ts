import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SampleSpace } from "../sample-space/server.ts";
import { sizeOf } from "../text.ts";
import { BINARY, COMPILE_FLAGS, run } from "./build.ts";
import { type Call, toDepth } from "./questions.ts";
import { OPENING, startRaw, toText } from "./raw-client.ts";

/** A program to be measured, as an MCP client would start it. */
export type Program = {
  name: string;
  command: string[];
  env: Record<string, string>;
};

/** What several runs took. */
export type Times = { median: number; min: number };

/** Peak and present resident memory in MB. */
export type Memory = { peak: number; now: number };

/** What was paid for one question. */
export type Cost = {
  calls: number;
  requests: number;
  depth: number;
  ms: number;
  bytes: number;
  tokens: number;
  /** The tokens of each tool's answers. */
  tokensByTool: Record<string, number>;
};

/** What a program with nothing in it costs, made by the same Bun. */
export type HelloWorld = AsyncDisposable & { command: string };

/** Our program for a space, configured by the environment. */
export function ours(space: SampleSpace, userId: number): Program {
  return {
    name: "backlog-mcp",
    command: [BINARY],
    env: {
      BACKLOG_DOMAIN: space.url,
      BACKLOG_API_KEY: space.apiKey,
      USER_ID: `${userId}`,
    },
  };
}

/** Compiles it in a temporary folder; with an argument it stays. */
export async function makeHelloWorld(): Promise<HelloWorld> {
  const folder = await mkdtemp(join(tmpdir(), "backlog-mcp-hello-"));
  const source = join(folder, "hello.ts");
  const command = join(folder, "hello");
  await Bun.write(
    source,
    `console.log("Hello, world");
if (process.argv.length > 2) await Bun.sleep(600_000);
`,
  );
  await run([
    process.execPath,
    "build",
    source,
    ...COMPILE_FLAGS,
    `--outfile=${command}`,
  ]);
  return {
    command,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

function start({ env, command }: Program) {
  // A folder without a `.env`, which the official server would read.
  return startRaw(env, { command, cwd: tmpdir() });
}

/** What a session costs that calls nothing, and what its first call adds. */
export type Start = {
  /** Milliseconds from spawn to the answer of `tools/list`, asked for at once. */
  list: number;
  listMb: number | undefined;
  /** Milliseconds of both, and resident memory behind the call. */
  call: number;
  callMb: number | undefined;
};

/** Starts a program and calls it once. */
export async function measureStart(
  program: Program,
  call: Call,
): Promise<Start> {
  const before = performance.now();
  await using client = start(program);
  client.send(...OPENING);
  await client.answerTo("list");
  const list = performance.now() - before;
  const listMb = (await readMemory(client.pid))?.now;
  const [name, args] = call;
  const again = performance.now();
  const params = { name, arguments: args };
  client.send({ jsonrpc: "2.0", id: "call", method: "tools/call", params });
  await client.answerTo("call");
  const both = list + performance.now() - again;
  const callMb = (await readMemory(client.pid))?.now;
  return { list, listMb, call: both, callMb };
}

/** A program's whole run, with the same pipes: they cost a millisecond. */
export async function timeRun(command: string): Promise<number> {
  const before = performance.now();
  await using client = startRaw({}, { command: [command], cwd: tmpdir() });
  await client.exited;
  return performance.now() - before;
}

/** Undefined where there is no /proc. */
export async function readMemory(pid: number): Promise<Memory | undefined> {
  if (process.platform !== "linux") return undefined;
  // Not Bun.file: it believes the size of 0 that such a file states.
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const toMegabytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { peak: toMegabytes("VmHWM"), now: toMegabytes("VmRSS") };
}

/** The memory of the hello-world once it has printed and stays. */
export async function readFloor(command: string): Promise<Memory | undefined> {
  const child = Bun.spawn([command, "stay"], {
    env: {},
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  await child.stdout.getReader().read();
  const memory = await readMemory(child.pid);
  child.kill();
  await child.exited;
  return memory;
}

/** A program under way, and what its tool definitions are. */
export type Session = AsyncDisposable & {
  pid: number;
  /** The whole line that answers `tools/list`. */
  toolsList: string;
  ask: (...calls: Call[]) => Promise<string[]>;
};

/** Throws where the program answers a call with an error. */
export async function openSession(program: Program): Promise<Session> {
  const client = start(program);
  client.send(...OPENING);
  await client.answerTo("list");
  let last = 0;
  const call = async ([name, args]: Call): Promise<string> => {
    last += 1;
    const id = last;
    const params = { name, arguments: args };
    client.send({ jsonrpc: "2.0", id, method: "tools/call", params });
    const answer = await client.answerTo(id);
    const failed = answer.error !== undefined || answer.result?.isError;
    if (!failed) return toText(answer);
    throw new Error(`${program.name}: ${JSON.stringify(answer)}`);
  };
  return {
    pid: client.pid,
    toolsList:
      client.lines.find((line) => line.includes('"inputSchema"')) ?? "",
    ask: (...calls) => Promise.all(calls.map(call)),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** Has a question answered once, and counts what it took. */
export async function measureQuestion(
  { ask }: Session,
  space: SampleSpace,
  askAll: (ask: Session["ask"]) => Promise<void>,
): Promise<Cost> {
  const first = space.requests.length;
  const before = performance.now();
  const answered: { tool: string; text: string }[] = [];
  await askAll(async (...calls) => {
    const texts = await ask(...calls);
    calls.forEach(([tool], index) => {
      answered.push({ tool, text: texts[index] ?? "" });
    });
    return texts;
  });
  const ms = performance.now() - before;
  const requests = space.requests.slice(first);
  const tokensByTool: Cost["tokensByTool"] = {};
  for (const { tool, text } of answered) {
    tokensByTool[tool] = (tokensByTool[tool] ?? 0) + sizeOf(text).tokens;
  }
  return {
    calls: answered.length,
    requests: requests.length,
    depth: toDepth(requests),
    ms,
    bytes: sum(answered.map(({ text }) => Buffer.byteLength(text))),
    tokens: sum(Object.values(tokensByTool)),
    tokensByTool,
  };
}

/** Asks the calls our answers name, until none is left to make. */
export async function askToTheEnd(
  ask: Session["ask"],
  call: Call,
): Promise<void> {
  let [text = ""] = await ask(call);
  for (;;) {
    const [, tool, args] = /^Next: (\w+) (\{.*\})$/m.exec(text) ?? [];
    if (tool === undefined || args === undefined) return;
    [text = ""] = await ask([tool, JSON.parse(args)]);
  }
}

/** The middle and the least of several runs. */
export function toTimes(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { median, min: sorted[0] ?? Number.NaN };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

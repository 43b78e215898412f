import { readFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { sampleData } from "../sample-space/data.ts";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { sizeOf } from "../text.ts";
import { BINARY, compile, fail, run, startFolder } from "./build.ts";
import { UNTRUSTED } from "./certificate.ts";
import { toEnvironment } from "./connect.ts";
import { type Ask, type Call, QUESTIONS, toDepth } from "./questions.ts";
import { OPENING, startRaw, toText } from "./raw-client.ts";

const LATENCY_MS = 80;
const CALLS = 3_000;
/** Nulab's own server, in the version that the figures speak of. */
const PEER = "backlog-mcp-server";
const PEER_VERSION = "0.20.4";

type Figures = Record<string, number>;

/** A program to be measured, as an MCP client would start it. */
type Program = {
  name: string;
  command: string[];
  env: Record<string, string>;
  /** An issue and a list. */
  turns: [Call, Call];
};

/** Measures everything side by side and prints it. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      // Nulab's own server, installed for it.
      peer: { type: "boolean" },
      // Any other program whose start is of interest, such as an older build.
      beside: { type: "string" },
      runs: { type: "string", default: "31" },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new Error("--runs takes a whole number above 0.");
  }
  const entry = values.peer ? await installPeer() : undefined;
  const [load = 0] = loadavg();
  print(
    `${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim()}, load ${load.toFixed(2)} at the start, Bun ${Bun.version}, backlog-mcp ${manifest.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  const { space, ours, theirs } = startPrograms(entry);
  await using _ = space;
  const { beside } = values;
  const command = [resolve(beside ?? "")];
  const others = beside ? [{ ...ours, name: beside, command }] : [];
  print("\nMilliseconds and MiB from spawn to tools/list and one call");
  print(await measureStarts(ours, [...theirs, ...others], runs));
  print(`\nTool definitions; peak MiB after the start and ${CALLS} calls`);
  print(await Array.fromAsync([ours, ...theirs], measureMemory));
  print(`\nQuestions, ${LATENCY_MS} ms to Backlog and back`);
  // Enough for what is counted, and for what mostly waits.
  print(await measureQuestions(entry, Math.ceil(runs / 4)));
}

function print(shown: string | readonly object[]): void {
  const text = typeof shown === "string" ? shown : Bun.inspect.table(shown);
  process.stdout.write(`${text.trimEnd()}\n`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const FOLDER = join(tmpdir(), `backlog-mcp-bench-${PEER_VERSION}`);
const CERTIFICATE = join(FOLDER, "cert.pem");

/** Installs it outside this repository, running no script; the file to start. */
async function installPeer(): Promise<string> {
  await Bun.write(CERTIFICATE, UNTRUSTED.cert);
  await Bun.write(join(FOLDER, "package.json"), '{ "private": true }');
  const words = ["add", "--ignore-scripts", `${PEER}@${PEER_VERSION}`];
  await run([process.execPath, ...words], { cwd: FOLDER });
  return join(FOLDER, "node_modules", PEER, "build", "index.js");
}

/** A space, and the programs configured for it; theirs speaks https only. */
function startPrograms(entry?: string, data = sampleData(), latencyMs = 0) {
  const tls = entry && { tls: UNTRUSTED };
  const space = startSampleSpace({ data, latencyMs, ...tls });
  const trust = entry && { NODE_EXTRA_CA_CERTS: CERTIFICATE };
  const env = { ...toEnvironment(space), ...trust };
  const ours: Program = {
    name: "backlog-mcp",
    command: [BINARY],
    env: { ...env, BACKLOG_DOMAIN: space.url, USER_ID: `${data.me}` },
    turns: [
      ["get_issue_details", { issue_key: "WEB-5" }],
      ["get_user_issue_list", {}],
    ],
  };
  const toTheirs = (entry: string): Program => ({
    ...{
      name: `${PEER} ${PEER_VERSION}`,
      command: [process.execPath, entry],
      env,
    },
    turns: [
      ["get_issue", { issueKey: "WEB-5" }],
      ["get_issues", { count: 20 }],
    ],
  });
  return { space, ours, theirs: entry ? [toTheirs(entry)] : [] };
}

/** What a session costs that calls nothing or once; medians, in turn. */
async function measureStarts(ours: Program, others: Program[], runs: number) {
  const { BACKLOG_DOMAIN, BACKLOG_API_KEY, ...rest } = ours.env;
  await using folder = await startFolder({
    "backlog-mcp/.env": `BACKLOG_DOMAIN=${BACKLOG_DOMAIN}\nBACKLOG_API_KEY=${BACKLOG_API_KEY}\n`,
    "hello.ts": `console.log('{ "hello": "world" }');`,
  });
  const filed = { ...rest, XDG_CONFIG_HOME: folder.path };
  const name = `${ours.name}, by the user's file`;
  const programs = [ours, ...others, { ...ours, name, env: filed }];
  const hello = folder.at("hello");
  await compile(hello, { entry: folder.at("hello.ts") });
  const starts = [
    { program: "hello-world, its whole run", start: () => runWhole(hello) },
    ...programs.map((one) => ({
      program: one.name,
      start: () => measureStart(one),
    })),
  ].map((start) => ({ ...start, all: [] as Figures[] }));
  for (let run = 0; run <= runs; run += 1) {
    // In another order each time: a large program leaves cold caches behind.
    for (const { start, all } of starts.toSorted(() => Math.random() - 0.5)) {
      all.push(await start());
    }
  }
  const [whole = Number.NaN] = starts.map(({ all }) => toMedians(all).list);
  return starts.map(({ program, all }) => {
    const { list = Number.NaN, ...rest } = toMedians(all);
    return { program, times: round(list / whole), list, ...rest };
  });
}

/** The middle one of each figure; the first run only warms the files up. */
function toMedians([, ...all]: readonly Figures[]): Figures {
  return Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => {
      const sorted = Float64Array.from(all, (one) => one[name] ?? Number.NaN);
      return [name, round(Number(sorted.sort()[sorted.length >> 1]))];
    }),
  );
}

async function runWhole(command: string): Promise<Figures> {
  const before = performance.now();
  // With the same pipes: they cost a millisecond.
  await using whole = startRaw({}, { command: [command], cwd: tmpdir() });
  await whole.exited;
  return { list: performance.now() - before };
}

async function measureStart(program: Program): Promise<Figures> {
  const before = performance.now();
  await using session = await openSession(program);
  const list = performance.now() - before;
  const again = performance.now();
  await session.ask(program.turns[0]);
  const call = list + performance.now() - again;
  return { list, call, callMb: await readMemory(session.pid, "VmRSS") };
}

/** Resident memory in MiB, the peak or what is now; only where /proc is. */
async function readMemory(pid: number, name: "VmHWM" | "VmRSS") {
  // Not Bun.file: it believes the size of 0 that such a file states.
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const [, size] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
  return round(Number(size) / 1024);
}

/** A program that has told its tools; throws where it answers with an error. */
async function openSession({ name, command, env }: Program) {
  // A folder without a `.env`, which the official server would read.
  const client = startRaw(env, { command, cwd: tmpdir() });
  client.send(...OPENING);
  await client.answerTo("list");
  const texts: string[] = [];
  const call = async ([tool, args]: Call): Promise<string> => {
    const answer = await client.call(tool, args);
    const isWell = answer.result && !answer.result.isError;
    if (!isWell) throw new Error(`${name}: ${JSON.stringify(answer)}`);
    texts.push(toText(answer));
    return toText(answer);
  };
  const ask: Ask = (...calls) => Promise.all(calls.map(call));
  return { ...client, ask, texts };
}

/** What the tool definitions weigh, and memory after many calls. */
async function measureMemory(program: Program) {
  await using session = await openSession(program);
  const start = await readMemory(session.pid, "VmHWM");
  for (let call = 0; call < CALLS; call += program.turns.length) {
    for (const turn of program.turns) await session.ask(turn);
  }
  const tools =
    session.lines.find((line) => line.includes("inputSchema")) ?? "";
  return {
    program: program.name,
    bytes: Buffer.byteLength(tools) + 1,
    tokens: sizeOf(tools).tokens,
    start,
    end: await readMemory(session.pid, "VmHWM"),
  };
}

/** What it takes to answer each question; medians. */
async function measureQuestions(entry: string | undefined, runs: number) {
  const rows: object[] = [];
  for (const { name, data, call, askPeer } of QUESTIONS) {
    const started = startPrograms(entry, data(), LATENCY_MS);
    const { space, ours, theirs } = started;
    await using _ = space;
    for (const program of [ours, ...theirs]) {
      await using session = await openSession(program);
      const all = await Array.fromAsync({ length: runs + 1 }, () =>
        measureQuestion(session, space, (ask) =>
          program === ours ? askToTheEnd(ask, call) : askPeer(ask),
        ),
      );
      rows.push({ question: name, program: program.name, ...toMedians(all) });
    }
  }
  return rows;
}

/** Has a question answered once, and counts what it took. */
async function measureQuestion(
  { ask, texts }: Awaited<ReturnType<typeof openSession>>,
  { requests }: SampleSpace,
  askAll: (ask: Ask) => Promise<void>,
): Promise<Figures> {
  requests.length = 0;
  texts.length = 0;
  const before = performance.now();
  await askAll(ask);
  const ms = performance.now() - before;
  return {
    ...{ calls: texts.length, requests: requests.length },
    ...{ depth: toDepth(requests), ms, tokens: sizeOf(texts.join("")).tokens },
  };
}

/** Asks the calls our answers name, until none is left to make. */
async function askToTheEnd(ask: Ask, call: Call): Promise<void> {
  for (let next: Call | undefined = call; next; ) {
    const [text = ""] = await ask(next);
    const [, tool, args] = /^Next: (\w+) (\{.*\})$/m.exec(text) ?? [];
    next = tool && args ? [tool, JSON.parse(args)] : undefined;
  }
}

if (import.meta.main) await main().catch(fail);
